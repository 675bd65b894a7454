/// A JSON value that is not in a document: what an edit puts in, what a patch is applied to.
///
/// Written as in JSON: `["httpGet": ["path": "/livez", "port": 8080]]`. Members keep their order.
public enum Literal: Sendable, Hashable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A number by its text, so that it stays exact.
    case number(String)
    /// A string.
    case string(String)
    /// An array.
    case array([Literal])
    /// An object; no two members share a key.
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
    /// What was opaque there is read now, and is `null` where that fails.
    public init(_ value: Value) {
        switch value.kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .number: self = .number(value.text)
        case .string: self = .string(value.text)
        case .array: self = .array(value.elements.map { Literal($0) })
        case .object: self = .object(value.uniqueMembers.map { Member($0.key, Literal($0.value)) })
        case .opaque: self = (try? Document(parsing: value.source)).map { Literal($0.root) } ?? .null
        }
    }

    /// The value of the member `key` of an object.
    public subscript(key: String) -> Literal? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The value at a place, if there is one.
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

    /// Whether both are the same, member order aside; numbers are compared by their text.
    public func isSame(as other: Literal) -> Bool {
        switch (self, other) {
        case (.array(let mine), .array(let theirs)):
            return mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.isSame(as: $1) }
        case (.object(let mine), .object(let theirs)):
            return mine.count == theirs.count
                && mine.allSatisfy { member in other[member.key].map { member.value.isSame(as: $0) } ?? false }
        default: return self == other
        }
    }
}

/// The array index that a pointer's token is, as RFC 6901 writes it: digits without a leading zero.
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
