public import Kubernetes

/// The environment's settings, typed.
///
/// ``Setting/all`` is the table that names each variable; help, documentation and checks are printed from it.
public struct Settings: Sendable {
    /// Creates the settings of an empty environment.
    public init() {}

    // The server.
    public internal(set) var listen = "0.0.0.0:8443"
    public internal(set) var healthListen = "0.0.0.0:8080"
    public internal(set) var certificateFile = "/etc/playbook/tls/tls.crt"
    public internal(set) var keyFile = "/etc/playbook/tls/tls.key"
    public internal(set) var clientAuthorityFile = ""
    public internal(set) var clientNames: [String] = []
    public internal(set) var loops = 2
    public internal(set) var maximumConnections = 4096
    public internal(set) var maximumBodyBytes = 32 << 20
    public internal(set) var requestTimeout = Duration.seconds(10)
    public internal(set) var idleTimeout = Duration.seconds(120)
    public internal(set) var shutdownDelay = Duration.seconds(5)
    public internal(set) var shutdownTimeout = Duration.seconds(20)
    public internal(set) var logLevel = LogLevel.info
    public internal(set) var logFormat = LogFormat.automatic

    // The judge.
    public internal(set) var mode = Mode.enforce
    public internal(set) var isRatchetOn = true
    public internal(set) var fixes = Fixes.additive
    public internal(set) var namespace = "playbook"
    public internal(set) var systemNamespaces: [String] = []
    public internal(set) var trustedUsers: [String] = []
    public internal(set) var trustedControllers = ["system:serviceaccount:argo-rollouts:argo-rollouts"]
    public internal(set) var breakGlass: [String] = []
    public internal(set) var exemptions = ExemptionSource.all
    public internal(set) var exempt: [StandingExemption] = []
    public internal(set) var companionGrace = Duration.zero
    public internal(set) var enforcedSince: Timestamp?
    /// The levels that differ from the rules' own, by rule.
    public internal(set) var levels: [String: Level] = [:]

    // The rules.
    public internal(set) var livenessPaths = ["/livez", "/healthz"]
    public internal(set) var readinessPaths = ["/readyz"]
    public internal(set) var healthPort: Int?
    public internal(set) var minimumReplicas = 2
    public internal(set) var minimumGraceSeconds = 5
    public internal(set) var maximumSkew = 1

    /// Whether a namespace belongs to the cluster itself, or to the product.
    public func isSystem(namespace: String) -> Bool {
        switch namespace {
        case "": false
        case "kube-system", "kube-node-lease", "kube-public": true
        default: namespace == self.namespace || systemNamespaces.contains(namespace)
        }
    }

    /// The level that a rule has here.
    public func level(of rule: Rule) -> Level { levels[rule.id] ?? rule.level }

    /// The same settings in another mode, or with other levels, as flags of the command line ask for.
    public func overridden(mode: Mode? = nil, levels: [String: Level] = [:]) -> Settings {
        var copy = self
        copy.mode = mode ?? copy.mode
        copy.levels.merge(levels) { $1 }
        return copy
    }
}

/// Whether denials are carried out.
public enum Mode: String, Sendable, CaseIterable {
    /// Denials deny.
    case enforce
    /// Denials become warnings that say so.
    case dryRun = "dry-run"
}

/// What is logged.
public enum LogLevel: String, Sendable, CaseIterable {
    /// Every request.
    case debug
    /// Denials, warnings, and what happens to the server.
    case info
    /// Only what somebody should look into.
    case warn
    /// Only what went wrong.
    case error
}

/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON elsewhere.
    case automatic = "auto"
    /// One JSON object a line.
    case json
    /// A line for people.
    case text
}

/// Where exemptions may come from, beside `PLAYBOOK_EXEMPT`.
public enum ExemptionSource: String, Sendable, CaseIterable {
    /// Annotations on workloads and Namespaces.
    case all
    /// Annotations on Namespaces.
    case namespace
    /// No annotation.
    case none
}

/// Which fixes the mutating endpoint makes.
public enum Fixes: Sendable, Equatable {
    /// Those that only fill in what is absent.
    case additive
    /// Every one.
    case all
    /// None.
    case none
    /// Those of these rules.
    case rules([String])

    func includes(_ rule: Rule) -> Bool {
        switch self {
        case .additive: rule.fix?.isAdditive ?? false
        case .all: rule.fix != nil
        case .none: false
        case .rules(let ids): ids.contains(rule.id)
        }
    }
}
