public import JSON
public import Kubernetes

/// The other objects of a cluster, as far as rules need them: an immutable value with look-ups by namespace.
///
/// That something does not exist is an answer; that it is not known whether it does is another one, and is thrown.
public struct Companions: Sendable {
    /// Of which kinds every object is known.
    public enum Knowledge: Sendable {
        /// Of none: nothing was given.
        case nothing
        /// Of the kinds of which the namespace holds at least one object here; a Namespace is known when it is here itself.
        case kindsHeld
        /// Of these kinds, everywhere: what is not here does not exist.
        case kinds(ResourceKinds)
    }

    /// What one namespace holds.
    struct Holding: Sendable {
        var kinds = ResourceKinds()
        var namespace: NamespaceRecord?
        var budgets: [DisruptionBudget] = []
        var autoscalers: [Autoscaler] = []
        var quotas: [Quota] = []
        var workloads: [Workload] = []
    }

    private var holdings: [String: Holding] = [:]
    private let knowledge: Knowledge

    /// Nothing is known.
    public static let unknown = Companions(knowledge: .nothing)

    /// The kinds that are kept; others are passed over by ``add(_:)``.
    public static let kinds: ResourceKinds = [
        ResourceKinds(
            .namespace, .podDisruptionBudget, .horizontalPodAutoscaler, .scaledObject, .resourceQuota, .limitRange),
        .replicated,
    ]

    /// Creates companions without any object.
    public init(knowledge: Knowledge) { self.knowledge = knowledge }

    /// Takes an object in, as far as its kind is kept.
    ///
    /// - Parameter object: A whole object, with `kind` and `apiVersion`; a `List` is taken in item by item.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field that is kept is not as the API has it.
    public mutating func add(_ object: Value) throws(CannotJudge) {
        if let items = object["items"], items.kind == .array, object["kind"]?.text.hasSuffix("List") ?? false {
            for item in items.elements { try add(item) }
            return
        }
        let kind = ResourceKind(kind: object["kind"]?.string ?? "", apiVersion: object["apiVersion"]?.string ?? "")
        guard Companions.kinds.contains(kind) else { return }
        let metadata = ObjectMeta(of: object)
        let name = metadata.name ?? ""
        let namespace = kind == .namespace ? name : metadata.namespace ?? "default"
        var holding = holdings[namespace] ?? Holding()
        switch kind {
        case .namespace: holding.namespace = NamespaceRecord(name: name, annotations: ExemptionAnnotations(metadata))
        case .podDisruptionBudget: holding.budgets.append(try DisruptionBudget(object, name, namespace))
        case .horizontalPodAutoscaler, .scaledObject:
            holding.autoscalers.append(try Autoscaler(object, kind, name))
        case .resourceQuota: holding.quotas.append(try Quota(object, name))
        case .deployment, .statefulSet, .rollout: holding.workloads.append(try Workload(object, kind, name))
        default: break
        }
        holding.kinds.formUnion(ResourceKinds(kind))
        holdings[namespace] = holding
    }

    /// Whether all objects of a kind in a namespace are known.
    public func knows(_ kind: ResourceKind, in namespace: String) -> Bool {
        switch knowledge {
        case .nothing: false
        case .kindsHeld: holdings[namespace]?.kinds.contains(kind) ?? false
        case .kinds(let kinds): kinds.contains(kind)
        }
    }

    private func holding(_ kind: ResourceKind, _ namespace: String, _ words: String) throws(CannotJudge) -> Holding? {
        guard knows(kind, in: namespace) else { throw .unknown(companion: words) }
        return holdings[namespace]
    }

    /// A Namespace; nil when there is none.
    public func namespace(_ name: String) throws(CannotJudge) -> NamespaceRecord? {
        try holding(.namespace, name, "the Namespace")?.namespace
    }

    /// The PodDisruptionBudgets of a namespace.
    public func budgets(in namespace: String) throws(CannotJudge) -> [DisruptionBudget] {
        try holding(.podDisruptionBudget, namespace, "PodDisruptionBudgets")?.budgets ?? []
    }

    /// PodDisruptionBudgets of other namespaces, as far as they are known, for messages; not more than a few hundred.
    func budgets(outside namespace: String) -> some Sequence<DisruptionBudget> {
        holdings.lazy.filter { $0.key != namespace }.prefix(500).sorted { $0.key < $1.key }.lazy.flatMap {
            $0.value.budgets
        }
    }

    /// The autoscaler that owns a workload's scale; nil when there is none.
    public func autoscaler(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Autoscaler? {
        let known = holdings[namespace]?.autoscalers.first { $0.targetKind == kind && $0.targetName == name }
        if let known { return known }
        // KEDA's objects need not be watched: most clusters have none, and KEDA makes an HPA of each.
        guard knows(.horizontalPodAutoscaler, in: namespace) || knows(.scaledObject, in: namespace) else {
            throw .unknown(companion: "HorizontalPodAutoscalers")
        }
        return nil
    }

    /// The ResourceQuotas of a namespace.
    public func quotas(in namespace: String) throws(CannotJudge) -> [Quota] {
        try holding(.resourceQuota, namespace, "ResourceQuotas")?.quotas ?? []
    }

    /// The Deployments, StatefulSets and Rollouts of a namespace, as far as they are known.
    public func workloads(in namespace: String) -> [Workload] { holdings[namespace]?.workloads ?? [] }

    /// A workload by its name.
    public func workload(
        _ kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Workload? {
        try holding(kind, namespace, "the \(kind.name)")?.workloads.first { $0.kind == kind && $0.name == name }
    }
}
