public import Kubernetes

/// What a rule is asked about: kinds, operations and subresources.
///
/// Everything else costs it nothing.
public struct Scope: Sendable {
    /// The kinds whose objects it reads.
    public var kinds: ResourceKinds
    /// What must happen to them.
    public var operations: [Operation]
    /// Which parts of them are sent.
    public var subresources: [Subresource]
    /// Only what is to run until somebody stops it: no Job, no CronJob, no Pod that ends by itself.
    public var isLongRunningOnly: Bool
    /// Whether metadata alone can change the answer, so that a request that changes nothing else is worth a look.
    public var readsMetadata: Bool
    /// Whether it names objects in system namespaces, which are passed over otherwise.
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

    /// All containers of everything with a pod template, the ephemeral ones too.
    public static let allContainers = Scope(.withPodSpec, of: [.none, .ephemeralContainers])

    /// What containers ask of a node, also when a running Pod is resized.
    public static let containerResources = Scope(.withPodSpec, of: [.none, .resize])

    /// What is to run until somebody stops it.
    public static let longRunning = Scope(.withPodSpec, isLongRunningOnly: true)

    /// Deployment, StatefulSet and Rollout.
    public static let replicated = Scope(.replicated)
}
