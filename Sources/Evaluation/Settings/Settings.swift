public import Kubernetes

/// The environment's settings, typed.
///
/// ``Catalogue/settings`` is the table that names each variable; help, documentation and checks are printed from it.
public struct Settings: Sendable {
    /// Creates the settings of an empty environment.
    public init(catalogue: Catalogue) { self.catalogue = catalogue }

    /// The rules.
    public internal(set) var catalogue: Catalogue
    /// The values of the rules' own settings.
    var ruleValues = RuleValues()

    // The server.
    /// The value of `PLAYBOOK_LISTEN`.
    public internal(set) var listen = ":8443"
    /// The value of `PLAYBOOK_HEALTH_LISTEN`.
    public internal(set) var healthListen = ":8080"
    /// The value of `PLAYBOOK_CERTIFICATES`.
    public internal(set) var certificateSource = CertificateSource.files
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

    // The judge.
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
    /// The same, to find one.
    var platformNamespaceSet: Set<String> = Set(Settings.defaultPlatformNamespaces)
    /// The value of `PLAYBOOK_AGENT_NAMESPACES`.
    public internal(set) var agentNamespaces: [String] = []
    /// The value of `PLAYBOOK_TRUSTED_CONTROLLERS`.
    public internal(set) var trustedControllers = Settings.defaultTrustedControllers
    static let defaultTrustedControllers = [
        "system:serviceaccount:argo-rollouts:argo-rollouts", "system:serviceaccount:keda:keda-operator",
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
    /// The exemptions of that file.
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
    public internal(set) var gravestLevel = Level.deny
    /// The levels that differ from the rules' own, by rule.
    public internal(set) var levels: [String: Level] = [:]
    /// True if system namespaces are evaluated like others.
    var includesSystem = false
    /// The levels that flags of the command line ask for, by rule.
    var flaggedLevels: [String: Level] = [:]

    /// The settings that are unset because their variables are service links.
    public internal(set) var ignoredServiceLinks: [String] = []

    /// The Service by whose names the API server calls.
    public var service: String { namedService.isEmpty ? "playbook" : namedService }

    /// The DNS name by which the API server calls; nil where nobody has said it.
    public var serverName: String? {
        namedService.isEmpty && certificateSource == .files ? nil : "\(service).\(namespace).svc"
    }

    /// Whether a namespace belongs to the cluster itself, or to the product.
    @inline(__always)
    public func isSystem(namespace: String) -> Bool {
        // Inlined, so that asking for one name does not copy all settings.
        switch namespace {
        case "": false
        case "kube-system", "kube-node-lease", "kube-public": true
        default: namespace == self.namespace || systemNamespaces.contains(namespace)
        }
    }

    /// True if a namespace holds software of others, which nobody there can rewrite.
    func isPlatform(namespace: String) -> Bool { platformNamespaceSet.contains(namespace) }

    /// The level that a rule has here: a flag's, else the rule's own setting's or the profile's, at most `PLAYBOOK_RULES_DEFAULT`.
    public func level(of rule: Rule) -> Level {
        if let level = flaggedLevels[rule.id] { return level }
        let level = levels[rule.id] ?? profile.level(of: rule)
        // Where rules are off unless a flag switches them on, what these cannot read still denies: only they report it.
        return gravestLevel == .off && rule === Rule.schema ? level : max(level, gravestLevel)
    }

    /// The same settings in another mode, or with other levels, as flags of the command line ask for.
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
    /// The same settings with the exemptions of the file that `PLAYBOOK_EXEMPT_FILE` names.
    ///
    /// - Parameter text: The file's text: an entry a line, as in `PLAYBOOK_EXEMPT`. A line that begins with `#` is a comment, and so is
    ///   the rest of a line after a `#` between blanks; `#12` is part of a reason.
    /// - Returns: The settings.
    /// - Throws: ``ExemptionFileError`` with the first line that is no entry.
    public func exempting(fileText text: String) throws(ExemptionFileError) -> Settings {
        var copy = self
        copy.exemptInFile = []
        var number = 0
        // The end of a line may be that of Windows, which is one character.
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

/// A line of the exemptions file that is no entry.
public struct ExemptionFileError: Error, CustomStringConvertible {
    /// The line, from 1.
    public let line: Int
    /// The text of the line.
    let text: String

    /// The line, and what is accepted.
    public var description: String {
        "line \(line): \"\(text)\" is not an entry such as \"replicas@shop/Deployment/legacy-*: one license until 2027-01-31\""
    }
}

/// Whether denials are carried out.
public enum Mode: String, Sendable, CaseIterable {
    /// Denials deny.
    case enforce
    /// Denials become warnings that say so.
    case dryRun = "dry-run"
}

/// How much all rules together insist.
public enum Profile: String, Sendable, CaseIterable {
    /// Rules of concern security deny, the others warn at most.
    case start
    /// The rules' own levels.
    case standard
    /// Every rule that is on denies.
    case strict

    /// The level of a rule in the profile.
    func level(of rule: Rule) -> Level {
        switch self {
        case .start: rule.concern == .security ? rule.level : max(rule.level, .warn)
        case .standard: rule.level
        case .strict: rule.level == .off ? .off : .deny
        }
    }
}

/// The decision on objects that an operator makes.
public enum OperatorMade: String, Sendable, CaseIterable {
    /// Findings warn, but those of rules that hold for operators.
    case warn
    /// The rules' levels hold.
    case deny
}

/// Where a server has its certificate from.
public enum CertificateSource: String, Sendable, CaseIterable {
    /// From files that somebody else makes and renews.
    case files
    /// It makes its own.
    case own = "self"
}

/// Where a server has its companions from.
public enum RelatedObjectSource: String, Sendable, CaseIterable {
    /// From the cluster that it runs in, if it does.
    case automatic = "auto"
    /// From the cluster that is found.
    case cluster
    /// Nothing is known.
    case none
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
public enum Fixes: Sendable, Equatable, CustomStringConvertible {
    /// Those that only fill in what is absent.
    case additive
    /// Every one.
    case all
    /// None.
    case none
    /// Those of these rules.
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
