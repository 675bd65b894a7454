import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let unhealthyPodEviction = Rule(
        id: "unhealthy-pod-eviction",
        title: "Pods that are not ready hold no drain up",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            By default a budget also protects pods that crash: a broken application then keeps its node from being drained, and \
            the node stays.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.podDisruptionBudget)),
        clauses: [unset, onlyHealthy],
        examples: [
            .good("always", budget("maxUnavailable: 1\n  unhealthyPodEvictionPolicy: AlwaysAllow")),
            .bad("the API's default", unset, at: "spec.unhealthyPodEvictionPolicy", budget("minAvailable: 50%")),
            .bad(
                "only within the budget", onlyHealthy, at: "spec.unhealthyPodEvictionPolicy",
                budget("unhealthyPodEvictionPolicy: IfHealthyBudget")),
            .good(
                "a workload with init container and sidecar",
                "initContainers: [{name: proxy, restartPolicy: Always}]"),
        ],
        check: { (subject, _, findings) throws(CannotJudge) in
            let policy = try subject.field("spec")["unhealthyPodEvictionPolicy"]
            let seen = try policy.string()
            if seen == "AlwaysAllow" { return }
            findings.add(
                seen == nil ? unset : onlyHealthy, at: policy, "is \(seen ?? "unset"), not AlwaysAllow",
                set: "AlwaysAllow")
        }
    )
}

private let unset = Clause("unset", "`unhealthyPodEvictionPolicy` is set")
private let onlyHealthy = Clause("only-healthy", "`unhealthyPodEvictionPolicy` is AlwaysAllow")

private func budget(_ line: String) -> String {
    """
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: web, namespace: shop}
    spec:
      \(line)
      selector: {matchLabels: {app: web}}
    """
}
