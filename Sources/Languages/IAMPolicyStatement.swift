public import JSON

/// The parts of an IAM policy statement that show if it allows everything to everyone.
public struct IAMPolicyStatement: Sendable {
    /// True if the effect is Allow.
    public let allows: Bool
    /// True if the principal is `*`.
    public let isForEverybody: Bool
    /// True if it applies to every action on every resource.
    public let isForEverything: Bool
    /// True if it only applies under a condition.
    public let hasCondition: Bool

    private init(_ statement: Literal) {
        allows = statement["Effect"] == "Allow"
        let named =
            statement["Principal"].map { $0.members.isEmpty ? $0.list : $0.members.flatMap(\.value.list) } ?? []
        // NotPrincipal counts as everyone.
        isForEverybody = named.contains("*") || statement["NotPrincipal"] != nil
        let (actions, resources) = (statement["Action"]?.list ?? [], statement["Resource"]?.list ?? [])
        isForEverything =
            (actions.contains("*") || actions.contains("*:*") || statement["NotAction"] != nil)
            && (resources.contains("*") || statement["NotResource"] != nil)
        hasCondition = !(statement["Condition"]?.members.isEmpty ?? true)
    }

    /// Returns the statements of a policy.
    public static func all(in policy: Literal) -> [IAMPolicyStatement] {
        policy["Statement"]?.list.map { IAMPolicyStatement($0) } ?? []
    }
}

extension Literal {
    /// The elements of a value that can be a single value or a list.
    var list: [Literal] { if case .array(let elements) = self { elements } else { [self] } }
}
