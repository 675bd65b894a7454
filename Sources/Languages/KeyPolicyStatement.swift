public import JSON

/// The parts of a KMS key policy statement that show who can administer and use the key.
public struct KeyPolicyStatement: Sendable {
    /// The principals, sorted, in lower case.
    public let principals: [String]
    /// True if everyone is a principal.
    public let isEverybody: Bool
    /// True if the only principals are roots of accounts.
    public let isAccountAlone: Bool
    /// True if it allows an action that administers the key.
    public let administers: Bool
    /// True if it allows an action that uses the key.
    public let uses: Bool
    /// True if it allows all actions.
    public let isAll: Bool
    /// True if it only applies under a condition.
    public let hasCondition: Bool

    /// The accounts whose root is a principal, which allows IAM policies of the account to grant access.
    public var rootAccounts: [String] {
        principals.compactMap { principal in
            if principal.utf8.count == 12 { return principal }
            guard principal.hasSuffix(":root") else { return nil }
            let parts = principal.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 6 ? String(parts[4]) : nil
        }
    }

    /// Reads a statement.
    public init(_ statement: Literal) {
        let allows = statement["Effect"] == "Allow"
        hasCondition = !(statement["Condition"]?.members.isEmpty ?? true)
        // `?` matches one character in IAM; `*` matches at least as much.
        let actions = statement.listed("Action").compactMap(\.word).map { String($0.map { $0 == "?" ? "*" : $0 }) }
        // NotAction counts as administration and as use.
        let isInverted = statement["NotAction"] != nil
        isAll = allows && KeyPolicyStatement.matches(actions, ["kms:"])
        administers = allows && (isInverted || KeyPolicyStatement.matches(actions, KeyPolicyStatement.administration))
        uses = allows && (isInverted || KeyPolicyStatement.matches(actions, KeyPolicyStatement.use))
        let named = statement["Principal"].map { $0.members.isEmpty ? $0.list : $0.members.flatMap(\.value.list) } ?? []
        // NotPrincipal counts as everyone.
        principals = statement["NotPrincipal"] == nil ? named.compactMap(\.word).sorted() : ["*"]
        isEverybody = principals.contains("*")
        // The account's root stands for its IAM policies. Without it, a wrong key policy could not be corrected.
        isAccountAlone =
            !principals.isEmpty && principals.allSatisfy { $0.hasSuffix(":root") || $0.utf8.count == 12 }
    }

    /// Returns the statements of a policy.
    public static func all(in policy: Literal) -> [Literal] { policy.listed("Statement") }

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
    /// The elements of a member that can be a single value or a list.
    fileprivate func listed(_ key: String) -> [Literal] { self[key]?.list ?? [] }

    /// A string in lower case, because actions are case-insensitive.
    fileprivate var word: String? { if case .string(let text) = self { text.lowercased() } else { nil } }
}
