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
        clauses: [everybody, serviceAccounts],
        relatedObjects: [.role, .clusterRole],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let own = try ownSubjects(of: subject)
            for entry in try subject.field("subjects").objects() {
                try findings.step()
                let bound = try BindingSubject(entry, in: subject.namespace)
                if bound.user == "system:serviceaccounts" {
                    try findings.separately(checkServiceAccounts(entry, subject, context, findings))
                }
                guard let meaning = meanings[bound.user], !own.contains(bound.title) else { continue }
                var isHint = false
                if bound.user == "system:authenticated" { isHint = try subject.bindsToReader(in: context) }
                findings.add(
                    everybody, at: entry,
                    isHint ? "lets \(meaning) read named objects" : "gives rights to \(meaning)", choice: bound.title,
                    traits: .init(isHint: isHint)
                ) {
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
private let serviceAccounts = Clause(
    "service-accounts",
    "`system:serviceaccounts`, which is every pod, is bound neither to `cluster-admin` nor to a role that allows everything"
)

private func checkServiceAccounts(
    _ entry: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    var allowsAll = try subject.binds(toClusterRole: "cluster-admin")
    if !allowsAll { allowsAll = try subject.boundRole(in: context)?[.allowsAll] ?? false }
    guard allowsAll else { return }
    findings.add(
        serviceAccounts, at: entry, "gives every right to every pod of the cluster", choice: "system:serviceaccounts"
    ) {
        $0.edits = [.remove($0.place)]
        $0.advice = "bind the service accounts that need it, by name"
    }
}

// MARK: The role that is bound

extension Subject {
    /// The Role or ClusterRole that a binding is for.
    fileprivate func boundRole(in context: Context) throws(CannotJudge) -> RelatedObject? {
        let reference = try field("roleRef")
        guard let name = try reference["name"].string() else { return nil }
        let isWide = try reference["kind"].equals("ClusterRole")
        // Kubernetes' own, by which it publishes its keys.
        if isWide, name == "system:service-account-issuer-discovery" { return nil }
        return try context.relatedObjects.object(
            isWide ? .clusterRole : .role, named: name, in: isWide ? "default" : namespace)
    }

    /// True if a RoleBinding is for a Role that only reads objects by their names.
    fileprivate func bindsToReader(in context: Context) throws(CannotJudge) -> Bool {
        guard kind == .roleBinding, try field("roleRef")["kind"].equals("Role"),
            context.relatedObjects.knows(.role, in: namespace)
        else { return false }
        return try boundRole(in: context)?[.readsNamedObjects] ?? false
    }
}

extension RelatedKind {
    static let role = RelatedKind(.role, read: readRights)
    static let clusterRole = RelatedKind(.clusterRole, read: readRights)
}

extension RelatedField<Bool> {
    /// True if it allows every verb on every resource.
    fileprivate static let allowsAll = Self("allowsAll")
    /// True if it allows nothing but to read objects by their names.
    fileprivate static let readsNamedObjects = Self("readsNamedObjects")
}

private let readRights: RelatedKind.Read = { (object, fields) throws(CannotJudge) in
    var (allowsAll, readsNamedObjects) = (false, true)
    for rule in try object.objects("rules") {
        let (verbs, resources) = (try rule.strings("verbs"), try rule.strings("resources"))
        func has(_ list: Value?, _ word: StaticString) -> Bool { list?.elements.contains { $0.equals(word) } ?? false }
        if has(verbs, "*"), has(resources, "*") { allowsAll = true }
        let isNamed = try rule.strings("resourceNames")?.elements.contains { _ in true } ?? false
        let isReading =
            verbs?.elements.allSatisfy { $0.equals("get") || $0.equals("list") || $0.equals("watch") } ?? true
        if !isNamed || !isReading { readsNamedObjects = false }
    }
    fields[.allowsAll] = allowsAll
    fields[.readsNamedObjects] = readsNamedObjects
}

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
    _ subjects: String..., to role: String = "view", name: String? = nil, kind: String = "ClusterRoleBinding",
    of roleKind: String = "ClusterRole"
) -> String {
    let entries = subjects.map { subject in
        let kind = subject == "system:anonymous" || subject == "jo" ? "User" : "Group"
        return "{apiGroup: rbac.authorization.k8s.io, kind: \(kind), name: '\(subject)'}"
    }
    return """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: \(kind)
        metadata: {name: '\(name ?? role)'\(kind == "RoleBinding" ? ", namespace: shop" : "")}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: \(roleKind), name: '\(role)'}
        subjects: [\(entries.joined(separator: ", "))]
        """
}

private let anonymous = "subjects[system:anonymous]"
private let unauthenticated = "subjects[system:unauthenticated]"
private let authenticated = "subjects[system:authenticated]"

private let cases: [Example] = [
    .bad(
        "every pod, as cluster-admin", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "cluster-admin"),
        settings: ["PLAYBOOK_OPERATORS": "system:serviceaccounts"]),
    .bad(
        "every pod, as cluster-admin in one namespace", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "cluster-admin", kind: "RoleBinding")),
    .bad(
        "every pod, with a role that allows everything", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "all"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: all}
            rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]
            """),
    .good(
        "every pod, with a lesser role", binding("system:serviceaccounts", to: "view"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: view}
            rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
            """),
    .bad(
        "everybody, to read one object", everybody, at: authenticated,
        binding("system:authenticated", to: "info", kind: "RoleBinding", of: "Role"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: info, namespace: shop}
            rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [version], verbs: [get]}]
            """, isHint: true),
    .bad(
        "everybody, to read all of a kind", everybody, at: authenticated,
        binding("system:authenticated", to: "info", kind: "RoleBinding", of: "Role"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: info, namespace: shop}
            rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]
            """),
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
