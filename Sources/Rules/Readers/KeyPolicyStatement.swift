import Evaluation
import JSON

/// A statement of an IAM policy on a KMS key, as far as it says who may do what with the key.
struct KeyPolicyStatement {
    let principals: [String]
    let isEverybody: Bool
    let isAccountAlone: Bool
    let administers: Bool
    let uses: Bool
    let isAll: Bool
    let hasCondition: Bool

    /// The accounts whose root, which stands for all their roles and users, is a principal.
    var rootAccounts: [String] {
        principals.compactMap { principal in
            if principal.utf8.count == 12 { return principal }
            guard principal.hasSuffix(":root") else { return nil }
            let parts = principal.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 6 ? String(parts[4]) : nil
        }
    }

    init(_ statement: Literal) {
        let allows = statement["Effect"] == "Allow"
        hasCondition = !(statement["Condition"]?.members.isEmpty ?? true)
        // `?` is any one character to IAM: `*` takes in all that it does.
        let actions = statement.listed("Action").compactMap(\.word).map { String($0.map { $0 == "?" ? "*" : $0 }) }
        // All rights but some are both kinds at once.
        let isInverted = statement["NotAction"] != nil
        isAll = allows && KeyPolicyStatement.matches(actions, ["kms:"])
        administers = allows && (isInverted || KeyPolicyStatement.matches(actions, KeyPolicyStatement.administration))
        uses = allows && (isInverted || KeyPolicyStatement.matches(actions, KeyPolicyStatement.use))
        let named = statement["Principal"].map { $0.members.isEmpty ? $0.list : $0.members.flatMap(\.value.list) } ?? []
        // Everybody but some is everybody.
        principals = statement["NotPrincipal"] == nil ? named.compactMap(\.word).sorted() : ["*"]
        isEverybody = principals.contains("*")
        // The account's root stands for its IAM policies, and without it nobody could mend the policy.
        isAccountAlone =
            !principals.isEmpty && principals.allSatisfy { $0.hasSuffix(":root") || $0.utf8.count == 12 }
    }

    /// The statements of a policy.
    static func all(in policy: Literal) -> [Literal] { policy.listed("Statement") }

    private static let administration = [
        "kms:putkeypolicy", "kms:schedulekeydeletion", "kms:cancelkeydeletion", "kms:enablekey", "kms:disablekey",
        "kms:enablekeyrotation", "kms:disablekeyrotation", "kms:deleteimportedkeymaterial",
        "kms:updatekeydescription",
    ]
    private static let use = [
        "kms:encrypt", "kms:decrypt", "kms:reencryptfrom", "kms:reencryptto", "kms:generatedatakey",
        "kms:generatedatakeywithoutplaintext", "kms:generatedatakeypair",
        "kms:generatedatakeypairwithoutplaintext", "kms:sign", "kms:generatemac", "kms:derivesharedsecret",
    ]

    private static func matches(_ patterns: [String], _ actions: [String]) -> Bool {
        patterns.contains { pattern in
            let glob = Glob(pattern)
            return actions.contains { glob.matches($0) }
        }
    }
}

extension Literal {
    /// What a member holds, which policies write alone or in a list.
    fileprivate func listed(_ key: String) -> [Literal] { self[key]?.list ?? [] }

    fileprivate var list: [Literal] { if case .array(let elements) = self { elements } else { [self] } }

    /// A name in lower case: actions are compared without regard to case.
    fileprivate var word: String? { if case .string(let text) = self { text.lowercased() } else { nil } }
}
