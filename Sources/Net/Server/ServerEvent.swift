/// Something that happened to a server and that its operator should read of.
public enum ServerEvent: Sendable {
    /// A listener's port is open.
    case listening(listener: String, Address)
    /// New connections are not taken for a second: the process or the machine has no more to give.
    case cannotAccept(listener: String, SystemError)
    /// No more connections could be open, so some were closed for new ones; how many since the last report, by reason.
    case connectionsEvicted([Eviction: UInt64])
    /// A listener's certificate files changed, and new connections get the new certificate.
    case certificateReplaced(listener: String, CertificateDescription)
    /// They changed to something that cannot be used; the certificate before stays.
    case certificateRefused(listener: String, CertificateError)
    /// Clients refuse the certificate in use from now on, or no longer do (nil).
    case certificateProblem(listener: String, CertificateDescription, CertificateProblem?)
    /// The server went on to another stage of its life.
    case phase(ServerStatus.Phase)
}
