import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let runAsNonRoot = Rule(
        id: "run-as-non-root",
        title: "Containers do not run as root",
        group: .containers,
        section: .containerization,
        rationale: """
            A compromised container that runs as root can become root on the node. With `runAsNonRoot: true`, the kubelet does \
            not start an image that runs as root.
            """,
        level: .deny,
        concern: .security,
        scope: .allContainers,
        clauses: [unset, rootAllowed, rootUser, administrator, hostProcess],
        allowsAgents: true,
        allowsUnsetInPlatforms: true,
        fault: .identity,
        fix: .adds(
            "Sets `runAsNonRoot: true` if a non-zero `runAsUser` is set, so that the containers still start."
        ),
        examples: cases,
        check: checkRoot
    )
}

private let unset = Clause(
    "unset", "`runAsNonRoot: true` is set on each container or its pod")
private let rootAllowed = Clause("root-allowed", "no container sets `runAsNonRoot: false`")
private let rootUser = Clause(
    "root-user", "`runAsUser` is not 0, except in a pod with a user namespace (`hostUsers: false`)")
private let administrator = Clause("administrator", "Windows containers do not run as ContainerAdministrator")
private let hostProcess = Clause("host-process", "no container is a Windows HostProcess container")

private func checkRoot(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let isWindows = template.isWindows
    let hasOwnUsers = try template.hasUserNamespace()
    for container in template.containers {
        let settings = try SecurityContext(of: container, in: template)
        if isWindows {
            try checkWindows(container, settings, findings)
        } else if !hasOwnUsers {
            try checkLinux(container, settings, isOld: subject.isOld, findings)
        }
        try checkHostProcess(container, settings, template, findings)
    }
}

private func checkLinux(
    _ container: Container, _ settings: SecurityContext, isOld: Bool, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let user = try settings.user()
    let isNonRoot = try settings.runAsNonRoot()
    if user != 0, isNonRoot == true { return }
    let nonRoot = try container.securityContext["runAsNonRoot"]
    if user == 0 {
        try findings.add(rootUser, at: container.securityContext["runAsUser"], "is 0 (root)", choice: "0") {
            $0.advice =
                advice(for: container)
                ?? "set runAsNonRoot: true, and runAsUser to the numeric uid, except 0, of a user of the image"
        }
        // On the old object both are reported, so that removing runAsUser: 0 is not a new violation.
        if isNonRoot == true || !isOld { return }
    }
    func advise(_ finding: inout Finding) {
        finding.advice =
            advice(for: container)
            ?? (user == nil ? "the image must have a numeric USER other than 0; if not, set runAsUser too" : nil)
    }
    if isNonRoot == false {
        findings.add(rootAllowed, at: nonRoot, "is false", set: true, choice: "false", advise)
        // On the old object both are reported, so that removing runAsNonRoot: false is not a new violation.
        if !isOld { return }
    }
    findings.add(
        unset, at: nonRoot, "is not set on the container or the pod", set: true, traits: .init(isUnset: true)
    ) {
        $0.isFixable = user != nil
        advise(&$0)
    }
}

/// Returns advice on debugging without root, for an ephemeral container.
private func advice(for container: Container) -> String? {
    container.role == .ephemeral ? "kubectl debug --profile=restricted runs the container without root" : nil
}

private func checkWindows(
    _ container: Container, _ settings: SecurityContext, _ findings: FindingCollector
) throws(CannotEvaluate) {
    // `User Manager\ContainerAdministrator` is the same account with its domain.
    guard let name = try settings.windowsUser(), let user = name.split(separator: "\\").last,
        user.lowercased() == "containeradministrator"
    else { return }
    try findings.add(
        administrator, at: container.securityContext["windowsOptions"]["runAsUserName"],
        "is \"\(name)\", which has full access on Windows", set: "ContainerUser", choice: user.lowercased())
}

/// Checks `hostProcess` with any `os.name`, because a pod can run on Windows nodes without it.
private func checkHostProcess(
    _ container: Container, _ settings: SecurityContext, _ template: PodTemplate, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard try settings.isHostProcess() else { return }
    // The API server rejects a container that differs from its pod.
    let own = try container.securityContext["windowsOptions"]["hostProcess"]
    let pods = try template.securityContext["windowsOptions"]["hostProcess"]
    findings.add(hostProcess, at: own, "is true; the container runs directly on the node", choice: "true") {
        $0.edits = [pods, own].filter(\.isPresent).map { .set(findings.place(of: $0), false) }
    }
}

private let cases: [Example] = [
    .good("set on the pod", "securityContext: {runAsNonRoot: true}"),
    .good(
        "set on each container",
        """
        securityContext: {runAsNonRoot: null}
        containers: [{name: app, securityContext: {runAsNonRoot: true}}]
        """),
    .bad(
        "not set", unset, at: "containers[app].securityContext.runAsNonRoot",
        "securityContext: {runAsNonRoot: null, runAsUser: null}"),
    .bad(
        "runAsUser without runAsNonRoot", unset, at: "containers[app].securityContext.runAsNonRoot",
        "securityContext: {runAsNonRoot: null}", isFixed: true),
    .bad(
        "a container that overrides the pod", rootAllowed, at: "containers[app].securityContext.runAsNonRoot",
        "containers: [{name: app, securityContext: {runAsNonRoot: false}}]"),
    .bad(
        "runAsUser 0 with runAsNonRoot", rootUser, at: "containers[app].securityContext.runAsUser",
        "containers: [{name: app, securityContext: {runAsUser: 0}}]"),
    .bad(
        "an init container", unset, at: "initContainers[migrate].securityContext.runAsNonRoot",
        """
        securityContext: {runAsNonRoot: null, runAsUser: null}
        containers: [{name: app, securityContext: {runAsNonRoot: true}}]
        initContainers: [{name: migrate}]
        """),
    .bad(
        "a sidecar", rootUser, at: "initContainers[proxy].securityContext.runAsUser",
        "initContainers: [{name: proxy, restartPolicy: Always, securityContext: {runAsUser: 0}}]"),
    .bad(
        "an ephemeral container", rootUser, at: "ephemeralContainers[debugger].securityContext.runAsUser",
        "ephemeralContainers: [{name: debugger, securityContext: {runAsUser: 0}}]",
        request: .debug),
    .good(
        "not set, in a user namespace",
        "{hostUsers: false, securityContext: {runAsNonRoot: null}}"),
    .good(
        "root in a user namespace",
        "{hostUsers: false, securityContext: {runAsNonRoot: null, runAsUser: 0, runAsGroup: 0}}"),
    .bad(
        "not set, in a user namespace with hostPID", unset, at: "containers[app].securityContext.runAsNonRoot",
        "{hostUsers: false, hostPID: true, securityContext: {runAsNonRoot: null, runAsUser: null}}"),
    .good(
        "a Windows pod",
        "{os: {name: windows}, securityContext: {runAsNonRoot: null, runAsUser: null, runAsGroup: null}}"),
    .bad(
        "ContainerAdministrator on Windows", administrator,
        at: "containers[app].securityContext.windowsOptions.runAsUserName",
        """
        os: {name: windows}
        containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]
        """),
    .bad(
        "a HostProcess container", hostProcess, at: "containers[app].securityContext.windowsOptions.hostProcess",
        """
        os: {name: windows}
        securityContext: {windowsOptions: {hostProcess: true}}
        """),
    .bad(
        "ContainerAdministrator with its domain", administrator,
        at: "containers[app].securityContext.windowsOptions.runAsUserName",
        """
        os: {name: windows}
        securityContext: {windowsOptions: {runAsUserName: 'User Manager\\ContainerAdministrator'}}
        """),
    .bad(
        "a HostProcess container without os.name", hostProcess,
        at: "containers[app].securityContext.windowsOptions.hostProcess",
        "containers: [{name: app, securityContext: {windowsOptions: {hostProcess: true}}}]"),
    .good(
        "a Rollout with workloadRef",
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Rollout
        metadata: {name: web, namespace: shop}
        spec: {replicas: 3, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
        """),
]
