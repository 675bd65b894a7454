import JSON
public import Kubernetes

/// Other objects of the cluster, as rules ask for them: all of a kind in a namespace, or one.
extension RelatedObjects {
    /// What a namespace holds of a kind: what was asked for anew, before what was known.
    func holding(of kind: ResourceKind, _ namespace: String) -> Holding? {
        observer?.note(kind, namespace)
        if !answers.isEmpty, case .some(let found?) = answer(kind, namespace) { return found.holdings[namespace] }
        return holdings[namespace]
    }

    func holding(_ kind: ResourceKind, _ namespace: String, _ words: String) throws(CannotJudge) -> Holding? {
        guard knows(kind, in: namespace) else { throw .unknown(relatedObject: words) }
        return holding(of: kind, namespace)
    }

    /// A Namespace; nil when there is none.
    public func namespace(_ name: String) throws(CannotJudge) -> NamespaceRecord? {
        try holding(.namespace, name, "the Namespace")?.namespace
    }

    /// The autoscaler that owns a workload's scale, or that of the Rollout which runs its pods; nil when there is none.
    public func autoscaler(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Autoscaler? {
        if let rollout = rollout(inPlaceOf: kind, name, in: namespace),
            let known = try autoscalers(targeting: .rollout, rollout.name, in: namespace).first
        {
            return known
        }
        return try autoscalers(targeting: kind, name, in: namespace).first
    }

    /// The autoscalers that name a workload as their target: HorizontalPodAutoscalers, then ScaledObjects.
    package func autoscalers(
        targeting kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> [Autoscaler] {
        var found: [Autoscaler] = []
        for source in [ResourceKind.horizontalPodAutoscaler, .scaledObject] {
            let shelf = holding(of: source, namespace)?.autoscalers
            let candidates = shelf?.candidates(underAllOf: [Autoscaler.key(name)]) ?? []
            found += candidates.filter { $0.kind == source && $0.targetKind == kind && $0.targetName == name }
        }
        // KEDA's objects need not be watched: most clusters have none, and KEDA makes an HPA of each.
        guard
            !found.isEmpty || knows(.horizontalPodAutoscaler, in: namespace) || knows(.scaledObject, in: namespace)
        else { throw .unknown(relatedObject: "HorizontalPodAutoscalers") }
        return found
    }

    /// A ScaledObject of a namespace, by its name; nil where none is known.
    package func scaledObject(_ name: String, in namespace: String) -> Autoscaler? {
        holding(of: .scaledObject, namespace)?.autoscalers[.scaledObject, name]
    }

    /// The ResourceQuotas of a namespace.
    public func quotas(in namespace: String) throws(CannotJudge) -> [Quota] {
        try holding(.resourceQuota, namespace, "ResourceQuotas")?.quotas.records ?? []
    }

    /// The objects of one of the other kinds in a namespace; for kinds that have none, the namespace is `default`.
    package func objects(_ kind: ResourceKind, in namespace: String) throws(CannotJudge) -> [RelatedObject] {
        try holding(kind, namespace, kind.pluralName)?.objects[kind]?.records ?? []
    }

    /// One of them by its name.
    package func object(
        _ kind: ResourceKind, named name: String, in namespace: String
    ) throws(CannotJudge) -> RelatedObject? {
        try holding(kind, namespace, kind.pluralName)?.objects[kind]?[kind, name]
    }

    /// The same of a kind that selects by labels: those that may select these, and perhaps others.
    package func objects(
        _ kind: ResourceKind, thatMaySelect labels: Labels, in namespace: String
    ) throws(CannotJudge) -> [RelatedObject] {
        let shelf = try holding(kind, namespace, kind.pluralName)?.objects[kind]
        return shelf?.candidates(underAnyOf: [RecordKey](labels.pairs)) ?? []
    }

    /// The Deployments, StatefulSets and Rollouts of a namespace, as far as they are known.
    public func workloads(in namespace: String) -> [Workload] {
        noteWorkloads(in: namespace)
        return holdings[namespace]?.workloads.records ?? []
    }

    func noteWorkloads(in namespace: String) {
        if let observer { for kind in ResourceKinds.replicated.kinds { observer.note(kind, namespace) } }
    }

    /// The Rollout that takes a workload's template by reference and runs its pods; nil where none is known to.
    package func rollout(inPlaceOf kind: ResourceKind, _ name: String, in namespace: String) -> Workload? {
        guard kind == .deployment, let workloads = holding(of: .rollout, namespace)?.workloads else { return nil }
        return workloads.candidates(underAllOf: [Workload.key(name)]).first {
            $0.kind == .rollout && $0.deployment == name
        }
    }

    /// A workload by its name.
    public func workload(
        _ kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Workload? {
        try holding(kind, namespace, "the \(kind.name)")?.workloads[kind, name]
    }

    /// The workload that has the template of a workload's pods: itself, or the Deployment that a Rollout takes it from.
    package func template(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Workload? {
        let workload = try workload(kind, name, in: namespace)
        guard let deployment = workload?.deployment else { return workload }
        return try self.workload(.deployment, deployment, in: namespace)
    }
}
