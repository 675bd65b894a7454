import Evaluation

private func budget(_ line: String, name: String = "web", selector: String = "{matchLabels: {app: web}}") -> String {
    """
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: \(name), namespace: shop}
    spec: {\(line), unhealthyPodEvictionPolicy: AlwaysAllow, selector: \(selector)}
    """
}

private func workload(replicas: Int) -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: shop}
    spec: {replicas: \(replicas), template: {metadata: {labels: {app: web}}}}
    """
}

private func autoscaler(minimum: Int, of name: String = "web") -> String {
    """
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: \(name), namespace: shop}
    spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: \(name)}, minReplicas: \(minimum), maxReplicas: 9}
    """
}

private func all(_ objects: String...) -> String { objects.joined(separator: "\n---\n") }

let disruptionExamples: [Example] = [
    .good("one may go", budget("maxUnavailable: 1")),
    .good(
        "a share may go, rounded up", budget("maxUnavailable: 1%"),
        relatedObjects: all(workload(replicas: 2), budget("maxUnavailable: 1%"))),
    .bad("none may go", DisruptionClause.blocks, at: "spec.maxUnavailable", budget("maxUnavailable: 0")),
    .bad("no share may go", DisruptionClause.blocks, at: "spec.maxUnavailable", budget("maxUnavailable: 0%")),
    .bad("all must stay", DisruptionClause.blocks, at: "spec.minAvailable", budget("minAvailable: 100%")),
    .bad(
        "nothing said lets nothing go", DisruptionClause.blocks, at: "spec.maxUnavailable", budget("minAvailable: null")
    ),
    .bad(
        "no pod of the namespace may go, where one workload's could not", DisruptionClause.blocks,
        at: "spec.maxUnavailable", budget("maxUnavailable: 0", selector: "{}"), before: budget("maxUnavailable: 0")),
    .good("a half must stay, of nobody knows how many", budget("minAvailable: 50%")),
    .good(
        "a half of three is two", budget("minAvailable: 50%"),
        relatedObjects: all(workload(replicas: 3), autoscaler(minimum: 3, of: "other"), budget("minAvailable: 50%"))),
    .bad(
        "as many must stay as there are", DisruptionClause.blocks, at: "spec.minAvailable", budget("minAvailable: 3"),
        relatedObjects: all(workload(replicas: 3), autoscaler(minimum: 3, of: "other"), budget("minAvailable: 3"))),
    .bad(
        "as many must stay as the autoscaler may leave", DisruptionClause.blocks, at: "spec.minAvailable",
        budget("minAvailable: 2"),
        relatedObjects: all(workload(replicas: 5), autoscaler(minimum: 2), budget("minAvailable: 2"))),
    .good(
        "none run now", budget("minAvailable: 2"),
        relatedObjects: all(workload(replicas: 0), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 2"))),
    .bad(
        "as many must stay as the Rollout that runs the pods has", DisruptionClause.blocks, at: "spec.minAvailable",
        budget("minAvailable: 5"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 5"))),
    .bad(
        "a Rollout that runs a Deployment's pods counts once where all are selected", DisruptionClause.blocks,
        at: "spec.minAvailable", budget("minAvailable: 5", selector: "{}"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), autoscaler(minimum: 2, of: "other"),
            budget("minAvailable: 5", selector: "{}"))),
    .good(
        "a Deployment and the Rollout that takes over from it, together", budget("minAvailable: 3"),
        relatedObjects: all(
            workload(replicas: 3), borrowingRollout(), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 3"))),
    .bad(
        "as many must stay as the Rollout's autoscaler may leave", DisruptionClause.blocks, at: "spec.minAvailable",
        budget("minAvailable: 2"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), horizontalAutoscaler("canary", for: canary),
            budget("minAvailable: 2"))),
    .bad(
        "a second budget over the same pods", DisruptionClause.overlaps, at: "spec.selector",
        budget("maxUnavailable: 1", name: "second"),
        relatedObjects: all(workload(replicas: 3), budget("maxUnavailable: 1"))),
    .bad(
        "a budget for everything beside another", DisruptionClause.overlaps, at: "spec.selector",
        budget("maxUnavailable: 1", name: "everything", selector: "{}"), relatedObjects: budget("maxUnavailable: 1")),
    .good(
        "a budget for other pods", budget("maxUnavailable: 1", name: "api", selector: "{matchLabels: {app: api}}"),
        relatedObjects: all(workload(replicas: 3), budget("maxUnavailable: 1"))),
    .bad(
        "a workload with too few replicas for its budget", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 2}",
        relatedObjects: all(budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other"))),
    .good(
        "a new workload whose count is left to an autoscaler that follows", "spec: {replicas: 1}",
        relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_REPLICAS": "off", "PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .bad(
        "a new workload with a count of its author's", DisruptionClause.tooFew, at: "spec.replicas",
        """
        metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"replicas":1}}'}}
        spec: {replicas: 1}
        """, relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other"))),
    .bad(
        "a workload that is left at one", DisruptionClause.tooFew, at: "spec.replicas", "spec: {replicas: 1}",
        relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 2}"),
    .bad(
        "a workload whose budget lets nothing go", DisruptionClause.tooFew, at: "spec.replicas", "spec: {replicas: 3}",
        relatedObjects: budget("maxUnavailable: 0")),
    .bad(
        "a workload under two budgets", DisruptionClause.overlapped, at: "spec.template.metadata.labels", "{}",
        relatedObjects: all(budget("maxUnavailable: 1"), budget("maxUnavailable: 1", name: "all", selector: "{}"))),
    .bad(
        "a workload whose Rollout has too few for its budget", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 0}",
        relatedObjects: all(budget("minAvailable: 5"), borrowingRollout(), autoscaler(minimum: 2, of: "other"))),
    .good(
        "a workload with room beside its Rollout", "spec: {replicas: 2}",
        relatedObjects: all(budget("minAvailable: 2"), borrowingRollout(), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .good(
        "a workload with room", "spec: {replicas: 3}",
        relatedObjects: all(budget("minAvailable: 2"), autoscaler(minimum: 3))),
    .bad(
        "scaled down to what the budget keeps", DisruptionClause.tooFew, at: "spec.replicas", "spec: {replicas: 2}",
        relatedObjects: all(workload(replicas: 3), budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 3}", request: .scale),
    .good(
        "scaled to none, which a Scale does not write", "spec: {replicas: null}",
        relatedObjects: all(workload(replicas: 3), budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 3}", request: .scale),
    .good("where budgets are not known, nothing is said", "{}"),
    .good(
        "containers do not matter",
        "initContainers: [{name: proxy, restartPolicy: Always}]", relatedObjects: budget("maxUnavailable: 1")),
]
