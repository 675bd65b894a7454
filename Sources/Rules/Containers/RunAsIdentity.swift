import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let runAsIdentity = Rule(
        id: "run-as-identity",
        title: "Containers state the uid and gid they run as",
        group: .containers,
        section: .containerization,
        rationale: """
            A uid and gid in the manifest hold whatever the image says, and files on volumes belong to somebody that can be looked \
            up.
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

private let noUser = Clause("no-user", "a numeric `runAsUser` is in force for each container")
private let noGroup = Clause("no-group", "a numeric `runAsGroup` is in force for each container")
private let rootUser = Clause("root-user", "the uid is not 0, but in a user namespace of the pod's own")
private let rootGroup = Clause("root-group", "the gid is not 0, but in a user namespace of the pod's own")

private func checkIdentity(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template(), !template.isWindows else { return }
    // In a user namespace of the pod's own 0 is a number like any other.
    let mayBeZero = try template.hasUserNamespace()
    for container in template.containers {
        let settings = try SecurityContext(of: container, in: template)
        let (user, group) = (try settings.user(), try settings.group())
        let hasUser = user.map { $0 != 0 || mayBeZero } ?? false
        let hasGroup = group.map { $0 != 0 || mayBeZero } ?? false
        guard !hasUser || !hasGroup else { continue }
        let clause = user == nil ? noUser : !hasUser ? rootUser : group == nil ? noGroup : rootGroup
        let uid = user.map { "uid \($0)" } ?? "no uid"
        let gid = group.map { "gid \($0)" } ?? "no gid"
        findings.add(clause, at: container.securityContext, "has \(uid) and \(gid)", choice: "\(uid) \(gid)") {
            if !hasUser { $0.edits.append(.set($0.place / "runAsUser", 10001)) }
            if !hasGroup { $0.edits.append(.set($0.place / "runAsGroup", 10001)) }
        }
    }
}

private let cases: [Example] = [
    .good("both stated for the pod", "securityContext: {runAsUser: 10001, runAsGroup: 10001}"),
    .good(
        "a container's own over the pod's",
        """
        securityContext: {runAsUser: null, runAsGroup: 20001}
        containers: [{name: app, securityContext: {runAsUser: 10001}}]
        """),
    .bad("no uid", noUser, at: "containers[app].securityContext", "securityContext: {runAsUser: null}"),
    .bad("no gid", noGroup, at: "containers[app].securityContext", "securityContext: {runAsGroup: null}"),
    .bad(
        "uid 0", rootUser, at: "containers[app].securityContext",
        "containers: [{name: app, securityContext: {runAsUser: 0}}]"),
    .bad(
        "gid 0", rootGroup, at: "containers[app].securityContext",
        "containers: [{name: app, securityContext: {runAsGroup: 0}}]"),
    .bad(
        "an init container as root's group", rootGroup, at: "initContainers[migrate].securityContext",
        "initContainers: [{name: migrate, securityContext: {runAsGroup: 0}}]"),
    .bad(
        "a sidecar as root", rootUser, at: "initContainers[proxy].securityContext",
        "initContainers: [{name: proxy, restartPolicy: Always, securityContext: {runAsUser: 0}}]"),
    .bad(
        "an ephemeral container as root's group", rootGroup, at: "ephemeralContainers[debugger].securityContext",
        "ephemeralContainers: [{name: debugger, securityContext: {runAsGroup: 0}}]",
        request: .debug),
    .good(
        "Windows has no uids",
        "{os: {name: windows}, securityContext: {runAsNonRoot: null, runAsUser: null, runAsGroup: null}}"),
]
