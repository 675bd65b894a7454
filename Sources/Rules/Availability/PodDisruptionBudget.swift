import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let podDisruptionBudget = Rule(
        id: "pod-disruption-budget",
        title: "A PodDisruptionBudget guards the pods",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            Nodes are drained for upgrades, consolidation and expiry all the time. Without a budget a drain may take every replica \
            at once.
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

private let missing = Clause("missing", "some PodDisruptionBudget of the namespace selects the pods")
private let uncovered = Clause(
    "uncovered", "no workload is left without a budget when one is deleted, or its selector is changed (a hint)")

private func checkWorkload(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard subject.review.operation != .delete else { return }
    // First of all: where they are not known there is nothing else to do.
    let budgets = try context.relatedObjects.budgets(in: subject.namespace)
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    guard try context.relatedObjects.budgets(selecting: labels, in: subject.namespace).isEmpty else { return }
    findings.add(
        missing, at: try subject.field("spec")["template"]["metadata"]["labels"],
        "are selected by no PodDisruptionBudget\(nearMiss(budgets, labels, subject, context).map { ": \($0)" } ?? "")",
        traits: .init(awaitsRelatedObject: true, absent: .podDisruptionBudget)
    ) {
        if let selector = ownSelector(of: subject, labels) {
            $0.relatedObject = budget(named: subject.name ?? "web", in: subject.namespace, selector)
        } else {
            $0.advice = selectionAdvice + " with a PodDisruptionBudget"
        }
    }
}

/// The budget that its author may have meant, and what keeps it apart.
private func nearMiss(
    _ budgets: [DisruptionBudget], _ labels: Labels, _ subject: Subject, _ context: Context
) -> String? {
    // Of hundreds not all are looked at for a word more in a message.
    let named = try? context.relatedObjects.budget(named: subject.name ?? "", in: subject.namespace)
    for budget in budgets.prefix(500) + [named].compactMap({ $0 }) {
        let title = budget.name.isEmpty ? "one without a name" : budget.name
        if budget.isOfRemovedVersion {
            return "\(title) is of policy/v1beta1, which Kubernetes 1.25 removed; use policy/v1"
        }
        guard let selector = budget.selector else { return "\(title) has a null selector, which selects nothing" }
        // A selector of one part that fails may be about anything; sharing another part or a name makes it a near miss.
        guard selector.labels.count + selector.expressions.count > 1 || budget.name == subject.name else { continue }
        let failing =
            selector.labels.count { !labels.has($0.key, $0.value) } + selector.expressions.count { !$0.matches(labels) }
        if failing == 1, let part = selector.mismatch(with: labels) {
            return "\(title) selects \(part), which they do not have"
        }
    }
    return context.relatedObjects
        .budget(selecting: labels, outside: subject.namespace)
        .map {
            // Who asks a server may not see other namespaces.
            context.source == .files
                ? "\($0.name) would, but is in namespace \($0.namespace)" : "a PDB in another namespace would"
        }
}

/// A budget that lets one pod go at a time.
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
) throws(CannotJudge) {
    let budget = try DisruptionBudget(subject)
    var before = budget
    let isDeletion = subject.review.operation == .delete
    if !isDeletion {
        guard !subject.isOld, subject.review.operation == .update, let old = subject.review.oldObject else { return }
        before = try DisruptionBudget(of: old, in: subject.namespace)
        guard before.selector != budget.selector else { return }
    }
    // First of all: where budgets are not known there is nothing else to do.
    _ = try context.relatedObjects.budgets(in: subject.namespace)
    for workload in context.relatedObjects.workloads(guardedBy: before) {
        let labels = Labels(workload.labels)
        if !isDeletion, budget.selects(labels) { continue }
        let budgets = try context.relatedObjects.budgets(selecting: labels, in: subject.namespace)
        guard budgets.allSatisfy({ $0.name == budget.name }), !workload.isExempt(from: .podDisruptionBudget, context)
        else { continue }
        let (was, target) = (isDeletion ? "is" : "was", "\(workload.kind.name) \(workload.name)")
        findings.add(
            uncovered, at: try subject.field("spec")["selector"],
            "\(was) the only one that guards \(target), which is left without a budget",
            traits: .init(isHint: !isDeletion)
        ) { $0.advice = "apply another PodDisruptionBudget for it first" }
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
    .good("a budget for its label", "{}", relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}")),
    .good("the empty selector selects all", "{}", relatedObjects: budgetExample(selector: "{}")),
    .good(
        "expressions alone", "{}",
        relatedObjects: budgetExample(selector: "{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}")),
    .bad(
        "a null selector selects nothing", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "null")),
    .bad(
        "a budget for something else", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .bad(
        "one label too many", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web, tier: front}}")),
    .bad(
        "no replicas now, more tomorrow", missing, at: "spec.template.metadata.labels", "spec: {replicas: 0}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .bad(
        "pods without labels, which no budget of their own can select", missing, at: "spec.template.metadata.labels",
        "spec: {selector: null, template: {metadata: {labels: null}}}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
    .good("where budgets are not known, nothing is said", "{}"),
    .bad(
        "the last budget of a workload is deleted", uncovered, at: "spec.selector",
        budgetExample(selector: "{matchLabels: {app: web}}"),
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}") + "\n---\n" + """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop}
            spec: {replicas: 3, template: {metadata: {labels: {app: web}}}}
            """, request: .delete),
    .bad(
        "the last budget of a workload is given to another", uncovered, at: "spec.selector",
        budgetExample(selector: "{matchLabels: {app: api}}"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}"), isHint: true),
    .bad(
        "the last budget of a workload loses its selector", uncovered, at: "spec.selector",
        budgetExample(selector: "null"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}"), isHint: true),
    .good(
        "a budget whose selector is told in other words",
        budgetExample(selector: "{matchExpressions: [{key: app, operator: In, values: [web]}]}"),
        relatedObjects: documents(budgetExample(selector: "{matchLabels: {app: web}}"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}")),
    .good(
        "a budget that goes to another where a second one stays",
        budgetExample(selector: "{matchLabels: {app: api}}"),
        relatedObjects: documents(
            budgetExample(selector: "{matchLabels: {app: web}}"),
            budgetExample(selector: "{matchLabels: {app: web}}", name: "second"), knownDeployment()),
        before: budgetExample(selector: "{matchLabels: {app: web}}")),
    .bad(
        "a budget of a version that is no longer served", missing, at: "spec.template.metadata.labels", "{}",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}", version: "v1beta1")),
    .good(
        "the last budget of what is exempt from replicas is deleted",
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
        "containers do not matter",
        "initContainers: [{name: proxy, restartPolicy: Always}]",
        relatedObjects: budgetExample(selector: "{matchLabels: {app: web}}")),
    .good(
        "what is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        """, relatedObjects: budgetExample(selector: "{matchLabels: {app: api}}", name: "api")),
]
