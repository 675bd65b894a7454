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
            Root in a container is root on the node as soon as one wall falls. With `runAsNonRoot: true` the kubelet refuses to \
            start an image that would be root.
            """,
        level: .deny,
        concern: .security,
        scope: .allContainers,
        clauses: [unset, rootAllowed, rootUser, administrator, hostProcess],
        allowsAgents: true,
        allowsUnsetInPlatforms: true,
        fault: .identity,
        fix: .adds(
            "Sets `runAsNonRoot: true` where a non-zero `runAsUser` is in force already, so that nothing can fail to start."
        ),
        examples: cases,
        check: checkRoot
    )
}

private let unset = Clause(
    "unset", "`runAsNonRoot: true` is in force for each container, by its own settings or the pod's")
private let rootAllowed = Clause("root-allowed", "no container sets `runAsNonRoot: false`")
private let rootUser = Clause(
    "root-user", "no `runAsUser: 0` is in force, but in a user namespace of the pod's own (`hostUsers: false`)")
private let administrator = Clause("administrator", "on Windows, no container runs as ContainerAdministrator")
private let hostProcess = Clause("host-process", "on Windows, no container is a host process")

private func checkRoot(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
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
) throws(CannotJudge) {
    let user = try settings.user()
    let isNonRoot = try settings.runAsNonRoot()
    if user != 0, isNonRoot == true { return }
    let nonRoot = try container.securityContext["runAsNonRoot"]
    if user == 0 {
        try findings.add(rootUser, at: container.securityContext["runAsUser"], "is 0, which is root") {
            $0.edits = [.set(findings.place(of: nonRoot), true), .set($0.place, 10001)]
            $0.advice = advice(for: container) ?? "any uid but 0 that the image's files allow"
        }
        // What was root by name was not kept from it either: to name nobody is no new sin.
        if isNonRoot == true || !isOld { return }
    }
    findings.add(
        isNonRoot == nil ? unset : rootAllowed, at: nonRoot,
        isNonRoot == nil ? "is not set on the container or the pod" : "is false", set: true
    ) {
        $0.isFixable = isNonRoot == nil && user != nil
        $0.advice =
            advice(for: container)
            ?? (user == nil ? "the image needs a numeric USER other than 0, or set runAsUser too" : nil)
    }
}

/// How a person debugs a Pod without root.
private func advice(for container: Container) -> String? {
    container.role == .ephemeral ? "kubectl debug --profile=restricted runs the container without root" : nil
}

private func checkWindows(
    _ container: Container, _ settings: SecurityContext, _ findings: FindingCollector
) throws(CannotJudge) {
    // `User Manager\ContainerAdministrator` is the same one, by the domain that it belongs to.
    guard let name = try settings.windowsUser(), let user = name.split(separator: "\\").last,
        user.lowercased() == "containeradministrator"
    else { return }
    try findings.add(
        administrator, at: container.securityContext["windowsOptions"]["runAsUserName"],
        "is \(name), Windows' root", set: "ContainerUser")
}

/// Looks for what only Windows has, on whatever system the pod says that it runs: it need not say so to be placed there.
private func checkHostProcess(
    _ container: Container, _ settings: SecurityContext, _ template: PodTemplate, _ findings: FindingCollector
) throws(CannotJudge) {
    guard try settings.isHostProcess() else { return }
    // The API takes no container that says other than its pod.
    let own = try container.securityContext["windowsOptions"]["hostProcess"]
    let pods = try template.securityContext["windowsOptions"]["hostProcess"]
    findings.add(hostProcess, at: own, "is true: the container runs on the node itself") {
        $0.edits = [pods, own].filter(\.isPresent).map { .set(findings.place(of: $0), false) }
    }
}

private let cases: [Example] = [
    .good("set for the pod", "securityContext: {runAsNonRoot: true}"),
    .good(
        "set by each container",
        """
        securityContext: {runAsNonRoot: null}
        containers: [{name: app, securityContext: {runAsNonRoot: true}}]
        """),
    .bad(
        "set nowhere", unset, at: "containers[app].securityContext.runAsNonRoot",
        "securityContext: {runAsNonRoot: null, runAsUser: null}"),
    .bad(
        "a uid alone is one line short", unset, at: "containers[app].securityContext.runAsNonRoot",
        "securityContext: {runAsNonRoot: null}", isFixed: true),
    .bad(
        "a container that overrides its pod", rootAllowed, at: "containers[app].securityContext.runAsNonRoot",
        "containers: [{name: app, securityContext: {runAsNonRoot: false}}]"),
    .bad(
        "uid 0 beside runAsNonRoot", rootUser, at: "containers[app].securityContext.runAsUser",
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
        "a user namespace of its own may leave it unset",
        "{hostUsers: false, securityContext: {runAsNonRoot: null}}"),
    .good(
        "root in a user namespace of its own",
        "{hostUsers: false, securityContext: {runAsNonRoot: null, runAsUser: 0, runAsGroup: 0}}"),
    .bad(
        "a user namespace beside the node's processes", unset, at: "containers[app].securityContext.runAsNonRoot",
        "{hostUsers: false, hostPID: true, securityContext: {runAsNonRoot: null, runAsUser: null}}"),
    .good(
        "Windows has no uids",
        "{os: {name: windows}, securityContext: {runAsNonRoot: null, runAsUser: null, runAsGroup: null}}"),
    .bad(
        "an administrator on Windows", administrator,
        at: "containers[app].securityContext.windowsOptions.runAsUserName",
        """
        os: {name: windows}
        containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]
        """),
    .bad(
        "a host process on Windows", hostProcess, at: "containers[app].securityContext.windowsOptions.hostProcess",
        """
        os: {name: windows}
        securityContext: {windowsOptions: {hostProcess: true}}
        """),
    .bad(
        "an administrator by the domain", administrator,
        at: "containers[app].securityContext.windowsOptions.runAsUserName",
        """
        os: {name: windows}
        securityContext: {windowsOptions: {runAsUserName: 'User Manager\\ContainerAdministrator'}}
        """),
    .bad(
        "a host process that does not say where it is to run", hostProcess,
        at: "containers[app].securityContext.windowsOptions.hostProcess",
        "containers: [{name: app, securityContext: {windowsOptions: {hostProcess: true}}}]"),
    .good(
        "a Rollout whose template stands elsewhere",
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Rollout
        metadata: {name: web, namespace: shop}
        spec: {replicas: 3, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
        """),
]
