import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let rollingUpdate = Rule(
        id: "rolling-update",
        title: "Updates roll",
        group: .availability,
        section: .containerization,
        rationale: """
            Replacing all pods at once is an outage at each release, and waiting for someone to delete them leaves two versions \
            running for as long as nobody does.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.deployment, .statefulSet, .daemonSet)),
        clauses: [strategy, allAtOnce, stuck],
        examples: cases,
        check: checkUpdates
    )
}

private let strategy = Clause("strategy", "the strategy is neither Recreate nor OnDelete")
private let allAtOnce = Clause("all-at-once", "`maxUnavailable` is not 100%")
private let stuck = Clause("stuck", "`maxUnavailable` and `maxSurge` are not both 0")

private func checkUpdates(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let updates = try subject.field("spec")[subject.kind == .deployment ? "strategy" : "updateStrategy"]
    guard updates.isPresent else { return }
    let type = try updates["type"]
    if let seen = try type.text(), seen.equals("Recreate") || seen.equals("OnDelete") {
        let consequence =
            seen.equals("Recreate") ? "all pods end before new ones start" : "old pods run until somebody deletes them"
        findings.add(strategy, at: type, "is \(seen.text): \(consequence)") {
            $0.edits = [.set(findings.place(of: updates), ["type": "RollingUpdate"])]
        }
        return
    }
    let rolling = try updates["rollingUpdate"]
    let field = try rolling["maxUnavailable"]
    let unavailable = try field.intOrPercent()
    if let unavailable, unavailable.isAll {
        findings.add(allAtOnce, at: field, "is \(unavailable): all pods may go at once", set: "25%")
        return
    }
    // A StatefulSet has no surge, and a DaemonSet none unless it says so.
    let surge = try rolling["maxSurge"].intOrPercent() ?? (subject.kind == .deployment ? nil : .int(0))
    if let unavailable, let surge, unavailable.isZero, surge.isZero {
        findings.add(stuck, at: field, "is 0, and so is maxSurge: no pod can be replaced", set: 1)
    }
}

private func daemonSet(_ strategy: String) -> String {
    """
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent, namespace: shop}
    spec:
      updateStrategy: \(strategy)
      selector: {matchLabels: {app: agent}}
      template:
        metadata: {labels: {app: agent}}
        spec:
          securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
          containers: [{name: agent}]
    """
}

private let cases: [Example] = [
    .good("nothing said", "{}"),
    .good("three quarters stay", "spec: {strategy: {rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}}"),
    .good("one more first", "spec: {strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}}"),
    .bad("all gone before any comes", strategy, at: "spec.strategy.type", "spec: {strategy: {type: Recreate}}"),
    .bad(
        "when somebody deletes them", strategy, at: "spec.updateStrategy.type", daemonSet("{type: OnDelete}")),
    .bad(
        "all of them may be gone", allAtOnce, at: "spec.strategy.rollingUpdate.maxUnavailable",
        "spec: {strategy: {rollingUpdate: {maxUnavailable: 100%}}}"),
    .bad(
        "none may go, and none may come", stuck, at: "spec.updateStrategy.rollingUpdate.maxUnavailable",
        daemonSet("{rollingUpdate: {maxUnavailable: 0}}")),
    .bad(
        "none may go, and none may come, in percent", stuck, at: "spec.strategy.rollingUpdate.maxUnavailable",
        "spec: {strategy: {rollingUpdate: {maxUnavailable: 0%, maxSurge: 0%}}}"),
    .good("a DaemonSet that surges", daemonSet("{rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}")),
]
