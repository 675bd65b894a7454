internal import Synchronization

/// The CAs with which a listener verifies client certificates, until they are replaced.
///
/// All contexts with the same CAs share one object, so that connections see a later replacement.
final class ClientTrust: Sendable {
    /// The CAs as PEM; nil if clients need no certificate.
    let clientCAs: [UInt8]?
    private let withdrawn = Atomic<Bool>(false)

    init(_ clientCAs: [UInt8]?) { self.clientCAs = clientCAs }

    /// Returns the earlier object if its CAs are the same, otherwise a new one.
    static func following(_ before: ClientTrust?, _ clientCAs: [UInt8]?) -> ClientTrust {
        guard let before, before.clientCAs == clientCAs else { return ClientTrust(clientCAs) }
        return before
    }

    /// True if other CAs have replaced these.
    var isWithdrawn: Bool { withdrawn.load(ordering: .acquiring) }

    /// Records that other CAs have replaced these.
    func withdraw() { withdrawn.store(true, ordering: .releasing) }
}
