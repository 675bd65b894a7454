import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let anonymousBinding = Rule(
        id: "anonymous-binding",
        title: "RBAC does not bind unauthenticated users",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            `system:unauthenticated` and `system:anonymous` match every client that can reach the API server; \
            `system:authenticated` matches every user and every pod. Permissions for them are permissions for everyone.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.roleBinding, .clusterRoleBinding)),
        clauses: [everybody, serviceAccounts],
        relatedObjects: [.role, .clusterRole],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
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
                    isHint ? "allows \(meaning) to read named objects" : "grants permissions to \(meaning)",
                    choice: bound.title,
                    traits: .init(isHint: isHint)
                ) {
                    $0.edits = [.remove($0.place)]
                    $0.advice = "bind only the users, groups or service accounts that need the role"
                }
            }
        }
    )
}

private let everybody = Clause(
    "everybody",
    "no role is bound to `system:anonymous`, `system:unauthenticated` or `system:authenticated`, except Kubernetes' default bindings"
)
private let serviceAccounts = Clause(
    "service-accounts",
    "neither `cluster-admin` nor a role that allows everything is bound to `system:serviceaccounts`, which includes every pod"
)

private func checkServiceAccounts(
    _ entry: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    var allowsAll = try subject.binds(toClusterRole: "cluster-admin")
    if !allowsAll { allowsAll = try subject.boundRole(in: context)?[.allowsAll] ?? false }
    guard allowsAll else { return }
    findings.add(
        serviceAccounts, at: entry, "grants all permissions to every pod in the cluster",
        choice: "system:serviceaccounts"
    ) {
        $0.edits = [.remove($0.place)]
        $0.advice = "bind only the service accounts that need the role"
    }
}

// MARK: The bound role

extension Subject {
    /// The Role or ClusterRole of a binding.
    fileprivate func boundRole(in context: Context) throws(CannotEvaluate) -> RelatedObject? {
        let reference = try field("roleRef")
        guard let name = try reference["name"].string() else { return nil }
        let isWide = try reference["kind"].equals("ClusterRole")
        // A default binding of Kubernetes, with which it publishes its signing keys.
        if isWide, name == "system:service-account-issuer-discovery" { return nil }
        return try context.relatedObjects.object(
            isWide ? .clusterRole : .role, named: name, in: isWide ? "default" : namespace)
    }

    /// True if a RoleBinding binds a Role that only allows reading named objects.
    fileprivate func bindsToReader(in context: Context) throws(CannotEvaluate) -> Bool {
        guard kind == .roleBinding, try field("roleRef")["kind"].equals("Role") else { return false }
        do throws(CannotEvaluate) {
            return try boundRole(in: context)?[.readsNamedObjects] ?? false
        } catch {
            guard case .unknown = error else { throw error }
            return false
        }
    }
}

extension RelatedKind {
    static let role = RelatedKind(.role, read: readRights)
    static let clusterRole = RelatedKind(.clusterRole, read: readRights)
}

extension RelatedField<Bool> {
    /// True if it allows every verb on every resource.
    fileprivate static let allowsAll = Self("allowsAll")
    /// True if it only allows reading named objects.
    fileprivate static let readsNamedObjects = Self("readsNamedObjects")
}

private let readRights: RelatedKind.Read = { (object, fields) throws(CannotEvaluate) in
    var (allowsAll, readsNamedObjects) = (false, true)
    for rule in try object.objects("rules") {
        let (verbs, resources) = (try rule.strings("verbs"), try rule.strings("resources"))
        func has(_ list: Value?, _ word: StaticString) -> Bool { list?.elements.contains { $0.equals(word) } ?? false }
        let hasAllVerbs = has(verbs, "*") || Verbs.everyday.allSatisfy { has(verbs, $0) }
        if hasAllVerbs, has(resources, "*"), has(try rule.strings("apiGroups"), "*") { allowsAll = true }
        let isNamed = try rule.strings("resourceNames")?.elements.contains { _ in true } ?? false
        let isReading =
            verbs?.elements.allSatisfy { $0.equals("get") || $0.equals("list") || $0.equals("watch") } ?? true
        if !isNamed || !isReading { readsNamedObjects = false }
    }
    fields[.allowsAll] = allowsAll
    fields[.readsNamedObjects] = readsNamedObjects
}

private let meanings = [
    "system:anonymous": "unauthenticated users",
    "system:unauthenticated": "unauthenticated users",
    "system:authenticated": "every user and every pod",
]

/// The subjects of Kubernetes' default ClusterRoleBindings, by the name of the binding and its role.
private let bootstrap: [String: [String]] = [
    "system:basic-user": ["Group system:authenticated"],
    "system:discovery": ["Group system:authenticated"],
    "system:public-info-viewer": ["Group system:authenticated", "Group system:unauthenticated"],
]

/// The default subjects of a binding; empty if it is not one of Kubernetes' default bindings.
private func ownSubjects(of subject: Subject) throws(CannotEvaluate) -> [String] {
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

private func clusterRole(_ name: String, _ rule: String) -> String {
    """
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: \(name)}
    rules: [\(rule)]
    """
}

private let cases: [Example] = [
    .bad(
        "every pod as cluster-admin", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "cluster-admin"),
        settings: ["PLAYBOOK_OPERATORS": "system:serviceaccounts"]),
    .bad(
        "every pod as cluster-admin in one namespace", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "cluster-admin", kind: "RoleBinding")),
    .bad(
        "every pod with a role that allows everything", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "all"),
        relatedObjects: clusterRole("all", "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}")),
    .bad(
        "every pod with a role that lists all verbs", serviceAccounts, at: "subjects[system:serviceaccounts]",
        binding("system:serviceaccounts", to: "all"),
        relatedObjects: clusterRole(
            "all", "{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch, create, update, patch, delete]}")),
    .good(
        "every pod with a role for all of one API group", binding("system:serviceaccounts", to: "widgets"),
        relatedObjects: clusterRole("widgets", "{apiGroups: [widgets.example.com], resources: ['*'], verbs: ['*']}")),
    .good(
        "every pod with a role that reads everything", binding("system:serviceaccounts", to: "readers"),
        relatedObjects: clusterRole("readers", "{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}")),
    .good(
        "every pod with the role view", binding("system:serviceaccounts", to: "view"),
        relatedObjects: clusterRole("view", "{apiGroups: [''], resources: [pods], verbs: [get]}")),
    .bad(
        "every user, to read one object", everybody, at: authenticated,
        binding("system:authenticated", to: "info", kind: "RoleBinding", of: "Role"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: info, namespace: shop}
            rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [version], verbs: [get]}]
            """, isHint: true),
    .bad(
        "every user, to read all objects of a kind", everybody, at: authenticated,
        binding("system:authenticated", to: "info", kind: "RoleBinding", of: "Role"),
        relatedObjects: """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: info, namespace: shop}
            rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]
            """),
    .good("a group", binding("developers", kind: "RoleBinding")),
    .good("a user", binding("jo")),
    .bad("the user system:anonymous", everybody, at: anonymous, binding("system:anonymous")),
    .bad("the group system:unauthenticated", everybody, at: unauthenticated, binding("system:unauthenticated")),
    .bad(
        "the group system:authenticated beside another group", everybody, at: authenticated,
        binding("developers", "system:authenticated")),
    .bad(
        "the group system:authenticated in one namespace", everybody, at: authenticated,
        binding("system:authenticated", kind: "RoleBinding")),
    .good("the default binding system:basic-user", binding("system:authenticated", to: "system:basic-user")),
    .good("the default binding system:discovery", binding("system:authenticated", to: "system:discovery")),
    .good(
        "the default binding system:public-info-viewer",
        binding("system:authenticated", "system:unauthenticated", to: "system:public-info-viewer")),
    .good("a default binding with fewer subjects", binding("system:authenticated", to: "system:public-info-viewer")),
    .bad(
        "a default binding from before Kubernetes 1.14, with another subject", everybody, at: unauthenticated,
        binding("system:authenticated", "system:unauthenticated", to: "system:discovery")),
    .bad(
        "another subject added to a default binding", everybody, at: anonymous,
        binding("system:authenticated", "system:unauthenticated", "system:anonymous", to: "system:public-info-viewer"),
        before: binding("system:authenticated", "system:unauthenticated", to: "system:public-info-viewer")),
    .bad(
        "another role under the name of a default binding", everybody, at: authenticated,
        binding("system:authenticated", to: "edit", name: "system:discovery")),
    .bad(
        "a default role under another binding name", everybody, at: authenticated,
        binding("system:authenticated", to: "system:discovery", name: "discovery")),
    .bad(
        "a RoleBinding under the name of a default ClusterRoleBinding", everybody, at: authenticated,
        binding("system:authenticated", to: "system:discovery", kind: "RoleBinding")),
    .bad(
        "another group than before", everybody, at: unauthenticated, binding("system:unauthenticated"),
        before: binding("system:authenticated")),
    .good(
        "a default binding that the API server creates", binding("system:unauthenticated", to: "system:discovery"),
        request: .by("system:apiserver")),
]
