import Evaluation
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
        concern: .security,
        scope: Scope(ResourceKinds(.role, .clusterRole, .roleBinding, .clusterRoleBinding)),
        clauses: [wildcard, clusterAdmin],
        settings: [RuleSettings.operators],
        examples: roleCases + bindingCases,
        checks: [
            .init(.role, .clusterRole, check: checkRules),
            .init(.roleBinding, .clusterRoleBinding, check: checkBinding),
        ]
    )
}

extension RuleSettings {
    static let operators: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_OPERATORS", .list("names"), default: [],
        "Users, groups and service accounts (`system:serviceaccount:NAMESPACE:NAME`) who may be bound to `cluster-admin`, beside `system:masters`. `*` stands for any text."
    )
}

private let wildcard = Clause("wildcard", "no Role or ClusterRole gives the verb `*` on the resources `*`")
private let clusterAdmin = Clause(
    "cluster-admin",
    "only `system:masters` and those of `PLAYBOOK_OPERATORS` are bound to the ClusterRole `cluster-admin`")

// MARK: Roles

private func checkRules(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    // The rules of an aggregated one are its controller's, and this one is Kubernetes' own.
    if try subject.field("aggregationRule").object() != nil { return }
    if subject.kind == .clusterRole, subject.name == "cluster-admin" { return }
    for rule in try subject.field("rules").objects() {
        let isForAll = try hasWildcard(rule["verbs"], findings)
        guard try hasWildcard(rule["resources"], findings), isForAll else { continue }
        let (groups, names) = (try rule["apiGroups"], try rule["resourceNames"])
        try checkLength(groups, findings)
        try checkLength(names, findings)
        findings.add(
            wildcard, at: rule, "allows every verb (*) on every resource (*) \(scope(groups))",
            choice: choice(groups, names)
        ) {
            $0.edits = [.set($0.place / "verbs", ["get", "list", "watch"])]
            $0.advice = "or whatever verbs are needed, and the resources by name"
        }
    }
}

private func hasWildcard(_ list: Field, _ findings: FindingCollector) throws(CannotJudge) -> Bool {
    var hasWildcard = false
    try findings.step()
    for element in try list.strings() {
        try findings.step()
        hasWildcard = hasWildcard || element.base.equals("*")
    }
    return hasWildcard
}

/// Refuses a list, of a rule that gives everything, that is too long to be told.
private func checkLength(_ list: Field, _ findings: FindingCollector) throws(CannotJudge) {
    var count = 0
    for _ in try list.strings() {
        try findings.step()
        count += 1
        if count > 1000 { throw .tooLong(list.base.id, expected: "a list of at most 1000 names") }
    }
}

private func scope(_ groups: Field) -> String {
    let titles = groupTitles(groups)
    if titles.contains("*") { return "of every API group" }
    return "of API group\(titles.count == 1 ? "" : "s") \(titles.joined(separator: ", "))"
}

private func groupTitles(_ groups: Field) -> [String] {
    groups.value?.elements.map { $0.equals("") ? "core" : $0.text }.sorted() ?? []
}

/// What is given away, in whatever order it is written.
private func choice(_ groups: Field, _ names: Field) -> String {
    (groupTitles(groups) + ["/"] + (names.value?.elements.map(\.text).sorted() ?? [])).joined(separator: " ")
}

// MARK: Bindings

private func checkBinding(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard try subject.binds(toClusterRole: "cluster-admin") else { return }
    let operators = context[RuleSettings.operators].map { Glob($0) }
    for entry in try subject.field("subjects").objects() {
        try findings.step()
        let bound = try BindingSubject(entry, in: subject.namespace)
        // The group is what it is without any binding.
        if bound.kind == "Group", bound.user == "system:masters" { continue }
        guard !operators.contains(where: { $0.matches(bound.user) }) else { continue }
        let reach = subject.kind == .roleBinding ? "in this namespace" : "in the whole cluster"
        findings.add(
            clusterAdmin, at: entry, "makes \(bound.title) cluster-admin \(reach)", choice: bound.title
        ) {
            $0.edits = [.remove($0.place)]
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
