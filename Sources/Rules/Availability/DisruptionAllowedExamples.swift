import Evaluation

private func budget(_ line: String, name: String = "web", selector: String = "{matchLabels: {app: web}}") -> String {
    """
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: \(name), namespace: shop}
    spec: {\(line), unhealthyPodEvictionPolicy: AlwaysAllow, selector: \(selector)}
    """
}

private func workload(_ name: String = "web", replicas: Int, app: String = "web") -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: \(name), namespace: shop}
    spec: {replicas: \(replicas), template: {metadata: {labels: {app: \(app)}}}}
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
    .good("maxUnavailable 1", budget("maxUnavailable: 1")),
    .good(
        "maxUnavailable 1%, rounded up", budget("maxUnavailable: 1%"),
        relatedObjects: all(workload(replicas: 2), budget("maxUnavailable: 1%"))),
    .bad("maxUnavailable 0", DisruptionClause.blocks, at: "spec.maxUnavailable", budget("maxUnavailable: 0")),
    .bad("maxUnavailable 0%", DisruptionClause.blocks, at: "spec.maxUnavailable", budget("maxUnavailable: 0%")),
    .bad("minAvailable 100%", DisruptionClause.blocks, at: "spec.minAvailable", budget("minAvailable: 100%")),
    .bad(
        "neither minAvailable nor maxUnavailable", DisruptionClause.blocks, at: "spec.maxUnavailable",
        budget("minAvailable: null")
    ),
    .bad(
        "maxUnavailable 0, changed to select all pods", DisruptionClause.blocks,
        at: "spec.maxUnavailable", budget("maxUnavailable: 0", selector: "{}"), before: budget("maxUnavailable: 0")),
    .good("minAvailable 50% of an unknown number of replicas", budget("minAvailable: 50%")),
    .good(
        "minAvailable 50% of 3 replicas", budget("minAvailable: 50%"),
        relatedObjects: all(workload(replicas: 3), autoscaler(minimum: 3, of: "other"), budget("minAvailable: 50%"))),
    .bad(
        "minAvailable equal to the replicas", DisruptionClause.blocks, at: "spec.minAvailable",
        budget("minAvailable: 3"),
        relatedObjects: all(workload(replicas: 3), autoscaler(minimum: 3, of: "other"), budget("minAvailable: 3"))),
    .bad(
        "minAvailable equal to the autoscaler's minimum", DisruptionClause.blocks, at: "spec.minAvailable",
        budget("minAvailable: 2"),
        relatedObjects: all(workload(replicas: 5), autoscaler(minimum: 2), budget("minAvailable: 2"))),
    .good(
        "minAvailable 2 for a workload with zero replicas", budget("minAvailable: 2"),
        relatedObjects: all(workload(replicas: 0), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 2"))),
    .bad(
        "minAvailable equal to the replicas of the Rollout that runs the pods", DisruptionClause.blocks,
        at: "spec.minAvailable",
        budget("minAvailable: 5"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 5"))),
    .bad(
        "minAvailable equal to the replicas of the Rollout, with all pods selected", DisruptionClause.blocks,
        at: "spec.minAvailable", budget("minAvailable: 5", selector: "{}"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), autoscaler(minimum: 2, of: "other"),
            budget("minAvailable: 5", selector: "{}"))),
    .good(
        "minAvailable below the replicas of a Deployment and its Rollout together", budget("minAvailable: 3"),
        relatedObjects: all(
            workload(replicas: 3), borrowingRollout(), autoscaler(minimum: 2, of: "other"), budget("minAvailable: 3"))),
    .bad(
        "minAvailable equal to the minimum of the Rollout's autoscaler", DisruptionClause.blocks,
        at: "spec.minAvailable",
        budget("minAvailable: 2"),
        relatedObjects: all(
            workload(replicas: 0), borrowingRollout(), horizontalAutoscaler("canary", for: canary),
            budget("minAvailable: 2"))),
    .bad(
        "a second PDB for the same pods", DisruptionClause.overlaps, at: "spec.selector",
        budget("maxUnavailable: 1", name: "second"),
        relatedObjects: all(workload(replicas: 3), budget("maxUnavailable: 1"))),
    .bad(
        "a PDB for all pods, and another PDB", DisruptionClause.overlaps, at: "spec.selector",
        budget("maxUnavailable: 1", name: "everything", selector: "{}"), relatedObjects: budget("maxUnavailable: 1")),
    .good(
        "a PDB for other pods", budget("maxUnavailable: 1", name: "api", selector: "{matchLabels: {app: api}}"),
        relatedObjects: all(workload(replicas: 3), budget("maxUnavailable: 1"))),
    .bad(
        "a workload with too few replicas for its PDB", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 2}",
        relatedObjects: all(budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other"))),
    .good(
        "a new workload without replicas, before its autoscaler", "spec: {replicas: 1}",
        relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_REPLICAS": "off", "PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .bad(
        "a new workload with replicas set by the author", DisruptionClause.tooFew, at: "spec.replicas",
        """
        metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"replicas":1}}'}}
        spec: {replicas: 1}
        """, relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other"))),
    .bad(
        "a workload changed to one replica", DisruptionClause.tooFew, at: "spec.replicas", "spec: {replicas: 1}",
        relatedObjects: all(budget("minAvailable: 1"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 2}"),
    .bad(
        "a workload whose PDB allows no disruption", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 3}",
        relatedObjects: budget("maxUnavailable: 0")),
    .bad(
        "a workload with two PDBs", DisruptionClause.overlapped, at: "spec.template.metadata.labels", "{}",
        relatedObjects: all(budget("maxUnavailable: 1"), budget("maxUnavailable: 1", name: "all", selector: "{}"))),
    .bad(
        "a workload whose Rollout has too few replicas for the PDB", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 0}",
        relatedObjects: all(budget("minAvailable: 5"), borrowingRollout(), autoscaler(minimum: 2, of: "other"))),
    .good(
        "a workload with enough replicas together with its Rollout", "spec: {replicas: 2}",
        relatedObjects: all(budget("minAvailable: 2"), borrowingRollout(), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .good(
        "a workload with enough replicas", "spec: {replicas: 3}",
        relatedObjects: all(budget("minAvailable: 2"), autoscaler(minimum: 3))),
    .good(
        "a workload with enough replicas together with another workload of its PDB", "spec: {replicas: 4}",
        relatedObjects: all(
            budget("minAvailable: 4"), workload("next", replicas: 1), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .good(
        "minAvailable 75% of two workloads together", "spec: {replicas: 3}",
        relatedObjects: all(
            budget("minAvailable: 75%"), workload("next", replicas: 3), autoscaler(minimum: 2, of: "other")),
        settings: ["PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .good(
        "a workload with enough replicas together with another workload's autoscaler", "spec: {replicas: 2}",
        relatedObjects: all(
            budget("minAvailable: 5"), workload("next", replicas: 1), autoscaler(minimum: 4, of: "next")),
        settings: ["PLAYBOOK_RULE_AUTOSCALER": "off"]),
    .bad(
        "two workloads with too few replicas together", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 3}",
        relatedObjects: all(
            budget("minAvailable: 5"), workload("next", replicas: 2), autoscaler(minimum: 2, of: "other"))),
    .bad(
        "a workload changed to too few replicas together with another", DisruptionClause.tooFew, at: "spec.replicas",
        "spec: {replicas: 2}",
        relatedObjects: all(
            budget("minAvailable: 4"), workload(replicas: 3), workload("next", replicas: 2),
            autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 3}"),
    .bad(
        "a workload with too few replicas beside a workload that its PDB does not select", DisruptionClause.tooFew,
        at: "spec.replicas", "spec: {replicas: 3}",
        relatedObjects: all(
            budget("minAvailable: 3"), workload("api", replicas: 3, app: "api"), autoscaler(minimum: 2, of: "other"))),
    .good(
        "scaled down to minAvailable, with enough replicas of another workload", "spec: {replicas: 3}",
        relatedObjects: all(
            workload(replicas: 4), workload("next", replicas: 2), budget("minAvailable: 3"),
            autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 4}", request: .scale),
    .bad(
        "scaled down to minAvailable", DisruptionClause.tooFew, at: "spec.replicas", "spec: {replicas: 2}",
        relatedObjects: all(workload(replicas: 3), budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 3}", request: .scale),
    .good(
        "scaled to zero", "spec: {replicas: null}",
        relatedObjects: all(workload(replicas: 3), budget("minAvailable: 2"), autoscaler(minimum: 2, of: "other")),
        before: "spec: {replicas: 3}", request: .scale),
    .good("not evaluated because PDBs are unknown", "{}"),
    .good(
        "init and sidecar containers are not checked",
        "initContainers: [{name: proxy, restartPolicy: Always}]", relatedObjects: budget("maxUnavailable: 1")),
]
