import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let rbacLeastPrivilege = Rule(
        id: "rbac-least-privilege",
        title: "Roles do not use wildcards, and bindings do not grant cluster-admin",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            Anyone who gets a token with all permissions can read every Secret and run any workload in the cluster. Grant only \
            the permissions that are needed.
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
        "Users, groups and service accounts (`system:serviceaccount:NAMESPACE:NAME`) that are allowed to be bound to `cluster-admin`, besides `system:masters`, and to write roles with such permissions, as the installer of an operator does. `*` matches any text."
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum PrivilegeClause {
    static let wildcard = Clause(
        "wildcard", "no Role or ClusterRole grants all verbs, as `*` or one by one, on the resources `*`")
    static let escalation = Clause(
        "escalation",
        "no role grants the verbs `escalate`, `bind` or `impersonate`, except for objects in `resourceNames`")
    static let node = Clause(
        "node-proxy", "no role grants `nodes/proxy`, which allows running commands in every pod of a node")
    static let token = Clause(
        "token-request",
        "no role allows creating `serviceaccounts/token`, except for accounts in `resourceNames`")
    static let clusterAdmin = Clause(
        "cluster-admin",
        "only `system:masters` and `PLAYBOOK_OPERATORS` are bound to the ClusterRole `cluster-admin`")
    static let accessEntry = Clause(
        "access-entry",
        "no EKS AccessEntry grants AmazonEKSClusterAdminPolicy or `system:masters`, except to `PLAYBOOK_OPERATORS`"
    )
    static let everybody = Clause("everybody", "no IAM role can be assumed by the principal `*` without a condition")
    static let administrator = Clause(
        "administrator", "no IAM role or policy grants AdministratorAccess, or all actions on all resources")
}

// MARK: Roles

private func checkRules(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    // A controller writes the rules of aggregated ClusterRoles, and `cluster-admin` is a default ClusterRole.
    if try subject.field("aggregationRule").object() != nil { return }
    if subject.kind == .clusterRole, subject.name == "cluster-admin" { return }
    // In audit, skip the roles that Kubernetes and EKS create.
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
                PrivilegeClause.wildcard, at: rule, "allows all verbs on all resources \(scope(groups))",
                choice: choice(groups, names)
            ) {
                $0.advice =
                    "list the verbs and resources that are needed; add the installer of an operator to PLAYBOOK_OPERATORS"
            }
            continue
        }
        for grant in grants where !(grant.isLimitedByName && isLimited(names)) {
            findings.add(
                grant.clause, at: rule, "allows \(grant.words)",
                choice: "\(grant.words) \(choice(groups, names))"
            ) {
                $0.advice =
                    "\(grant.advice); add the installer of an operator to PLAYBOOK_OPERATORS"
            }
        }
    }
}

extension Subject {
    /// True if it is one of the roles that the control plane creates in every cluster.
    fileprivate var isOfCluster: Bool {
        guard let name else { return false }
        let isOwn = metadata.value?["labels"]?["kubernetes.io/bootstrapping"]?.equals("rbac-defaults") ?? false
        return isOwn && (name.hasPrefix("system:") || ["admin", "edit", "view"].contains(name))
            || name.hasPrefix("eks:")
    }
}

/// Returns true if a role's rule is limited to named objects, none of which grants all permissions.
private func isLimited(_ names: Field) -> Bool {
    guard let names = names.value?.elements, names.contains(where: { _ in true }) else { return false }
    return !names.contains { $0.equals("cluster-admin") || $0.equals("system:masters") }
}

/// The verbs of a role's rule that the checks use.
struct Verbs {
    private var isEmpty = true
    private var isAll = false
    /// Which of the verbs that matter are there: a bit for the place of each in the list.
    private var (everyday, escalating): (UInt8, UInt8) = (0, 0)

    init(_ list: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
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

    /// The verbs that together amount to `*`; `create` comes first.
    static let everyday: [StaticString] = ["create", "get", "list", "watch", "update", "patch", "delete"]
    private static let create: UInt8 = 1
    private static let escalating: [StaticString] = ["bind", "escalate", "impersonate"]

    /// The grants of a rule that amount to all permissions.
    fileprivate func grants(on resources: Resources) -> [Grant] {
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
        // Without `create`, both only read.
        if resources.isAllOfNodes { grants.append(.everyNodeProxy) }
        if resources.hasToken { grants.append(.token) }
        return grants
    }
}

/// The API groups of a role's rule that the checks use.
private struct Groups {
    private(set) var hasCore = false
    private(set) var hasRBAC = false

    init(_ list: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
        for element in try list.strings() {
            try findings.step()
            let isAll = element.base.equals("*")
            if isAll || element.base.equals("") { hasCore = true }
            if isAll || element.base.equals("rbac.authorization.k8s.io") { hasRBAC = true }
        }
    }
}

/// The resources of a role's rule that the checks use.
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
    ) throws(CannotEvaluate) {
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

/// A grant that amounts to all permissions.
private struct Grant {
    let clause: Clause
    let words: String
    let advice: String
    /// True if `resourceNames` make the grant harmless.
    var isLimitedByName = true

    static let everything = Grant(clause: PrivilegeClause.wildcard, words: "everything", advice: "")
    static let nodeProxy = Grant(
        clause: PrivilegeClause.node, words: "nodes/proxy, which can run commands in every pod of a node",
        advice: "use nodes/metrics, nodes/stats or nodes/log", isLimitedByName: false)
    static let everyNodeProxy = Grant(
        clause: PrivilegeClause.node,
        words: "every resource, and so nodes/proxy, which runs commands in every pod of a node",
        advice: "name the resources", isLimitedByName: false)
    static let token = Grant(
        clause: PrivilegeClause.token, words: "creating tokens for every ServiceAccount in its scope",
        advice: "list the accounts in resourceNames")

    static func escalation(_ verbs: [String]) -> Grant {
        Grant(
            clause: PrivilegeClause.escalation,
            words: "\(verbs.joined(separator: " and ")); users can gain permissions that they do not have",
            advice: "remove these verbs, or list the objects in resourceNames")
    }
}

/// Throws if a list is too long to be reported.
private func checkLength(_ list: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
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

/// The finding's choice: the API groups and resource names, sorted.
private func choice(_ groups: Field, _ names: Field) -> String {
    (groupTitles(groups) + ["/"] + (names.value?.elements.map(\.text).sorted() ?? [])).joined(separator: " ")
}

// MARK: Bindings

private func checkBinding(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard try subject.binds(toClusterRole: "cluster-admin") else { return }
    let operators = context[RuleSettings.operators].map { Glob($0) }
    for entry in try subject.field("subjects").objects() {
        try findings.step()
        let bound = try BindingSubject(entry, in: subject.namespace)
        // The group has all permissions without any binding.
        if bound.kind == "Group", bound.user == "system:masters" { continue }
        guard !operators.contains(where: { $0.matches(bound.user) }) else { continue }
        let reach = subject.kind == .roleBinding ? "in this namespace" : "in the whole cluster"
        findings.add(
            PrivilegeClause.clusterAdmin, at: entry, "grants cluster-admin \(reach) to \(bound.title)",
            choice: bound.title
        ) {
            $0.edits = [.remove($0.place)]
            $0.advice =
                "use a RoleBinding to the ClusterRole edit if that is enough; add operators to PLAYBOOK_OPERATORS"
        }
    }
}

// MARK: AWS

/// Checks an EKS access entry, which grants cluster permissions to an IAM principal (ACK eks-controller, `AccessEntry`).
private func checkAccessEntry(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
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
            "is \"AmazonEKSClusterAdminPolicy\"; it grants all permissions in \(isWhole ? "the cluster" : "these namespaces")",
            choice: "\(principal) \(isWhole)"
        ) {
            $0.advice =
                "use AmazonEKSEditPolicy or AmazonEKSAdminPolicy in namespaces; add operators to PLAYBOOK_OPERATORS"
        }
    }
    for group in try spec["kubernetesGroups"].strings() {
        try findings.step()
        guard group.base.equals("system:masters") else { continue }
        findings.add(
            PrivilegeClause.accessEntry, at: group, "is \"system:masters\"; it grants all permissions in the cluster",
            choice: principal
        ) { $0.advice = "use another group and bind it to the roles that it needs" }
    }
}

/// Checks the trust policy and the permissions of an IAM role (ACK iam-controller, `Role`).
private func checkIAMRole(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    let trust = try spec["assumeRolePolicyDocument"]
    for statement in try statements(in: trust) {
        try findings.step()
        guard statement.allows, statement.isForEverybody, !statement.hasCondition else { continue }
        findings.add(
            PrivilegeClause.everybody, at: trust, "allows every AWS account to assume the role (principal \"*\")"
        ) {
            $0.advice = "list the roles, the service or the OIDC provider that assume it"
        }
        break
    }
    for policy in try spec["policies"].strings() {
        try findings.step()
        guard policy.base.text.hasSuffix(":policy/AdministratorAccess") else { continue }
        findings.add(
            PrivilegeClause.administrator, at: policy,
            "is \"AdministratorAccess\"; it allows all actions on all resources",
            choice: "AdministratorAccess"
        ) { $0.advice = "attach a policy with the actions that the role needs" }
    }
    guard let policies = try spec["inlinePolicies"].members() else { return }
    for policy in policies { try checkRights(Field(policy.value), findings) }
}

/// Checks the permissions of an IAM policy (ACK iam-controller, `Policy`).
private func checkIAMPolicy(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    try checkRights(subject.field("spec")["policyDocument"], findings)
}

private func checkRights(_ document: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    for statement in try statements(in: document) {
        try findings.step()
        guard statement.allows, statement.isForEverything, !statement.hasCondition else { continue }
        findings.add(
            PrivilegeClause.administrator, at: document, "allows all actions on all resources", choice: "*"
        ) { $0.advice = "list the actions that are needed, and the resources by ARN" }
        return
    }
}

/// Returns the statements of a policy; none if it is not JSON, which AWS rejects.
private func statements(in document: Field) throws(CannotEvaluate) -> [IAMPolicyStatement] {
    guard let text = try document.filledText() else { return [] }
    // AWS rejects longer policies.
    guard text.contentLength <= 32 << 10 else { throw .tooLong(text.id, expected: "a policy of at most 32 KiB") }
    guard let policy = try? Literal(parsing: Array(text.text.utf8)) else { return [] }
    return IAMPolicyStatement.all(in: policy)
}
