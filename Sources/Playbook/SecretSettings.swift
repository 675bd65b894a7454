import JSON
import Kubernetes

/// The settings of the rules about secrets and identity.
public struct SecretSettings: Sendable {
    /// The value of `PLAYBOOK_SECRET_WRITERS`.
    public internal(set) var writers: [String] = []
    /// The value of `PLAYBOOK_OPERATORS`.
    public internal(set) var operators: [String] = []
    /// The value of `PLAYBOOK_MAX_TOKEN_LIFETIME`.
    public internal(set) var maximumTokenLifetime: Duration = .seconds(24 * 3600)
    /// The value of `PLAYBOOK_AWS_ACCOUNTS`.
    public internal(set) var accounts: [AWSAccount] = []
}

extension Setting {
    static let secretRules: [Setting] = [
        .list(
            "PLAYBOOK_SECRET_WRITERS", .rules, "names", \.secrets.writers,
            "Users who may write Opaque Secrets, beside the External Secrets operator: `system:serviceaccount:argocd:*`. `*` stands for any text."
        ),
        .list(
            "PLAYBOOK_OPERATORS", .rules, "names", \.secrets.operators,
            "Users, groups and service accounts (`system:serviceaccount:NAMESPACE:NAME`) who may be bound to `cluster-admin`, beside `system:masters`. `*` stands for any text."
        ),
        .duration(
            "PLAYBOOK_MAX_TOKEN_LIFETIME", .rules, \.secrets.maximumTokenLifetime,
            "The longest that a ServiceAccount's token may hold; the API makes none for less than 10m."),
        .parsedList(
            "PLAYBOOK_AWS_ACCOUNTS", .rules, "account numbers", \.secrets.accounts,
            "The AWS accounts that roles and images in ECR may be of; unset: any."
        ) { (text) throws(Misplaced) in
            guard let account = AWSAccount(text) else { throw Misplaced(expected: "an account's twelve digits") }
            return account
        },
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let secretProjections: [ResourceKind: Projection] = [
        // The names of its keys, and nothing of what they hold.
        .secret: { (object) throws(CannotJudge) in
            var keys: [Literal] = []
            for data in [try object.object("data"), try object.object("stringData")] {
                for entry in data?.uniqueMembers ?? [] { keys.append(.string(entry.key)) }
            }
            return ["keys": .array(keys)]
        }
    ]
}
