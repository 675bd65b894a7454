import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let disruptionAllowed = Rule(
        id: "disruption-allowed",
        title: "PodDisruptionBudgets allow at least one disruption",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A PodDisruptionBudget that allows no disruptions blocks every drain: nodes can be neither upgraded nor consolidated. \
            If two of them select the same pod, its eviction fails.
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

/// The clauses of `disruption-allowed`.
enum DisruptionClause {
    static let blocks = Clause("blocks", "the PodDisruptionBudget allows at least one disruption")
    static let tooFew = Clause(
        "too-few",
        "the workloads that a PodDisruptionBudget selects have more replicas together than it keeps available"
    )
    static let overlaps = Clause("overlaps", "no other PodDisruptionBudget selects the same pods")
    static let overlapped = Clause("overlapped", "no two PodDisruptionBudgets select the workload's pods")
}

// MARK: PodDisruptionBudgets

private func checkBudget(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let budget = try DisruptionBudget(subject)
    let spec = try subject.field("spec")
    let relatedObjects = context.relatedObjects
    let podOwners = relatedObjects.podOwners(guardedBy: budget)
    let count = relatedObjects.count(of: podOwners, in: subject.namespace)
    if let reason = budget.blockage(of: count) {
        // Selecting all pods of the namespace is another choice; selecting fewer is not.
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
        // Without a bound, both fields are missing, so that an insufficient value of either is not a new violation.
        if subject.isOld, budget.isUnbound {
            findings.add(DisruptionClause.blocks, at: try spec["minAvailable"], reason)
        }
    }
    for other in try relatedObjects.budgets(overlapping: budget) {
        findings.add(
            DisruptionClause.overlaps, at: try spec["selector"],
            "selects pods that PodDisruptionBudget \(other.name) also selects", choice: other.name
        ) { $0.advice = "delete one of them, or narrow a selector; the eviction of these pods fails" }
    }
}

extension DisruptionBudget {
    /// The traits of the finding, which depends on the absence of an autoscaler if one could add pods.
    fileprivate func traits(of podOwners: [PodOwner], _ relatedObjects: RelatedObjects) -> Finding.Traits {
        let isScaled = relatedObjects.areAutoscaled(podOwners, in: namespace)
        return .init(absent: !isScaled && blockage(of: nil) == nil ? .horizontalPodAutoscaler : nil)
    }

    /// Returns why no disruption of this number of pods is allowed (nil or 0: of any number); nil if one is.
    fileprivate func blockage(of count: Int?) -> String? {
        if let maxUnavailable {
            return maxUnavailable.isZero ? "is \(maxUnavailable), which allows 0 disruptions" : nil
        }
        // Like the disruption controller: if neither is set, no pods are expected and no disruption is allowed.
        guard let minAvailable else { return "is not set, and minAvailable is not set, which allows 0 disruptions" }
        if minAvailable.isAll { return "is \(minAvailable), which allows 0 disruptions" }
        guard let count, count > 0, minAvailable.scaled(of: count) >= count else { return nil }
        return "is \(minAvailable), which allows 0 disruptions of \(count) replica\(count == 1 ? "" : "s")"
    }

    fileprivate var isMinimum: Bool { maxUnavailable == nil && minAvailable != nil }

    fileprivate var isUnbound: Bool { maxUnavailable == nil && minAvailable == nil }

    /// The field that limits disruptions, or that is missing.
    fileprivate var bound: StaticString { isMinimum ? "minAvailable" : "maxUnavailable" }

    /// The number of pods by which `minAvailable` exceeds the replicas.
    fileprivate func excess(over count: Int?) -> Double {
        guard let count, let minAvailable, isMinimum else { return 0 }
        return Double(minAvailable.scaled(of: count)) - Double(count)
    }
}

extension RelatedObjects {
    /// Returns the workloads that create the pods that a PDB selects, without one of them.
    fileprivate func podOwners(
        guardedBy budget: DisruptionBudget, except kind: ResourceKind? = nil, _ name: String? = nil
    ) -> [PodOwner] {
        workloads(guardedBy: budget).filter { $0.kind != kind || $0.name != name }.flatMap {
            podOwners(of: $0.kind, $0.name, $0.replicas, in: budget.namespace)
        }
    }
}

// MARK: Workloads

private func checkWorkload(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let isScale = subject.review.subresource == .scale
    let kind = isScale ? subject.scaledKind : subject.kind
    guard ResourceKinds.replicated.contains(kind) else { return }
    // Read first: the rule is not evaluated if they are unknown.
    try context.relatedObjects.require(.podDisruptionBudget, in: subject.namespace)
    guard let labels = try isScale ? scaledLabels(subject, context) : subject.template()?.labels() else { return }
    let budgets = try context.relatedObjects.budgets(selecting: labels, in: subject.namespace)
    guard !budgets.isEmpty else { return }
    let spec = try subject.field("spec")
    if budgets.count > 1, !isScale {
        let names = budgets.map(\.name).sorted().joined(separator: " and ")
        findings.add(
            DisruptionClause.overlapped, at: try spec["template"]["metadata"]["labels"],
            "are selected by several PodDisruptionBudgets (\(names))", choice: names
        ) { $0.advice = "delete all but one; the eviction of these pods fails" }
        return
    }
    let field = try spec["replicas"]
    // A Scale to zero omits the field.
    let replicas = try field.integer() ?? (isScale ? 0 : 1)
    if subject.maySet(count: replicas, context), subject.review.operation == .update { return }
    // The API server's default of 1 is not the author's choice: an autoscaler can follow, as in every release.
    let isLeftOpen = subject.review.operation == .create && replicas == 1 && !subject.statesReplicas(context)
    let relatedObjects = context.relatedObjects
    let own = relatedObjects.podOwners(
        of: kind, subject.name ?? "", isLeftOpen ? nil : replicas, in: subject.namespace)
    // A scale request sets the number, even if autoscalers are unknown.
    let ownCount =
        relatedObjects.count(of: own, in: subject.namespace) ?? (isScale && own.count == 1 ? replicas : nil)
    for budget in budgets {
        // The pods of other workloads only raise the number of allowed disruptions.
        guard budget.blockage(of: ownCount) != nil else { continue }
        let others = relatedObjects.podOwners(guardedBy: budget, except: kind, subject.name)
        let podOwners = own + others
        let count = others.isEmpty ? ownCount : relatedObjects.count(of: podOwners, in: subject.namespace)
        guard let reason = budget.blockage(of: count) else { continue }
        findings.add(
            DisruptionClause.tooFew, at: field,
            "is \(replicas)\(others.isEmpty ? "" : " (its PDB selects \(others.count) other\(others.count == 1 ? "" : "s"))"), but \(budget.bound) of PodDisruptionBudget \(budget.name) \(reason)",
            choice: budget.name,
            // More replicas help only if the PDB depends on their number.
            excess: budget.blockage(of: nil) == nil ? -Double(count ?? 0) : nil,
            traits: budget.traits(of: podOwners, relatedObjects)
        ) { $0.relatedObject = corrected(budget) }
        return
    }
}

/// Returns the labels of the pods that a scale request affects; nil if the workload has no template.
private func scaledLabels(_ subject: Subject, _ context: Context) throws(CannotEvaluate) -> Labels? {
    try context.relatedObjects.workload(subject.scaledKind, subject.name ?? "", in: subject.namespace)
        .flatMap { $0.deployment == nil ? Labels($0.labels) : nil }
}

/// Returns the PDB with the suggested change.
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
