import JSON
public import Kubernetes

/// Lookups of related objects: all objects of a kind in a namespace, or one of them.
extension RelatedObjects {
    /// Returns the objects of a namespace, from the API server's answer or else from the cache.
    func holding(of kind: ResourceKind, _ namespace: String, named name: String? = nil) -> Holding? {
        observer?.note(kind, namespace, name)
        if !answers.isEmpty, case .some(let found?) = answer(kind, namespace, named: name) {
            return found.holdings[namespace]
        }
        return holdings[namespace]
    }

    func holding(
        _ kind: ResourceKind, _ namespace: String, named name: String? = nil, _ words: @autoclosure () -> String
    ) throws(CannotEvaluate) -> Holding? {
        guard knows(kind, in: namespace, named: name) else { throw .unknown(relatedObject: words()) }
        return holding(of: kind, namespace, named: name)
    }

    /// Throws an error if the objects of a kind in a namespace are unknown.
    package func require(_ kind: ResourceKind, in namespace: String) throws(CannotEvaluate) {
        guard knows(kind, in: namespace) else { throw .unknown(relatedObject: kind.pluralName) }
    }

    /// Returns a Namespace; nil if it does not exist.
    public func namespace(_ name: String) throws(CannotEvaluate) -> NamespaceRecord? {
        try holding(.namespace, name, "the Namespace")?.namespace
    }

    /// Returns the autoscaler of a workload, or of the Rollout that runs its pods; nil if there is none.
    public func autoscaler(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotEvaluate) -> Autoscaler? {
        if let rollout = rollout(inPlaceOf: kind, name, in: namespace),
            let known = try autoscalers(targeting: .rollout, rollout.name, in: namespace).first
        {
            return known
        }
        return try autoscalers(targeting: kind, name, in: namespace).first
    }

    /// Returns the autoscalers that target a workload: HorizontalPodAutoscalers, then ScaledObjects.
    package func autoscalers(
        targeting kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotEvaluate) -> [Autoscaler] {
        var found: [Autoscaler] = []
        for source in [ResourceKind.horizontalPodAutoscaler, .scaledObject] {
            guard let shelf = holding(of: source, namespace)?.autoscalers else { continue }
            found += shelf.candidates(underAllOf: [Autoscaler.key(name)]).filter {
                $0.kind == source && $0.targetKind == kind && $0.targetName == name
            }
        }
        // ScaledObjects can be unknown: most clusters have none, and KEDA creates an HPA for each of them.
        guard
            !found.isEmpty || knows(.horizontalPodAutoscaler, in: namespace) || knows(.scaledObject, in: namespace)
        else { throw .unknown(relatedObject: "HorizontalPodAutoscalers") }
        return found
    }

    /// Returns a ScaledObject by name; nil if none is known.
    package func scaledObject(_ name: String, in namespace: String) -> Autoscaler? {
        holding(of: .scaledObject, namespace)?.autoscalers[.scaledObject, name]
    }

    /// Returns the ResourceQuotas of a namespace.
    public func quotas(in namespace: String) throws(CannotEvaluate) -> [Quota] {
        try holding(.resourceQuota, namespace, "ResourceQuotas")?.quotas.records ?? []
    }

    /// Returns the objects of another kind in a namespace; cluster-scoped objects are in `default`.
    package func objects(_ kind: ResourceKind, in namespace: String) throws(CannotEvaluate) -> [RelatedObject] {
        try holding(kind, namespace, kind.pluralName)?.objects[kind]?.records ?? []
    }

    /// Returns an object of another kind by name.
    package func object(
        _ kind: ResourceKind, named name: String, in namespace: String
    ) throws(CannotEvaluate) -> RelatedObject? {
        try holding(kind, namespace, named: name, kind.pluralName)?.objects[kind]?[kind, name]
    }

    /// Returns the objects of a kind with selectors that can select these labels; others can be among them.
    package func objects(
        _ kind: ResourceKind, thatMaySelect labels: Labels, in namespace: String
    ) throws(CannotEvaluate) -> [RelatedObject] {
        let shelf = try holding(kind, namespace, kind.pluralName)?.objects[kind]
        return shelf?.candidates(underAnyOf: [RecordKey](labels.pairs)) ?? []
    }

    /// Returns the known Deployments, StatefulSets and Rollouts of a namespace.
    public func workloads(in namespace: String) -> [Workload] {
        noteWorkloads(in: namespace)
        return holdings[namespace]?.workloads.records ?? []
    }

    func noteWorkloads(in namespace: String) {
        if let observer { for kind in ResourceKinds.replicated.kinds { observer.note(kind, namespace, nil) } }
    }

    /// Returns the Rollout that references a workload's template and runs its pods; nil if none is known.
    package func rollout(inPlaceOf kind: ResourceKind, _ name: String, in namespace: String) -> Workload? {
        guard kind == .deployment, let workloads = holding(of: .rollout, namespace)?.workloads else { return nil }
        return workloads.candidates(underAllOf: [Workload.key(name)]).first {
            $0.kind == .rollout && $0.deployment == name
        }
    }

    /// Returns a workload by name.
    public func workload(
        _ kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotEvaluate) -> Workload? {
        try holding(kind, namespace, "the \(kind.name)")?.workloads[kind, name]
    }

    /// Returns the workload with the pod template of a workload: itself, or the Deployment that a Rollout references.
    package func template(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotEvaluate) -> Workload? {
        let workload = try workload(kind, name, in: namespace)
        guard let deployment = workload?.deployment else { return workload }
        return try self.workload(.deployment, deployment, in: namespace)
    }
}
