import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let iamUsers = Rule(
        id: "iam-users",
        title: "IAM users exist only in the identity account",
        group: .cloud,
        section: .cloudEnvironment,
        rationale: """
            People have one identity in one account and assume roles in the others. The access keys of an IAM user in another \
            account still work after the person has left.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.iamUser)),
        clauses: [elsewhere],
        settings: [RuleSettings.identityNamespaces],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            // ACK maps a namespace to an account (annotation services.k8s.aws/owner-account-id).
            let isIdentity = context[RuleSettings.identityNamespaces].contains {
                Glob($0).matches(subject.namespace)
            }
            guard !isIdentity else { return }
            let kind = try subject.field("kind")
            findings.add(elsewhere, at: kind, "is \"User\"; IAM users are allowed only in the identity account") {
                $0.advice = """
                    use roles instead: IAM Identity Center for people, IRSA or EKS Pod Identity for programs; \
                    PLAYBOOK_IDENTITY_NAMESPACES lists the identity account's namespaces
                    """
            }
        }
    )
}

extension RuleSettings {
    static let identityNamespaces: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_IDENTITY_NAMESPACES", .list("names"), default: [],
        "The namespaces of the identity account, in which IAM users are allowed. `*` matches any text.")
}

private let elsewhere = Clause("elsewhere", "IAM users are created only in the identity account's namespaces")

private func user(in namespace: String) -> String {
    """
    apiVersion: iam.services.k8s.aws/v1alpha1
    kind: User
    metadata: {name: deployer, namespace: \(namespace)}
    spec: {name: deployer}
    """
}

private let cases: [Example] = [
    .bad("a user in an application's account", elsewhere, at: "kind", user(in: "shop")),
    .bad(
        "a user outside the identity account", elsewhere, at: "kind", user(in: "shop"),
        settings: ["PLAYBOOK_IDENTITY_NAMESPACES": "identity"]),
    .good(
        "a user in the identity account", user(in: "identity"),
        settings: ["PLAYBOOK_IDENTITY_NAMESPACES": "identity"]),
]
