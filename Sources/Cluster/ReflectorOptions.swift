public import Kubernetes

/// The options for following a kind.
public struct ReflectorOptions: Sendable {
    /// The number of objects in a page.
    public var pageSize = 500
    /// The maximum size of a page, in bytes; a larger page is requested again with half as many objects.
    public var maximumPage = 64 << 20
    /// The waits after failures.
    public var backoff = Backoff()
    /// The duration requested for a watch; random, so that not all end together.
    public var watchSeconds = 300...600
    /// The duration below which a watch without events counts as failed.
    public var shortestWatch = Duration.seconds(1)
    /// The time without failures after which a kind has recovered.
    public var steadyWatch = Duration.seconds(10)
    /// The longest silence of a watch.
    ///
    /// With bookmarks there is an event about every minute; without them, the watch is reopened.
    public var watchSilence = Duration.seconds(150)
    /// The number of denials in a row after which a kind counts as unavailable.
    public var refusalsThatCount = 3
    /// The interval at which an unavailable kind is requested.
    public var refusedInterval = Duration.seconds(120)
    /// True if only metadata is requested, as `PartialObjectMetadata`.
    public var readsOnlyMetadata = false
    /// The maximum length of a line of a watch, in bytes.
    public var maximumLine = 8 << 20
    /// Returns a random number from 0 to 1.
    public var chance: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Creates the default options.
    public init() {}
}

/// A log event about followed kinds; kinds that fail at the same time are reported together.
public enum RelatedObjectEvent: Equatable, Sendable {
    /// All objects of a kind are known, for the first time or again after the kind was unavailable.
    case synced(APIResource, objects: Int)
    /// The kind does not exist or must not be read.
    case unavailable(APIResource, reason: String)
    /// Watching kinds failed, the first one for this reason; cached objects are used.
    case troubled([APIResource], reason: String)
    /// All kinds of one failure report can be watched again.
    case recovered([APIResource])
    /// Enforcement started at this time.
    case enforced(since: Timestamp)
    /// The time at which enforcement started could be neither read nor written.
    case enforcementUnknown(String)
}

/// A log event about one kind: state changes only, not every attempt.
public enum ReflectorEvent: Equatable, Sendable {
    /// All objects are known, for the first time or again after the kind was unavailable.
    case synced(APIResource, objects: Int)
    /// The kind does not exist or must not be read.
    case unavailable(APIResource, reason: String)
    /// The watch failed; cached objects are used.
    case troubled(APIResource, reason: String)
    /// The kind can be watched again.
    case recovered(APIResource)
}
