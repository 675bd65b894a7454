import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let livenessProbe = Rule(
        id: "liveness-probe",
        title: "Containers have a liveness probe",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            Without a liveness probe, the kubelet does not restart a process that hangs: its pod keeps running without serving \
            requests.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [missing, oneHandler, restarts],
        // Its controller sets the probe.
        filledInKinds: ["ray.io/RayCluster"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            try checkProbes(
                .liveness, path: context[RuleSettings.livenessPaths].first ?? "/livez", missing, oneHandler,
                subject,
                findings)
            try checkRestarts(subject, findings)
        }
    )
}

extension RuleSettings {
    static let livenessPaths = RuleSetting(
        "PLAYBOOK_LIVENESS_PATHS", .paths, default: ["/livez", "/healthz"], "Allowed paths of HTTP liveness probes.")
}

private let missing = Clause("missing", "each container has a liveness probe")
private let oneHandler = Clause("one-handler", "the probe has exactly one handler: httpGet, exec, tcpSocket or grpc")
private let restarts = Clause(
    "restarts", "the container's `restartPolicy` is not Never, unless a restart rule applies to exit code 137 or 143")

/// Reports main containers that are not restarted after a failed probe (Kubernetes 1.34, "Container-level restart policy").
private func checkRestarts(_ subject: Subject, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let policy = container.field.member("restartPolicy")
        guard policy.isPresent, try policy.equals("Never") else { continue }
        // A restart rule overrides the policy.
        let rules = try container.field["restartPolicyRules"].objects()
        var isRestarted = false
        for rule in rules where !isRestarted { isRestarted = try restartsKilled(rule) }
        if isRestarted { continue }
        findings.add(restarts, at: policy, "is \"Never\"; the container is not restarted after a failed liveness probe")
        {
            $0.edits = [.remove($0.place)]
        }
    }
}

/// Returns true if a restart rule applies to a container that was killed by SIGKILL or SIGTERM, as after a failed probe.
private func restartsKilled(_ rule: Field) throws(CannotEvaluate) -> Bool {
    guard try rule["action"].equals("Restart") else { return false }
    let exitCodes = try rule["exitCodes"]
    let codes = exitCodes.value?.present("values")?.elements.compactMap(\.int) ?? []
    let isIn = try exitCodes["operator"].equals("In")
    return [137, 143].contains { codes.contains($0) == isIn }
}

private let cases: [Example] = [
    .good("an HTTP probe", "containers: [{name: app, livenessProbe: {httpGet: {path: /livez, port: http}}}]"),
    .good(
        "an exec probe of a container without ports",
        """
        containers:
        - name: app
          ports: null
          livenessProbe: {httpGet: null, exec: {command: [/app/alive]}}
          readinessProbe: {httpGet: null, exec: {command: [/app/ready]}}
        """),
    .bad("no probe", missing, at: "containers[app].livenessProbe", "containers: [{name: app, livenessProbe: null}]"),
    .bad(
        "no probe and no ports", missing, at: "containers[app].livenessProbe",
        "containers: [{name: app, ports: null, livenessProbe: null, readinessProbe: {httpGet: null, exec: {command: [/ready]}}}]"
    ),
    .bad(
        "a second container without a probe", missing, at: "containers[helper].livenessProbe",
        "containers: [{name: helper, livenessProbe: null}]"),
    .bad(
        "a probe without a handler", oneHandler, at: "containers[app].livenessProbe",
        "containers: [{name: app, livenessProbe: {httpGet: null, periodSeconds: 5}}]"),
    .bad(
        "two handlers", oneHandler, at: "containers[app].livenessProbe",
        "containers: [{name: app, livenessProbe: {tcpSocket: {port: 8080}}}]"),
    .bad(
        "no probe and a database port", missing, at: "containers[app].livenessProbe",
        """
        containers:
        - name: app
          ports: [{name: mysql, containerPort: 3306}]
          livenessProbe: null
          readinessProbe: {httpGet: null, tcpSocket: {port: mysql}}
        """),
    .bad(
        "no probe, a gRPC port and an HTTPS port", missing, at: "containers[app].livenessProbe",
        """
        containers:
        - name: app
          ports: [{name: grpc, containerPort: 50051}, {name: https, containerPort: 9443}]
          livenessProbe: null
          readinessProbe: {httpGet: null, grpc: {port: 50051}}
        """),
    .bad(
        "a container that is never restarted", restarts, at: "containers[app].restartPolicy",
        "containers: [{name: app, restartPolicy: Never}]"),
    .good(
        "a container with a restart rule",
        "containers: [{name: app, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: NotIn, values: [0]}}]}]"
    ),
    .good(
        "a restart rule for the exit code of SIGTERM",
        "containers: [{name: app, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42, 143]}}]}]"
    ),
    .bad(
        "a restart rule for another exit code", restarts, at: "containers[app].restartPolicy",
        "containers: [{name: app, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]}]"
    ),
    .good("a container that is restarted on failure", "containers: [{name: app, restartPolicy: OnFailure}]"),
    .good(
        "init and sidecar containers need no probe",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always, livenessProbe: null}]"),
    .good(
        "an ephemeral container needs no probe",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
    .good(
        "a Job needs no probe",
        """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: reindex, namespace: shop}
        spec:
          template:
            spec:
              restartPolicy: Never
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: reindex, livenessProbe: null}]
        """),
]
