import Evaluation
import JSON
import Kubernetes

/// A statement of an IAM policy, as far as it says who may do everything.
struct IAMPolicyStatement {
    /// True if it gives a right, and takes none away.
    let allows: Bool
    /// True if it is for the principal `*`.
    let isForEverybody: Bool
    /// True if it is about every action on every resource.
    let isForEverything: Bool
    let hasCondition: Bool

    private init(_ statement: Literal) {
        allows = statement["Effect"] == "Allow"
        let named =
            statement["Principal"].map { $0.members.isEmpty ? $0.list : $0.members.flatMap(\.value.list) } ?? []
        // Everybody but some is everybody.
        isForEverybody = named.contains("*") || statement["NotPrincipal"] != nil
        let (actions, resources) = (statement["Action"]?.list ?? [], statement["Resource"]?.list ?? [])
        isForEverything =
            (actions.contains("*") || actions.contains("*:*") || statement["NotAction"] != nil)
            && (resources.contains("*") || statement["NotResource"] != nil)
        hasCondition = !(statement["Condition"]?.members.isEmpty ?? true)
    }

    /// The statements of a policy; none where it is no JSON, which AWS refuses.
    static func all(in document: Field) throws(CannotJudge) -> [IAMPolicyStatement] {
        guard let text = try document.filledText() else { return [] }
        // AWS takes no longer one.
        guard text.contentLength <= 32 << 10 else { throw .tooLong(text.id, expected: "a policy of at most 32 KiB") }
        guard let policy = try? Literal(parsing: Array(text.text.utf8)) else { return [] }
        return policy["Statement"]?.list.map { IAMPolicyStatement($0) } ?? []
    }
}

extension Literal {
    /// The elements of what policies write alone or in a list.
    fileprivate var list: [Literal] { if case .array(let elements) = self { elements } else { [self] } }
}
