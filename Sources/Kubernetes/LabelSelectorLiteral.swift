public import JSON

extension LabelSelector {
    /// The selector as a literal, including its expressions.
    public var literal: Literal {
        var members: [Literal.Member] = []
        if !labels.isEmpty {
            members.append(.init("matchLabels", .object(labels.map { .init($0.key, .string($0.value)) })))
        }
        if !expressions.isEmpty { members.append(.init("matchExpressions", .array(expressions.map(\.literal)))) }
        return .object(members)
    }
}

extension LabelSelector {
    /// The selector as text, as in the `labelSelector` of a LIST; empty for a selector of everything.
    public var query: String {
        let equalities = labels.map { "\($0.key)=\($0.value)" }
        return (equalities + expressions.map(\.query)).joined(separator: ",")
    }
}

extension LabelSelector.Expression {
    fileprivate var query: String {
        switch comparison {
        case .isIn(let values): "\(key) in (\(values.joined(separator: ",")))"
        case .isNotIn(let values): "\(key) notin (\(values.joined(separator: ",")))"
        case .exists: key
        case .doesNotExist: "!\(key)"
        }
    }

    fileprivate var literal: Literal {
        func compared(_ name: String, _ values: [String]? = nil) -> Literal {
            var members: [Literal.Member] = [.init("key", .string(key)), .init("operator", .string(name))]
            if let values { members.append(.init("values", .array(values.map { .string($0) }))) }
            return .object(members)
        }
        return switch comparison {
        case .isIn(let values): compared("In", values)
        case .isNotIn(let values): compared("NotIn", values)
        case .exists: compared("Exists")
        case .doesNotExist: compared("DoesNotExist")
        }
    }
}
