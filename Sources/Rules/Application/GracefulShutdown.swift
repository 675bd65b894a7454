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
        clauses: [zero, tooShort, signal, sleep],
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
            .bad(
                "killed by its own signal", signal, at: "containers[app].lifecycle.stopSignal",
                "containers: [{name: app, lifecycle: {stopSignal: SIGKILL}}]"),
            .bad(
                "a sidecar killed by its own signal", signal, at: "initContainers[proxy].lifecycle.stopSignal",
                "initContainers: [{name: proxy, restartPolicy: Always, lifecycle: {stopSignal: SIGKILL}}]"),
            .good(
                "another signal",
                "containers: [{name: app, lifecycle: {stopSignal: SIGQUIT, preStop: {sleep: {seconds: 10}}}}]"),
            .bad(
                "a sleep that takes all of the time", sleep, at: "containers[app].lifecycle.preStop.sleep.seconds",
                "terminationGracePeriodSeconds: 60\ncontainers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 60}}}}]"
            ),
            .bad(
                "a sleep that takes all of the API's default", sleep,
                at: "containers[app].lifecycle.preStop.sleep.seconds",
                "containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 30}}}}]"),
            .good(
                "time is left after the sleep",
                "terminationGracePeriodSeconds: 60\ncontainers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 15}}}}]"
            ),
            .good(
                "init containers do not matter",
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
private let signal = Clause("stop-signal", "no container's `lifecycle.stopSignal` is SIGKILL")
private let sleep = Clause("sleep", "a `preStop.sleep` leaves time for the shutdown after it")

private func checkGracePeriod(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let least = context[RuleSettings.minimumGraceSeconds]
    let period = try template.field["terminationGracePeriodSeconds"]
    let seconds = try period.integer()
    if let seconds, seconds < max(least, 1) {
        findings.add(
            seconds == 0 ? zero : tooShort, at: period,
            seconds == 0 ? "is 0: pods are killed at once" : "is \(seconds), less than \(least)",
            set: .number(String(max(least, 30))), excess: Double(least) - Double(seconds))
    }
    for container in template.nonEphemeralContainers where container.role != .initial && container.lifecycle.isPresent {
        try checkLifecycle(of: container, graceSeconds: seconds ?? 30, findings)
    }
}

/// Reports what keeps a container from shutting down in the time that its pod gives it.
private func checkLifecycle(
    of container: Container, graceSeconds: Int, _ findings: FindingCollector
) throws(CannotJudge) {
    let stopSignal = try container.lifecycle["stopSignal"]
    if try stopSignal.equals("SIGKILL") {
        findings.add(signal, at: stopSignal, "is SIGKILL: the process is killed without time to shut down") {
            $0.edits = [.remove($0.place)]
        }
    }
    let pause = try container.lifecycle["preStop"]["sleep"]["seconds"]
    guard let seconds = try pause.integer(), seconds > 0, graceSeconds > 0, seconds >= graceSeconds else { return }
    findings.add(
        sleep, at: pause, "is \(seconds), all of the \(graceSeconds) seconds that the pod has to shut down",
        excess: Double(seconds) - Double(graceSeconds)
    ) { $0.advice = "sleep for less, or raise terminationGracePeriodSeconds above the sleep and the shutdown together" }
}
