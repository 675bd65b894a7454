public import Kubernetes

/// The settings of the environment.
///
/// ``Catalogue/settings`` lists all variables; help and documentation are generated from it.
public struct Settings: Sendable {
    /// Creates settings with the defaults.
    public init(catalogue: Catalogue) { self.catalogue = catalogue }

    /// The rules.
    public internal(set) var catalogue: Catalogue
    /// The values of the rules' settings.
    var ruleValues = RuleValues()

    // The server.
    /// The value of `PLAYBOOK_LISTEN`.
    public internal(set) var listen = ":8443"
    /// The value of `PLAYBOOK_HEALTH_LISTEN`.
    public internal(set) var healthListen = ":8080"
    /// The value of `PLAYBOOK_CERTIFICATES`.
    public internal(set) var certificateSource = CertificateSource.files
    /// The type of the Secret in which the server stores its certificate.
    public static let certificateSecretType = "playbook.superinc.com/certificates"
    /// The value of `PLAYBOOK_CERTIFICATES_SECRET`.
    public internal(set) var certificateSecret = "playbook-certificates"
    /// The value of `PLAYBOOK_CERTIFICATES_LIFE`.
    public internal(set) var certificateLife = Duration.seconds(90 * 86_400)
    /// The value of `PLAYBOOK_CERTIFICATES_NAMES`.
    public internal(set) var certificateNames: [String] = []
    /// The value of `PLAYBOOK_SERVICE`; empty when unset.
    public internal(set) var namedService = ""
    /// The value of `PLAYBOOK_WEBHOOK_CONFIGURATION`.
    public internal(set) var webhookConfiguration = "playbook"
    /// The value of `PLAYBOOK_TLS_CERT_FILE`.
    public internal(set) var certificateFile = "/etc/playbook/tls/tls.crt"
    /// The value of `PLAYBOOK_TLS_KEY_FILE`.
    public internal(set) var keyFile = "/etc/playbook/tls/tls.key"
    /// The value of `PLAYBOOK_TLS_CLIENT_CA_FILE`.
    public internal(set) var clientAuthorityFile = ""
    /// The value of `PLAYBOOK_TLS_CLIENT_NAMES`.
    public internal(set) var clientNames: [String] = []
    /// The value of `PLAYBOOK_LOOPS`.
    public internal(set) var loops = 2
    /// The value of `PLAYBOOK_MAX_CONNECTIONS`.
    public internal(set) var maximumConnections = 4096
    /// The value of `PLAYBOOK_MAX_BODY`.
    public internal(set) var maximumBodyBytes = 16 << 20
    /// The value of `PLAYBOOK_MEMORY`; nil when unset.
    public internal(set) var memoryBytes: Int?
    /// The value of `PLAYBOOK_REQUEST_TIMEOUT`.
    public internal(set) var requestTimeout = Duration.seconds(10)
    /// The value of `PLAYBOOK_IDLE_TIMEOUT`.
    public internal(set) var idleTimeout = Duration.seconds(120)
    /// The value of `PLAYBOOK_SHUTDOWN_DELAY`.
    public internal(set) var shutdownDelay = Duration.seconds(5)
    /// The value of `PLAYBOOK_SHUTDOWN_TIMEOUT`.
    public internal(set) var shutdownTimeout = Duration.seconds(20)
    /// The value of `PLAYBOOK_COMPANIONS`.
    public internal(set) var relatedObjectSource = RelatedObjectSource.automatic
    /// The value of `PLAYBOOK_COMPANIONS_MAX_AGE`.
    public internal(set) var relatedObjectsMaximumAge = Duration.seconds(300)
    /// The value of `PLAYBOOK_LOG_LEVEL`.
    public internal(set) var logLevel = LogLevel.info
    /// The value of `PLAYBOOK_LOG_FORMAT`.
    public internal(set) var logFormat = LogFormat.automatic

    /// The settings of recording.
    public internal(set) var recording = RecordSettings()

    // Evaluation.
    /// The value of `PLAYBOOK_MODE`.
    public internal(set) var mode = Mode.enforce
    /// The value of `PLAYBOOK_RATCHET`.
    public internal(set) var isRatchetOn = true
    /// The value of `PLAYBOOK_FIX`.
    public internal(set) var fixes = Fixes.additive
    /// The value of `PLAYBOOK_NAMESPACE`.
    public internal(set) var namespace = "playbook"
    /// The value of `PLAYBOOK_SYSTEM_NAMESPACES`.
    public internal(set) var systemNamespaces: [String] = []
    /// The value of `PLAYBOOK_TRUSTED_USERS`.
    public internal(set) var trustedUsers: [String] = []
    /// The value of `PLAYBOOK_PLATFORM_NAMESPACES`.
    public internal(set) var platformNamespaces = Settings.defaultPlatformNamespaces
    /// The same namespaces as a set.
    var platformNamespaceSet: Set<String> = Set(Settings.defaultPlatformNamespaces)
    /// The value of `PLAYBOOK_AGENT_NAMESPACES`.
    public internal(set) var agentNamespaces: [String] = []
    /// The value of `PLAYBOOK_TRUSTED_CONTROLLERS`.
    public internal(set) var trustedControllers = Settings.defaultTrustedControllers
    static let defaultTrustedControllers = provenControllers.map(\.name)
    /// The default trusted controllers, each with the kind that the cluster must serve for it.
    static let provenControllers: [(name: String, kind: ResourceKind)] = [
        ("system:serviceaccount:argo-rollouts:argo-rollouts", .rollout),
        ("system:serviceaccount:keda:keda-operator", .scaledObject),
    ]
    /// The value of `PLAYBOOK_OPERATOR_ACCOUNTS`: patterns of user names.
    public internal(set) var operatorAccounts: [String] = []
    /// The value of `PLAYBOOK_OPERATOR_MADE`.
    public internal(set) var operatorMade = OperatorMade.warn
    /// The value of `PLAYBOOK_DEPLOYERS`: patterns of user names.
    public internal(set) var deployers = Settings.defaultDeployers
    static let defaultDeployers = [
        "system:serviceaccount:argocd:*", "system:serviceaccount:argo-cd:*", "system:serviceaccount:flux-system:*",
    ]
    /// The value of `PLAYBOOK_WORKLOAD_KINDS`.
    public internal(set) var workloadKinds = WorkloadKind.standard
    /// The value of `PLAYBOOK_BREAK_GLASS`.
    public internal(set) var breakGlass: [String] = []
    /// The value of `PLAYBOOK_ANNOTATION_DOMAIN`.
    public internal(set) var annotationDomain = AnnotationNames.standard.domain
    /// The value of `PLAYBOOK_EXEMPTIONS`.
    public internal(set) var exemptions = ExemptionSource.all
    /// The value of `PLAYBOOK_EXEMPT`.
    public internal(set) var exempt: [StandingExemption] = []
    /// The value of `PLAYBOOK_RATCHET_UNTIL`.
    public internal(set) var ratchetEnd: Timestamp?
    /// The value of `PLAYBOOK_EXEMPT_FILE`; empty when unset.
    public internal(set) var exemptFile = ""
    /// The exemptions of the exemptions file.
    var exemptInFile: [StandingExemption] = []
    /// The value of `PLAYBOOK_COMPANION_GRACE`.
    public internal(set) var relatedObjectGrace = Duration.seconds(300)
    /// The value of `PLAYBOOK_ENFORCED_SINCE`.
    public internal(set) var enforcedSince: Timestamp?
    /// The value of `PLAYBOOK_TEAM_LABEL`.
    public internal(set) var teamLabel = "team"
    /// The value of `PLAYBOOK_DOCS_URL`; empty when unset.
    public internal(set) var documentation = ""
    /// The value of `PLAYBOOK_CONTACT`.
    public internal(set) var contact = "your platform team"
    /// The value of `PLAYBOOK_PROFILE`.
    public internal(set) var profile = Profile.standard
    /// The value of `PLAYBOOK_RULES_DEFAULT`.
    public internal(set) var mostSevereLevel = Level.deny
    /// The levels that differ from the rules' defaults, by rule.
    public internal(set) var levels: [String: Level] = [:]
    /// True if system namespaces are evaluated like other namespaces.
    var includesSystem = false
    /// The levels that command-line flags set, by rule.
    var flaggedLevels: [String: Level] = [:]

    /// The settings that are ignored because their variables are service links.
    public internal(set) var ignoredServiceLinks: [String] = []

    /// The Service whose name the API server uses to call the server.
    public var service: String { namedService.isEmpty ? "playbook" : namedService }

    /// The DNS name that the API server uses to call the server; nil if it is not known.
    public var serverName: String? {
        namedService.isEmpty && certificateSource == .files ? nil : "\(service).\(namespace).svc"
    }

    /// True if a namespace is a system namespace or the product's namespace.
    @inline(__always)
    public func isSystem(namespace: String) -> Bool {
        // Inlined, so that the settings are not copied for each check.
        switch namespace {
        case "": false
        case "kube-system", "kube-node-lease", "kube-public": true
        default: namespace == self.namespace || systemNamespaces.contains(namespace)
        }
    }

    /// True if a namespace is a platform namespace.
    func isPlatform(namespace: String) -> Bool { platformNamespaceSet.contains(namespace) }

    /// Returns the level of a rule: from a flag, or else from the rule's setting or the profile, at most
    /// `PLAYBOOK_RULES_DEFAULT`.
    public func level(of rule: Rule) -> Level {
        if let level = flaggedLevels[rule.id] { return level }
        let level = levels[rule.id] ?? profile.level(of: rule)
        // With PLAYBOOK_RULES_DEFAULT=off, rules that a flag enables still deny fields of the wrong type: only Rule.schema
        // reports them.
        return mostSevereLevel == .off && rule === Rule.schema ? level : max(level, mostSevereLevel)
    }

    /// Returns the settings with the mode, levels and fixes of command-line flags.
    public func overridden(
        mode: Mode? = nil, levels: [String: Level] = [:], fixes: Fixes? = nil, includesSystem: Bool? = nil
    ) -> Settings {
        var copy = self
        copy.includesSystem = includesSystem ?? copy.includesSystem
        copy.mode = mode ?? copy.mode
        copy.fixes = fixes ?? copy.fixes
        copy.flaggedLevels.merge(levels) { $1 }
        return copy
    }
}

extension Settings {
    /// Returns the settings with the exemptions of the file that `PLAYBOOK_EXEMPT_FILE` names.
    ///
    /// - Parameter text: The file's text: one entry per line, as in `PLAYBOOK_EXEMPT`. A line that begins with `#` is a
    ///   comment, and so is the rest of a line after a `#` between blanks; `#12` is part of a reason.
    /// - Returns: The settings.
    /// - Throws: ``ExemptionFileError`` for the first line that is not an entry.
    public func exempting(fileText text: String) throws(ExemptionFileError) -> Settings {
        var copy = self
        copy.exemptInFile = []
        var number = 0
        // A Windows line ending is one character.
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.first?.hasPrefix("#") ?? true { continue }
            let entry = words.prefix { $0 != "#" }.joined(separator: " ")
            guard let exemption = StandingExemption(parsing: entry, catalogue) else {
                throw ExemptionFileError(line: number, text: clipped(entry))
            }
            copy.exemptInFile.append(exemption)
        }
        return copy
    }
}

/// A line of the exemptions file that is not an entry.
public struct ExemptionFileError: Error, CustomStringConvertible {
    /// The line number, from 1.
    public let line: Int
    /// The text of the line.
    let text: String

    /// The line and the accepted form.
    public var description: String {
        "line \(line): \"\(text)\" is not an entry such as \"replicas@shop/Deployment/legacy-*: one license until 2027-01-31\""
    }
}

/// The mode of a server: denials are enforced or only reported.
public enum Mode: String, Sendable, CaseIterable {
    /// Denials reject requests.
    case enforce
    /// Denials become warnings.
    case dryRun = "dry-run"
}

/// A set of default levels for all rules.
public enum Profile: String, Sendable, CaseIterable {
    /// Rules of concern security have their own levels; the others warn at most.
    case start
    /// Every rule has its own level.
    case standard
    /// Every rule that is on denies.
    case strict

    /// Returns the level of a rule in the profile.
    func level(of rule: Rule) -> Level {
        switch self {
        case .start: rule.concern == .security ? rule.level : max(rule.level, .warn)
        case .standard: rule.level
        case .strict: rule.level == .off ? .off : .deny
        }
    }
}

/// The decision on operator-made objects.
public enum OperatorMade: String, Sendable, CaseIterable {
    /// Findings warn, except those of rules that also deny for operators.
    case warn
    /// The rules' levels apply.
    case deny
}

/// The source of the server's certificate.
public enum CertificateSource: String, Sendable, CaseIterable {
    /// Files that another tool creates and renews.
    case files
    /// The server creates and renews it.
    case own = "self"
}

/// The source of related objects.
public enum RelatedObjectSource: String, Sendable, CaseIterable {
    /// The cluster that the server runs in; none outside a cluster.
    case automatic = "auto"
    /// The cluster, found as kubectl finds it.
    case cluster
    /// No related objects are read.
    case none
}

/// The lowest level of messages that are logged.
public enum LogLevel: String, Sendable, CaseIterable {
    /// Every request.
    case debug
    /// Denials, warnings and events of the server.
    case info
    /// Messages that an operator should investigate.
    case warn
    /// Errors.
    case error
}

/// The format of log lines.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON elsewhere.
    case automatic = "auto"
    /// One JSON object per line.
    case json
    /// Text for people.
    case text
}

/// The annotations that can exempt objects, in addition to `PLAYBOOK_EXEMPT`.
public enum ExemptionSource: String, Sendable, CaseIterable {
    /// Annotations on workloads and Namespaces.
    case all
    /// Annotations on Namespaces.
    case namespace
    /// No annotations.
    case none
}

/// The fixes that the mutating webhook applies.
public enum Fixes: Sendable, Equatable, CustomStringConvertible {
    /// Fixes that only set absent fields.
    case additive
    /// All fixes.
    case all
    /// No fixes.
    case none
    /// The fixes of these rules.
    case rules([String])

    /// The setting's value, as in `additive`.
    public var description: String {
        switch self {
        case .additive: "additive"
        case .all: "all"
        case .none: "none"
        case .rules(let ids): ids.joined(separator: ",")
        }
    }

    func includes(_ rule: Rule) -> Bool {
        switch self {
        case .additive: rule.fix?.isAdditive ?? false
        case .all: rule.fix != nil
        case .none: false
        case .rules(let ids): ids.contains(rule.id)
        }
    }
}
