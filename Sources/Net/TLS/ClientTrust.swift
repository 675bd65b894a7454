internal import Synchronization

/// The CAs that a listener verifies clients' certificates with, until they are replaced.
///
/// All contexts with the same CAs share one object, so that connections see a later replacement.
final class ClientTrust: Sendable {
    /// The CAs as PEM; nil when clients need no certificate.
    let clientCAs: [UInt8]?
    private let withdrawn = Atomic<Bool>(false)

    init(_ clientCAs: [UInt8]?) { self.clientCAs = clientCAs }

    /// Returns the earlier object if its CAs are the same, else a new one.
    static func following(_ before: ClientTrust?, _ clientCAs: [UInt8]?) -> ClientTrust {
        guard let before, before.clientCAs == clientCAs else { return ClientTrust(clientCAs) }
        return before
    }

    /// Whether other CAs have replaced these.
    var isWithdrawn: Bool { withdrawn.load(ordering: .acquiring) }

    /// Notes that other CAs have replaced these.
    func withdraw() { withdrawn.store(true, ordering: .releasing) }
}
