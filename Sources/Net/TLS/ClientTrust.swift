internal import Synchronization

/// The authorities of clients' certificates that a listener had at one time, and whether it still has them.
///
/// All contexts with the same authorities share one, so that connections learn of the change that came after theirs.
final class ClientTrust: Sendable {
    /// The authorities as PEM; nil asks no client for a certificate.
    let authorities: [UInt8]?
    private let withdrawn = Atomic<Bool>(false)

    init(_ authorities: [UInt8]?) { self.authorities = authorities }

    /// The trust in authorities that come after others: the same while the authorities are the same.
    static func following(_ before: ClientTrust?, _ authorities: [UInt8]?) -> ClientTrust {
        guard let before, before.authorities == authorities else { return ClientTrust(authorities) }
        return before
    }

    /// Whether other authorities have replaced these.
    var isWithdrawn: Bool { withdrawn.load(ordering: .acquiring) }

    /// Notes that other authorities have replaced these.
    func withdraw() { withdrawn.store(true, ordering: .releasing) }
}
