import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let rollingUpdate = Rule(
        id: "rolling-update",
        title: "Workloads use a rolling update",
        group: .availability,
        section: .containerization,
        rationale: """
            Replacing all pods at once is an outage with each release. With OnDelete, two versions run until the old pods are \
            deleted by hand.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.deployment, .statefulSet, .daemonSet, .rollout)),
        clauses: [strategy, allAtOnce, stuck],
        examples: cases,
        check: checkUpdates
    )
}

private let strategy = Clause("strategy", "the strategy is not Recreate or OnDelete")
private let allAtOnce = Clause("all-at-once", "`maxUnavailable` is less than 100% and less than the number of replicas")
private let stuck = Clause("stuck", "`maxUnavailable` and `maxSurge` are not both 0")

private func checkUpdates(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    if subject.kind == .rollout {
        // Argo Rollouts (specification.md at 04058cb): `canary` has the fields of a Deployment's `rollingUpdate`; a blue-green
        // Rollout adds pods first.
        return try check(spec["strategy"]["canary"], hasSurge: true, subject, findings)
    }
    let updates = try spec[subject.kind == .deployment ? "strategy" : "updateStrategy"]
    guard updates.isPresent else { return }
    let type = try updates["type"]
    if let seen = try type.text(), seen.equals("Recreate") || seen.equals("OnDelete") {
        let consequence =
            seen.equals("Recreate") ? "all pods stop before new ones start" : "old pods run until they are deleted"
        findings.add(strategy, at: type, "is \"\(seen.text)\"; \(consequence)") {
            if seen.equals("OnDelete") {
                $0.edits = [.set(findings.place(of: updates), ["type": "RollingUpdate"])]
            } else {
                $0.advice = "use RollingUpdate if two versions can run side by side; if not, exempt it with a reason"
            }
        }
        return
    }
    // A StatefulSet has no maxSurge, and that of a DaemonSet defaults to 0.
    try check(updates["rollingUpdate"], hasSurge: subject.kind == .deployment, subject, findings)
}

private func check(
    _ rolling: Field, hasSurge: Bool, _ subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard rolling.isPresent else { return }
    let field = try rolling["maxUnavailable"]
    guard let unavailable = try field.intOrPercent() else { return }
    let replicas = subject.kind == .daemonSet ? nil : try subject.field("spec")["replicas"].integer()
    // A single replica is always unavailable during an update without surge.
    let isWhole =
        if case .int(let number) = unavailable, let replicas, replicas > 1 { number >= replicas } else { false }
    if unavailable.isAll || isWhole {
        let seen = isWhole ? "\(unavailable) of \(replicas ?? 0) replicas" : "\(unavailable)"
        findings.add(allAtOnce, at: field, "is \(seen); all pods can be unavailable at once", set: "25%")
        return
    }
    let surge = try rolling["maxSurge"].intOrPercent() ?? (hasSurge ? nil : .int(0))
    if let surge, unavailable.isZero, surge.isZero {
        findings.add(stuck, at: field, "is 0 and maxSurge is 0; no pod can be replaced", set: 1)
    }
}

private func rollout(_ strategy: String) -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: web, namespace: shop}
    spec: {replicas: 4, strategy: {\(strategy)}, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
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
    .good("no strategy", "{}"),
    .good("maxUnavailable 25%", "spec: {strategy: {rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}}"),
    .good("maxSurge 1", "spec: {strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}}"),
    .bad("the Recreate strategy", strategy, at: "spec.strategy.type", "spec: {strategy: {type: Recreate}}"),
    .bad(
        "the OnDelete strategy", strategy, at: "spec.updateStrategy.type", daemonSet("{type: OnDelete}")),
    .bad(
        "maxUnavailable 100%", allAtOnce, at: "spec.strategy.rollingUpdate.maxUnavailable",
        "spec: {strategy: {rollingUpdate: {maxUnavailable: 100%}}}"),
    .bad(
        "maxUnavailable 0 without maxSurge", stuck, at: "spec.updateStrategy.rollingUpdate.maxUnavailable",
        daemonSet("{rollingUpdate: {maxUnavailable: 0}}")),
    .bad(
        "maxUnavailable 0% and maxSurge 0%", stuck, at: "spec.strategy.rollingUpdate.maxUnavailable",
        "spec: {strategy: {rollingUpdate: {maxUnavailable: 0%, maxSurge: 0%}}}"),
    .bad(
        "maxUnavailable equal to the replicas", allAtOnce, at: "spec.strategy.rollingUpdate.maxUnavailable",
        "spec: {replicas: 3, strategy: {rollingUpdate: {maxUnavailable: 3, maxSurge: 1}}}"),
    .bad(
        "maxUnavailable above the replicas of a StatefulSet", allAtOnce,
        at: "spec.updateStrategy.rollingUpdate.maxUnavailable",
        """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: queue, namespace: shop}
        spec: {replicas: 3, updateStrategy: {rollingUpdate: {maxUnavailable: 5}}, template: {spec: {containers: [{name: app}]}}}
        """),
    .good(
        "maxUnavailable below the replicas",
        "spec: {replicas: 3, strategy: {rollingUpdate: {maxUnavailable: 2, maxSurge: 1}}}"),
    .bad(
        "maxUnavailable 100% of a Rollout", allAtOnce, at: "spec.strategy.canary.maxUnavailable",
        rollout("canary: {maxUnavailable: 100%}")),
    .bad(
        "maxUnavailable equal to the replicas of a Rollout", allAtOnce, at: "spec.strategy.canary.maxUnavailable",
        rollout("canary: {maxUnavailable: 4}")),
    .good("maxUnavailable 1 of a Rollout", rollout("canary: {maxUnavailable: 1, steps: [{setWeight: 20}]}")),
    .good("a blue-green Rollout", rollout("blueGreen: {activeService: web}")),
    .good("a DaemonSet with maxSurge 1", daemonSet("{rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}")),
]
