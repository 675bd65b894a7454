public import Kubernetes

/// How a kind's objects are followed.
public struct ReflectorOptions: Sendable {
    /// How many objects a page of a list has.
    public var pageSize = 500
    /// How large a page may be, in bytes; one that is larger is asked for again with half as many objects.
    public var maximumPage = 64 << 20
    /// The waits after failures.
    public var backoff = Backoff()
    /// How long a watch is asked to last; at random, so that not all of them end at once.
    public var watchSeconds = 300...600
    /// A watch that brings nothing and ends before this counts as failed.
    public var shortestWatch = Duration.seconds(1)
    /// How long watches must not have failed before the trouble with a kind counts as over.
    public var steadyWatch = Duration.seconds(10)
    /// How long a watch may be silent.
    ///
    /// With bookmarks there is something to say about every minute; without, the watch is just opened again.
    public var watchSilence = Duration.seconds(150)
    /// How often a kind must be refused in a row before it counts as unavailable.
    public var refusalsThatCount = 3
    /// How often a kind that is unavailable is asked for.
    public var refusedInterval = Duration.seconds(120)
    /// True if only metadata is asked for, as `PartialObjectMetadata`.
    public var readsOnlyMetadata = false
    /// How long a line of a watch may be, in bytes.
    public var maximumLine = 8 << 20
    /// A number from 0 to 1 at random.
    public var chance: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Creates the usual ones.
    public init() {}
}

/// What is said about following kinds, for logs: kinds that have trouble at the same time are reported together.
public enum RelatedObjectEvent: Equatable, Sendable {
    /// All objects of a kind are known, for the first time or again after having been unavailable.
    case synced(APIResource, objects: Int)
    /// The kind does not exist, or is not for us.
    case unavailable(APIResource, reason: String)
    /// Kinds cannot be followed for now, the first one for this reason; what is known stays.
    case troubled([APIResource], reason: String)
    /// All of the kinds that were reported together can be followed again.
    case recovered([APIResource])
    /// This server enforces since then.
    case enforced(since: Timestamp)
    /// Since when this server enforces could be neither read nor written, for this reason.
    case enforcementUnknown(String)
}

/// What is said about following a kind: changes, not every attempt.
public enum ReflectorEvent: Equatable, Sendable {
    /// All objects are known, for the first time or again after having been unavailable.
    case synced(APIResource, objects: Int)
    /// The kind does not exist, or is not for us.
    case unavailable(APIResource, reason: String)
    /// The API server cannot be followed for now; what is known stays.
    case troubled(APIResource, reason: String)
    /// It can be followed again.
    case recovered(APIResource)
}
