import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let accessEntries = Rule(
        id: "access-entries",
        title: "Access to the cluster is given by access entries",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            One slip in the ConfigMap aws-auth locks everybody out, and no trail in AWS shows who was let in. Access entries are \
            checked one by one, kept outside the cluster and logged.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.configMap), reachesSystemNamespaces: true),
        clauses: [mapping],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard subject.name == "aws-auth", subject.namespace == "kube-system" else { return }
            let data = try subject.field("data")
            var given: [String] = []
            for map: StaticString in ["mapRoles", "mapUsers", "mapAccounts"] {
                guard let text = try data[map].string(), !["", "[]"].contains(trimmed(text)) else { continue }
                given.append("\(map): \(text)")
            }
            guard !given.isEmpty else { return }
            // Whoever is let in: that others are is no old sin.
            findings.add(
                mapping, at: data, "lets roles or users into the cluster by aws-auth, not by access entries",
                choice: given.joined(separator: "\n")
            ) {
                $0.advice = """
                    aws eks create-access-entry --cluster-name CLUSTER --principal-arn ARN --kubernetes-groups GROUP; then \
                    take the mapping out here
                    """
            }
        }
    )
}

private let mapping = Clause("mapping", "the ConfigMap kube-system/aws-auth maps nobody, and is not changed to")

private func map(_ data: String, name: String = "aws-auth", namespace: String = "kube-system") -> String {
    """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: \(name), namespace: \(namespace)}
    data: \(data)
    """
}

private let nodes = "{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}'}"

private let cases: [Example] = [
    .bad("roles", mapping, at: "data", map(nodes)),
    .bad(
        "users", mapping, at: "data",
        map("{mapUsers: '- {userarn: arn:aws:iam::222222222222:user/jo, groups: [system:masters]}'}")),
    .bad("whole accounts", mapping, at: "data", map("{mapAccounts: '- \"222222222222\"'}")),
    .bad(
        "one more than before", mapping, at: "data",
        map(
            """
            {mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}',
             mapAccounts: '- "333333333333"'}
            """), before: map(nodes)),
    .good("nobody any more", map("{mapRoles: '[]', mapUsers: ''}"), before: map(nodes)),
    .good("a ConfigMap of another name", map(nodes, name: "amazon-vpc-cni")),
    .good("one of the same name elsewhere", map(nodes, namespace: "shop")),
]
