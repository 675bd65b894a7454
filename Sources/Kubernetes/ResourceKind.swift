public import JSON

/// The kinds that some rule reads; every other one is ``other``.
public enum ResourceKind: UInt8, Sendable, CaseIterable {
    case other
    // Holders of a pod template.
    case pod, podTemplate, replicationController, replicaSet, deployment, statefulSet, daemonSet, job, cronJob, rollout
    // Around them.
    case scale, podDisruptionBudget, horizontalPodAutoscaler, scaledObject
    case namespace, resourceQuota, limitRange, service, configMap, secret, serviceAccount

    /// Its name, as in `kind:`.
    public var name: StaticString { row.name }

    /// Its API group; empty for the core group.
    public var group: StaticString { row.group }

    /// A version of its group that is served today, for manifests that we write.
    public var version: StaticString { row.version }

    private static let known = Array(allCases.dropFirst())

    /// Finds a kind by name and group.
    public init(name: Value, group: Value?) {
        self = .other
        for kind in ResourceKind.known {
            let row = kind.row
            guard name.equals(row.name), group?.equals(row.group) ?? (row.group.utf8CodeUnitCount == 0) else {
                continue
            }
            self = kind
            return
        }
    }

    /// Finds a kind by the `kind` and `apiVersion` of an object or reference, in any version of the group.
    public init(kind: String, apiVersion: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
        let group = parts.count > 1 ? String(parts[0]) : ""
        self = ResourceKind.allCases.dropFirst().first { "\($0.name)" == kind && "\($0.group)" == group } ?? .other
    }

    private var row: (name: StaticString, group: StaticString, version: StaticString) {
        switch self {
        case .other: ("", "-", "")
        case .pod: ("Pod", "", "v1")
        case .podTemplate: ("PodTemplate", "", "v1")
        case .replicationController: ("ReplicationController", "", "v1")
        case .replicaSet: ("ReplicaSet", "apps", "v1")
        case .deployment: ("Deployment", "apps", "v1")
        case .statefulSet: ("StatefulSet", "apps", "v1")
        case .daemonSet: ("DaemonSet", "apps", "v1")
        case .job: ("Job", "batch", "v1")
        case .cronJob: ("CronJob", "batch", "v1")
        case .rollout: ("Rollout", "argoproj.io", "v1alpha1")
        case .scale: ("Scale", "autoscaling", "v1")
        case .podDisruptionBudget: ("PodDisruptionBudget", "policy", "v1")
        case .horizontalPodAutoscaler: ("HorizontalPodAutoscaler", "autoscaling", "v2")
        case .scaledObject: ("ScaledObject", "keda.sh", "v1alpha1")
        case .namespace: ("Namespace", "", "v1")
        case .resourceQuota: ("ResourceQuota", "", "v1")
        case .limitRange: ("LimitRange", "", "v1")
        case .service: ("Service", "", "v1")
        case .configMap: ("ConfigMap", "", "v1")
        case .secret: ("Secret", "", "v1")
        case .serviceAccount: ("ServiceAccount", "", "v1")
        }
    }

    /// The `apiVersion` of a manifest: `apps/v1`, or `v1` in the core group.
    public var apiVersion: String { group.utf8CodeUnitCount == 0 ? "\(version)" : "\(group)/\(version)" }
}

/// Several kinds at once.
public struct ResourceKinds: OptionSet, Sendable {
    /// A bit for each kind.
    public let rawValue: UInt64

    /// Creates a set from its bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Creates a set of kinds.
    public init(_ kinds: ResourceKind...) { rawValue = kinds.reduce(0) { $0 | 1 << UInt64($1.rawValue) } }

    /// Whether the kind is one of them.
    public func contains(_ kind: ResourceKind) -> Bool { rawValue & 1 << UInt64(kind.rawValue) != 0 }

    /// Everything with a pod template.
    public static let holders = ResourceKinds(
        .pod, .podTemplate, .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .cronJob,
        .rollout)

    /// What runs in several copies at the author's choice: Deployment, StatefulSet, Rollout.
    public static let replicated = ResourceKinds(.deployment, .statefulSet, .rollout)

    /// The kinds, in their order.
    public var kinds: [ResourceKind] { ResourceKind.allCases.filter { contains($0) } }
}
