internal import Glibc
public import Net

/// The options for the certificate that a server creates and manages itself.
public struct CertificateKeeperOptions: Sendable {
    /// The namespace of the Service and the Secret.
    public var namespace: String
    /// The Service that the API server calls.
    public var service: String
    /// Additional DNS names and IP addresses.
    public var furtherNames: [String] = []
    /// The name of the Secret.
    public var secret: String
    /// The name of the validating and the mutating webhook configuration.
    public var registration: String
    /// The lifetime of a certificate; it is renewed after two thirds of it.
    public var life: Duration
    /// The options for API calls.
    public var api = APIOptions()
    /// The waits between passes while there are changes to make or failures.
    public var backoff = Backoff(first: .milliseconds(100), longest: .seconds(30))
    /// The longest time between passes when nothing changes; shorter for short lifetimes.
    public var longestInterval = Duration.seconds(15)
    /// Returns the time of day, in seconds since 1970.
    public var now: @Sendable () -> Int64 = { Int64(time(nil)) }

    /// The shortest lifetime that leaves time to renew.
    private static let shortestLife: Int64 = 60

    /// Creates options.
    public init(
        namespace: String, service: String = "playbook", secret: String = "playbook-certificates",
        registration: String = "playbook", life: Duration = .seconds(90 * 86_400)
    ) {
        self.namespace = namespace
        self.service = service
        self.secret = secret
        self.registration = registration
        self.life = life
    }

    var lifeSeconds: Int64 { max(CertificateKeeperOptions.shortestLife, life.components.seconds) }

    /// The time within which every replica sees a change.
    var interval: Duration { min(longestInterval, .seconds(lifeSeconds) / 60) }

    /// The waits of the plan: API servers see a changed webhook configuration within two seconds, replicas a changed Secret
    /// within ``interval``.
    var times: CertificatePlan.Times {
        CertificatePlan.Times(settling: min(120, lifeSeconds / 20), retirement: min(3600, lifeSeconds / 10))
    }
}

/// A change of the Secret.
public enum CertificateChange: String, Sendable {
    /// There was no usable certificate; a new one was created.
    case made
    /// There was no usable certificate; the one being served was put back and will be renewed.
    case restored
    /// Another certificate had been put there; the CA of the one being served stays trusted.
    case mended
    /// A new certificate was created; it is used when its CA is trusted.
    case staged
    /// The new certificate is now the current one.
    case promoted
    /// The previous CA is no longer trusted.
    case retired
}

/// An event of the certificate keeper.
public enum CertificateKeeperEvent: Sendable {
    /// This replica wrote the Secret.
    case stored(CertificateChange)
    /// This replica wrote its CAs into a webhook configuration.
    case trusted(registration: String, authorities: Int)
    /// New connections use another certificate, or it cannot be used.
    case taken(Certificates.Reload)
    /// The certificate cannot be managed now; the current one is still served.
    case troubled(String)
    /// The certificate is managed again.
    case recovered
}
