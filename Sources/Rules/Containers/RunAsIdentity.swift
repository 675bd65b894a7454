import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let runAsIdentity = Rule(
        id: "run-as-identity",
        title: "Containers set runAsUser and runAsGroup",
        group: .containers,
        section: .containerization,
        rationale: """
            Without a numeric uid and gid in the manifest, the image determines the user of the process and the owner of its \
            files on volumes.
            """,
        level: .warn,
        concern: .security,
        scope: .allContainers,
        clauses: [noUser, noGroup, rootUser, rootGroup],
        fault: .identity,
        examples: cases,
        check: checkIdentity
    )
}

private let noUser = Clause("no-user", "`runAsUser` is set on each container or its pod")
private let noGroup = Clause("no-group", "`runAsGroup` is set on each container or its pod")
private let rootUser = Clause(
    "root-user", "`runAsUser` is not 0, except in a pod with a user namespace (`hostUsers: false`)")
private let rootGroup = Clause(
    "root-group", "`runAsGroup` is not 0, except in a pod with a user namespace (`hostUsers: false`)")

private func checkIdentity(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    guard let template = try subject.template(), !template.isWindows else { return }
    // In a user namespace, 0 is not root on the node.
    let mayBeZero = try template.hasUserNamespace()
    for container in template.containers {
        let settings = try SecurityContext(of: container, in: template)
        let (user, group) = (try settings.user(), try settings.group())
        let hasUser = user.map { $0 != 0 || mayBeZero } ?? false
        let hasGroup = group.map { $0 != 0 || mayBeZero } ?? false
        guard !hasUser || !hasGroup else { continue }
        let clause = user == nil ? noUser : !hasUser ? rootUser : group == nil ? noGroup : rootGroup
        let uid = user.map { "runAsUser \($0)" } ?? "no runAsUser"
        let gid = group.map { "runAsGroup \($0)" } ?? "no runAsGroup"
        findings.add(clause, at: container.securityContext, "has \(uid) and \(gid)", choice: "\(uid) \(gid)") {
            // Another uid might not be able to read the image's files or write to its volumes.
            let fields = [hasUser ? nil : "runAsUser", hasGroup ? nil : "runAsGroup"].compactMap(\.self)
            let values =
                fields.count == 2
                ? "numeric IDs of the image's user and group"
                : hasUser ? "numeric ID of the image's group" : "numeric ID of the image's user"
            $0.advice = "set \(fields.joined(separator: " and ")) to the \(values), not 0"
        }
    }
}

private let cases: [Example] = [
    .good("both set on the pod", "securityContext: {runAsUser: 10001, runAsGroup: 10001}"),
    .good(
        "a container that overrides the pod",
        """
        securityContext: {runAsUser: null, runAsGroup: 20001}
        containers: [{name: app, securityContext: {runAsUser: 10001}}]
        """),
    .bad("no runAsUser", noUser, at: "containers[app].securityContext", "securityContext: {runAsUser: null}"),
    .bad("no runAsGroup", noGroup, at: "containers[app].securityContext", "securityContext: {runAsGroup: null}"),
    .bad(
        "runAsUser 0", rootUser, at: "containers[app].securityContext",
        "containers: [{name: app, securityContext: {runAsUser: 0}}]"),
    .bad(
        "runAsGroup 0", rootGroup, at: "containers[app].securityContext",
        "containers: [{name: app, securityContext: {runAsGroup: 0}}]"),
    .bad(
        "an init container with runAsGroup 0", rootGroup, at: "initContainers[migrate].securityContext",
        "initContainers: [{name: migrate, securityContext: {runAsGroup: 0}}]"),
    .bad(
        "a sidecar with runAsUser 0", rootUser, at: "initContainers[proxy].securityContext",
        "initContainers: [{name: proxy, restartPolicy: Always, securityContext: {runAsUser: 0}}]"),
    .bad(
        "an ephemeral container with runAsGroup 0", rootGroup, at: "ephemeralContainers[debugger].securityContext",
        "ephemeralContainers: [{name: debugger, securityContext: {runAsGroup: 0}}]",
        request: .debug),
    .good(
        "a Windows pod",
        "{os: {name: windows}, securityContext: {runAsNonRoot: null, runAsUser: null, runAsGroup: null}}"),
]
