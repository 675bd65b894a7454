import Evaluation

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

let roleExamples: [Example] = [
    .good(
        "some verbs on one resource",
        role("rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, patch]}]")),
    .good("all verbs on one resource", role("rules: [{apiGroups: [apps], resources: [deployments], verbs: ['*']}]")),
    .good(
        "read access to everything", role("rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}]")),
    .good("all verbs on non-resource URLs", role("rules: [{nonResourceURLs: ['*'], verbs: ['*']}]")),
    .good(
        "an aggregated ClusterRole",
        role("aggregationRule: {clusterRoleSelectors: [{matchLabels: {rbac.example.com/web: 'true'}}]}\n" + all)),
    .good("the default ClusterRole cluster-admin", role(all, name: "cluster-admin")),
    .good("no rules", role("rules: []")),
    .bad(
        "all verbs one by one on all resources", PrivilegeClause.wildcard, at: "rules[0]",
        role("rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch, create, update, patch, delete]}]")),
    .bad(
        "the verbs escalate and bind", PrivilegeClause.escalation, at: "rules[0]",
        role(
            "rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [get, escalate, bind]}]"
        )),
    .bad(
        "all verbs on roles", PrivilegeClause.escalation, at: "rules[0]",
        role("rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: ['*']}]", kind: "Role")),
    .good(
        "every verb on roles of IAM",
        role("rules: [{apiGroups: [iam.services.k8s.aws], resources: [roles], verbs: ['*']}]")),
    .bad(
        "every verb on users and accounts", PrivilegeClause.escalation, at: "rules[0]",
        role("rules: [{apiGroups: [''], resources: [serviceaccounts, users], verbs: ['*']}]")),
    .good(
        "every verb on groups of another product",
        role("rules: [{apiGroups: [iam.services.k8s.aws], resources: [groups, users], verbs: ['*']}]")),
    .good(
        "every verb on one account",
        role("rules: [{apiGroups: [''], resources: [serviceaccounts], resourceNames: [web], verbs: ['*']}]")),
    .bad(
        "every resource of one name to create, nodes/proxy among them", PrivilegeClause.node, at: "rules[0]",
        role("rules: [{apiGroups: [''], resources: ['*'], resourceNames: [web], verbs: [get, create]}]")),
    .bad(
        "every resource to create, tokens among them", PrivilegeClause.token, at: "rules[0]",
        role("rules: [{apiGroups: ['*'], resources: ['*'], verbs: [create]}]", kind: "Role")),
    .good(
        "every resource of one group to create",
        role("rules: [{apiGroups: [apps], resources: ['*'], verbs: [get, create]}]")),
    .bad(
        "every verb behind many others", PrivilegeClause.wildcard, at: "rules[0]",
        role(
            """
            rules:
            - apiGroups: ['*']
              resources: ['*']
              verbs: [v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, get, list, watch, create,
                update, patch, delete]
            """)),
    .bad(
        "the verb impersonate", PrivilegeClause.escalation, at: "rules[0]",
        role("rules: [{apiGroups: [''], resources: [users, groups], verbs: [impersonate]}]", kind: "Role")),
    .bad(
        "the verb bind for cluster-admin", PrivilegeClause.escalation, at: "rules[0]",
        role(
            "rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: [cluster-admin], verbs: [bind]}]"
        )),
    .good(
        "the verb bind for one named role",
        role(
            "rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: [view], verbs: [bind]}]"
        )),
    .bad(
        "access to nodes/proxy", PrivilegeClause.node, at: "rules[0]",
        role("rules: [{apiGroups: [''], resources: [nodes/metrics, nodes/proxy], verbs: [get]}]")),
    .good(
        "access to node metrics",
        role("rules: [{apiGroups: [''], resources: [nodes/metrics, nodes/stats], verbs: [get]}]")),
    .bad(
        "tokens for every ServiceAccount", PrivilegeClause.token, at: "rules[0]",
        role("rules: [{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}]", kind: "Role")),
    .good(
        "tokens for one ServiceAccount",
        role("rules: [{apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [web], verbs: [create]}]")),
    .good(
        "the installer of an operator", role(all), request: .by("system:serviceaccount:argocd:installer"),
        settings: ["PLAYBOOK_OPERATORS": "system:serviceaccount:argocd:*"]),
    .bad("all verbs on all resources", PrivilegeClause.wildcard, at: "rules[0]", role(all)),
    .bad(
        "all verbs on all resources in a namespace", PrivilegeClause.wildcard, at: "rules[0]", role(all, kind: "Role")),
    .bad(
        "a Role with the name cluster-admin", PrivilegeClause.wildcard, at: "rules[0]",
        role(all, kind: "Role", name: "cluster-admin")),
    .bad(
        "all verbs on all resources of one API group", PrivilegeClause.wildcard, at: "rules[1]",
        role(
            """
            rules:
            - {apiGroups: [''], resources: [pods], verbs: [get]}
            - {apiGroups: [apps], resources: [deployments, '*'], verbs: [get, '*']}
            """)),
    .bad(
        "more API groups than before", PrivilegeClause.wildcard, at: "rules[0]",
        role("rules: [{apiGroups: [apps, batch], resources: ['*'], verbs: ['*']}]"),
        before: role("rules: [{apiGroups: [apps], resources: ['*'], verbs: ['*']}]")),
]

let bindingExamples: [Example] = [
    .good("a binding to edit", binding(developers, to: "edit", kind: "RoleBinding")),
    .good(
        "the group system:masters",
        binding("{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:masters'}")),
    .good("a binding without subjects", binding("")),
    .bad("cluster-admin for a group", PrivilegeClause.clusterAdmin, at: "subjects[developers]", binding(developers)),
    .bad(
        "cluster-admin for a group in one namespace", PrivilegeClause.clusterAdmin, at: "subjects[developers]",
        binding(developers, kind: "RoleBinding")),
    .bad(
        "cluster-admin for a service account", PrivilegeClause.clusterAdmin, at: "subjects[deployer]", binding(deployer)
    ),
    .bad(
        "a user with the name system:masters", PrivilegeClause.clusterAdmin, at: "subjects[system:masters]",
        binding("{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:masters'}")),
    .good(
        "operators from the setting", binding("\(developers), \(deployer)"),
        settings: ["PLAYBOOK_OPERATORS": "developers, system:serviceaccount:ci:*"]),
    .bad(
        "an operator and another service account", PrivilegeClause.clusterAdmin, at: "subjects[deployer]",
        binding("\(developers), \(deployer)"),
        settings: ["PLAYBOOK_OPERATORS": "developers, system:serviceaccount:flux-system:*"]),
]

// MARK: AWS

private func accessEntry(_ rest: String) -> String {
    """
    apiVersion: eks.services.k8s.aws/v1alpha1
    kind: AccessEntry
    metadata: {name: ops, namespace: ack-system}
    spec:
      clusterName: shop
      principalARN: arn:aws:iam::222222222222:role/ops
      \(rest)
    """
}

private func policies(_ name: String, scope: String) -> String {
    """
    accessPolicies:
      - policyARN: arn:aws:eks::aws:cluster-access-policy/\(name)
        accessScope: \(scope)
    """
}

private func iam(_ kind: String, _ spec: String) -> String {
    """
    apiVersion: iam.services.k8s.aws/v1alpha1
    kind: \(kind)
    metadata: {name: web, namespace: ack-system}
    spec:
      name: web
      \(spec)
    """
}

private func trust(_ principal: String, _ condition: String = "") -> String {
    """
    assumeRolePolicyDocument: '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": \(principal), \
    "Action": "sts:AssumeRole"\(condition)}]}'
    """
}

private let everything = #"'{"Statement": {"Effect": "Allow", "Action": ["*"], "Resource": "*"}}'"#

let cloudRightsExamples: [Example] = [
    .good(
        "an access entry for one namespace",
        accessEntry(policies("AmazonEKSEditPolicy", scope: "{type: namespace, namespaces: [shop]}"))),
    .good("an access entry with a custom group", accessEntry("kubernetesGroups: [ops]")),
    .bad(
        "an access entry with the cluster admin policy", PrivilegeClause.accessEntry,
        at: "spec.accessPolicies[0].policyARN",
        accessEntry(policies("AmazonEKSClusterAdminPolicy", scope: "{type: cluster}"))),
    .bad(
        "an access entry with the group system:masters", PrivilegeClause.accessEntry, at: "spec.kubernetesGroups[1]",
        accessEntry("kubernetesGroups: [ops, 'system:masters']")),
    .good(
        "an access entry for an operator's role",
        accessEntry(policies("AmazonEKSClusterAdminPolicy", scope: "{type: cluster}")),
        settings: ["PLAYBOOK_OPERATORS": "arn:aws:iam::222222222222:role/ops"]),
    .good("an IAM role for one service", iam("Role", trust(#"{"Service": "pods.eks.amazonaws.com"}"#))),
    .good(
        "an IAM role for an organization",
        iam("Role", trust(#"{"AWS": "*"}"#, #", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#))),
    .bad(
        "an IAM role for every principal", PrivilegeClause.everybody, at: "spec.assumeRolePolicyDocument",
        iam("Role", trust(#"{"AWS": ["arn:aws:iam::222222222222:root", "*"]}"#))),
    .bad(
        "an IAM role for every principal, as a string", PrivilegeClause.everybody, at: "spec.assumeRolePolicyDocument",
        iam("Role", trust(#""*""#))),
    .bad(
        "an IAM role with AdministratorAccess", PrivilegeClause.administrator, at: "spec.policies[0]",
        iam("Role", "policies: ['arn:aws:iam::aws:policy/AdministratorAccess']")),
    .bad(
        "an IAM role with an inline policy that allows everything", PrivilegeClause.administrator,
        at: "spec.inlinePolicies.all",
        iam("Role", "inlinePolicies: {all: \(everything)}")),
    .bad(
        "an IAM policy that allows everything", PrivilegeClause.administrator, at: "spec.policyDocument",
        iam("Policy", "policyDocument: \(everything)")),
    .good(
        "an IAM policy for one bucket",
        iam(
            "Policy",
            #"policyDocument: '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::shop/*"}]}'"#
        )
    ),
]
