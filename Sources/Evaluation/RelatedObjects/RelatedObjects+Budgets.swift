import JSON
public import Kubernetes

/// Lookups of PodDisruptionBudgets and the pods that they select.
extension RelatedObjects {
    /// Returns the PodDisruptionBudgets of a namespace, at most a number of them.
    public func budgets(
        in namespace: String, atMost limit: Int = .max
    ) throws(CannotEvaluate) -> [DisruptionBudget] {
        try shelf(in: namespace)?.records(atMost: limit) ?? []
    }

    private func shelf(in namespace: String) throws(CannotEvaluate) -> RecordIndex<DisruptionBudget>? {
        try holding(.podDisruptionBudget, namespace, "PodDisruptionBudgets")?.budgets
    }

    /// Returns a PodDisruptionBudget by name.
    package func budget(named name: String, in namespace: String) throws(CannotEvaluate) -> DisruptionBudget? {
        try shelf(in: namespace)?[.podDisruptionBudget, name]
    }

    /// Returns the PodDisruptionBudgets of a namespace that select pods with these labels.
    public func budgets(selecting labels: Labels, in namespace: String) throws(CannotEvaluate) -> [DisruptionBudget] {
        let candidates = try shelf(in: namespace)?.candidates(underAnyOf: [RecordKey](labels.pairs)) ?? []
        return candidates.filter { $0.selects(labels) }
    }

    /// Returns a PodDisruptionBudget of another namespace that selects pods with these labels but not all pods, for messages;
    /// only the first few hundred namespaces are searched.
    package func budget(selecting labels: Labels, outside namespace: String) -> DisruptionBudget? {
        let keys = [RecordKey](labels.pairs)
        for name in guardedNamespaces.keys(atMost: 501) where name != namespace {
            let candidates = holdings[name]?.budgets.candidates(underAnyOf: keys) ?? []
            let meant = candidates.first { !($0.selector?.isEmpty ?? true) && $0.selects(labels) }
            if let meant { return meant }
        }
        return nil
    }

    /// Returns the known workloads whose pods a PDB selects, without Rollouts that use the template of another workload.
    package func workloads(guardedBy budget: DisruptionBudget) -> [Workload] {
        noteWorkloads(in: budget.namespace)
        guard let selector = budget.selector else { return [] }
        let keys = [RecordKey](selector.labels)
        var candidates: [Workload] = []
        if answers.isEmpty {
            candidates = holdings[budget.namespace]?.workloads.candidates(underAllOf: keys) ?? []
        } else {
            // The API server may have returned newer objects for some kinds.
            for kind in ResourceKinds.replicated.kinds {
                let known = holding(of: kind, budget.namespace)?.workloads.candidates(underAllOf: keys) ?? []
                candidates += known.filter { $0.kind == kind }
            }
        }
        return candidates.filter { $0.deployment == nil && selector.matches(Labels($0.labels)) }
    }

    /// Returns the other PDBs that certainly select some of the same pods: those of a known workload, or by their selectors.
    public func budgets(overlapping budget: DisruptionBudget) throws(CannotEvaluate) -> [DisruptionBudget] {
        guard let shelf = try shelf(in: budget.namespace), let selector = budget.selector else { return [] }
        // A PDB with an equal selector is indexed by one of its labels; one with an empty selector is a candidate for all.
        var others = selector.isEmpty ? shelf.records : shelf.candidates(underAnyOf: [RecordKey](selector.labels))
        others.removeAll { $0.selector.map { !selector.isEmpty && !$0.isEmpty && $0 != selector } ?? true }
        var names: Set<String> = [budget.name]
        others.removeAll { !names.insert($0.name).inserted }
        for workload in workloads(guardedBy: budget) {
            let more = try budgets(selecting: Labels(workload.labels), in: budget.namespace)
            others += more.filter { names.insert($0.name).inserted }
        }
        return others.sorted { $0.name < $1.name }
    }
}
