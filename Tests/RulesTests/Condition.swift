import JSON

/// A `matchCondition`, in the subset of CEL that `deploy/` uses: strings, lists, fields, `has`, `exists`, `in`, `==`, `!=`, `!`,
/// `&&`, `||`.
///
/// It is stricter than CEL: an error on the left of `&&` or `||` is always an error, even if the right side decides the result.
struct Condition {
    /// An error of an expression, after which the API server follows the webhook's failurePolicy.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let tokens: [String]
    private var position = 0
    private var variables: [String: Literal]

    private init(_ tokens: [String], _ variables: [String: Literal]) {
        self.tokens = tokens
        self.variables = variables
    }

    /// Returns whether an expression is true for these variables.
    static func holds(_ expression: String, _ variables: [String: Literal]) throws -> Bool {
        var condition = Condition(try words(of: expression), variables)
        let value = try condition.disjunction()
        guard condition.position == condition.tokens.count else {
            throw Failure(description: "unexpected text after the end of \(expression)")
        }
        return try truth(value)
    }

    private static func words(of expression: String) throws -> [String] {
        var words: [String] = []
        var rest = Substring(expression)
        while let first = rest.first {
            if first.isWhitespace {
                rest.removeFirst()
            } else if first == "'" {
                guard let end = rest.dropFirst().firstIndex(of: "'") else {
                    throw Failure(description: "a string is not terminated")
                }
                words.append(String(rest[..<end]))
                rest = rest[rest.index(after: end)...]
            } else if first.isLetter {
                let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                words.append(String(word))
                rest = rest.dropFirst(word.count)
            } else {
                let operators = ["&&", "||", "==", "!="]
                let word = operators.first { rest.hasPrefix($0) } ?? String(first)
                words.append(word)
                rest = rest.dropFirst(word.count)
            }
        }
        return words
    }

    private static func truth(_ value: Literal) throws -> Bool {
        guard case .bool(let truth) = value else {
            throw Failure(description: "\(value.json) is neither true nor false")
        }
        return truth
    }

    private var next: String? { position < tokens.count ? tokens[position] : nil }

    private mutating func take(_ token: String) -> Bool {
        guard next == token else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ token: String) throws {
        guard take(token) else { throw Failure(description: "\(token) expected, not \(next ?? "the end")") }
    }

    private mutating func disjunction() throws -> Literal {
        try series("||", decidedBy: true) { (parser) throws in
            try parser.series("&&", decidedBy: false) { (parser) throws in try parser.relation() }
        }
    }

    /// Evaluates operands up to the first that decides the result, and only parses the others.
    private mutating func series(
        _ operation: String, decidedBy decision: Bool, _ operand: (inout Condition) throws -> Literal
    ) throws -> Literal {
        var value = try operand(&self)
        while take(operation) {
            if try Condition.truth(value) == decision {
                try skipOperand(operation)
            } else {
                value = try operand(&self)
            }
        }
        return value
    }

    /// Parses an operand without evaluating it.
    private mutating func skipOperand(_ operation: String) throws {
        var depth = 0
        let ends = operation == "&&" ? ["&&", "||", ")", "]", ","] : ["||", ")", "]", ","]
        while let token = next, depth > 0 || !ends.contains(token) {
            if token == "(" || token == "[" { depth += 1 }
            if token == ")" || token == "]" { depth -= 1 }
            position += 1
        }
    }

    private mutating func relation() throws -> Literal {
        let left = try unary()
        if take("==") { return .bool(left == (try unary())) }
        if take("!=") { return .bool(left != (try unary())) }
        guard take("in") else { return left }
        guard case .array(let elements) = try unary() else { throw Failure(description: "`in` takes a list") }
        return .bool(elements.contains(left))
    }

    private mutating func unary() throws -> Literal {
        if take("!") { return .bool(!(try Condition.truth(try unary()))) }
        if take("(") {
            let value = try disjunction()
            try expect(")")
            return value
        }
        if take("[") {
            var elements = [try unary()]
            while take(",") { elements.append(try unary()) }
            try expect("]")
            return .array(elements)
        }
        if take("has") {
            try expect("(")
            let isThere = try path(isTest: true)
            try expect(")")
            return isThere
        }
        if let token = next, token.hasPrefix("'") {
            position += 1
            return .string(String(token.dropFirst()))
        }
        return try path(isTest: false)
    }

    /// Parses a variable and its fields; in a presence test, only the last field may be absent.
    private mutating func path(isTest: Bool) throws -> Literal {
        guard let name = next, var value = variables[name] else {
            throw Failure(description: "\(next ?? "nothing") is not a variable")
        }
        position += 1
        while take(".") {
            guard let field = next else { throw Failure(description: "a field's name is missing") }
            position += 1
            if field == "exists" { return try exists(in: value) }
            guard case .object = value else { throw Failure(description: "\(value.json) has no field \(field)") }
            if isTest, next == ")" { return .bool(value[field] != nil) }
            guard let member = value[field] else { throw Failure(description: "no such key: \(field)") }
            value = member
        }
        return value
    }

    /// `exists(NAME, CONDITION)`: the condition is parsed again for each element.
    private mutating func exists(in list: Literal) throws -> Literal {
        guard case .array(let elements) = list else { throw Failure(description: "`exists` takes a list") }
        try expect("(")
        guard let name = next else { throw Failure(description: "`exists` takes a name") }
        position += 1
        try expect(",")
        let start = position
        var found = false
        for element in elements {
            position = start
            variables[name] = element
            if try Condition.truth(try disjunction()) { found = true }
        }
        variables[name] = nil
        if elements.isEmpty { try skipOperand("||") }
        try expect(")")
        return .bool(found)
    }
}
