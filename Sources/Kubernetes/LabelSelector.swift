public import JSON

/// Which labels are meant (`metav1.LabelSelector`): all of its labels and all of its expressions at once.
public struct LabelSelector: Sendable, Equatable {
    /// One of `matchExpressions`.
    public struct Expression: Sendable, Equatable {
        /// How the label is compared.
        public enum Operator: Sendable, Equatable {
            /// The label is there with one of the values.
            case isIn([String])
            /// The label has none of the values; it may be absent.
            case isNotIn([String])
            /// The label is there.
            case exists
            /// The label is absent.
            case doesNotExist
        }

        /// The label's key.
        public let key: String
        /// How it is compared.
        public let comparison: Operator
    }

    /// The labels that must be there with exactly these values.
    public let labels: [(key: String, value: String)]
    /// What else must hold.
    public let expressions: [Expression]

    /// Creates a selector.
    public init(labels: [(key: String, value: String)] = [], expressions: [Expression] = []) {
        self.labels = labels
        self.expressions = expressions
    }

    /// Reads a selector object.
    ///
    /// - Parameter value: The object, as in `spec.selector` of a PodDisruptionBudget.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a part is not as the API has it.
    public init(_ value: Value) throws(CannotJudge) {
        guard value.kind == .object else { throw .malformed(value.id, expected: "a label selector") }
        labels = try value.labels("matchLabels").pairs
        var expressions: [Expression] = []
        for expression in try value.objects("matchExpressions") {
            expressions.append(try Expression(expression))
        }
        self.expressions = expressions
    }

    /// Reads a selector that was copied out of a document which was sound; what is not is passed over.
    public init(_ literal: Literal) {
        labels =
            literal["matchLabels"]?.members.compactMap { member in member.value.text.map { (member.key, $0) } } ?? []
        expressions = literal["matchExpressions"]?.elements.compactMap { Expression($0) } ?? []
    }

    /// Whether a selector object selects labels, without copying it out of its document.
    public static func matches(_ selector: Value, _ labels: Labels) throws(CannotJudge) -> Bool {
        // Nearly always there are labels alone.
        guard selector.kind == .object, selector.present("matchExpressions") == nil else {
            return try LabelSelector(selector).matches(labels)
        }
        guard let wanted = try selector.object("matchLabels") else { return true }
        for member in wanted.members {
            guard member.value.kind == .string else { throw .malformed(member.value.id, expected: "a string") }
            if labels.has(member) { continue }
            // Of a key that is there twice the last one counts.
            let isLast = wanted[name: member.key.text]?.id == member.value.id
            return try isLast ? false : LabelSelector(selector).matches(labels)
        }
        return true
    }

    /// Whether it selects everything: `{}`.
    public var isEmpty: Bool { labels.isEmpty && expressions.isEmpty }

    /// Whether labels are selected.
    public func matches(_ labels: Labels) -> Bool {
        // Asked of every budget of a cluster: without making a text of what is missing.
        for (key, value) in self.labels where !labels.has(key, value) { return false }
        return expressions.allSatisfy { $0.matches(labels) }
    }

    /// The first part that keeps labels from being selected, as one writes it: `app=web`, `tier in (a, b)`.
    public func mismatch(with labels: Labels) -> String? {
        for (key, value) in self.labels where !labels.has(key, value) { return "\(key)=\(value)" }
        return expressions.first { !$0.matches(labels) }?.description
    }

    /// Whether both have the same parts in the same order.
    public static func == (left: LabelSelector, right: LabelSelector) -> Bool {
        left.labels.elementsEqual(right.labels, by: ==) && left.expressions == right.expressions
    }
}

extension LabelSelector.Expression: CustomStringConvertible {
    init(_ value: Value) throws(CannotJudge) {
        guard let key = try value.string("key") else {
            throw .malformed(value.id, expected: "an expression with a key")
        }
        guard let name = try value.text("operator") else {
            throw .malformed(value.id, expected: "an expression with an operator")
        }
        var values: [String] = []
        if let array = try value.array("values") {
            for element in array.elements {
                guard let text = element.string else { throw .malformed(element.id, expected: "a string") }
                values.append(text)
            }
        }
        self.key = key
        guard let comparison = Operator(name.text, values) else {
            throw .malformed(name.id, expected: "In, NotIn, Exists or DoesNotExist")
        }
        self.comparison = comparison
    }

    init?(_ literal: Literal) {
        let values = literal["values"]?.elements.compactMap(\.text) ?? []
        guard let key = literal["key"]?.text, let comparison = Operator(literal["operator"]?.text ?? "", values) else {
            return nil
        }
        self.key = key
        self.comparison = comparison
    }

    /// Whether labels fulfil it; `NotIn` also holds where the label is absent.
    public func matches(_ labels: Labels) -> Bool {
        switch comparison {
        case .isIn(let values): values.contains { labels.has(key, $0) }
        case .isNotIn(let values): !values.contains { labels.has(key, $0) }
        case .exists: labels.has(key)
        case .doesNotExist: !labels.has(key)
        }
    }

    /// The expression as `kubectl get -l` writes it.
    public var description: String {
        switch comparison {
        case .isIn(let values): "\(key) in (\(values.joined(separator: ", ")))"
        case .isNotIn(let values): "\(key) notin (\(values.joined(separator: ", ")))"
        case .exists: key
        case .doesNotExist: "!\(key)"
        }
    }
}

extension LabelSelector.Expression.Operator {
    init?(_ name: String, _ values: [String]) {
        switch name {
        case "In": self = .isIn(values)
        case "NotIn": self = .isNotIn(values)
        case "Exists": self = .exists
        case "DoesNotExist": self = .doesNotExist
        default: return nil
        }
    }
}
