import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let consolidationBlocked = Rule(
        id: "consolidation-blocked",
        title: "Pods let Karpenter replace their nodes",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            One pod with `karpenter.sh/do-not-disrupt` keeps its node from being consolidated, and what runs for good keeps it for \
            good: the node ages and is paid for. A PodDisruptionBudget protects without holding nodes up.
            """,
        level: .warn,
        concern: .reliability,
        // A Pod's own metadata is its template's.
        scope: Scope(.withPodSpec, isLongRunningOnly: true, readsMetadata: true),
        clauses: [blocked],
        examples: [
            .bad("blocked for good", blocked, at: path, annotated("\"true\"")),
            .bad(
                "blocked from now on", blocked, at: path, annotated("\"true\""), before: annotated("\"false\"")),
            .good("not blocked, in so many words", annotated("\"false\"")),
            .good("spared for the time that it takes to warm up", annotated("15m")),
            .good(
                "the workload's own annotation is nothing to Karpenter",
                "metadata: {annotations: {karpenter.sh/do-not-disrupt: \"true\"}}"),
            .good(
                "a Job is not to be begun again",
                """
                apiVersion: batch/v1
                kind: Job
                metadata: {name: reindex, namespace: shop}
                spec:
                  template:
                    metadata: {annotations: {karpenter.sh/do-not-disrupt: "true"}}
                    spec:
                      restartPolicy: Never
                      securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
                      containers: [{name: reindex}]
                """),
        ],
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let metadata = try subject.template()?.metadata else { return }
            let annotation = try Field(metadata)["annotations"]["karpenter.sh/do-not-disrupt"]
            // A duration ends by itself, and nothing else means anything.
            guard try annotation.text()?.equals("true") ?? false else { return }
            findings.add(blocked, at: annotation, "keeps nodes from being replaced") {
                $0.edits = [.remove($0.place)]
                $0.advice = "a PodDisruptionBudget lets one pod go at a time"
            }
        }
    )
}

private let blocked = Clause("blocked", "the pods have no annotation `karpenter.sh/do-not-disrupt: \"true\"`")
private let path = "spec.template.metadata.annotations[karpenter.sh/do-not-disrupt]"

private func annotated(_ value: String) -> String {
    "spec: {template: {metadata: {annotations: {karpenter.sh/do-not-disrupt: \(value)}}}}"
}
