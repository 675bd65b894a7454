import JSON
public import Kubernetes

/// Which budgets guard which pods.
extension Companions {
    /// The PodDisruptionBudgets of a namespace that guard pods with these labels.
    public func budgets(selecting labels: Labels, in namespace: String) throws(CannotJudge) -> [DisruptionBudget] {
        try budgets(in: namespace).filter { $0.selects(labels) }
    }

    /// The workloads whose pods a budget guards, as far as they are known.
    func workloads(guardedBy budget: DisruptionBudget) -> [Workload] {
        workloads(in: budget.namespace).filter { budget.selects(Labels($0.labels)) }
    }

    /// The other budgets that select some of the same pods for sure: those of a known workload, or by selectors that say so.
    public func budgets(overlapping budget: DisruptionBudget) throws(CannotJudge) -> [DisruptionBudget] {
        let others = try budgets(in: budget.namespace).filter { $0.name != budget.name }
        guard let selector = budget.selector else { return [] }
        let guarded = workloads(guardedBy: budget)
        return others.filter { other in
            guard let theirs = other.selector else { return false }
            return selector.isEmpty || theirs.isEmpty || selector == theirs
                || guarded.contains { other.selects(Labels($0.labels)) }
        }
    }
}
