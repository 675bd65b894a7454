import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let privilegeEscalation = Rule(
        id: "privilege-escalation",
        title: "Containers do not run privileged or gain privileges",
        group: .containers,
        section: .containerization,
        rationale: """
            With a privileged container, an added capability or a disabled security profile, a compromised process can take over \
            its node. The rule enforces the baseline of the Pod Security Standards, and allows only the capability \
            NET_BIND_SERVICE.
            """,
        level: .deny,
        concern: .security,
        scope: .allContainers,
        clauses: [privileged, escalation, capability, procMount, seccomp, appArmor, seLinux, sysctl],
        holdsForOperators: true,
        allowsAgents: true,
        examples: cases,
        check: checkPrivileges
    )
}

private let privileged = Clause("privileged", "no container is privileged")
private let escalation = Clause("escalation", "`allowPrivilegeEscalation` is not true")
private let capability = Clause("capability", "no capability except NET_BIND_SERVICE is added")
private let procMount = Clause(
    "proc-mount", "`procMount` is Default or not set, except in a pod with a user namespace (`hostUsers: false`)")
private let seccomp = Clause("seccomp", "no seccomp profile is Unconfined, in a field or an annotation")
private let appArmor = Clause("apparmor", "no AppArmor profile is Unconfined, in a field or an annotation")
private let seLinux = Clause(
    "selinux",
    "SELinux options do not set a user or role, and the type is a container type of the Pod Security Standards")
private let sysctl = Clause("sysctl", "only the safe sysctls of the Pod Security Standards are set")

private func checkPrivileges(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let hasOwnUsers = try template.hasUserNamespace()
    if let settings = try template.securityContext.object() {
        try checkProfiles(Restrictions(of: settings), findings)
        for entry in try template.securityContext["sysctls"].objects() {
            try findings.step()
            let name = try entry["name"]
            guard let seen = try name.string(), !isSafe(seen) else { continue }
            findings.add(sysctl, at: name, "is \"\(seen)\", which is not a safe sysctl", choice: seen) {
                $0.advice = "remove it here; if it is needed, set it on the nodes (EC2NodeClass userData)"
            }
        }
    }
    try checkAnnotations(template, findings)
    for container in template.containers {
        guard let settings = try container.securityContext.object() else { continue }
        let restrictions = Restrictions(of: settings)
        if let flag = restrictions.privileged.map({ Field($0) }), try flag.boolean() == true {
            findings.add(privileged, at: flag, "is true; the container has full access to its node", set: false)
        }
        if let flag = restrictions.allowPrivilegeEscalation.map({ Field($0) }), try flag.boolean() == true {
            findings.add(
                escalation, at: flag, "is true; a process can gain more privileges than its parent", set: false)
        }
        if let mount = restrictions.procMount.map({ Field($0) }), let seen = try mount.filledText(),
            !seen.equals("Default"), !hasOwnUsers
        {
            findings.add(procMount, at: mount, "is \"\(seen.text)\"; use Default", set: "Default", choice: seen.text)
        }
        try checkProfiles(restrictions, findings)
        if let capabilities = restrictions.capabilities {
            try checkCapabilities(Field(capabilities)["add"], container, findings)
        }
    }
}

/// The settings of a security context that the rule reads, found in one pass.
private struct Restrictions {
    var privileged, allowPrivilegeEscalation, procMount, capabilities: Value?
    var seccompProfile, appArmorProfile, seLinuxOptions: Value?

    init(of settings: Value) {
        for member in settings.members {
            let value = member.value.isNull ? nil : member.value
            switch member.key.contentLength {
            case 9 where member.key.equals("procMount"): procMount = value
            case 10 where member.key.equals("privileged"): privileged = value
            case 12 where member.key.equals("capabilities"): capabilities = value
            case 14 where member.key.equals("seccompProfile"): seccompProfile = value
            case 14 where member.key.equals("seLinuxOptions"): seLinuxOptions = value
            case 15 where member.key.equals("appArmorProfile"): appArmorProfile = value
            case 24 where member.key.equals("allowPrivilegeEscalation"): allowPrivilegeEscalation = value
            default: break
            }
        }
    }
}

// MARK: Capabilities

private func checkCapabilities(
    _ added: Field, _ container: Container, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard added.isPresent else { return }
    var names: [String] = []
    var isNetAllowed = false
    // Each counts once, so that a duplicate of an existing capability does not hide a new one.
    var seen: Set<String> = ["NET_BIND_SERVICE"]
    for (index, element) in try added.elements().enumerated() {
        // Linux has 41.
        guard index < 1000 else {
            throw .tooLong(added.base.id, expected: "a list of at most 1000 capabilities")
        }
        guard let name = element.base.string else { throw .malformed(element.base.id, expected: "a capability's name") }
        if name == "NET_BIND_SERVICE" { isNetAllowed = true }
        if seen.insert(name).inserted { names.append(name) }
    }
    guard !names.isEmpty else { return }
    let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
    findings.add(capability, at: added, "contains \(shown); only NET_BIND_SERVICE is allowed", choices: names) {
        $0.edits = [isNetAllowed ? .set($0.place, ["NET_BIND_SERVICE"]) : .remove($0.place)]
        if container.role == .ephemeral { $0.advice = "kubectl debug --profile=restricted adds no capabilities" }
    }
}

// MARK: Profiles

/// Checks the seccomp, AppArmor and SELinux settings of a pod or a container.
private func checkProfiles(_ restrictions: Restrictions, _ findings: FindingCollector) throws(CannotEvaluate) {
    if let profile = restrictions.seccompProfile { try checkProfile(seccomp, Field(profile)["type"], findings) }
    if let profile = restrictions.appArmorProfile { try checkProfile(appArmor, Field(profile)["type"], findings) }
    guard let options = restrictions.seLinuxOptions.map({ Field($0) }) else { return }
    for key in ["user", "role"] as [StaticString] {
        let field = try options[key]
        guard let seen = try field.filledText() else { continue }
        findings.add(seLinux, at: field, "is \"\(seen.text)\"; it must not be set", choice: seen.text) {
            $0.edits = [.remove($0.place)]
        }
    }
    let type = try options["type"]
    guard let seen = try type.filledText(), !containerTypes.contains(where: { seen.equals($0) }) else { return }
    findings.add(seLinux, at: type, "is \"\(seen.text)\", which is not a container type", choice: seen.text) {
        $0.edits = [.remove($0.place)]
    }
}

private func checkProfile(_ clause: Clause, _ type: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard try type.equals("Unconfined") else { return }
    findings.add(clause, at: type, "is \"Unconfined\"; no profile restricts the process", set: "RuntimeDefault")
}

/// Checks the deprecated annotations for seccomp and AppArmor profiles.
private func checkAnnotations(_ template: PodTemplate, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let metadata = template.metadata, metadata["annotations"] != nil else { return }
    let annotations = try Field(metadata)["annotations"]
    guard let members = try annotations.members() else { return }
    for member in members {
        try findings.step()
        guard member.value.equals("unconfined") else { continue }
        let key = member.key.text
        let isAppArmor = key.hasPrefix("container.apparmor.security.beta.kubernetes.io/")
        guard
            isAppArmor || key == "seccomp.security.alpha.kubernetes.io/pod"
                || key.hasPrefix("container.seccomp.security.alpha.kubernetes.io/")
        else { continue }
        findings.add(
            isAppArmor ? appArmor : seccomp, at: Field(member.value),
            "is \"unconfined\"; no profile restricts the process"
        ) { $0.edits = [.remove($0.place)] }
    }
}

/// The allowed SELinux types (Pod Security Standards, baseline).
private let containerTypes: [StaticString] = [
    "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
]

/// True if a sysctl is safe; both `net.ipv4.x` and `net/ipv4/x` name it.
private func isSafe(_ sysctl: String) -> Bool { safeSysctls.contains(String(sysctl.map { $0 == "/" ? "." : $0 })) }

/// The safe sysctls (Pod Security Standards, baseline, 1.32).
private let safeSysctls: Set<String> = [
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
]

private let cases: [Example] = [
    .good("nothing set", "containers: [{name: app, securityContext: {allowPrivilegeEscalation: null}}]"),
    .good(
        "all capabilities dropped, NET_BIND_SERVICE added",
        """
        containers:
        - name: app
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, procMount: Default}
        """),
    .bad(
        "a privileged container", privileged, at: "containers[app].securityContext.privileged",
        "containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]"),
    .bad(
        "privilege escalation", escalation, at: "containers[app].securityContext.allowPrivilegeEscalation",
        "containers: [{name: app, securityContext: {allowPrivilegeEscalation: true}}]"),
    .bad(
        "a capability in addition to NET_BIND_SERVICE", capability,
        at: "containers[app].securityContext.capabilities.add",
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
    .bad(
        "several capabilities are one finding", capability, at: "containers[app].securityContext.capabilities.add",
        "containers: [{name: app, securityContext: {capabilities: {add: [SYS_ADMIN, net_admin, SYS_ADMIN]}}}]"),
    .bad(
        "an additional capability", capability, at: "containers[app].securityContext.capabilities.add",
        "containers: [{name: app, securityContext: {capabilities: {add: [NET_RAW, SYS_ADMIN]}}}]",
        before: "containers: [{name: app, securityContext: {capabilities: {add: [NET_RAW]}}}]"),
    .good(
        "an unmasked /proc in a user namespace",
        "{hostUsers: false, containers: [{name: app, securityContext: {procMount: Unmasked}}]}"),
    .bad(
        "an unmasked /proc in a user namespace with hostPID", procMount,
        at: "containers[app].securityContext.procMount",
        "{hostUsers: false, hostPID: true, containers: [{name: app, securityContext: {procMount: Unmasked}}]}"),
    .bad(
        "an unconfined seccomp profile of the pod", seccomp, at: "securityContext.seccompProfile.type",
        "securityContext: {seccompProfile: {type: Unconfined}}"),
    .bad(
        "an unconfined seccomp profile of a container", seccomp,
        at: "containers[app].securityContext.seccompProfile.type",
        """
        securityContext: {seccompProfile: {type: RuntimeDefault}}
        containers: [{name: app, securityContext: {seccompProfile: {type: Unconfined}}}]
        """),
    .bad(
        "an unconfined seccomp profile in an annotation", seccomp,
        at: "spec.template.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]",
        "spec: {template: {metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}}}"),
    .bad(
        "an unconfined AppArmor profile", appArmor, at: "containers[app].securityContext.appArmorProfile.type",
        "containers: [{name: app, securityContext: {appArmorProfile: {type: Unconfined}}}]"),
    .bad(
        "an unconfined AppArmor profile in an annotation", appArmor,
        at: "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/app]",
        "spec: {template: {metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: unconfined}}}}"),
    .good(
        "localhost profiles",
        """
        spec:
          template:
            metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/app: localhost/web}}
            spec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: web.json}}}
        """),
    .bad(
        "an SELinux type that is not a container type", seLinux, at: "securityContext.seLinuxOptions.type",
        "securityContext: {seLinuxOptions: {type: spc_t}}"),
    .bad(
        "an SELinux role", seLinux, at: "containers[app].securityContext.seLinuxOptions.role",
        "containers: [{name: app, securityContext: {seLinuxOptions: {role: unconfined_r, type: container_t}}}]"),
    .good(
        "an SELinux level and a container type",
        "securityContext: {seLinuxOptions: {level: 's0:c123,c456', type: container_init_t}}"),
    .bad(
        "an unsafe sysctl", sysctl, at: "securityContext.sysctls[net.core.somaxconn].name",
        "securityContext: {sysctls: [{name: net.core.somaxconn, value: '4096'}]}"),
    .good(
        "safe sysctls with dots and slashes",
        """
        securityContext:
          sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}, {name: net/ipv4/ip_local_port_range, value: 1024 65535}]
        """),
    .good(
        "a ConfigMap with the key privileged",
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web, namespace: shop}
        data: {privileged: "true"}
        """),
]
