public import JSON

/// A label selector (`metav1.LabelSelector`): all of its labels and expressions must match.
public struct LabelSelector: Sendable, Equatable {
    /// An entry of `matchExpressions`.
    public struct Expression: Sendable, Equatable {
        /// The operator of an expression.
        public enum Operator: Sendable, Equatable {
            /// The label has one of the values.
            case isIn([String])
            /// The label has none of the values or is absent.
            case isNotIn([String])
            /// The label is present.
            case exists
            /// The label is absent.
            case doesNotExist
        }

        /// The key of the label.
        public let key: String
        /// The operator.
        public let comparison: Operator
    }

    /// The required labels with their values.
    public let labels: [(key: String, value: String)]
    /// The expressions.
    public let expressions: [Expression]

    /// Creates a selector.
    public init(labels: [(key: String, value: String)] = [], expressions: [Expression] = []) {
        self.labels = labels
        self.expressions = expressions
    }

    /// Reads a selector object.
    ///
    /// - Parameter value: The object, as in `spec.selector` of a PodDisruptionBudget.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a field has the wrong type.
    public init(_ value: Value) throws(CannotEvaluate) {
        guard value.kind == .object else { throw .malformed(value.id, expected: "a label selector") }
        labels = try value.labels("matchLabels").pairs
        var expressions: [Expression] = []
        for expression in try value.objects("matchExpressions") {
            expressions.append(try Expression(expression))
        }
        self.expressions = expressions
    }

    /// Reads a selector that was copied from a valid document; invalid parts are ignored.
    public init(_ literal: Literal) {
        labels =
            literal["matchLabels"]?.members.compactMap { member in member.value.text.map { (member.key, $0) } } ?? []
        expressions = literal["matchExpressions"]?.elements.compactMap { Expression($0) } ?? []
    }

    /// True if a selector object selects labels; it is not copied.
    public static func matches(_ selector: Value, _ labels: Labels) throws(CannotEvaluate) -> Bool {
        // Most selectors have only labels.
        guard selector.kind == .object, selector.present("matchExpressions") == nil else {
            return try LabelSelector(selector).matches(labels)
        }
        guard let wanted = try selector.object("matchLabels") else { return true }
        for member in wanted.members {
            guard member.value.kind == .string else { throw .malformed(member.value.id, expected: "a string") }
            if labels.has(member) { continue }
            // Of duplicate keys, the last one counts.
            let isLast = wanted[name: member.key.text]?.id == member.value.id
            return try isLast ? false : LabelSelector(selector).matches(labels)
        }
        return true
    }

    /// True for a selector of everything: `{}`.
    public var isEmpty: Bool { labels.isEmpty && expressions.isEmpty }

    /// True if it selects labels.
    public func matches(_ labels: Labels) -> Bool {
        // A cluster can have many selectors, so no text is created for a mismatch.
        for (key, value) in self.labels where !labels.has(key, value) { return false }
        return expressions.allSatisfy { $0.matches(labels) }
    }

    /// Returns the first part that does not match labels: `app=web`, `tier in (a, b)`.
    public func mismatch(with labels: Labels) -> String? {
        for (key, value) in self.labels where !labels.has(key, value) { return "\(key)=\(value)" }
        return expressions.first { !$0.matches(labels) }?.description
    }

    /// True if both have equal parts in the same order.
    public static func == (left: LabelSelector, right: LabelSelector) -> Bool {
        left.labels.elementsEqual(right.labels, by: ==) && left.expressions == right.expressions
    }
}

extension LabelSelector.Expression: CustomStringConvertible {
    init(_ value: Value) throws(CannotEvaluate) {
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

    /// True if labels match; `NotIn` also matches if the label is absent.
    public func matches(_ labels: Labels) -> Bool {
        switch comparison {
        case .isIn(let values): values.contains { labels.has(key, $0) }
        case .isNotIn(let values): !values.contains { labels.has(key, $0) }
        case .exists: labels.has(key)
        case .doesNotExist: !labels.has(key)
        }
    }

    /// The expression in the form of `kubectl get -l`.
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
