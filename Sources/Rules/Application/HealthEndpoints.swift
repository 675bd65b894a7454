import Evaluation
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
        "The port number that all probes ask at; unset: any declared port.")
}

private let livenessPath = Clause("liveness-path", "an HTTP liveness probe asks for one of the agreed paths")
private let readinessPath = Clause("readiness-path", "an HTTP readiness probe asks for one of the agreed paths")
private let sameHandler = Clause("same-handler", "the two probes do not ask the same")
private let declaredPort = Clause("declared-port", "a port that is named is one of the container's")
private let healthPort = Clause("health-port", "probes ask at the port that all applications share, where one is set")

private func checkEndpoints(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let liveness = try container.probe(.liveness)?.httpGet()
        let readiness = try container.probe(.readiness)?.httpGet()
        if let liveness, let readiness, try liveness.isSame(as: readiness, of: container) {
            try reportSameHandler(liveness, readiness, context, findings)
        } else {
            try checkPath(of: liveness, livenessPath, context[RuleSettings.livenessPaths], findings)
            try checkPath(of: readiness, readinessPath, context[RuleSettings.readinessPaths], findings)
        }
        try checkPort(of: liveness, container, context, findings)
        try checkPort(of: readiness, container, context, findings)
    }
}

private func checkPath(
    of handler: Probe.HTTPGet?, _ clause: Clause, _ paths: [String], _ findings: FindingCollector
) throws(CannotJudge) {
    guard let handler else { return }
    let field = try handler.field["path"]
    // Nearly always it is one of them as it stands, without a query.
    if let text = try field.text(), paths.contains(where: { text.equals(string: $0) }) { return }
    let path = try handler.path()
    guard !paths.contains(path), let agreed = paths.first else { return }
    findings.add(
        clause, at: field, "is \(path), not \(paths.joined(separator: " or "))", set: .string(agreed), choice: path)
}

private func reportSameHandler(
    _ liveness: Probe.HTTPGet, _ readiness: Probe.HTTPGet, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let (path, live) = (try liveness.path(), try liveness.field["path"])
    try findings.add(
        sameHandler, at: readiness.field["path"], "is \(path), the same as the liveness probe's", choice: path
    ) {
        let (livenessPaths, readinessPaths) = (
            context[RuleSettings.livenessPaths], context[RuleSettings.readinessPaths]
        )
        if !livenessPaths.contains(path), let agreed = livenessPaths.first {
            $0.edits.append(.set(findings.place(of: live), .string(agreed)))
        }
        if let agreed = readinessPaths.first(where: { $0 != path }) { $0.edits.append(.set($0.place, .string(agreed))) }
    }
}

private func checkPort(
    of handler: Probe.HTTPGet?, _ container: Container, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let handler else { return }
    let port = try handler.field["port"]
    var number: Int?
    if let name = port.value, name.kind == .string {
        guard let named = try container.port(named: name) else {
            let ports = try container.ports.objects().map(\.base)
            findings.add(
                declaredPort, at: port, "is \(name.text), which the container does not declare",
                set: context[RuleSettings.healthPort].map { .number(String($0)) }
                    ?? ports.first { PortProtocol(of: $0) != .other }?.portReference,
                choice: name.text
            ) { $0.advice = "declare the port in ports, or write the number of one that answers HTTP" }
            return
        }
        number = try named.integer("containerPort")
    } else {
        number = try handler.portNumber()
    }
    guard let wanted = context[RuleSettings.healthPort], let number, number != wanted else { return }
    findings.add(
        healthPort, at: port, "is \(number), not \(wanted) as everywhere", set: .number(String(wanted)),
        choice: String(number))
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
        "a port that is not declared, beside a database's", declaredPort,
        at: "containers[app].livenessProbe.httpGet.port",
        """
        containers:
        - name: app
          ports: [{name: mysql, containerPort: 3306}]
          livenessProbe: {httpGet: {port: admin}}
          readinessProbe: {httpGet: null, tcpSocket: {port: mysql}}
        """),
    .bad(
        "not the port that all share", healthPort, at: "containers[app].readinessProbe.httpGet.port",
        "containers: [{name: app, livenessProbe: {httpGet: {port: 9000}}, readinessProbe: {httpGet: {port: http}}}]",
        settings: ["PLAYBOOK_HEALTH_PORT": "9000"]),
    .good(
        "a sidecar's probes are its own affair",
        "initContainers: [{name: proxy, restartPolicy: Always, livenessProbe: {httpGet: {path: /ping, port: 15021}}}]"),
    .good(
        "an ephemeral container has none",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
