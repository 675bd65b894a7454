public import Kubernetes

/// The inputs of an evaluation besides the request.
public struct Context: Sendable {
    /// The origin of a request, which decides how it is evaluated.
    public enum Source: Sendable {
        /// An API server: defaults are set, and related objects can change at any time.
        case server
        /// Recorded reviews on the command line, evaluated as on a server.
        case recording
        /// The objects of a live cluster: evaluated as on a server, with all related objects.
        case cluster
        /// Manifests as their author wrote them.
        case files
    }

    /// The part that many requests have in common; it is shared because every evaluation copies a context.
    private final class Shared: Sendable {
        let settings: Settings
        let relatedObjects: RelatedObjects
        let evaluatedOwners: Set<OwnerKey>?

        init(_ settings: Settings, _ relatedObjects: RelatedObjects, _ evaluatedOwners: Set<OwnerKey>?) {
            self.settings = settings
            self.relatedObjects = relatedObjects
            self.evaluatedOwners = evaluatedOwners
        }
    }

    private let shared: Shared

    /// The settings.
    public var settings: Settings { shared.settings }
    /// The value of a rule's setting, read without a copy of all settings.
    public subscript<Value>(setting: RuleSetting<Value>) -> Value { shared.settings.ruleValues[setting] }
    /// The related objects.
    public var relatedObjects: RelatedObjects { shared.relatedObjects }
    /// The evaluated objects of a cluster; nil for all objects.
    ///
    /// An object that a controller made for one of them is skipped.
    var evaluatedOwners: Set<OwnerKey>? { shared.evaluatedOwners }
    /// The time of the evaluation.
    public var now: Timestamp
    /// The origin of the request.
    public let source: Source

    /// Creates a context.
    public init(
        settings: Settings, relatedObjects: RelatedObjects = .unknown, now: Timestamp, source: Source = .server,
        evaluatedOwners: Set<OwnerKey>? = nil
    ) {
        shared = Shared(settings, relatedObjects, evaluatedOwners)
        self.now = now
        self.source = source
    }

    /// Returns the context with other settings.
    public func with(_ settings: Settings) -> Context {
        Context(
            settings: settings, relatedObjects: relatedObjects, now: now, source: source,
            evaluatedOwners: evaluatedOwners)
    }

    /// True if missing related objects have a grace period; files and audited clusters have none.
    var givesGrace: Bool { source == .server || source == .recording }

    /// True if existing violations only warn.
    var ratchetHolds: Bool { settings.ratchetEnd.map { now < $0 } ?? true }

    /// The maximum number of findings per rule that are described; further findings are counted.
    ///
    /// A requester controls how many findings a request has. In files and in a cluster's objects, all findings are described.
    var maximumFindings: Int {
        switch source {
        case .server, .recording: 100
        case .cluster, .files: .max
        }
    }

    /// Returns the context with other related objects.
    public func knowing(_ relatedObjects: RelatedObjects) -> Context {
        Context(
            settings: settings, relatedObjects: relatedObjects, now: now, source: source,
            evaluatedOwners: evaluatedOwners)
    }

    /// Returns the context with answers of the API server.
    public func answering(_ answers: [LookupAnswer]) -> Context { knowing(relatedObjects.answering(answers)) }
}

/// An object of a cluster, as the owner references of other objects name it.
public struct OwnerKey: Hashable, Sendable {
    private let namespace: String
    private let kind: String
    private let name: String
    private let uid: String

    /// Creates a key.
    public init(namespace: String, kind: String, name: String, uid: String) {
        (self.namespace, self.kind, self.name, self.uid) = (namespace, kind, name, uid)
    }

    /// Creates the key of the owner of an object in a namespace.
    public init(_ owner: Owner, in namespace: String) {
        self.init(namespace: namespace, kind: owner.kindName, name: owner.name, uid: owner.uid)
    }
}
