import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let unhealthyPodEviction = Rule(
        id: "unhealthy-pod-eviction",
        title: "PodDisruptionBudgets allow the eviction of unhealthy pods",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            By default, a PodDisruptionBudget also protects pods that are not ready: an application that crashes blocks the \
            drain of its nodes.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.podDisruptionBudget)),
        clauses: [unset, onlyHealthy],
        examples: [
            .good("AlwaysAllow", budget("maxUnavailable: 1\n  unhealthyPodEvictionPolicy: AlwaysAllow")),
            .bad(
                "no policy (defaults to IfHealthyBudget)", unset, at: "spec.unhealthyPodEvictionPolicy",
                budget("minAvailable: 50%")),
            .bad(
                "IfHealthyBudget", onlyHealthy, at: "spec.unhealthyPodEvictionPolicy",
                budget("unhealthyPodEvictionPolicy: IfHealthyBudget")),
            .good(
                "a workload",
                "initContainers: [{name: proxy, restartPolicy: Always}]"),
        ],
        check: { (subject, _, findings) throws(CannotEvaluate) in
            let policy = try subject.field("spec")["unhealthyPodEvictionPolicy"]
            let seen = try policy.string()
            if seen == "AlwaysAllow" { return }
            findings.add(
                seen == nil ? unset : onlyHealthy, at: policy,
                "is \(seen.map { "\"\($0)\"" } ?? "not set"); use \"AlwaysAllow\"",
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
