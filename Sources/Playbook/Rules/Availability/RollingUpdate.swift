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
        scope: Scope(ResourceKinds(.deployment, .statefulSet, .daemonSet)),
        clauses: [strategy, allAtOnce, stuck],
        examples: cases,
        check: updateFindings
    )
}

private let strategy = Clause("strategy", "the strategy is neither Recreate nor OnDelete")
private let allAtOnce = Clause("all-at-once", "`maxUnavailable` is not 100%")
private let stuck = Clause("stuck", "`maxUnavailable` and `maxSurge` are not both 0")

private func updateFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    let key: StaticString = subject.kind == .deployment ? "strategy" : "updateStrategy"
    guard let value = try subject.spec()?.object(key) else { return [] }
    var place: Pointer { "/spec" / "\(key)" }
    if let type = try value.text("type"), type.equals("Recreate") || type.equals("OnDelete") {
        let consequence =
            type.equals("Recreate") ? "all pods end before new ones start" : "old pods run until somebody deletes them"
        return [
            Finding(
                strategy, at: place / "type", "is \(type.text): \(consequence)",
                edits: [.set(place, ["type": "RollingUpdate"])])
        ]
    }
    guard let rolling = try value.object("rollingUpdate") else { return [] }
    var shares: Pointer { place / "rollingUpdate" / "maxUnavailable" }
    let unavailable = try rolling.intOrPercent("maxUnavailable")
    if case .percent(let share) = unavailable, share >= 100 {
        return [Finding(allAtOnce, at: shares, "is \(share)%: all pods may go at once", edits: [.set(shares, "25%")])]
    }
    // A StatefulSet has no surge, and a DaemonSet none unless it says so.
    let surge = try rolling.intOrPercent("maxSurge") ?? (subject.kind == .deployment ? nil : .int(0))
    guard let unavailable, let surge, unavailable.isZero, surge.isZero else { return [] }
    return [Finding(stuck, at: shares, "is 0, and so is maxSurge: no pod can be replaced", edits: [.set(shares, 1)])]
}

extension IntOrPercent {
    fileprivate var isZero: Bool {
        switch self {
        case .int(let number): number == 0
        case .percent(let share): share == 0
        }
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
          containers:
          - name: agent
            image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/agent:1.4.2-9f3c1ab
            ports: [{name: http, containerPort: 8080}]
            resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}
            livenessProbe: {httpGet: {path: /livez, port: http}}
            readinessProbe: {httpGet: {path: /readyz, port: http}}
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
