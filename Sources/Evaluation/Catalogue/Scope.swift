public import Kubernetes

/// The kinds, operations and subresources that a rule applies to.
///
/// A rule costs nothing for all other requests.
public struct Scope: Sendable {
    /// The kinds of the objects.
    public var kinds: ResourceKinds
    /// The operations of the requests.
    public var operations: [Operation]
    /// The subresources of the requests.
    public var subresources: [Subresource]
    /// True if it applies to long-running workloads only: no Job, no CronJob, no Pod that terminates by itself.
    public var isLongRunningOnly: Bool
    /// True if metadata can change the result, so that the rule is evaluated when nothing else changes.
    public var readsMetadata: Bool
    /// True if it also applies in system namespaces, which are otherwise skipped.
    public var reachesSystemNamespaces: Bool

    /// Creates a scope.
    public init(
        _ kinds: ResourceKinds, on operations: [Operation] = [.create, .update],
        of subresources: [Subresource] = [.none],
        isLongRunningOnly: Bool = false, readsMetadata: Bool = false, reachesSystemNamespaces: Bool = false
    ) {
        self.kinds = kinds
        self.operations = operations
        self.subresources = subresources
        self.isLongRunningOnly = isLongRunningOnly
        self.readsMetadata = readsMetadata
        self.reachesSystemNamespaces = reachesSystemNamespaces
    }

    /// All containers of all kinds with a pod spec, including ephemeral containers.
    public static let allContainers = Scope(.withPodSpec, of: [.none, .ephemeralContainers])

    /// The resources of containers, including resizes of running Pods.
    public static let containerResources = Scope(.withPodSpec, of: [.none, .resize])

    /// Workloads that run until they are stopped.
    public static let longRunning = Scope(.withPodSpec, isLongRunningOnly: true)

    /// Deployment, StatefulSet and Rollout.
    public static let replicated = Scope(.replicated)
}
