import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let consolidationBlocked = Rule(
        id: "consolidation-blocked",
        title: "Pods do not block Karpenter from replacing nodes",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A pod with `karpenter.sh/do-not-disrupt` blocks the consolidation of its node for as long as it runs, so that nodes \
            age and cost more. A PodDisruptionBudget protects pods without blocking nodes.
            """,
        level: .warn,
        concern: .reliability,
        // The metadata of a Pod is that of its template.
        scope: Scope(.withPodSpec, isLongRunningOnly: true, readsMetadata: true),
        clauses: [blocked, long],
        examples: [
            .bad("the annotation with true", blocked, at: path, annotated("\"true\"")),
            .bad(
                "the annotation changed to true", blocked, at: path, annotated("\"true\""),
                before: annotated("\"false\"")),
            .good("the annotation with false", annotated("\"false\"")),
            .good("a duration of 15 minutes", annotated("15m")),
            .good("a duration of 24 hours", annotated("23h60m")),
            .bad("a duration of 30 days", long, at: path, annotated("720h")),
            .bad("a longer duration than before", long, at: path, annotated("48h30m"), before: annotated("36h")),
            .good(
                "the annotation on the workload, where it has no effect",
                "metadata: {annotations: {karpenter.sh/do-not-disrupt: \"true\"}}"),
            .good(
                "a Job with the annotation",
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
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard let metadata = try subject.template()?.metadata else { return }
            let annotation = try Field(metadata)["annotations"]["karpenter.sh/do-not-disrupt"]
            guard let seen = try annotation.filledText() else { return }
            // Only durations and true have an effect.
            if let hours = hours(of: seen) {
                guard hours > mostHours else { return }
                findings.add(
                    long, at: annotation,
                    "is \"\(seen.text)\", which blocks the replacement of nodes for more than 24h",
                    excess: hours
                ) { $0.advice = "use the time that the pod needs to warm up, and a PodDisruptionBudget" }
                return
            }
            guard seen.equals("true") else { return }
            findings.add(blocked, at: annotation, "is \"true\"; it blocks the replacement of nodes") {
                $0.edits = [.remove($0.place)]
                $0.advice = "use a PodDisruptionBudget to allow one disruption at a time"
            }
        }
    )
}

private let blocked = Clause("blocked", "the pods do not have the annotation `karpenter.sh/do-not-disrupt: \"true\"`")
private let long = Clause("long", "a duration in this annotation is at most 24h")
private let mostHours = 24.0

/// Returns the hours of a duration in Go's format, such as `1h30m`; nil for any other text.
private func hours(of text: Value) -> Double? {
    guard text.contentLength <= 64 else { return nil }
    let units: [Character: Double] = ["h": 1, "m": 1 / 60, "s": 1 / 3600]
    var (total, number) = (0.0, "")
    for character in text.text {
        if character.isASCII, character.isNumber || character == "." {
            number.append(character)
        } else {
            guard let unit = units[character], let amount = Double(number) else { return nil }
            (total, number) = (total + amount * unit, "")
        }
    }
    return number.isEmpty && text.contentLength > 0 ? total : nil
}

private let path = "spec.template.metadata.annotations[karpenter.sh/do-not-disrupt]"

private func annotated(_ value: String) -> String {
    "spec: {template: {metadata: {annotations: {karpenter.sh/do-not-disrupt: \(value)}}}}"
}
