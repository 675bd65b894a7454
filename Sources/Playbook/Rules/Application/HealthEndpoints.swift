import JSON
import Kubernetes

extension Rule {
    static let healthEndpoints = Rule(
        id: "health-endpoints",
        title: "Probes ask at the agreed endpoints",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            `/livez` says whether the process must be restarted, `/readyz` whether it can serve. Where both ask the same, a \
            database that is away restarts the whole fleet.
            """,
        level: .warn,
        scope: .longRunning,
        clauses: [livenessPath, readinessPath, sameHandler, declaredPort, healthPort],
        settings: [RuleSettings.livenessPaths, RuleSettings.readinessPaths, RuleSettings.healthPort],
        examples: cases,
        check: endpointFindings
    )
}

private let livenessPath = Clause("liveness-path", "an HTTP liveness probe asks for one of the agreed paths")
private let readinessPath = Clause("readiness-path", "an HTTP readiness probe asks for one of the agreed paths")
private let sameHandler = Clause("same-handler", "the two probes do not ask the same")
private let declaredPort = Clause("declared-port", "a port that is named is one of the container's")
private let healthPort = Clause("health-port", "probes ask at the port that all applications share, where one is set")

private func endpointFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard let template = try subject.template() else { return [] }
    var findings: [Finding] = []
    for container in template.mainContainers {
        let liveness = try container.probe(.liveness)?.httpGet()
        let readiness = try container.probe(.readiness)?.httpGet()
        if let liveness, let readiness, try liveness.isSame(as: readiness, of: container) {
            findings.append(try sameHandlerFinding(readiness, container, liveness, context))
        } else {
            if let liveness {
                try checkPath(
                    livenessPath, liveness, context.settings[RuleSettings.livenessPaths], .liveness, container,
                    &findings)
            }
            if let readiness {
                try checkPath(
                    readinessPath, readiness, context.settings[RuleSettings.readinessPaths], .readiness, container,
                    &findings)
            }
        }
        if let liveness { try checkPort(liveness, .liveness, container, context, &findings) }
        if let readiness { try checkPort(readiness, .readiness, container, context, &findings) }
    }
    return findings
}

private func checkPath(
    _ clause: Clause, _ handler: Probe.HTTPGet, _ paths: [String], _ probe: Probe.Purpose, _ container: Container,
    _ findings: inout [Finding]
) throws(CannotJudge) {
    // Nearly always it is one of them as it stands, without a query.
    if let text = try handler.value.text("path"), paths.contains(where: { text.equals(string: $0) }) { return }
    let path = try handler.path()
    guard !paths.contains(path), let agreed = paths.first else { return }
    let place = container.pointer / "\(probe.field)" / "httpGet" / "path"
    let message = "is \(path), not \(paths.joined(separator: " or "))"
    findings.append(
        Finding(clause, at: place, message, edits: [.set(place, .string(agreed))]).with { $0.choice = path })
}

private func sameHandlerFinding(
    _ readiness: Probe.HTTPGet, _ container: Container, _ liveness: Probe.HTTPGet, _ context: Context
) throws(CannotJudge) -> Finding {
    let settings = context.settings
    let path = try liveness.path()
    let live = container.pointer / "livenessProbe" / "httpGet" / "path"
    let ready = container.pointer / "readinessProbe" / "httpGet" / "path"
    var edits: [Edit] = []
    if !settings[RuleSettings.livenessPaths].contains(path), let agreed = settings[RuleSettings.livenessPaths].first {
        edits.append(.set(live, .string(agreed)))
    }
    if let agreed = settings[RuleSettings.readinessPaths].first(where: { $0 != path }) {
        edits.append(.set(ready, .string(agreed)))
    }
    return Finding(sameHandler, at: ready, "is \(path), the same as the liveness probe's", edits: edits)
        .with { $0.choice = path }
}

private func checkPort(
    _ handler: Probe.HTTPGet, _ probe: Probe.Purpose, _ container: Container, _ context: Context,
    _ findings: inout [Finding]
) throws(CannotJudge) {
    var place: Pointer { container.pointer / "\(probe.field)" / "httpGet" / "port" }
    var number: Int?
    if let wanted = handler.value.present("port"), wanted.kind == .string {
        guard let named = try container.port(named: wanted) else {
            let name = wanted.text
            let agreed = context.settings[RuleSettings.healthPort].map { Literal.number(String($0)) }
            let declared: Literal? =
                if let port = try container.ports.objects().first { try port.base.portReference() } else { nil }
            let edits: [Edit] = [.set(place, agreed ?? declared ?? 8080)]
            findings.append(
                Finding(declaredPort, at: place, "is \(name), which the container does not declare", edits: edits)
                    .with { $0.choice = name })
            return
        }
        number = try named.integer("containerPort")
    } else {
        number = try handler.portNumber()
    }
    guard let wanted = context.settings[RuleSettings.healthPort], let number, number != wanted else { return }
    findings.append(
        Finding(
            healthPort, at: place, "is \(number), not \(wanted) as everywhere",
            edits: [.set(place, .number(String(wanted)))]
        ).with { $0.choice = String(number) })
}

private let cases: [Example] = [
    .good(
        "the agreed paths",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {path: /livez, port: http}}
          readinessProbe: {httpGet: {path: /readyz, port: http}}
        """),
    .good("a query does not count", "containers: [{name: app, livenessProbe: {httpGet: {path: '/livez?verbose'}}}]"),
    .good(
        "other handlers are taken as they are",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: null, tcpSocket: {port: 8080}}
          readinessProbe: {httpGet: null, grpc: {port: 8080}}
        """),
    .bad(
        "another liveness path", livenessPath, at: "containers[app].livenessProbe.httpGet.path",
        "containers: [{name: app, livenessProbe: {httpGet: {path: /health, port: http}}}]"),
    .bad(
        "no liveness path is the root", livenessPath, at: "containers[app].livenessProbe.httpGet.path",
        "containers: [{name: app, livenessProbe: {httpGet: {path: null}}}]"),
    .bad(
        "another readiness path", readinessPath, at: "containers[app].readinessProbe.httpGet.path",
        "containers: [{name: app, readinessProbe: {httpGet: {path: /health, port: http}}}]"),
    .bad(
        "both probes ask the same", sameHandler, at: "containers[app].readinessProbe.httpGet.path",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {path: /health, port: http}}
          readinessProbe: {httpGet: {path: /health, port: http}}
        """),
    .bad(
        "both probes ask the same, in other words", sameHandler, at: "containers[app].readinessProbe.httpGet.path",
        """
        containers:
        - name: app
          ports: [{name: http, containerPort: 8080}]
          livenessProbe: {httpGet: {path: /healthz, port: http}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080, scheme: HTTP}}
        """, settings: ["PLAYBOOK_READINESS_PATHS": "/healthz,/readyz"]),
    .good(
        "the same path at another port",
        """
        containers:
        - name: app
          ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 8081}]
          livenessProbe: {httpGet: {path: /healthz, port: admin}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080}}
        """, settings: ["PLAYBOOK_READINESS_PATHS": "/healthz,/readyz"]),
    .bad(
        "a port that is not declared", declaredPort, at: "containers[app].livenessProbe.httpGet.port",
        "containers: [{name: app, livenessProbe: {httpGet: {port: admin}}}]"),
    .bad(
        "not the port that all share", healthPort, at: "containers[app].readinessProbe.httpGet.port",
        "containers: [{name: app, livenessProbe: {httpGet: {port: 9000}}, readinessProbe: {httpGet: {port: http}}}]",
        settings: ["PLAYBOOK_HEALTH_PORT": "9000"]),
    .good(
        "a sidecar's probes are its own affair",
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          livenessProbe: {httpGet: {path: /ping, port: 15021}}
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        """),
    .good(
        "an ephemeral container has none",
        "ephemeralContainers: [{name: debugger, image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/tools/shell:1.0.0-9f3c1ab}]",
        request: .debug),
]
