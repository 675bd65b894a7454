import JSON
import Kubernetes

extension Rule {
    static let privilegeEscalation = Rule(
        id: "privilege-escalation",
        title: "Containers gain no privileges",
        group: .containers,
        section: .containerization,
        rationale: """
            A privileged container, an added capability or an unmasked /proc undoes what non-root users, namespaces and security \
            groups protect.
            """,
        level: .deny,
        scope: .allContainers,
        clauses: [privileged, escalation, capability, procMount],
        examples: cases,
        check: privilegeFindings
    )
}

private let privileged = Clause("privileged", "no container is privileged")
private let escalation = Clause("escalation", "`allowPrivilegeEscalation` is not true where it is set")
private let capability = Clause("capability", "no capability is added but NET_BIND_SERVICE")
private let procMount = Clause("proc-mount", "`procMount` is Default where it is set")

private func privilegeFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard let template = try subject.template() else { return [] }
    var findings: [Finding] = []
    for container in template.containers {
        guard let settings = try container.securityContext() else { continue }
        if try settings.boolean("privileged") == true {
            let place = container.pointer / "securityContext" / "privileged"
            findings.append(
                Finding(
                    privileged, at: place, "is true: the container may do anything on its node",
                    edits: [.set(place, false)]))
        }
        if try settings.boolean("allowPrivilegeEscalation") == true {
            let place = container.pointer / "securityContext" / "allowPrivilegeEscalation"
            findings.append(
                Finding(
                    escalation, at: place, "is true: a process may gain rights that it was not started with",
                    edits: [.set(place, false)]))
        }
        if let mount = try settings.string("procMount"), mount != "Default" {
            let place = container.pointer / "securityContext" / "procMount"
            findings.append(
                Finding(procMount, at: place, "is \(mount), not Default", edits: [.set(place, "Default")]).with {
                    $0.choice = mount
                }
            )
        }
        try checkCapabilities(settings, container, &findings)
    }
    return findings
}

/// As many capabilities as Linux has, so that each of them is named; there are no more unless someone makes them up.
private let mostCapabilities = 41

private func checkCapabilities(
    _ settings: Value, _ container: Container, _ findings: inout [Finding]
) throws(CannotJudge) {
    guard let added = try settings.object("capabilities")?.array("add") else { return }
    var names: [String] = []
    for element in added.elements {
        // Linux has 41.
        guard names.count < 1000 else { throw .malformed(added.id, expected: "a list of at most 1000 capabilities") }
        guard let name = element.string else { throw .malformed(element.id, expected: "a capability's name") }
        names.append(name)
    }
    let allowed = names.filter { $0 == "NET_BIND_SERVICE" }
    guard allowed.count < names.count else { return }
    let place = container.pointer / "securityContext" / "capabilities" / "add"
    let edit: Edit = allowed.isEmpty ? .remove(place) : .set(place, .array(allowed.map { .string($0) }))
    // Each once: what was there before must not make room for what was not.
    var seen: Set<String> = ["NET_BIND_SERVICE"]
    let others = names.filter { seen.insert($0).inserted }
    for name in others.prefix(mostCapabilities) {
        findings.append(
            Finding(capability, at: place, "has \(name): only NET_BIND_SERVICE may be added", edits: [edit]).with {
                $0.choice = name
            })
    }
    let rest = others.dropFirst(mostCapabilities)
    guard !rest.isEmpty else { return }
    findings.append(
        Finding(capability, at: place, "has \(rest.count) more", edits: [edit])
            .with { $0.choice = rest.joined(separator: ",") })
}

private let cases: [Example] = [
    .good("nothing set", "containers: [{name: app, securityContext: {allowPrivilegeEscalation: null}}]"),
    .good(
        "everything dropped, a low port bound",
        """
        containers:
        - name: app
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, procMount: Default}
        """),
    .bad(
        "privileged", privileged, at: "containers[app].securityContext.privileged",
        "containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]"),
    .bad(
        "may gain privileges", escalation, at: "containers[app].securityContext.allowPrivilegeEscalation",
        "containers: [{name: app, securityContext: {allowPrivilegeEscalation: true}}]"),
    .bad(
        "a capability beside the allowed one", capability, at: "containers[app].securityContext.capabilities.add",
        "containers: [{name: app, securityContext: {capabilities: {add: [NET_BIND_SERVICE, SYS_ADMIN]}}}]"),
    .bad(
        "an unmasked /proc", procMount, at: "containers[app].securityContext.procMount",
        "containers: [{name: app, securityContext: {procMount: Unmasked}}]"),
    .bad(
        "an init container", privileged, at: "initContainers[tune].securityContext.privileged",
        """
        initContainers:
        - name: tune
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/tune:1.4.2-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
          securityContext: {privileged: true}
        """),
    .bad(
        "a sidecar", capability, at: "initContainers[proxy].securityContext.capabilities.add",
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
          securityContext: {capabilities: {add: [NET_ADMIN]}}
        """),
    .bad(
        "an ephemeral container", capability, at: "ephemeralContainers[debugger].securityContext.capabilities.add",
        "ephemeralContainers: [{name: debugger, image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/tools/shell:1.0.0-9f3c1ab, securityContext: {capabilities: {add: [SYS_PTRACE]}}}]",
        request: .debug),
    .good(
        "a ConfigMap may say privileged",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {privileged: "true"}
        """),
]
