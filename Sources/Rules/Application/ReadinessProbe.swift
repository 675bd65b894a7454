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
            Without one a pod takes traffic from its first second, and goes on taking it while it cannot answer: every rolling \
            update costs requests.
            """,
        level: .deny,
        concern: .reliability,
        scope: .longRunning,
        clauses: [missing, oneHandler],
        // Its controller fills it in.
        filledInKinds: ["serving.knative.dev/Service", "ray.io/RayCluster"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            try checkProbes(
                .readiness, path: context[RuleSettings.readinessPaths].first ?? "/readyz", missing, oneHandler,
                subject,
                findings)
        }
    )
}

extension RuleSettings {
    static let readinessPaths = RuleSetting(
        "PLAYBOOK_READINESS_PATHS", .paths, default: ["/readyz"], "Paths that a readiness probe may ask for.")
}

private let missing = Clause("missing", "each container has a readiness probe")
private let oneHandler = Clause("one-handler", "the probe has exactly one of httpGet, exec, tcpSocket and grpc")

private let cases: [Example] = [
    .good("an HTTP probe", "containers: [{name: app, readinessProbe: {httpGet: {path: /readyz, port: 8080}}}]"),
    .good("a gRPC probe", "containers: [{name: app, readinessProbe: {httpGet: null, grpc: {port: 8080}}}]"),
    .bad("no probe", missing, at: "containers[app].readinessProbe", "containers: [{name: app, readinessProbe: null}]"),
    .bad(
        "an exec probe serves where there is no port", missing, at: "containers[app].readinessProbe",
        "containers: [{name: app, ports: null, readinessProbe: null, livenessProbe: {httpGet: null, exec: {command: [/alive]}}}]"
    ),
    .bad(
        "an empty probe", oneHandler, at: "containers[app].readinessProbe",
        "containers: [{name: app, readinessProbe: {httpGet: null}}]"),
    .good(
        "a startup probe beside it",
        """
        containers: [{name: app, startupProbe: {httpGet: {path: /livez, port: http}, failureThreshold: 30}}]
        """),
    .good(
        "an init container and a sidecar need none",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always, readinessProbe: null}]"),
    .good(
        "an ephemeral container needs none",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
    .good(
        "a Pod that ends by itself",
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
