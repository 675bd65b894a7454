import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let anonymousBinding = Rule(
        id: "anonymous-binding",
        title: "No rights for whoever asks",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            `system:unauthenticated` and `system:anonymous` are whoever reaches the API server, without a name; \
            `system:authenticated` is every user and every pod. What they may do, everybody may.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.roleBinding, .clusterRoleBinding)),
        clauses: [everybody],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            let own = try ownSubjects(of: subject)
            for entry in try subject.field("subjects").objects() {
                try findings.step()
                let bound = try BindingSubject(entry, in: subject.namespace)
                guard let meaning = meanings[bound.user], !own.contains(bound.title) else { continue }
                findings.add(everybody, at: entry, "gives rights to \(meaning)", choice: bound.title) {
                    $0.edits = [.remove($0.place)]
                    $0.advice = "bind the users, groups or service accounts that need it, by name"
                }
            }
        }
    )
}

private let everybody = Clause(
    "everybody",
    "nothing is bound to `system:anonymous`, `system:unauthenticated` or `system:authenticated`, but what Kubernetes binds to them itself"
)

private let meanings = [
    "system:anonymous": "anybody, without a login",
    "system:unauthenticated": "anybody, without a login",
    "system:authenticated": "every user and every pod",
]

/// Whom Kubernetes gives its own roles to, in ClusterRoleBindings of the roles' names.
private let bootstrap: [String: [String]] = [
    "system:basic-user": ["Group system:authenticated"],
    "system:discovery": ["Group system:authenticated"],
    "system:public-info-viewer": ["Group system:authenticated", "Group system:unauthenticated"],
]

/// Who is in a binding because Kubernetes put them there; nobody, where it is not one of its own.
private func ownSubjects(of subject: Subject) throws(CannotJudge) -> [String] {
    guard subject.kind == .clusterRoleBinding, let name = subject.name, let own = bootstrap[name],
        try subject.binds(toClusterRole: name)
    else { return [] }
    return own
}

private func binding(
    _ subjects: String..., to role: String = "view", name: String? = nil, kind: String = "ClusterRoleBinding"
) -> String {
    let entries = subjects.map { subject in
        let kind = subject == "system:anonymous" || subject == "jo" ? "User" : "Group"
        return "{apiGroup: rbac.authorization.k8s.io, kind: \(kind), name: '\(subject)'}"
    }
    return """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: \(kind)
        metadata: {name: '\(name ?? role)'\(kind == "RoleBinding" ? ", namespace: shop" : "")}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '\(role)'}
        subjects: [\(entries.joined(separator: ", "))]
        """
}

private let anonymous = "subjects[system:anonymous]"
private let unauthenticated = "subjects[system:unauthenticated]"
private let authenticated = "subjects[system:authenticated]"

private let cases: [Example] = [
    .good("a group by its name", binding("developers", kind: "RoleBinding")),
    .good("a user", binding("jo")),
    .bad("whoever has no name", everybody, at: anonymous, binding("system:anonymous")),
    .bad("the group of those", everybody, at: unauthenticated, binding("system:unauthenticated")),
    .bad("everybody who has one", everybody, at: authenticated, binding("developers", "system:authenticated")),
    .bad("in one namespace", everybody, at: authenticated, binding("system:authenticated", kind: "RoleBinding")),
    .good("what everybody may ask of themselves", binding("system:authenticated", to: "system:basic-user")),
    .good("which APIs there are", binding("system:authenticated", to: "system:discovery")),
    .good(
        "the version and the health",
        binding("system:authenticated", "system:unauthenticated", to: "system:public-info-viewer")),
    .good("less than Kubernetes gives", binding("system:authenticated", to: "system:public-info-viewer")),
    .bad(
        "more than Kubernetes gives, as before its version 1.14", everybody, at: unauthenticated,
        binding("system:authenticated", "system:unauthenticated", to: "system:discovery")),
    .bad(
        "one more to what Kubernetes gives", everybody, at: anonymous,
        binding("system:authenticated", "system:unauthenticated", "system:anonymous", to: "system:public-info-viewer"),
        before: binding("system:authenticated", "system:unauthenticated", to: "system:public-info-viewer")),
    .bad(
        "another role under the name of Kubernetes' own", everybody, at: authenticated,
        binding("system:authenticated", to: "edit", name: "system:discovery")),
    .bad(
        "Kubernetes' own role under another name", everybody, at: authenticated,
        binding("system:authenticated", to: "system:discovery", name: "discovery")),
    .bad(
        "a RoleBinding under the name of Kubernetes' own", everybody, at: authenticated,
        binding("system:authenticated", to: "system:discovery", kind: "RoleBinding")),
    .bad(
        "another one than before", everybody, at: unauthenticated, binding("system:unauthenticated"),
        before: binding("system:authenticated")),
    .good(
        "the API server at its start", binding("system:unauthenticated", to: "system:discovery"),
        request: .by("system:apiserver")),
]
