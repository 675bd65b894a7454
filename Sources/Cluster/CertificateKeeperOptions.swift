internal import Glibc
public import Net

/// Where a server keeps the certificate that it makes for itself, and how it looks after it.
public struct CertificateKeeperOptions: Sendable {
    /// The namespace of the Service and the Secret.
    public var namespace: String
    /// The Service by whose names the API server calls.
    public var service: String
    /// Further DNS names and IP addresses.
    public var furtherNames: [String] = []
    /// The Secret.
    public var secret: String
    /// The name of the validating and of the mutating registration.
    public var registration: String
    /// How long a certificate holds; it is renewed when two thirds are over.
    public var life: Duration
    /// How the API server is called.
    public var api = APIOptions()
    /// The waits between looks while there is something to do, or something fails.
    public var backoff = Backoff(first: .milliseconds(100), longest: .seconds(30))
    /// How long at most until all is looked at again when nothing is to be done; shorter for short lives.
    public var longestInterval = Duration.seconds(15)
    /// The time of day, in seconds since 1970.
    public var now: @Sendable () -> Int64 = { Int64(time(nil)) }

    /// A shorter life would leave no time to renew.
    private static let shortestLife: Int64 = 60

    /// Names what belongs to the server.
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

    /// Every replica sees a change within that time.
    var interval: Duration { min(longestInterval, .seconds(lifeSeconds) / 60) }

    /// API servers see a changed registration within a second or two, and replicas a changed Secret within ``interval``.
    var times: CertificatePlan.Times {
        CertificatePlan.Times(settling: min(120, lifeSeconds / 20), retirement: min(3600, lifeSeconds / 10))
    }
}

/// What was done to the Secret.
public enum CertificateChange: String, Sendable {
    /// There was none that could be used, and a new one was made.
    case made
    /// There was none that could be used, and the one that is served with was put back; it will be renewed.
    case restored
    /// Another one had been put there; what is served with stays trusted.
    case mended
    /// A new one was made, to be used when its authority is trusted.
    case staged
    /// The new one is now the one to be used.
    case promoted
    /// The authority of the one before is no longer trusted.
    case retired
}

/// Something that happened to the certificate that a server makes for itself.
public enum CertificateKeeperEvent: Sendable {
    /// This replica wrote the Secret.
    case stored(CertificateChange)
    /// This replica wrote its authorities into a registration.
    case trusted(registration: String, authorities: Int)
    /// New connections get another certificate, or it cannot be used.
    case taken(Certificates.Reload)
    /// It cannot be looked after for now; what is served with stays.
    case troubled(String)
    /// It is looked after again.
    case recovered
}
