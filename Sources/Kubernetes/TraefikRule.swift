/// The rule of a Traefik router, as in ``Host(`shop.example.com`) && PathPrefix(`/api`)``, in the syntax of version 2 or 3.
///
/// What is asked of a rule is which names it may answer to, so it is read as the list of its matchers and not as a tree. One pass
/// over the text and a bit for each open parenthesis: no text makes it run away.
public struct TraefikRule: Sendable, Equatable {
    /// One condition of a rule.
    private struct Matcher: Sendable, Equatable {
        /// Its name, in lower case since Traefik takes `Host`, `HOST` and `host`.
        let name: Range<Int>
        /// The values that it compares with, by their numbers: one in version 3, any number in version 2.
        let values: Range<Int>
        /// Whether an odd number of `!` stands before it.
        let isNegated: Bool
    }

    private let bytes: [UInt8]
    private var matchers: [Matcher] = []
    /// Where each value stands between its quotes, and whether it has escapes.
    private var values: [(range: Range<Int>, hasEscapes: Bool)] = []

    /// Whether both are the same text.
    public static func == (left: TraefikRule, right: TraefikRule) -> Bool { left.bytes == right.bytes }

    /// Reads a rule; nil where it is not understood.
    ///
    /// Traefik does not serve such a router either. Nothing is copied out of the text, which may be long.
    public init?(_ text: String) {
        bytes = Array(text.utf8)
        var scanner = Scanner(bytes)
        var isNegated = false
        /// Whether what is in each open parenthesis is negated.
        var groups: [Bool] = []
        var expectsOperand = true
        while let token = scanner.next() {
            switch token {
            case .not where expectsOperand: isNegated.toggle()
            case .open where expectsOperand:
                groups.append(isNegated != (groups.last ?? false))
                isNegated = false
            case .close where !expectsOperand && !groups.isEmpty: groups.removeLast()
            case .operation where !expectsOperand: expectsOperand = true
            case .word(let name) where expectsOperand:
                let first = values.count
                guard scanner.readArguments(into: &values) else { return nil }
                matchers.append(
                    Matcher(name: name, values: first..<values.count, isNegated: isNegated != (groups.last ?? false)))
                isNegated = false
                expectsOperand = false
            default: return nil
            }
        }
        guard scanner.isAtEnd, groups.isEmpty, !expectsOperand else { return nil }
    }

    /// The values of the matchers of one of these names that are not negated, one after the other.
    ///
    /// - Parameters:
    ///   - names: Names in lower case.
    ///   - body: Is given the bytes of each value.
    /// - Throws: What `body` throws.
    public func forEachValue<Failure: Error>(
        of names: [StaticString], _ body: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        for matcher in matchers where !matcher.isNegated && names.contains(where: { isNamed($0, matcher.name) }) {
            for value in values[matcher.values] {
                try body(value.hasEscapes ? Scanner.unescaped(bytes[value.range]) : bytes[value.range])
            }
        }
    }

    private func isNamed(_ name: StaticString, _ range: Range<Int>) -> Bool {
        guard name.utf8CodeUnitCount == range.count else { return false }
        return name.withUTF8Buffer { name in name.elementsEqual(bytes[range], by: { $0 == $1 | 32 }) }
    }
}

private enum Token: Equatable {
    case word(Range<Int>)
    case text(Range<Int>, hasEscapes: Bool)
    case open, close, comma, not
    /// `&&` or `||`: what rules are asked does not depend on which.
    case operation
}

/// Cuts a rule into tokens; what it cannot read, it stops at.
private struct Scanner {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
        var rest = self
        rest.skipSpace()
        return rest.at == bytes.count
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    mutating func next() -> Token? {
        skipSpace()
        guard at < bytes.count else { return nil }
        let byte = bytes[at]
        let single: Token? =
            switch byte {
            case UInt8(ascii: "("): .open
            case UInt8(ascii: ")"): .close
            case UInt8(ascii: ","): .comma
            case UInt8(ascii: "!"): .not
            default: nil
            }
        if let single {
            at += 1
            return single
        }
        if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "|") {
            guard at + 1 < bytes.count, bytes[at + 1] == byte else { return nil }
            at += 2
            return .operation
        }
        return byte == UInt8(ascii: "`") || byte == UInt8(ascii: "\"") ? quoted(by: byte) : word()
    }

    /// A text between backticks, as it is, or between quotes, in which a backslash takes the next character along.
    private mutating func quoted(by quote: UInt8) -> Token? {
        var hasEscapes = false
        var index = at + 1
        while index < bytes.count, bytes[index] != quote {
            if quote == UInt8(ascii: "\""), bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
                hasEscapes = true
                index += 1
            }
            index += 1
        }
        guard index < bytes.count else { return nil }
        let range = at + 1..<index
        at = index + 1
        return .text(range, hasEscapes: hasEscapes)
    }

    /// A text from between quotes, with its escapes resolved.
    static func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var content: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.endIndex {
                let isPlain = text[index + 1] == UInt8(ascii: "\"") || text[index + 1] == UInt8(ascii: "\\")
                // What else an escape may stand for is no part of a name or a path.
                if !isPlain { content.append(text[index]) }
                index += 1
            }
            content.append(text[index])
            index += 1
        }
        return content[...]
    }

    private mutating func word() -> Token? {
        let start = at
        while at < bytes.count, (bytes[at] | 32) &- 97 < 26 || (at > start && bytes[at] &- 48 <= 9) { at += 1 }
        guard at > start else { return nil }
        return .word(start..<at)
    }

    /// Reads the values of a matcher, from its opening parenthesis to the closing one.
    ///
    /// - Returns: false where there is something else.
    mutating func readArguments(into values: inout [(range: Range<Int>, hasEscapes: Bool)]) -> Bool {
        guard next() == .open else { return false }
        let first = values.count
        while let token = next() {
            switch token {
            case .close where values.count == first: return true
            case .text(let range, let hasEscapes):
                values.append((range, hasEscapes))
                guard let separator = next() else { return false }
                if separator == .close { return true }
                guard separator == .comma else { return false }
            default: return false
            }
        }
        return false
    }
}
