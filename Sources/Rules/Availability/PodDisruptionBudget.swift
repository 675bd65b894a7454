import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let podDisruptionBudget = Rule(
        id: "pod-disruption-budget",
        title: "Workloads have a PodDisruptionBudget",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            Nodes are drained for upgrades, consolidation and expiry. Without a PodDisruptionBudget, a drain can evict all \
            replicas at once.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope([.replicated, ResourceKinds(.podDisruptionBudget)], on: [.create, .update, .delete]),
        clauses: [missing, uncovered],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.podDisruptionBudget],
        exemptWith: "replicas",
        examples: cases,
        checks: [
            .init(.replicated, checkWorkload),
            .init(ResourceKinds(.podDisruptionBudget), checkBudget),
        ]
    )
}

private let missing = Clause("missing", "a PodDisruptionBudget of the namespace selects the pods")
private let uncovered = Clause(
    "uncovered",
    "no workload is left without a PodDisruptionBudget when one is deleted, or its selector is changed (a hint)")

private func checkWorkload(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard subject.review.operation != .delete else { return }
    // Read first: the rule is not evaluated if they are unknown.
    try context.relatedObjects.require(.podDisruptionBudget, in: subject.namespace)
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    guard try context.relatedObjects.budgets(selecting: labels, in: subject.namespace).isEmpty else { return }
    findings.add(
        missing, at: try subject.field("spec")["template"]["metadata"]["labels"],
        "are not selected by any PodDisruptionBudget\(nearMiss(labels, subject, context).map { "; \($0)" } ?? "")",
        traits: .init(awaitsRelatedObject: true, absent: .podDisruptionBudget)
    ) {
        if let selector = ownSelector(of: subject, labels) {
            $0.relatedObject = budget(named: subject.name ?? "web", in: subject.namespace, selector)
        } else {
            $0.advice = selectionAdvice + " with a PodDisruptionBudget"
        }
    }
}

/// Returns the PDB that was probably meant for the pods, and why it does not select them.
private func nearMiss(_ labels: Labels, _ subject: Subject, _ context: Context) -> String? {
    // The number of PDBs is limited, because this only adds a detail to a message.
    let budgets = (try? context.relatedObjects.budgets(in: subject.namespace, atMost: 500)) ?? []
    let named = try? context.relatedObjects.budget(named: subject.name ?? "", in: subject.namespace)
    for budget in budgets + [named].compactMap({ $0 }) {
        let title = budget.name.isEmpty ? "a PDB without a name" : "PDB \(budget.name)"
        if budget.isOfRemovedVersion {
            guard budget.writtenSelector?.matches(labels) ?? false else { continue }
            return "\(title) uses policy/v1beta1, which Kubernetes 1.25 removed"
        }
        guard let selector = budget.selector else { return "\(title) has a null selector, which selects nothing" }
        // A selector with a single part can be for other pods; it is a near miss only if the names are the same.
        guard selector.labels.count + selector.expressions.count > 1 || budget.name == subject.name else { continue }
        let failing =
            selector.labels.count { !labels.has($0.key, $0.value) } + selector.expressions.count { !$0.matches(labels) }
        if failing == 1, let part = selector.mismatch(with: labels) {
            return "\(title) requires \(part), which the pods do not match"
        }
    }
    return context.relatedObjects
        .budget(selecting: labels, outside: subject.namespace)
        .map {
            // A requester might not have access to other namespaces.
            guard context.source == .files else { return "a PDB in another namespace matches" }
            let place = $0.namespace.isEmpty ? "has no namespace; use --namespace" : "is in namespace \($0.namespace)"
            return "PDB \($0.name) matches, but \(place)"
        }
}

/// Returns a PDB that allows one disruption at a time.
private func budget(named name: String, in namespace: String, _ selector: Literal) -> Literal {
    [
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": ["maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector],
    ]
}

private func checkBudget(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let budget = try DisruptionBudget(subject)
    var before = budget
    let isDeletion = subject.review.operation == .delete
    if !isDeletion {
        guard !subject.isOld, subject.review.operation == .update, let old = subject.review.oldObject else { return }
        before = try DisruptionBudget(of: old, in: subject.namespace)
        guard before.selector != budget.selector else { return }
    }
    // Read first: the rule is not evaluated if PDBs are unknown.
    try context.relatedObjects.require(.podDisruptionBudget, in: subject.namespace)
    for workload in context.relatedObjects.workloads(guardedBy: before) {
        let labels = Labels(workload.labels)
        if !isDeletion, budget.selects(labels) { continue }
        let budgets = try context.relatedObjects.budgets(selecting: labels, in: subject.namespace)
        guard budgets.allSatisfy({ $0.name == budget.name }), !workload.isExempt(from: .podDisruptionBudget, context)
        else { continue }
        let (was, target) = (isDeletion ? "is" : "was", "\(workload.kind.name) \(workload.name)")
        findings.add(
            uncovered, at: try subject.field("spec")["selector"],
            "\(was) the only selector for the pods of \(target), which is left without a PDB",
            traits: .init(isHint: !isDeletion)
        ) { $0.advice = "create another PodDisruptionBudget for it first" }
    }
}

private func budgetExample(
    selector: String, name: String = "web", namespace: String = "shop", version: String = "v1"
) -> String {
    """
    apiVersion: policy/\(version)
    kind: PodDisruptionBudget
    metadata: {name: \(name), namespace: \(namespace)}
    spec: {maxUnavailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow, selector: \(selector)}
    """
}

private let cases: [Example] = [
    .good(
        "a PDB that selects the pods' label", "{}", relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}")
    ),
    .good("an empty selector, which selects all pods", "{}", relatedObjects: budgetExample(selector: "{}")),
    .good(
        "a selector with matchExpressions only", "{}",
        relatedObjects: budgetExample(selector: "{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}")),
    .bad(
        "a null selector, which selects no pods", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "null")),
    .bad(
        "a PDB for other pods", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .bad(
        "a selector with a label that the pods do not have", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web, tier: front}}")),
    .bad(
        "a workload with zero replicas", missing, at: "spec.template.metadata.labels", "spec: {replicas: 0}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .bad(
        "pods without labels", missing, at: "spec.template.metadata.labels",
        "spec: {selector: null, template: {metadata: {labels: null}}}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .good("not evaluated because PDBs are unknown", "{}"),
    .bad(
        "the only PDB of a workload is deleted", uncovered, at: "spec.selector",
        budgetExample(selector: "{matchLabels: {app: web}}"),
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}") + "\n---\n" + """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop}
            spec: {replicas: 3, template: {metadata: {labels: {app: web}}}}
            """, request: .delete),
    .bad(
        "the only PDB of a workload is changed to select other pods", uncovered, at: "spec.selector",
        budgetExample(selector: "{matchLabels: {app: api}}"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}"), isHint: true),
    .bad(
        "the only PDB of a workload loses its selector", uncovered, at: "spec.selector",
        budgetExample(selector: "null"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}"), isHint: true),
    .good(
        "a PDB is changed to an equivalent selector",
        budgetExample(selector: "{matchExpressions: [{key: app, operator: In, values: [web]}]}"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}")),
    .good(
        "one of two PDBs is changed to select other pods",
        budgetExample(selector: "{matchLabels: {app: api}}"),
        relatedObjects: documents(
            budgetExample(selector: "{matchLabels: {app: web}}"),
            budgetExample(selector: "{matchLabels: {app: web}}", name: "second"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}")),
    .bad(
        "a PDB of policy/v1beta1", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}", version: "v1beta1")),
    .good(
        "the only PDB of a workload that is exempt from replicas is deleted",
        budgetExample(selector: "{matchLabels: {app: web}}"),
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}") + "\n---\n" + """
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: web
              namespace: shop
              annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
            spec: {replicas: 1, template: {metadata: {labels: {app: web}}}}
            """, request: .delete),
    .good(
        "init and sidecar containers are not checked",
        "initContainers: [{name: proxy, restartPolicy: Always}]",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}")),
    .good(
        "a workload that is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        """, relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
]
