public import Kubernetes

/// One rule of the playbook, with everything there is to know about it.
///
/// A rule knows only how to see. Levels, exemptions, the ratchet, modes and order belong to the ``Judge``.
public final class Rule: Sendable {
    /// What its finding is exempt from, and how it is switched: `memory-request-equals-limit`.
    public let id: String
    /// What it demands, in a few words.
    public let title: String
    /// Which part of the catalogue it stands in.
    public let group: Group
    /// The heading of the playbook that it comes from; nil for ``schema``.
    public let section: Section?
    /// Why, in a sentence or two.
    public let rationale: String
    /// The level that it has where no setting says otherwise.
    public let level: Level
    /// The harm that it keeps off.
    public let concern: Concern
    /// What it is asked about.
    public let scope: Scope
    /// The single things it checks.
    public let clauses: [Clause]
    /// The environment variables that change its answer, beside its level.
    public var settings: [String] { ownSettings.map(\.setting.name) + sharedSettings }
    /// The settings that are declared by rules.
    let ownSettings: [any RuleSettingDeclaration]
    /// The names of settings that are the same for all rules.
    private let sharedSettings: [String]
    /// The other objects that it reads, by kind: the rule is not evaluated where they are not known.
    public var relatedObjects: [ResourceKind] { related.map(\.kind) }
    let related: [RelatedKind]
    /// Another rule whose exemption covers this one too.
    public let exemptWith: String?
    /// Whether it denies even what an operator made.
    let holdsForOperators: Bool
    /// True if it only warns of DaemonSets in namespaces for agents of the nodes.
    let allowsAgents: Bool
    /// True if a field that is not set only warns in platform namespaces, although the concern is security.
    let allowsUnsetInPlatforms: Bool
    /// The workload kinds whose controllers fill in what it demands: `ray.io/RayCluster`.
    let filledInKinds: [String]
    /// The fault that other rules find too, and that texts report once; nil for none.
    let fault: Fault?
    /// What the mutating endpoint changes, and when; nil where nothing is safe.
    public let fix: Fix?
    /// Examples, good and bad: tests and documentation at once.
    ///
    /// They are made when they are asked for, since a server never asks.
    public var examples: [Example] { makeExamples() }
    private let makeExamples: @Sendable () -> [Example]
    private let checks: [KindCheck]

    /// Evaluates an object and reports what it finds.
    public typealias Check = @Sendable (Subject, Context, FindingCollector) throws(CannotJudge) -> Void

    /// A check of objects of some kinds.
    public struct KindCheck: Sendable {
        let kinds: ResourceKinds
        let check: Check

        /// Creates a check.
        public init(_ kinds: ResourceKinds, _ check: @escaping Check) {
            self.kinds = kinds
            self.check = check
        }

        /// Creates a check of objects of these kinds.
        public init(_ kinds: ResourceKind..., check: @escaping Check) {
            self.init(kinds.reduce(ResourceKinds()) { $0.union(ResourceKinds($1)) }, check)
        }
    }

    /// The check of objects of a kind; nil where the rule has none for it.
    func check(of kind: ResourceKind) -> Check? { checks.first { $0.kinds.contains(kind) }?.check }

    /// Creates a rule with several checks, each for its own kinds, which are the scope's kinds together.
    public init(
        id: String, title: String, group: Group, section: Section?, rationale: String, level: Level, concern: Concern,
        scope: Scope,
        clauses: [Clause], settings: [any RuleSettingDeclaration] = [], sharedSettings: [String] = [],
        relatedObjects: [RelatedKind] = [],
        exemptWith: String? = nil, holdsForOperators: Bool = false, allowsAgents: Bool = false,
        allowsUnsetInPlatforms: Bool = false, filledInKinds: [String] = [], fault: Fault? = nil,
        fix: Fix? = nil,
        examples: @autoclosure @escaping @Sendable () -> [Example], checks: [KindCheck]
    ) {
        self.id = id
        self.title = title
        self.group = group
        self.section = section
        self.rationale = rationale
        self.level = level
        self.concern = concern
        self.scope = scope
        self.clauses = clauses
        ownSettings = settings
        self.sharedSettings = sharedSettings
        related = relatedObjects
        self.exemptWith = exemptWith
        self.holdsForOperators = holdsForOperators
        self.allowsAgents = allowsAgents
        self.allowsUnsetInPlatforms = allowsUnsetInPlatforms
        self.filledInKinds = filledInKinds
        self.fault = fault
        self.fix = fix
        makeExamples = examples
        self.checks = checks
    }

    /// Creates a rule with one check for all kinds of its scope.
    public convenience init(
        id: String, title: String, group: Group, section: Section?, rationale: String, level: Level, concern: Concern,
        scope: Scope,
        clauses: [Clause], settings: [any RuleSettingDeclaration] = [], sharedSettings: [String] = [],
        relatedObjects: [RelatedKind] = [],
        exemptWith: String? = nil, holdsForOperators: Bool = false, allowsAgents: Bool = false,
        allowsUnsetInPlatforms: Bool = false, filledInKinds: [String] = [], fault: Fault? = nil,
        fix: Fix? = nil,
        examples: @autoclosure @escaping @Sendable () -> [Example], check: @escaping Check
    ) {
        self.init(
            id: id, title: title, group: group, section: section, rationale: rationale, level: level, concern: concern,
            scope: scope, clauses: clauses, settings: settings, sharedSettings: sharedSettings,
            relatedObjects: relatedObjects,
            exemptWith: exemptWith, holdsForOperators: holdsForOperators, allowsAgents: allowsAgents,
            allowsUnsetInPlatforms: allowsUnsetInPlatforms, filledInKinds: filledInKinds, fault: fault,
            fix: fix,
            examples: examples(), checks: [KindCheck(scope.kinds, check)])
    }

    /// True if an annotation on the workload itself may exempt from it; else it takes the Namespace's.
    public var mayBeExemptedByWorkload: Bool { concern != .security && section != nil }

    /// The environment variable that sets the level: `PLAYBOOK_RULE_MEMORY_REQUEST_EQUALS_LIMIT`.
    public var variable: String {
        "PLAYBOOK_RULE_" + id.map { $0 == "-" ? "_" : $0.uppercased() }.joined()
    }
}

/// A fault that several rules find, each for a reason of its own.
public enum Fault: Sendable {
    /// An image: its registry and its tag.
    case image
    /// A credential in plain text.
    case credential
    /// A container whose user is not stated.
    case identity
    /// A namespace without bounds, which texts report last.
    case namespace
}

/// One of the things that a rule checks.
public struct Clause: Sendable, Hashable {
    /// A short name, unique in its rule.
    public let name: String
    /// What is demanded.
    public let demand: String

    /// Names a clause.
    public init(_ name: String, _ demand: String) {
        self.name = name
        self.demand = demand
    }
}

/// What a rule's fix does.
public struct Fix: Sendable {
    /// Whether it only fills in what is absent; else it changes or removes what the author wrote.
    public let isAdditive: Bool
    /// What is changed, and when.
    public let summary: String

    /// A fix that fills in what is absent.
    public static func adds(_ summary: String) -> Fix { Fix(isAdditive: true, summary: summary) }

    /// A fix that changes or removes what the author wrote.
    public static func changes(_ summary: String) -> Fix { Fix(isAdditive: false, summary: summary) }
}
