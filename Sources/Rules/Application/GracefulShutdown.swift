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
            Rolling updates, drains and Spot interruptions stop pods regularly. Without time between SIGTERM and SIGKILL, \
            requests in progress fail.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [zero, tooShort, signal, sleep],
        settings: [RuleSettings.minimumGraceSeconds],
        examples: [
            .good("the default grace period", "terminationGracePeriodSeconds: null"),
            .good("exactly the minimum", "terminationGracePeriodSeconds: 5"),
            .bad(
                "no grace period", zero, at: "terminationGracePeriodSeconds", "terminationGracePeriodSeconds: 0"),
            .bad(
                "one second less than the minimum", tooShort, at: "terminationGracePeriodSeconds",
                "terminationGracePeriodSeconds: 4"),
            .bad(
                "less than PLAYBOOK_MIN_GRACE_SECONDS", tooShort, at: "terminationGracePeriodSeconds",
                "terminationGracePeriodSeconds: 30", settings: ["PLAYBOOK_MIN_GRACE_SECONDS": "45"]),
            .bad(
                "SIGKILL as the stop signal", signal, at: "containers[app].lifecycle.stopSignal",
                "containers: [{name: app, lifecycle: {stopSignal: SIGKILL}}]"),
            .bad(
                "SIGKILL as the stop signal of a sidecar", signal, at: "initContainers[proxy].lifecycle.stopSignal",
                "initContainers: [{name: proxy, restartPolicy: Always, lifecycle: {stopSignal: SIGKILL}}]"),
            .good(
                "SIGQUIT as the stop signal",
                "containers: [{name: app, lifecycle: {stopSignal: SIGQUIT, preStop: {sleep: {seconds: 10}}}}]"),
            .bad(
                "a preStop sleep as long as the grace period", sleep,
                at: "containers[app].lifecycle.preStop.sleep.seconds",
                "terminationGracePeriodSeconds: 60\ncontainers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 60}}}}]"
            ),
            .bad(
                "a preStop sleep as long as the default grace period", sleep,
                at: "containers[app].lifecycle.preStop.sleep.seconds",
                "containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 30}}}}]"),
            .good(
                "a preStop sleep shorter than the grace period",
                "terminationGracePeriodSeconds: 60\ncontainers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 15}}}}]"
            ),
            .good(
                "init containers are not checked",
                "initContainers: [{name: migrate}]"),
            .good(
                "a Job needs no grace period",
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
        "PLAYBOOK_MIN_GRACE_SECONDS", .integer(1...86400), default: 5, "Minimum `terminationGracePeriodSeconds`.")
}

private let zero = Clause("zero", "`terminationGracePeriodSeconds` is not 0")
private let tooShort = Clause("too-short", "`terminationGracePeriodSeconds` is at least `PLAYBOOK_MIN_GRACE_SECONDS`")
private let signal = Clause("stop-signal", "no container's `lifecycle.stopSignal` is SIGKILL")
private let sleep = Clause("sleep", "a `preStop.sleep` is shorter than the grace period")

private func checkGracePeriod(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let least = context[RuleSettings.minimumGraceSeconds]
    let period = template.terminationGracePeriodSeconds
    let seconds = try period.integer()
    if let seconds, seconds < max(least, 1) {
        findings.add(
            seconds == 0 ? zero : tooShort, at: period,
            seconds == 0
                ? "is 0; containers are killed without time to shut down"
                : "is \(seconds); at least \(least) are required",
            set: .number(String(max(least, 30))), excess: Double(least) - Double(seconds))
    }
    for container in template.nonEphemeralContainers where container.role != .initial && container.lifecycle.isPresent {
        try checkLifecycle(of: container, graceSeconds: seconds ?? 30, findings)
    }
}

/// Reports a stop signal or a preStop sleep that leaves a container no time to shut down.
private func checkLifecycle(
    of container: Container, graceSeconds: Int, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let stopSignal = try container.lifecycle["stopSignal"]
    if try stopSignal.equals("SIGKILL") {
        findings.add(signal, at: stopSignal, "is \"SIGKILL\"; the process is killed without time to shut down") {
            $0.edits = [.remove($0.place)]
        }
    }
    let pause = try container.lifecycle["preStop"]["sleep"]["seconds"]
    guard let seconds = try pause.integer(), seconds > 0, graceSeconds > 0, seconds >= graceSeconds else { return }
    findings.add(
        sleep, at: pause, "is \(seconds); a grace period of \(graceSeconds) seconds leaves no time to shut down",
        excess: Double(seconds) - Double(graceSeconds)
    ) { $0.advice = "shorten the sleep, or raise terminationGracePeriodSeconds above the sleep and the shutdown time" }
}
