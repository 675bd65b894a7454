import JSON
import Kubernetes

extension Rule {
    static let rbacLeastPrivilege = Rule(
        id: "rbac-least-privilege",
        title: "Nobody may do everything",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            Who may do everything can read every Secret and run anything anywhere, and so can whoever gets hold of that one token. \
            A role names what its holders need.
            """,
        level: .warn,
        scope: Scope(ResourceKinds(.role, .clusterRole, .roleBinding, .clusterRoleBinding)),
        clauses: [wildcard, clusterAdmin],
        settings: ["PLAYBOOK_OPERATORS"],
        examples: roleCases + bindingCases,
        check: { (subject, context) throws(CannotJudge) in
            switch subject.kind {
            case .role, .clusterRole: try wildcardFindings(in: subject)
            default: try adminFindings(in: subject, context)
            }
        }
    )
}

private let wildcard = Clause("wildcard", "no Role or ClusterRole gives the verb `*` on the resources `*`")
private let clusterAdmin = Clause(
    "cluster-admin",
    "only `system:masters` and those of `PLAYBOOK_OPERATORS` are bound to the ClusterRole `cluster-admin`")

// MARK: Roles

private func wildcardFindings(in subject: Subject) throws(CannotJudge) -> [Finding] {
    // The rules of an aggregated one are its controller's, and this one is Kubernetes' own.
    if try subject.object.object("aggregationRule") != nil { return [] }
    if subject.kind == .clusterRole, subject.name == "cluster-admin" { return [] }
    var findings: [Finding] = []
    for (index, rule) in try subject.object.objects("rules").enumerated() {
        let verbs = try strings("verbs", of: rule)
        let resources = try strings("resources", of: rule)
        guard verbs.contains("*"), resources.contains("*") else { continue }
        let groups = try strings("apiGroups", of: rule).map { $0.isEmpty ? "core" : $0 }.sorted()
        let names = try strings("resourceNames", of: rule).sorted()
        let place = Pointer(["rules", String(index)])
        let scope =
            groups.contains("*")
            ? "of every API group" : "of API group\(groups.count == 1 ? "" : "s") \(groups.joined(separator: ", "))"
        findings.append(
            Finding(
                wildcard, at: place, "allows every verb (*) on every resource (*) \(scope)",
                edits: [.set(place / "verbs", ["get", "list", "watch"])]
            ).with {
                $0.choice = (groups + ["/"] + names).joined(separator: " ")
                $0.advice = "or whatever verbs are needed, and the resources by name"
            })
    }
    return findings
}

private func strings(_ key: StaticString, of rule: Value) throws(CannotJudge) -> [String] {
    guard let list = try rule.array(key) else { return [] }
    var strings: [String] = []
    for element in list.elements {
        guard let text = element.string else { throw .malformed(element.id, expected: "a string") }
        strings.append(text)
    }
    return strings
}

// MARK: Bindings

private func adminFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard try subject.binds(toClusterRole: "cluster-admin") else { return [] }
    let operators = context.settings.secrets.operators.map { Glob($0) }
    return try subject.bindingSubjects().compactMap { bound in
        // The group is what it is without any binding.
        if bound.kind == "Group", bound.user == "system:masters" { return nil }
        guard !operators.contains(where: { $0.matches(bound.user) }) else { return nil }
        let reach = subject.kind == .roleBinding ? "in this namespace" : "in the whole cluster"
        return Finding(
            clusterAdmin, at: bound.place, "makes \(bound.title) cluster-admin \(reach)", edits: [.remove(bound.place)]
        ).with {
            $0.choice = bound.title
            $0.advice =
                "a RoleBinding to the ClusterRole edit is enough for most; operators are named in PLAYBOOK_OPERATORS"
        }
    }
}

// MARK: Examples

private func role(_ rules: String, kind: String = "ClusterRole", name: String = "web") -> String {
    """
    apiVersion: rbac.authorization.k8s.io/v1
    kind: \(kind)
    metadata: {name: \(name)\(kind == "Role" ? ", namespace: shop" : "")}
    \(rules)
    """
}

private func binding(_ subjects: String, to role: String = "cluster-admin", kind: String = "ClusterRoleBinding")
    -> String
{
    """
    apiVersion: rbac.authorization.k8s.io/v1
    kind: \(kind)
    metadata: {name: web\(kind == "RoleBinding" ? ", namespace: shop" : "")}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: \(role)}
    subjects: [\(subjects)]
    """
}

private let all = "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]"
private let developers = "{apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}"
private let deployer = "{kind: ServiceAccount, name: deployer, namespace: ci}"

private let roleCases: [Example] = [
    .good("what is needed", role("rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, patch]}]")),
    .good("every verb on one resource", role("rules: [{apiGroups: [apps], resources: [deployments], verbs: ['*']}]")),
    .good("looking at everything", role("rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}]")),
    .good("every verb on a path", role("rules: [{nonResourceURLs: ['*'], verbs: ['*']}]")),
    .good(
        "one that is put together of others",
        role("aggregationRule: {clusterRoleSelectors: [{matchLabels: {rbac.example.com/web: 'true'}}]}\n" + all)),
    .good("Kubernetes' own", role(all, name: "cluster-admin")),
    .good("no rules", role("rules: []")),
    .bad("everything", wildcard, at: "rules[0]", role(all)),
    .bad("everything in a namespace", wildcard, at: "rules[0]", role(all, kind: "Role")),
    .bad(
        "a Role that is only called cluster-admin", wildcard, at: "rules[0]",
        role(all, kind: "Role", name: "cluster-admin")),
    .bad(
        "everything of one group, among others", wildcard, at: "rules[1]",
        role(
            """
            rules:
            - {apiGroups: [''], resources: [pods], verbs: [get]}
            - {apiGroups: [apps], resources: [deployments, '*'], verbs: [get, '*']}
            """)),
    .bad(
        "of more groups than before", wildcard, at: "rules[0]",
        role("rules: [{apiGroups: [apps, batch], resources: ['*'], verbs: ['*']}]"),
        before: role("rules: [{apiGroups: [apps], resources: ['*'], verbs: ['*']}]")),
]

private let bindingCases: [Example] = [
    .good("a lesser role", binding(developers, to: "edit", kind: "RoleBinding")),
    .good("Kubernetes' own", binding("{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:masters'}")),
    .good("a binding of nobody", binding("")),
    .bad("a group", clusterAdmin, at: "subjects[developers]", binding(developers)),
    .bad("in one namespace", clusterAdmin, at: "subjects[developers]", binding(developers, kind: "RoleBinding")),
    .bad("a service account", clusterAdmin, at: "subjects[deployer]", binding(deployer)),
    .bad(
        "a user by the name of the group", clusterAdmin, at: "subjects[system:masters]",
        binding("{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:masters'}")),
    .good(
        "operators", binding("\(developers), \(deployer)"),
        settings: ["PLAYBOOK_OPERATORS": "developers, system:serviceaccount:ci:*"]),
    .bad(
        "one who is no operator beside one who is", clusterAdmin, at: "subjects[deployer]",
        binding("\(developers), \(deployer)"),
        settings: ["PLAYBOOK_OPERATORS": "developers, system:serviceaccount:flux-system:*"]),
]
