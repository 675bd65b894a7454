public import Kubernetes

/// All that a judgement may depend on besides the request.
public struct Context: Sendable {
    /// Where a request comes from, which decides what is believed of it.
    public enum Source: Sendable {
        /// An API server: defaults are filled in, related objects come and go.
        case server
        /// Recorded reviews at a command line: as a server.
        case recording
        /// A live cluster's own objects: as on a server, and the companions are all there is.
        case cluster
        /// Manifests as their author wrote them.
        case files
    }

    /// What is the same for many requests: shared, since every judgement takes a context along.
    private final class Shared: Sendable {
        let settings: Settings
        let relatedObjects: RelatedObjects

        init(_ settings: Settings, _ relatedObjects: RelatedObjects) {
            self.settings = settings
            self.relatedObjects = relatedObjects
        }
    }

    private let shared: Shared

    /// The environment's settings.
    public var settings: Settings { shared.settings }
    /// The value of a rule's setting, read without a copy of all settings.
    public subscript<Value>(setting: RuleSetting<Value>) -> Value { shared.settings.ruleValues[setting] }
    /// The other objects.
    public var relatedObjects: RelatedObjects { shared.relatedObjects }
    /// The time.
    public var now: Timestamp
    /// Where the request comes from.
    public let source: Source

    /// Creates a context.
    public init(settings: Settings, relatedObjects: RelatedObjects = .unknown, now: Timestamp, source: Source = .server)
    {
        shared = Shared(settings, relatedObjects)
        self.now = now
        self.source = source
    }

    /// The same with other settings.
    public func with(_ settings: Settings) -> Context {
        Context(settings: settings, relatedObjects: relatedObjects, now: now, source: source)
    }

    /// True if objects are new here: what is in files or in a cluster is evaluated as after the grace period.
    var givesGrace: Bool { source == .server || source == .recording }

    /// True if existing violations may stay.
    var ratchetHolds: Bool { settings.ratchetEnd.map { now < $0 } ?? true }

    /// How many findings of one rule are described; the rest is counted.
    ///
    /// Whoever sends a request decides how many it has. Files and a cluster's own objects are evaluated for their owner, who sees all.
    var maximumFindings: Int {
        switch source {
        case .server, .recording: 100
        case .cluster, .files: .max
        }
    }

    /// The same with other companions.
    public func knowing(_ relatedObjects: RelatedObjects) -> Context {
        Context(settings: settings, relatedObjects: relatedObjects, now: now, source: source)
    }

    /// The same with what the API server was asked.
    public func answering(_ answers: [LookupAnswer]) -> Context { knowing(relatedObjects.answering(answers)) }
}
