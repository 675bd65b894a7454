/// A JSON value outside a document: the value of an edit, or the target of a patch.
///
/// Written as in JSON: `["httpGet": ["path": "/livez", "port": 8080]]`. Members keep their order.
public enum Literal: Sendable, Hashable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A number as its text, so that it stays exact.
    case number(String)
    /// A string.
    case string(String)
    /// An array.
    case array([Literal])
    /// An object; keys are unique.
    case object([Member])

    /// A key and its value.
    public struct Member: Sendable, Hashable {
        /// The key.
        public var key: String
        /// The value.
        public var value: Literal

        /// Creates a member.
        public init(_ key: String, _ value: Literal) {
            self.key = key
            self.value = value
        }
    }

    /// Copies a value out of its document.
    ///
    /// A skipped subtree is parsed now; it is `null` if that fails or it has more than 50,000 values. Values that nest deeper
    /// than 128 are `null` too: copies are made, compared and freed recursively, on the stack of a small thread.
    public init(_ value: Value) { self.init(value, at: 0) }

    private init(_ value: Value, at depth: Int) {
        switch value.kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .number: self = .number(value.text)
        case .string: self = .string(value.text)
        case .array:
            var elements: [Literal] = []
            for element in value.elements { elements.append(Literal(element, at: depth + 1)) }
            self = .array(elements)
        case .object:
            var members: [Member] = []
            for (key, value) in value.uniqueMembers { members.append(Member(key, Literal(value, at: depth + 1))) }
            self = .object(members)
        case .opaque:
            guard depth < ParseOptions.maximumDepth, let read = try? Literal(parsing: value.source, Literal.skipped)
            else {
                self = .null
                return
            }
            self = read
        }
    }

    private static let skipped = ParseOptions(maximumNodes: 50_000)

    /// Parses a document strictly: no deeper than 128.
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        try self.init(parsing: bytes, .strict)
    }

    private init(parsing bytes: [UInt8], _ options: ParseOptions) throws(ParseError) {
        let document = try Document(parsing: bytes, options)
        self = withExtendedLifetime(document) { Literal(document.root) }
    }

    /// The value of a member of an object.
    public subscript(key: String) -> Literal? {
        guard case .object(let members) = self else { return nil }
        return members.first { hasSameBytes($0.key, key) }?.value
    }

    /// The members of an object; empty for anything else.
    public var members: [Member] { if case .object(let members) = self { members } else { [] } }

    /// The elements of an array; empty for anything else.
    public var elements: [Literal] { if case .array(let elements) = self { elements } else { [] } }

    /// The text of a string; nil for anything else.
    public var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The value at a pointer, if there is one.
    public subscript(at pointer: Pointer) -> Literal? {
        var current = self
        for token in pointer.tokens {
            switch current {
            case .object: guard let next = current[token] else { return nil }; current = next
            case .array(let elements):
                guard let index = arrayIndex(token), index < elements.count else { return nil }
                current = elements[index]
            default: return nil
            }
        }
        return current
    }

    /// True if both are the same, ignoring member order; numbers are compared by their text.
    public func isSame(as other: Literal) -> Bool {
        switch (self, other) {
        case (.array(let mine), .array(let theirs)):
            return mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.isSame(as: $1) }
        case (.object(let mine), .object(let theirs)):
            return arePaired(mine, theirs, key: \.key) { $0.value.isSame(as: $1.value) }
        default: return self == other
        }
    }
}

// Strings are compared by their bytes, as in JSON: Swift's comparison treats `é` and `e` with a combining accent as equal, and an
// API server does not.
extension Literal {
    /// True if both are the same, including member order and the text of numbers.
    public static func == (left: Literal, right: Literal) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)), (.string(let left), .string(let right)): hasSameBytes(left, right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Adds the values that `==` compares.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let text), .string(let text): hasher.combine(Key(text))
        case .array(let elements): hasher.combine(elements)
        case .object(let members): hasher.combine(members)
        }
    }
}

extension Literal.Member {
    /// True if both have the same key and value.
    public static func == (left: Literal.Member, right: Literal.Member) -> Bool {
        hasSameBytes(left.key, right.key) && left.value == right.value
    }

    /// Adds the values that `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(Key(key))
        hasher.combine(value)
    }
}

/// The array index of a pointer's token in the form of RFC 6901: digits without a leading zero.
func arrayIndex(_ token: String) -> Int? {
    guard token == "0" || (token.first != "0" && !token.isEmpty && token.utf8.allSatisfy { $0 &- 48 <= 9 }) else {
        return nil
    }
    return Int(token)
}

extension Literal: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByStringInterpolation
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .number(String(value)) }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A null.
    public init(nilLiteral: ()) { self = .null }
    /// An array.
    public init(arrayLiteral elements: Literal...) { self = .array(elements) }
    /// An object in the order written.
    public init(dictionaryLiteral elements: (String, Literal)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
