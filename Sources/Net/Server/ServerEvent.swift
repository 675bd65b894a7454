/// A log event of a server.
public enum ServerEvent: Sendable {
    /// A listener's port is open.
    case listening(listener: String, Address)
    /// Accepting connections is paused for a second: the process or the machine has no resources left.
    case cannotAccept(listener: String, SystemError)
    /// Connections were closed for new ones; their number since the last report, by reason.
    case connectionsEvicted([Eviction: UInt64])
    /// A listener's certificate files changed, and new connections use the new certificate.
    case certificateReplaced(listener: String, CertificateDescription)
    /// The certificate files changed but cannot be used; the current certificate stays.
    case certificateRefused(listener: String, CertificateError)
    /// Clients start rejecting the certificate in use, or no longer do (nil).
    case certificateProblem(listener: String, CertificateDescription, CertificateProblem?)
    /// The server entered a phase.
    case phase(ServerStatus.Phase)
}
