import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let disruptionAllowed = Rule(
        id: "disruption-allowed",
        title: "A PodDisruptionBudget lets a pod go",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A budget that lets no pod go blocks every drain, so that nodes can be neither upgraded nor consolidated; two budgets \
            over one pod make its eviction fail outright.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope([.replicated, ResourceKinds(.podDisruptionBudget, .scale)], of: [.none, .scale]),
        clauses: [
            DisruptionClause.blocks, DisruptionClause.tooFew, DisruptionClause.overlaps, DisruptionClause.overlapped,
        ],
        relatedObjects: [
            .podDisruptionBudget, .horizontalPodAutoscaler, .scaledObject, .deployment, .statefulSet, .rollout,
        ],
        examples: disruptionExamples,
        checks: [
            .init(ResourceKinds(.podDisruptionBudget), checkBudget),
            .init([.replicated, ResourceKinds(.scale)], checkWorkload),
        ]
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum DisruptionClause {
    static let blocks = Clause("blocks", "the budget lets at least one pod go")
    static let tooFew = Clause("too-few", "the workload has more replicas than its budget keeps")
    static let overlaps = Clause("overlaps", "no other budget selects the same pods")
    static let overlapped = Clause("overlapped", "no workload is selected by two budgets")
}

// MARK: The budget's side

private func checkBudget(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let budget = try DisruptionBudget(subject)
    let spec = try subject.field("spec")
    let relatedObjects = context.relatedObjects
    let podOwners = relatedObjects.workloads(guardedBy: budget).flatMap {
        relatedObjects.podOwners(of: $0.kind, $0.name, $0.replicas, in: subject.namespace)
    }
    let count = relatedObjects.count(of: podOwners, in: subject.namespace)
    if let reason = budget.blockage(of: count) {
        // To take in all pods of the namespace is another choice; to take in fewer is not.
        let isForAll = budget.selector?.isEmpty ?? false
        for choice in isForAll ? subject.isOld ? ["of all", ""] : ["of all"] : [""] {
            findings.add(
                DisruptionClause.blocks, at: try spec[budget.bound], reason, choice: "\(budget.bound)\(choice)",
                excess: budget.excess(over: count), traits: budget.traits(of: podOwners, relatedObjects)
            ) {
                $0.edits = [.set(findings.place(of: spec.member("maxUnavailable")), 1)]
                if budget.isMinimum { $0.edits.insert(.remove($0.place), at: 0) }
            }
        }
    }
    for other in try relatedObjects.budgets(overlapping: budget) {
        findings.add(
            DisruptionClause.overlaps, at: try spec["selector"],
            "selects pods that PodDisruptionBudget \(other.name) selects too", choice: other.name
        ) { $0.advice = "delete one of the two, or narrow a selector: evicting such a pod fails with an error" }
    }
}

extension DisruptionBudget {
    /// The traits of its finding, which depends on the absence of an autoscaler where one could make more pods.
    fileprivate func traits(of podOwners: [PodOwner], _ relatedObjects: RelatedObjects) -> Finding.Traits {
        let isScaled = relatedObjects.areAutoscaled(podOwners, in: namespace)
        return .init(absent: !isScaled && blockage(of: nil) == nil ? .horizontalPodAutoscaler : nil)
    }

    /// Why no pod may go of so many (nil or 0: of any number); nil when one may.
    fileprivate func blockage(of count: Int?) -> String? {
        if let maxUnavailable { return maxUnavailable.isZero ? "is \(maxUnavailable): no pod may ever go" : nil }
        // As the disruption controller counts: where nothing is said, no pod is expected and none may go.
        guard let minAvailable else { return "is unset, and so is minAvailable: no pod may ever go" }
        if minAvailable.isAll { return "is \(minAvailable): no pod may ever go" }
        guard let count, count > 0, minAvailable.scaled(of: count) >= count else { return nil }
        return "is \(minAvailable) of \(count) replicas: none may go"
    }

    fileprivate var isMinimum: Bool { maxUnavailable == nil && minAvailable != nil }

    /// The field that says how many may go, or would.
    fileprivate var bound: StaticString { isMinimum ? "minAvailable" : "maxUnavailable" }

    /// How many more than there are must stay.
    fileprivate func excess(over count: Int?) -> Double {
        guard let count, let minAvailable, isMinimum else { return 0 }
        return Double(minAvailable.scaled(of: count)) - Double(count)
    }
}

// MARK: The workload's side

private func checkWorkload(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let isScale = subject.review.subresource == .scale
    let kind = isScale ? subject.scaledKind : subject.kind
    guard ResourceKinds.replicated.contains(kind) else { return }
    // First of all: where they are not known there is nothing else to do.
    _ = try context.relatedObjects.budgets(in: subject.namespace)
    guard let labels = try isScale ? scaledLabels(subject, context) : subject.template()?.labels() else { return }
    let budgets = try context.relatedObjects.budgets(selecting: labels, in: subject.namespace)
    guard !budgets.isEmpty else { return }
    let spec = try subject.field("spec")
    if budgets.count > 1, !isScale {
        let names = budgets.map(\.name).sorted().joined(separator: " and ")
        findings.add(
            DisruptionClause.overlapped, at: try spec["template"]["metadata"]["labels"],
            "are selected by several PodDisruptionBudgets: \(names)", choice: names
        ) { $0.advice = "delete all but one: evicting such a pod fails with an error" }
        return
    }
    let field = try spec["replicas"]
    // A Scale to none is written without a number.
    let replicas = try field.integer() ?? (isScale ? 0 : 1)
    if subject.maySet(count: replicas, context), subject.review.operation == .update { return }
    // A 1 that the API server filled in is nobody's count: an autoscaler may follow, as it does in every release.
    let isLeftOpen = subject.review.operation == .create && replicas == 1 && !subject.statesReplicas(context)
    let podOwners = context.relatedObjects.podOwners(
        of: kind, subject.name ?? "", isLeftOpen ? nil : replicas, in: subject.namespace)
    // Whoever scales says how many there will be, be an autoscaler known or not.
    let count =
        context.relatedObjects.count(of: podOwners, in: subject.namespace)
        ?? (isScale && podOwners.count == 1 ? replicas : nil)
    for budget in budgets {
        guard let reason = budget.blockage(of: count) else { continue }
        findings.add(
            DisruptionClause.tooFew, at: field,
            "is \(replicas), while PodDisruptionBudget \(budget.name)'s \(budget.bound) \(reason)",
            choice: budget.name,
            // More of them help only where the budget is about their number.
            excess: budget.blockage(of: nil) == nil ? -Double(count ?? 0) : nil,
            traits: budget.traits(of: podOwners, context.relatedObjects)
        ) { $0.relatedObject = corrected(budget) }
        return
    }
}

/// The labels of the pods that a Scale is about; nil where its workload has none of its own.
private func scaledLabels(_ subject: Subject, _ context: Context) throws(CannotJudge) -> Labels? {
    try context.relatedObjects.workload(subject.scaledKind, subject.name ?? "", in: subject.namespace)
        .flatMap { $0.deployment == nil ? Labels($0.labels) : nil }
}

/// The budget as it could be.
private func corrected(_ budget: DisruptionBudget) -> Literal {
    [
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": ["name": .string(budget.name), "namespace": .string(budget.namespace)],
        "spec": [
            "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": budget.selector?.literal ?? nil,
        ],
    ]
}
