import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let gracefulShutdown = Rule(
        id: "graceful-shutdown",
        title: "Pods have time to shut down",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            Rolling updates, drains and interrupted Spot nodes end pods every day. With no time between SIGTERM and SIGKILL each \
            of them cuts requests off.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [zero, tooShort],
        settings: [RuleSettings.minimumGraceSeconds],
        examples: [
            .good("the API's default", "terminationGracePeriodSeconds: null"),
            .good("exactly the least", "terminationGracePeriodSeconds: 5"),
            .bad(
                "killed at once", zero, at: "terminationGracePeriodSeconds", "terminationGracePeriodSeconds: 0"),
            .bad(
                "a second less than the least", tooShort, at: "terminationGracePeriodSeconds",
                "terminationGracePeriodSeconds: 4"),
            .bad(
                "less than the team's least", tooShort, at: "terminationGracePeriodSeconds",
                "terminationGracePeriodSeconds: 30", settings: ["PLAYBOOK_MIN_GRACE_SECONDS": "45"]),
            .good(
                "containers do not matter",
                "initContainers: [{name: migrate}]"),
            .good(
                "a Job may be killed",
                """
                apiVersion: batch/v1
                kind: Job
                metadata: {name: reindex, namespace: shop}
                spec:
                  template:
                    spec:
                      restartPolicy: Never
                      terminationGracePeriodSeconds: 0
                      securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
                      containers: [{name: reindex}]
                """),
        ],
        check: checkGracePeriod
    )
}

extension RuleSettings {
    static let minimumGraceSeconds = RuleSetting(
        "PLAYBOOK_MIN_GRACE_SECONDS", .integer(1...86400), default: 5, "The shortest termination grace period.")
}

private let zero = Clause("zero", "the grace period is not 0")
private let tooShort = Clause("too-short", "the grace period is no shorter than `PLAYBOOK_MIN_GRACE_SECONDS`")

private func checkGracePeriod(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let least = context[RuleSettings.minimumGraceSeconds]
    let period = try template.field["terminationGracePeriodSeconds"]
    guard let seconds = try period.integer(), seconds < max(least, 1) else { return }
    findings.add(
        seconds == 0 ? zero : tooShort, at: period,
        seconds == 0 ? "is 0: pods are killed at once" : "is \(seconds), less than \(least)",
        set: .number(String(max(least, 30))), excess: Double(least) - Double(seconds))
}
