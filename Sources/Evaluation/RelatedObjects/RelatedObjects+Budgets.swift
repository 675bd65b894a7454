import JSON
public import Kubernetes

/// Which budgets guard which pods.
extension RelatedObjects {
    /// The PodDisruptionBudgets of a namespace.
    public func budgets(in namespace: String) throws(CannotJudge) -> [DisruptionBudget] {
        try shelf(in: namespace)?.records ?? []
    }

    private func shelf(in namespace: String) throws(CannotJudge) -> RecordIndex<DisruptionBudget>? {
        try holding(.podDisruptionBudget, namespace, "PodDisruptionBudgets")?.budgets
    }

    /// A PodDisruptionBudget by its name.
    package func budget(named name: String, in namespace: String) throws(CannotJudge) -> DisruptionBudget? {
        try shelf(in: namespace)?[.podDisruptionBudget, name]
    }

    /// The PodDisruptionBudgets of a namespace that guard pods with these labels.
    public func budgets(selecting labels: Labels, in namespace: String) throws(CannotJudge) -> [DisruptionBudget] {
        let candidates = try shelf(in: namespace)?.candidates(underAnyOf: [RecordKey](labels.pairs)) ?? []
        return candidates.filter { $0.selects(labels) }
    }

    /// A PodDisruptionBudget of another namespace that guards pods with these labels, and not just all pods; for messages: not
    /// more than a few hundred namespaces are looked at.
    package func budget(selecting labels: Labels, outside namespace: String) -> DisruptionBudget? {
        let keys = [RecordKey](labels.pairs)
        for name in guardedNamespaces.lazy.filter({ $0 != namespace }).prefix(500) {
            let candidates = holdings[name]?.budgets.candidates(underAnyOf: keys) ?? []
            let meant = candidates.first { !($0.selector?.isEmpty ?? true) && $0.selects(labels) }
            if let meant { return meant }
        }
        return nil
    }

    /// The workloads whose pods a budget guards, as far as they are known, but Rollouts that borrow a template: its workload is one.
    package func workloads(guardedBy budget: DisruptionBudget) -> [Workload] {
        noteWorkloads(in: budget.namespace)
        guard let selector = budget.selector else { return [] }
        let keys = [RecordKey](selector.labels)
        var candidates: [Workload] = []
        if answers.isEmpty {
            candidates = holdings[budget.namespace]?.workloads.candidates(underAllOf: keys) ?? []
        } else {
            // Some kinds may have been asked for anew.
            for kind in ResourceKinds.replicated.kinds {
                let known = holding(of: kind, budget.namespace)?.workloads.candidates(underAllOf: keys) ?? []
                candidates += known.filter { $0.kind == kind }
            }
        }
        return candidates.filter { $0.deployment == nil && selector.matches(Labels($0.labels)) }
    }

    /// The other budgets that select some of the same pods for sure: those of a known workload, or by selectors that say so.
    public func budgets(overlapping budget: DisruptionBudget) throws(CannotJudge) -> [DisruptionBudget] {
        guard let shelf = try shelf(in: budget.namespace), let selector = budget.selector else { return [] }
        // An equal selector is filed under a label of this one, an empty one is a candidate for all.
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
