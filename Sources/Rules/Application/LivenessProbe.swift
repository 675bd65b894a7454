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
            A process that hangs keeps its pod running and serves nobody. Only a liveness probe lets the kubelet notice, and \
            start it again.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [missing, oneHandler, restarts],
        // Its controller fills it in.
        filledInKinds: ["ray.io/RayCluster"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
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
        "PLAYBOOK_LIVENESS_PATHS", .paths, default: ["/livez", "/healthz"], "Paths that a liveness probe may ask for.")
}

private let missing = Clause("missing", "each container has a liveness probe")
private let oneHandler = Clause("one-handler", "the probe has exactly one of httpGet, exec, tcpSocket and grpc")
private let restarts = Clause(
    "restarts", "a container that fails is started again: its own restartPolicy is not Never")

/// Reports main containers that stay down once a probe has failed (Kubernetes 1.34, "Container-level restart policy").
private func checkRestarts(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let policy = container.field.member("restartPolicy")
        guard policy.isPresent, try policy.equals("Never") else { continue }
        // A rule may start it again, whatever the policy.
        let rules = try container.field["restartPolicyRules"].objects()
        if rules.contains(where: { $0.base["action"]?.equals("Restart") ?? false }) { continue }
        findings.add(restarts, at: policy, "is Never: a failed liveness probe ends the container for good") {
            $0.edits = [.remove($0.place)]
        }
    }
}

private let cases: [Example] = [
    .good("an HTTP probe", "containers: [{name: app, livenessProbe: {httpGet: {path: /livez, port: http}}}]"),
    .good(
        "a command, for what serves no port",
        """
        containers:
        - name: app
          ports: null
          livenessProbe: {httpGet: null, exec: {command: [/app/alive]}}
          readinessProbe: {httpGet: null, exec: {command: [/app/ready]}}
        """),
    .bad("no probe", missing, at: "containers[app].livenessProbe", "containers: [{name: app, livenessProbe: null}]"),
    .bad(
        "no probe, and no port to ask at", missing, at: "containers[app].livenessProbe",
        "containers: [{name: app, ports: null, livenessProbe: null, readinessProbe: {httpGet: null, exec: {command: [/ready]}}}]"
    ),
    .bad(
        "a second container without one", missing, at: "containers[helper].livenessProbe",
        "containers: [{name: helper, livenessProbe: null}]"),
    .bad(
        "timings, but nothing to ask", oneHandler, at: "containers[app].livenessProbe",
        "containers: [{name: app, livenessProbe: {httpGet: null, periodSeconds: 5}}]"),
    .bad(
        "two handlers at once", oneHandler, at: "containers[app].livenessProbe",
        "containers: [{name: app, livenessProbe: {tcpSocket: {port: 8080}}}]"),
    .bad(
        "a database's port answers no HTTP", missing, at: "containers[app].livenessProbe",
        """
        containers:
        - name: app
          ports: [{name: mysql, containerPort: 3306}]
          livenessProbe: null
          readinessProbe: {httpGet: null, tcpSocket: {port: mysql}}
        """),
    .bad(
        "an HTTP port beside that of gRPC", missing, at: "containers[app].livenessProbe",
        """
        containers:
        - name: app
          ports: [{name: grpc, containerPort: 50051}, {name: https, containerPort: 9443}]
          livenessProbe: null
          readinessProbe: {httpGet: null, grpc: {port: 50051}}
        """),
    .bad(
        "a container that stays down", restarts, at: "containers[app].restartPolicy",
        "containers: [{name: app, restartPolicy: Never}]"),
    .good(
        "a container with a rule to start it again",
        "containers: [{name: app, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: NotIn, values: [0]}}]}]"
    ),
    .good("a container that is started again when it fails", "containers: [{name: app, restartPolicy: OnFailure}]"),
    .good(
        "an init container and a sidecar need none",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always, livenessProbe: null}]"),
    .good(
        "an ephemeral container needs none",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
    .good(
        "a Job ends by itself",
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
