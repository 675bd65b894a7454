import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let readinessProbe = Rule(
        id: "readiness-probe",
        title: "Containers have a readiness probe",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            Without a readiness probe, a pod receives traffic before it can serve and while it cannot: requests fail during \
            every rolling update.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [missing, oneHandler],
        // Its controller sets the probe.
        filledInKinds: ["serving.knative.dev/Service", "ray.io/RayCluster"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            try checkProbes(
                .readiness, path: context[RuleSettings.readinessPaths].first ?? "/readyz", missing, oneHandler,
                subject,
                findings)
        }
    )
}

extension RuleSettings {
    static let readinessPaths = RuleSetting(
        "PLAYBOOK_READINESS_PATHS", .paths, default: ["/readyz"], "Allowed paths of HTTP readiness probes.")
}

private let missing = Clause("missing", "each container has a readiness probe")
private let oneHandler = Clause("one-handler", "the probe has exactly one handler: httpGet, exec, tcpSocket or grpc")

private let cases: [Example] = [
    .good("an HTTP probe", "containers: [{name: app, readinessProbe: {httpGet: {path: /readyz, port: 8080}}}]"),
    .good("a gRPC probe", "containers: [{name: app, readinessProbe: {httpGet: null, grpc: {port: 8080}}}]"),
    .bad("no probe", missing, at: "containers[app].readinessProbe", "containers: [{name: app, readinessProbe: null}]"),
    .bad(
        "no probe and no ports", missing, at: "containers[app].readinessProbe",
        "containers: [{name: app, ports: null, readinessProbe: null, livenessProbe: {httpGet: null, exec: {command: [/alive]}}}]"
    ),
    .bad(
        "a probe without a handler", oneHandler, at: "containers[app].readinessProbe",
        "containers: [{name: app, readinessProbe: {httpGet: null}}]"),
    .good(
        "a startup probe as well",
        """
        containers: [{name: app, startupProbe: {httpGet: {path: /livez, port: http}, failureThreshold: 30}}]
        """),
    .good(
        "init and sidecar containers need no probe",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always, readinessProbe: null}]"),
    .good(
        "an ephemeral container needs no probe",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
    .good(
        "a Pod that runs to completion",
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: once, namespace: shop, annotations: {helm.sh/hook: test}}
        spec:
          restartPolicy: OnFailure
          securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
          containers: [{name: once, readinessProbe: null}]
        """),
]
