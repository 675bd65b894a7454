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
        scope: Scope(
            ResourceKinds(
                .role, .clusterRole, .roleBinding, .clusterRoleBinding, .eksAccessEntry, .iamRole, .iamPolicy)),
        clauses: [
            PrivilegeClause.wildcard, PrivilegeClause.escalation, PrivilegeClause.node, PrivilegeClause.token,
            PrivilegeClause.clusterAdmin, PrivilegeClause.accessEntry, PrivilegeClause.everybody,
            PrivilegeClause.administrator,
        ],
        settings: [RuleSettings.operators],
        examples: roleExamples + bindingExamples + cloudRightsExamples,
        checks: [
            .init(.role, .clusterRole, check: checkRules),
            .init(.roleBinding, .clusterRoleBinding, check: checkBinding),
            .init(.eksAccessEntry, check: checkAccessEntry),
            .init(.iamRole, check: checkIAMRole),
            .init(.iamPolicy, check: checkIAMPolicy),
        ]
    )
}

extension RuleSettings {
    static let operators: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_OPERATORS", .list("names"), default: [],
        "Users, groups and service accounts (`system:serviceaccount:NAMESPACE:NAME`) who may be bound to `cluster-admin`, beside `system:masters`, and who may write roles of such reach, as an operator's installer does. `*` stands for any text."
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum PrivilegeClause {
    static let wildcard = Clause(
        "wildcard", "no Role or ClusterRole gives every verb, by `*` or one by one, on the resources `*`")
    static let escalation = Clause(
        "escalation",
        "no role gives the verbs `escalate`, `bind` or `impersonate`, but for objects named in `resourceNames`")
    static let node = Clause("node-proxy", "no role gives `nodes/proxy`, which runs commands in every pod of a node")
    static let token = Clause(
        "token-request",
        "no role lets its holders create `serviceaccounts/token`, but for accounts named in `resourceNames`")
    static let clusterAdmin = Clause(
        "cluster-admin",
        "only `system:masters` and those of `PLAYBOOK_OPERATORS` are bound to the ClusterRole `cluster-admin`")
    static let accessEntry = Clause(
        "access-entry",
        "no AccessEntry of EKS gives AmazonEKSClusterAdminPolicy or `system:masters`, but to those of `PLAYBOOK_OPERATORS`"
    )
    static let everybody = Clause("everybody", "no IAM role may be assumed by the principal `*` without a condition")
    static let administrator = Clause(
        "administrator", "no IAM role or policy gives AdministratorAccess, or every action on every resource")
}

// MARK: Roles

private func checkRules(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    // The rules of an aggregated one are its controller's, and this one is Kubernetes' own.
    if try subject.field("aggregationRule").object() != nil { return }
    if subject.kind == .clusterRole, subject.name == "cluster-admin" { return }
    // In a cluster there are those that Kubernetes and EKS made themselves.
    if context.source == .cluster, subject.isOfCluster { return }
    let operators = context[RuleSettings.operators]
    if operators.contains(where: { Glob($0).matches(subject.review.user.name) }) { return }
    for rule in try subject.field("rules").objects() {
        let (groups, names) = (try rule["apiGroups"], try rule["resourceNames"])
        let verbs = try Verbs(rule["verbs"], findings)
        let resources = try Resources(rule["resources"], Groups(groups, findings), of: subject.kind, findings)
        let grants = verbs.grants(on: resources)
        guard let clause = grants.first?.clause else { continue }
        try checkLength(groups, findings)
        try checkLength(names, findings)
        if clause == PrivilegeClause.wildcard {
            findings.add(
                PrivilegeClause.wildcard, at: rule, "allows every verb (*) on every resource (*) \(scope(groups))",
                choice: choice(groups, names)
            ) {
                $0.edits = [.set($0.place / "verbs", ["get", "list", "watch"])]
                $0.advice =
                    "or whatever verbs are needed, and the resources by name; an operator's installer is named in PLAYBOOK_OPERATORS"
            }
            continue
        }
        for grant in grants where !(grant.isLimitedByName && isLimited(names)) {
            findings.add(
                grant.clause, at: rule, "allows \(grant.words)",
                choice: "\(grant.words) \(choice(groups, names))"
            ) {
                $0.advice =
                    "\(grant.advice); an operator's installer is named in PLAYBOOK_OPERATORS"
            }
        }
    }
}

extension Subject {
    /// True if it is one of the roles that the control plane keeps in every cluster.
    fileprivate var isOfCluster: Bool {
        guard let name else { return false }
        let isOwn = metadata.value?["labels"]?["kubernetes.io/bootstrapping"]?.equals("rbac-defaults") ?? false
        return isOwn && (name.hasPrefix("system:") || ["admin", "edit", "view"].contains(name))
            || name.hasPrefix("eks:")
    }
}

/// True if a role's rule is for named objects, none of which opens everything.
private func isLimited(_ names: Field) -> Bool {
    guard let names = names.value?.elements, names.contains(where: { _ in true }) else { return false }
    return !names.contains { $0.equals("cluster-admin") || $0.equals("system:masters") }
}

/// The verbs of a role's rule, as far as they matter here.
private struct Verbs {
    private var isEmpty = true
    private var isAll = false
    /// Which of the verbs that matter are there: a bit for the place of each in the list.
    private var (everyday, escalating): (UInt8, UInt8) = (0, 0)

    init(_ list: Field, _ findings: FindingCollector) throws(CannotJudge) {
        try findings.step()
        for element in try list.strings() {
            try findings.step()
            let verb = element.base
            isEmpty = false
            if verb.equals("*") { isAll = true }
            if let place = Verbs.everyday.firstIndex(where: { verb.equals($0) }) { everyday |= 1 << place }
            if let place = Verbs.escalating.firstIndex(where: { verb.equals($0) }) { escalating |= 1 << place }
        }
    }

    private static let everyday: [StaticString] = ["create", "get", "list", "watch", "update", "patch", "delete"]
    private static let create: UInt8 = 1
    private static let escalating: [StaticString] = ["bind", "escalate", "impersonate"]

    /// What a rule gives that is as good as everything.
    func grants(on resources: Resources) -> [Grant] {
        if resources.isAll, isAll || everyday.nonzeroBitCount == Verbs.everyday.count { return [.everything] }
        var grants: [Grant] = []
        var escalating = isAll ? resources.escalating.map { "every verb on \($0)" } : []
        if escalating.isEmpty {
            for (place, verb) in Verbs.escalating.enumerated() where self.escalating & 1 << place != 0 {
                escalating.append("\(verb)")
            }
        }
        if !escalating.isEmpty, !resources.isEmpty { grants.append(.escalation(escalating)) }
        if resources.hasNodeProxy, !isEmpty { grants.append(.nodeProxy) }
        guard isAll || everyday & Verbs.create != 0 else { return grants }
        // Whoever may look at everything is let be.
        if resources.isAllOfNodes { grants.append(.everyNodeProxy) }
        if resources.hasToken { grants.append(.token) }
        return grants
    }
}

/// The API groups of a role's rule, likewise.
private struct Groups {
    private(set) var hasCore = false
    private(set) var hasRBAC = false

    init(_ list: Field, _ findings: FindingCollector) throws(CannotJudge) {
        for element in try list.strings() {
            try findings.step()
            let isAll = element.base.equals("*")
            if isAll || element.base.equals("") { hasCore = true }
            if isAll || element.base.equals("rbac.authorization.k8s.io") { hasRBAC = true }
        }
    }
}

/// The resources of a role's rule, likewise.
private struct Resources {
    private(set) var isEmpty = true
    private(set) var isAll = false
    private(set) var hasNodeProxy = false
    /// True if `nodes/proxy` is among all resources; nodes are in no namespace.
    private(set) var isAllOfNodes = false
    private(set) var hasToken = false
    /// Those on which every verb has one that escalates: `bind` and `escalate` on roles, `impersonate` on users.
    private(set) var escalating: [String] = []

    init(
        _ list: Field, _ groups: Groups, of kind: ResourceKind, _ findings: FindingCollector
    ) throws(CannotJudge) {
        try findings.step()
        var (hasRoles, accounts) = (false, Array(repeating: false, count: Resources.accounts.count))
        for element in try list.strings() {
            try findings.step()
            let resource = element.base
            isEmpty = false
            if resource.equals("*") { isAll = true }
            if resource.equals("roles") || resource.equals("clusterroles") { hasRoles = groups.hasRBAC || hasRoles }
            if resource.equals("nodes/proxy") || resource.equals("*/proxy") { hasNodeProxy = true }
            if resource.equals("serviceaccounts/token") || resource.equals("*/token") { hasToken = true }
            if let place = Resources.accounts.firstIndex(where: { resource.equals($0) }) { accounts[place] = true }
        }
        if hasRoles { escalating.append("roles") }
        guard groups.hasCore else { return }
        for (place, isThere) in accounts.enumerated() where isThere {
            escalating.append("\(Resources.accounts[place])")
        }
        if isAll { (isAllOfNodes, hasToken) = (kind == .clusterRole && !hasNodeProxy, true) }
    }

    private static let accounts: [StaticString] = ["users", "groups", "serviceaccounts"]
}

/// What a role's rule gives.
private struct Grant {
    let clause: Clause
    let words: String
    let advice: String
    /// True if it is harmless for objects that are named.
    var isLimitedByName = true

    static let everything = Grant(clause: PrivilegeClause.wildcard, words: "everything", advice: "")
    static let nodeProxy = Grant(
        clause: PrivilegeClause.node, words: "nodes/proxy, which runs commands in every pod of a node",
        advice: "use nodes/metrics, nodes/stats or nodes/log", isLimitedByName: false)
    static let everyNodeProxy = Grant(
        clause: PrivilegeClause.node,
        words: "every resource, and so nodes/proxy, which runs commands in every pod of a node",
        advice: "name the resources", isLimitedByName: false)
    static let token = Grant(
        clause: PrivilegeClause.token, words: "creating tokens of every ServiceAccount in its scope",
        advice: "name the accounts in resourceNames")

    static func escalation(_ verbs: [String]) -> Grant {
        Grant(
            clause: PrivilegeClause.escalation,
            words: "\(verbs.joined(separator: ", ")): its holders can take rights that they do not have",
            advice: "name the verbs that are needed without these, or the objects in resourceNames")
    }
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
            PrivilegeClause.clusterAdmin, at: entry, "makes \(bound.title) cluster-admin \(reach)", choice: bound.title
        ) {
            $0.edits = [.remove($0.place)]
            $0.advice =
                "a RoleBinding to the ClusterRole edit is enough for most; operators are named in PLAYBOOK_OPERATORS"
        }
    }
}

// MARK: The cloud

/// Checks an entry of EKS that gives a role of IAM rights in the cluster (ACK eks-controller, `AccessEntry`).
private func checkAccessEntry(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let spec = try subject.field("spec")
    let principal = try spec["principalARN"].string() ?? ""
    guard !context[RuleSettings.operators].contains(where: { Glob($0).matches(principal) }) else { return }
    for policy in try spec["accessPolicies"].objects() {
        try findings.step()
        let arn = try policy["policyARN"]
        guard let text = try arn.string(), text.hasSuffix("/AmazonEKSClusterAdminPolicy") else { continue }
        let isWhole = try !policy["accessScope"]["type"].equals("namespace")
        findings.add(
            PrivilegeClause.accessEntry, at: arn,
            "is AmazonEKSClusterAdminPolicy: every right in \(isWhole ? "the whole cluster" : "these namespaces")",
            choice: "\(principal) \(isWhole)"
        ) {
            $0.advice =
                "use AmazonEKSEditPolicy or AmazonEKSAdminPolicy in namespaces; operators are named in PLAYBOOK_OPERATORS"
        }
    }
    for group in try spec["kubernetesGroups"].strings() {
        try findings.step()
        guard group.base.equals("system:masters") else { continue }
        findings.add(
            PrivilegeClause.accessEntry, at: group, "is system:masters: every right in the whole cluster",
            choice: principal
        ) { $0.advice = "name a group of your own, bound to the rights that it needs" }
    }
}

/// Checks whom a role of IAM trusts, and what it may do (ACK iam-controller, `Role`).
private func checkIAMRole(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let spec = try subject.field("spec")
    let trust = try spec["assumeRolePolicyDocument"]
    for statement in try IAMPolicyStatement.all(in: trust) {
        try findings.step()
        guard statement.allows, statement.isForEverybody, !statement.hasCondition else { continue }
        findings.add(PrivilegeClause.everybody, at: trust, "lets every AWS account assume the role (principal \"*\")") {
            $0.advice = "name the roles, the service or the OIDC provider that may assume it"
        }
        break
    }
    for policy in try spec["policies"].strings() {
        try findings.step()
        guard policy.base.text.hasSuffix(":policy/AdministratorAccess") else { continue }
        findings.add(
            PrivilegeClause.administrator, at: policy, "is AdministratorAccess: every action on every resource",
            choice: "AdministratorAccess"
        ) { $0.advice = "attach a policy with the actions that the role needs" }
    }
    guard let policies = try spec["inlinePolicies"].members() else { return }
    for policy in policies { try checkRights(Field(policy.value), findings) }
}

/// Checks what a policy of IAM allows (ACK iam-controller, `Policy`).
private func checkIAMPolicy(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    try checkRights(subject.field("spec")["policyDocument"], findings)
}

private func checkRights(_ document: Field, _ findings: FindingCollector) throws(CannotJudge) {
    for statement in try IAMPolicyStatement.all(in: document) {
        try findings.step()
        guard statement.allows, statement.isForEverything, !statement.hasCondition else { continue }
        findings.add(
            PrivilegeClause.administrator, at: document, "allows every action on every resource", choice: "*"
        ) { $0.advice = "write the actions that are needed, and the resources by ARN" }
        return
    }
}
