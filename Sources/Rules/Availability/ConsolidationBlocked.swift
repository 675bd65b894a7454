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
        clauses: [blocked, long],
        examples: [
            .bad("blocked for good", blocked, at: path, annotated("\"true\"")),
            .bad(
                "blocked from now on", blocked, at: path, annotated("\"true\""), before: annotated("\"false\"")),
            .good("not blocked, in so many words", annotated("\"false\"")),
            .good("spared for the time that it takes to warm up", annotated("15m")),
            .good("spared for a day", annotated("23h60m")),
            .bad("spared for a month", long, at: path, annotated("720h")),
            .bad("spared for longer than before", long, at: path, annotated("48h30m"), before: annotated("36h")),
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
            guard let seen = try annotation.filledText() else { return }
            // A duration ends by itself, and nothing else means anything.
            if let hours = hours(of: seen) {
                guard hours > mostHours else { return }
                findings.add(
                    long, at: annotation, "is \"\(seen.text)\": it keeps nodes from being replaced for over a day",
                    excess: hours
                ) { $0.advice = "spare a pod for as long as it takes to warm up; a PodDisruptionBudget does the rest" }
                return
            }
            guard seen.equals("true") else { return }
            findings.add(blocked, at: annotation, "keeps nodes from being replaced") {
                $0.edits = [.remove($0.place)]
                $0.advice = "a PodDisruptionBudget lets one pod go at a time"
            }
        }
    )
}

private let blocked = Clause("blocked", "the pods have no annotation `karpenter.sh/do-not-disrupt: \"true\"`")
private let long = Clause("long", "a duration in it is at most 24h")
private let mostHours = 24.0

/// The hours of a duration as Go writes it, such as `1h30m`; nil for anything else.
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
