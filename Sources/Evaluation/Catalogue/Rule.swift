public import Kubernetes

/// A rule of the playbook, with its documentation, checks and examples.
///
/// A rule only finds violations. Levels, exemptions, the ratchet, modes and order are applied by the ``Evaluator``.
public final class Rule: Sendable {
    /// The name in exemptions and settings: `memory-request-equals-limit`.
    public let id: String
    /// The requirement, in a few words.
    public let title: String
    /// The part of the catalogue that lists the rule.
    public let group: Group
    /// The heading of the playbook that it is based on; nil for ``schema``.
    public let section: Section?
    /// The reason for the requirement, in one or two sentences.
    public let rationale: String
    /// The default level.
    public let level: Level
    /// The kind of harm that the rule prevents.
    public let concern: Concern
    /// The requests that the rule applies to.
    public let scope: Scope
    /// The requirements that the rule checks.
    public let clauses: [Clause]
    /// The environment variables that the rule reads, except that of its level.
    public var settings: [String] { ownSettings.map(\.setting.name) + sharedSettings }
    /// The settings that rules declare.
    let ownSettings: [any RuleSettingDeclaration]
    /// The names of settings that all rules share.
    private let sharedSettings: [String]
    /// The kinds of related objects that it reads; the rule is not evaluated if they are not available.
    public var relatedObjects: [ResourceKind] { related.map(\.kind) }
    let related: [RelatedKind]
    /// True if it reads kinds that a server does not watch.
    let readsLiveKinds: Bool
    /// Another rule whose exemptions also cover this rule.
    public let exemptWith: String?
    /// True if it also denies operator-made objects.
    let holdsForOperators: Bool
    /// True if it does not evaluate what an operator made.
    let skipsOperatorMade: Bool
    /// True if it only warns about DaemonSets in namespaces of node agents.
    let allowsAgents: Bool
    /// True if it only warns about unset fields in platform namespaces, although its concern is security.
    let allowsUnsetInPlatforms: Bool
    /// The workload kinds whose controllers set the required fields: `ray.io/RayCluster`.
    let filledInKinds: [String]
    /// The fault that other rules also report, and that texts show once; nil if there is none.
    let fault: Fault?
    /// True if its findings are about the object's namespace, so that one is enough for all objects in it.
    package var isAboutNamespace: Bool { fault == .namespace }
    /// The change of the mutating webhook and its conditions; nil if no change is safe.
    public let fix: Fix?
    /// Compliant and violating examples, for tests and documentation.
    ///
    /// They are created on demand, since a server does not need them.
    public var examples: [Example] { makeExamples() }
    private let makeExamples: @Sendable () -> [Example]
    private let checks: [KindCheck]

    /// A function that evaluates an object and reports its findings.
    public typealias Check = @Sendable (Subject, Context, FindingCollector) throws(CannotEvaluate) -> Void

    /// A check for objects of some kinds.
    public struct KindCheck: Sendable {
        let kinds: ResourceKinds
        let check: Check

        /// Creates a check for a set of kinds.
        public init(_ kinds: ResourceKinds, _ check: @escaping Check) {
            self.kinds = kinds
            self.check = check
        }

        /// Creates a check for one or more kinds.
        public init(_ kinds: ResourceKind..., check: @escaping Check) {
            self.init(kinds.reduce(ResourceKinds()) { $0.union(ResourceKinds($1)) }, check)
        }
    }

    /// Returns the check for a kind; nil if there is none.
    func check(of kind: ResourceKind) -> Check? { checks.first { $0.kinds.contains(kind) }?.check }

    /// Creates a rule with several checks, whose kinds together are those of the scope.
    public init(
        id: String, title: String, group: Group, section: Section?, rationale: String, level: Level, concern: Concern,
        scope: Scope,
        clauses: [Clause], settings: [any RuleSettingDeclaration] = [], sharedSettings: [String] = [],
        relatedObjects: [RelatedKind] = [],
        exemptWith: String? = nil, holdsForOperators: Bool = false, skipsOperatorMade: Bool = false,
        allowsAgents: Bool = false,
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
        readsLiveKinds = relatedObjects.contains { Catalogue.liveKinds.contains($0.kind) }
        self.exemptWith = exemptWith
        self.holdsForOperators = holdsForOperators
        self.skipsOperatorMade = skipsOperatorMade
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
        exemptWith: String? = nil, holdsForOperators: Bool = false, skipsOperatorMade: Bool = false,
        allowsAgents: Bool = false,
        allowsUnsetInPlatforms: Bool = false, filledInKinds: [String] = [], fault: Fault? = nil,
        fix: Fix? = nil,
        examples: @autoclosure @escaping @Sendable () -> [Example], check: @escaping Check
    ) {
        self.init(
            id: id, title: title, group: group, section: section, rationale: rationale, level: level, concern: concern,
            scope: scope, clauses: clauses, settings: settings, sharedSettings: sharedSettings,
            relatedObjects: relatedObjects,
            exemptWith: exemptWith, holdsForOperators: holdsForOperators, skipsOperatorMade: skipsOperatorMade,
            allowsAgents: allowsAgents,
            allowsUnsetInPlatforms: allowsUnsetInPlatforms, filledInKinds: filledInKinds, fault: fault,
            fix: fix,
            examples: examples(), checks: [KindCheck(scope.kinds, check)])
    }

    /// True if an annotation on the workload can exempt it from the rule; otherwise only one on its Namespace can.
    public var mayBeExemptedByWorkload: Bool { concern != .security && section != nil }

    /// The environment variable that sets the level: `PLAYBOOK_RULE_MEMORY_REQUEST_EQUALS_LIMIT`.
    public var variable: String {
        "PLAYBOOK_RULE_" + id.map { $0 == "-" ? "_" : $0.uppercased() }.joined()
    }
}

/// A fault that several rules report, each for a different reason.
public enum Fault: Sendable {
    /// The registry or the tag of an image.
    case image
    /// A credential in plain text.
    case credential
    /// A container whose user is not set.
    case identity
    /// A Namespace without a quota or limits; texts report it last.
    case namespace
}

/// A requirement that a rule checks.
public struct Clause: Sendable, Hashable {
    /// A short name, unique in its rule.
    public let name: String
    /// The requirement, in words.
    public let demand: String

    /// Creates a clause.
    public init(_ name: String, _ demand: String) {
        self.name = name
        self.demand = demand
    }
}

/// The change that a rule's fix makes.
public struct Fix: Sendable {
    /// True if it only sets absent fields; otherwise it changes or removes values.
    public let isAdditive: Bool
    /// The change and its conditions.
    public let summary: String

    /// Creates a fix that only sets absent fields.
    public static func adds(_ summary: String) -> Fix { Fix(isAdditive: true, summary: summary) }

    /// Creates a fix that changes or removes values.
    public static func changes(_ summary: String) -> Fix { Fix(isAdditive: false, summary: summary) }
}
