import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let iamUsers = Rule(
        id: "iam-users",
        title: "IAM users live in the identity account alone",
        group: .cloud,
        section: .cloudEnvironment,
        rationale: """
            People have one identity, in one account, and take on roles in the others: a user of its own in an environment's \
            account has keys that nobody turns off when the person leaves.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.iamUser)),
        clauses: [elsewhere],
        settings: [RuleSettings.identityNamespaces],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            // A namespace is an account to ACK (its annotation services.k8s.aws/owner-account-id).
            let isIdentity = context[RuleSettings.identityNamespaces].contains {
                Glob($0).matches(subject.namespace)
            }
            guard !isIdentity else { return }
            let kind = try subject.field("kind")
            findings.add(elsewhere, at: kind, "is User: IAM users are made in the identity account alone") {
                $0.advice =
                    "give people a role to assume (IAM Identity Center), and programs IRSA or Pod Identity; PLAYBOOK_IDENTITY_NAMESPACES names the identity account's namespaces"
            }
        }
    )
}

extension RuleSettings {
    static let identityNamespaces: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_IDENTITY_NAMESPACES", .list("names"), default: [],
        "The namespaces whose IAM users are in the identity account. `*` stands for any text.")
}

private let elsewhere = Clause("elsewhere", "no IAM user is made outside the identity account's namespaces")

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
        "one beside the identity account", elsewhere, at: "kind", user(in: "shop"),
        settings: ["PLAYBOOK_IDENTITY_NAMESPACES": "identity"]),
    .good(
        "a user in the identity account", user(in: "identity"),
        settings: ["PLAYBOOK_IDENTITY_NAMESPACES": "identity"]),
]
