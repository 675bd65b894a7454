import Evaluation
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
        concern: .security,
        scope: .allContainers,
        clauses: [privileged, escalation, capability, procMount],
        holdsForOperators: true,
        allowsAgents: true,
        examples: cases,
        check: checkPrivileges
    )
}

private let privileged = Clause("privileged", "no container is privileged")
private let escalation = Clause("escalation", "`allowPrivilegeEscalation` is not true where it is set")
private let capability = Clause("capability", "no capability is added but NET_BIND_SERVICE")
private let procMount = Clause("proc-mount", "`procMount` is Default where it is set")

private func checkPrivileges(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.containers {
        let settings = container.securityContext
        guard settings.isPresent else { continue }
        let isPrivileged = try settings["privileged"]
        if try isPrivileged.boolean() == true {
            findings.add(privileged, at: isPrivileged, "is true: the container may do anything on its node", set: false)
        }
        let mayEscalate = try settings["allowPrivilegeEscalation"]
        if try mayEscalate.boolean() == true {
            findings.add(
                escalation, at: mayEscalate, "is true: a process may gain rights that it was not started with",
                set: false)
        }
        let mount = try settings["procMount"]
        if let seen = try mount.text(), !seen.equals("Default") {
            findings.add(procMount, at: mount, "is \(seen.text), not Default", set: "Default", choice: seen.text)
        }
        try checkCapabilities(settings["capabilities"]["add"], findings)
    }
}

/// As many capabilities as Linux has, so that each of them is named; there are no more unless someone makes them up.
private let mostCapabilities = 41

private func checkCapabilities(_ added: Field, _ findings: FindingCollector) throws(CannotJudge) {
    var names: [String] = []
    for element in try added.elements() {
        // Linux has 41.
        guard names.count < 1000 else {
            throw .tooLong(added.base.id, expected: "a list of at most 1000 capabilities")
        }
        guard let name = element.base.string else { throw .malformed(element.base.id, expected: "a capability's name") }
        names.append(name)
    }
    let allowed = names.filter { $0 == "NET_BIND_SERVICE" }
    guard allowed.count < names.count else { return }
    // Each once: what was there before must not make room for what was not.
    var seen: Set<String> = ["NET_BIND_SERVICE"]
    let others = names.filter { seen.insert($0).inserted }
    func add(_ message: String, _ choice: String) {
        findings.add(capability, at: added, message, choice: choice) {
            $0.edits = [allowed.isEmpty ? .remove($0.place) : .set($0.place, .array(allowed.map { .string($0) }))]
        }
    }
    for name in others.prefix(mostCapabilities) { add("has \(name): only NET_BIND_SERVICE may be added", name) }
    let rest = others.dropFirst(mostCapabilities)
    if !rest.isEmpty { add("has \(rest.count) more", rest.joined(separator: ",")) }
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
        "initContainers: [{name: tune, securityContext: {privileged: true}}]"),
    .bad(
        "a sidecar", capability, at: "initContainers[proxy].securityContext.capabilities.add",
        "initContainers: [{name: proxy, restartPolicy: Always, securityContext: {capabilities: {add: [NET_ADMIN]}}}]"),
    .bad(
        "an ephemeral container", capability, at: "ephemeralContainers[debugger].securityContext.capabilities.add",
        "ephemeralContainers: [{name: debugger, securityContext: {capabilities: {add: [SYS_PTRACE]}}}]",
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
