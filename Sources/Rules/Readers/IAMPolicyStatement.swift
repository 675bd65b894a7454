import Evaluation
import JSON
import Kubernetes

/// The parts of an IAM policy statement that show if it allows everything to everyone.
struct IAMPolicyStatement {
    /// True if the effect is Allow.
    let allows: Bool
    /// True if the principal is `*`.
    let isForEverybody: Bool
    /// True if it applies to every action on every resource.
    let isForEverything: Bool
    let hasCondition: Bool

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

    /// Returns the statements of a policy; none if it is not JSON, which AWS rejects.
    static func all(in document: Field) throws(CannotJudge) -> [IAMPolicyStatement] {
        guard let text = try document.filledText() else { return [] }
        // AWS rejects longer policies.
        guard text.contentLength <= 32 << 10 else { throw .tooLong(text.id, expected: "a policy of at most 32 KiB") }
        guard let policy = try? Literal(parsing: Array(text.text.utf8)) else { return [] }
        return policy["Statement"]?.list.map { IAMPolicyStatement($0) } ?? []
    }
}

extension Literal {
    /// The elements of a value that can be a single value or a list.
    fileprivate var list: [Literal] { if case .array(let elements) = self { elements } else { [self] } }
}
