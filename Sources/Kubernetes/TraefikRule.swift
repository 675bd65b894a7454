/// The rule of a Traefik router, as in ``Host(`shop.example.com`) && PathPrefix(`/api`)``, in the syntax of version 2 or 3.
///
/// What is asked of a rule is which names it may answer to, so it is read as the list of its matchers and not as a tree. One pass
/// over the text and a bit for each open parenthesis: no text makes it run away.
public struct TraefikRule: Sendable, Equatable {
    /// One condition of a rule.
    public struct Matcher: Sendable, Equatable {
        /// Its name in lower case, since Traefik takes `Host`, `HOST` and `host`.
        public let name: String
        /// What it compares with: one value in version 3, any number in version 2.
        public let values: [String]
        /// Whether an odd number of `!` stands before it.
        public let isNegated: Bool
    }

    /// The matchers in the order written.
    public private(set) var matchers: [Matcher] = []

    /// Reads a rule; nil where it is not understood.
    ///
    /// Traefik does not serve such a router either.
    public init?(_ text: String) {
        var scanner = Scanner(text)
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
                guard let values = scanner.arguments() else { return nil }
                matchers.append(
                    Matcher(name: name, values: values, isNegated: isNegated != (groups.last ?? false)))
                isNegated = false
                expectsOperand = false
            default: return nil
            }
        }
        guard scanner.isAtEnd, groups.isEmpty, !expectsOperand else { return nil }
    }

    /// The matchers of one of these names that are not negated.
    public func matchers(_ names: String...) -> [Matcher] {
        matchers.filter { !$0.isNegated && names.contains($0.name) }
    }
}

private enum Token: Equatable {
    case word(String)
    case text(String)
    case open, close, comma, not
    /// `&&` or `||`: what rules are asked does not depend on which.
    case operation
}

/// Cuts a rule into tokens; what it cannot read, it stops at.
private struct Scanner {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

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
        var content: [UInt8] = []
        var index = at + 1
        while index < bytes.count, bytes[index] != quote {
            if quote == UInt8(ascii: "\""), bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
                let isPlain = bytes[index + 1] == quote || bytes[index + 1] == UInt8(ascii: "\\")
                // What else an escape may stand for is no part of a name or a path.
                if !isPlain { content.append(bytes[index]) }
                index += 1
            }
            content.append(bytes[index])
            index += 1
        }
        guard index < bytes.count else { return nil }
        at = index + 1
        return .text(String(decoding: content, as: UTF8.self))
    }

    private mutating func word() -> Token? {
        let start = at
        while at < bytes.count, (bytes[at] | 32) &- 97 < 26 || (at > start && bytes[at] &- 48 <= 9) { at += 1 }
        guard at > start else { return nil }
        return .word(String(decoding: bytes[start..<at].map { $0 | (($0 &- 65 < 26) ? 32 : 0) }, as: UTF8.self))
    }

    /// The values of a matcher, from its opening parenthesis to the closing one; nil where there is something else.
    mutating func arguments() -> [String]? {
        guard next() == .open else { return nil }
        var values: [String] = []
        while let token = next() {
            switch token {
            case .close where values.isEmpty: return []
            case .text(let value):
                values.append(value)
                guard let separator = next() else { return nil }
                if separator == .close { return values }
                guard separator == .comma else { return nil }
            default: return nil
            }
        }
        return nil
    }
}
