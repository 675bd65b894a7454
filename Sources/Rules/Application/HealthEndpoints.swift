import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let healthEndpoints = Rule(
        id: "health-endpoints",
        title: "HTTP probes use the expected paths and ports",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            `/livez` reports that the process is alive, `/readyz` that it can serve requests. If both probes use one endpoint, \
            an unavailable database restarts every replica.
            """,
        level: .warn,
        concern: .convention,
        scope: .longRunning,
        clauses: [livenessPath, readinessPath, sameHandler, declaredPort, healthPort],
        settings: [RuleSettings.livenessPaths, RuleSettings.readinessPaths, RuleSettings.healthPort],
        examples: cases,
        check: checkEndpoints
    )
}

extension RuleSettings {
    static let healthPort = RuleSetting(
        "PLAYBOOK_HEALTH_PORT", .optional(.integer(1...65535)), default: nil,
        "Port number that all HTTP probes must use; unset: any port.")
}

private let livenessPath = Clause("liveness-path", "an HTTP liveness probe requests one of `PLAYBOOK_LIVENESS_PATHS`")
private let readinessPath = Clause(
    "readiness-path", "an HTTP readiness probe requests one of `PLAYBOOK_READINESS_PATHS`")
private let sameHandler = Clause("same-handler", "the liveness and readiness probes do not request the same endpoint")
private let declaredPort = Clause("declared-port", "a port name in a probe is declared in the container's `ports`")
private let healthPort = Clause("health-port", "HTTP probes use `PLAYBOOK_HEALTH_PORT`, if it is set")

private func checkEndpoints(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let liveness = try container.probe(.liveness)?.httpGet()
        let readiness = try container.probe(.readiness)?.httpGet()
        var isSame = false
        if let liveness, let readiness, try liveness.isSame(as: readiness, of: container) {
            isSame = true
            try reportSameHandler(liveness, readiness, context, findings)
        }
        // On the old object the paths are reported too, so that changing one of them is not a new violation of the other.
        if !isSame || subject.isOld {
            try checkPath(of: liveness, livenessPath, context[RuleSettings.livenessPaths], findings)
            try checkPath(of: readiness, readinessPath, context[RuleSettings.readinessPaths], findings)
        }
        try checkPort(of: liveness, container, context, findings)
        try checkPort(of: readiness, container, context, findings)
    }
}

private func checkPath(
    of handler: Probe.HTTPGet?, _ clause: Clause, _ paths: [String], _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let handler else { return }
    let field = try handler.field["path"]
    // Fast path: nearly all paths have no query.
    if let text = try field.text(), paths.contains(where: { text.equals(string: $0) }) { return }
    let path = try handler.path()
    guard !paths.contains(path), let agreed = paths.first else { return }
    findings.add(
        clause, at: field, "is \"\(path)\"; use \(paths.joined(separator: " or "))", choice: path
    ) { $0.advice = "serve \(agreed), then set path: \(agreed)" }
}

private func reportSameHandler(
    _ liveness: Probe.HTTPGet, _ readiness: Probe.HTTPGet, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let path = try liveness.path()
    try findings.add(
        sameHandler, at: readiness.field["path"], "is \"\(path)\", which the liveness probe also requests", choice: path
    ) {
        // A probe that requests a path which the application does not serve restarts the container.
        let livenessPaths = context[RuleSettings.livenessPaths]
        let live = livenessPaths.contains(path) ? path : livenessPaths.first ?? path
        let ready = context[RuleSettings.readinessPaths].first { $0 != live } ?? "another path"
        $0.advice = "serve \(live) for liveness and \(ready) for readiness, then set both paths"
    }
}

private func checkPort(
    of handler: Probe.HTTPGet?, _ container: Container, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let handler else { return }
    let port = try handler.field["port"]
    var number: Int?
    if let name = port.value, name.kind == .string {
        guard let named = try container.port(named: name) else {
            let ports = try container.ports.objects().map(\.base)
            findings.add(
                declaredPort, at: port, "is \"\(name.text)\", which is not the name of a port of the container",
                set: context[RuleSettings.healthPort].map { .number(String($0)) }
                    ?? ports.first { PortProtocol(of: $0) != .other }?.portReference,
                choice: name.text
            ) { $0.advice = "declare the port in ports, or use the number of a port that serves HTTP" }
            return
        }
        number = try named.integer("containerPort")
    } else {
        number = try handler.portNumber()
    }
    guard let wanted = context[RuleSettings.healthPort], let number, number != wanted else { return }
    findings.add(
        healthPort, at: port, "is \(number); probes must use port \(wanted)", set: .number(String(wanted)),
        choice: String(number))
}

private let cases: [Example] = [
    .good(
        "the expected paths",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {path: /livez, port: http}}
          readinessProbe: {httpGet: {path: /readyz, port: http}}
        """),
    .good("a path with a query", "containers: [{name: app, livenessProbe: {httpGet: {path: '/livez?verbose'}}}]"),
    .good(
        "probes without httpGet are not checked",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: null, tcpSocket: {port: 8080}}
          readinessProbe: {httpGet: null, grpc: {port: 8080}}
        """),
    .bad(
        "an unexpected liveness path", livenessPath, at: "containers[app].livenessProbe.httpGet.path",
        "containers: [{name: app, livenessProbe: {httpGet: {path: /health, port: http}}}]"),
    .bad(
        "no liveness path (defaults to /)", livenessPath, at: "containers[app].livenessProbe.httpGet.path",
        "containers: [{name: app, livenessProbe: {httpGet: {path: null}}}]"),
    .bad(
        "an unexpected readiness path", readinessPath, at: "containers[app].readinessProbe.httpGet.path",
        "containers: [{name: app, readinessProbe: {httpGet: {path: /health, port: http}}}]"),
    .bad(
        "both probes request the same endpoint", sameHandler, at: "containers[app].readinessProbe.httpGet.path",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {path: /health, port: http}}
          readinessProbe: {httpGet: {path: /health, port: http}}
        """),
    .bad(
        "both probes request the same endpoint, by port name and by number", sameHandler,
        at: "containers[app].readinessProbe.httpGet.path",
        """
        containers:
        - name: app
          ports: [{name: http, containerPort: 8080}]
          livenessProbe: {httpGet: {path: /healthz, port: http}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080, scheme: HTTP}}
        """, settings: ["PLAYBOOK_READINESS_PATHS": "/healthz,/readyz"]),
    .good(
        "the same path on different ports",
        """
        containers:
        - name: app
          ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 8081}]
          livenessProbe: {httpGet: {path: /healthz, port: admin}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080}}
        """, settings: ["PLAYBOOK_READINESS_PATHS": "/healthz,/readyz"]),
    .bad(
        "a port name that is not declared", declaredPort, at: "containers[app].livenessProbe.httpGet.port",
        "containers: [{name: app, livenessProbe: {httpGet: {port: admin}}}]"),
    .bad(
        "a port name that is not declared, and a database port", declaredPort,
        at: "containers[app].livenessProbe.httpGet.port",
        """
        containers:
        - name: app
          ports: [{name: mysql, containerPort: 3306}]
          livenessProbe: {httpGet: {port: admin}}
          readinessProbe: {httpGet: null, tcpSocket: {port: mysql}}
        """),
    .bad(
        "a port other than PLAYBOOK_HEALTH_PORT", healthPort, at: "containers[app].readinessProbe.httpGet.port",
        "containers: [{name: app, livenessProbe: {httpGet: {port: 9000}}, readinessProbe: {httpGet: {port: http}}}]",
        settings: ["PLAYBOOK_HEALTH_PORT": "9000"]),
    .good(
        "probes of a sidecar are not checked",
        "initContainers: [{name: proxy, restartPolicy: Always, livenessProbe: {httpGet: {path: /ping, port: 15021}}}]"),
    .good(
        "an ephemeral container has no probes",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
