public import JSON

/// The rule of a Traefik router, as in ``Host(`shop.example.com`) && PathPrefix(`/api`)``, in the syntax of version 2 or 3.
///
/// What is asked of a rule is which names it may answer to, so it is read as the list of its matchers and not as a tree. One pass
/// over the text and a bit for each open parenthesis: no text makes it run away.
public struct TraefikRule: Sendable {
    /// What a condition of a rule compares, as far as rules are asked for it.
    public struct Matchers: OptionSet, Sendable {
        /// A bit for each.
        public let rawValue: UInt8

        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The host of an HTTP request with names.
        public static let host = Matchers(rawValue: 1)
        /// The host of an HTTP request with an expression.
        public static let hostExpression = Matchers(rawValue: 2)
        /// The name that a TLS client asks for with names.
        public static let serverName = Matchers(rawValue: 4)
        /// The name that a TLS client asks for with an expression.
        public static let serverNameExpression = Matchers(rawValue: 8)
        /// The path of an HTTP request with paths, their beginnings or expressions.
        public static let path = Matchers(rawValue: 16)

        /// In lower case: Traefik takes `Host`, `HOST` and `host`.
        fileprivate static let names: [(name: StaticString, matcher: Matchers)] = [
            ("host", .host), ("hostheader", .host), ("hostregexp", .hostExpression), ("hostsni", .serverName),
            ("hostsniregexp", .serverNameExpression), ("path", .path), ("pathprefix", .path), ("pathregexp", .path),
        ]
    }

    /// A value that a condition compares with; a condition has one in version 3, any number in version 2.
    private struct Argument: Sendable {
        let matcher: Matchers
        let hasEscapes: Bool
        /// Where it stands between its quotes; rules are shorter than 4 GiB, and there may be many of these.
        let start: UInt32
        let end: UInt32
    }

    private let bytes: [UInt8]
    /// The values of the conditions that are known, and do not have an odd number of `!` before them.
    private var values: [Argument] = []

    /// Reads a rule; nil where it is not understood.
    ///
    /// Traefik does not serve such a router either. Nothing is copied out of the text, which may be long.
    public init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Reads a rule that is a string of a document.
    public init?(_ text: Value) { self.init(text.contents) }

    private init?(_ bytes: [UInt8]) {
        self.bytes = bytes
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
                let isPassedOver = isNegated != (groups.last ?? false)
                let matcher = isPassedOver ? [] : TraefikRule.matcher(named: bytes[name])
                let isRead = scanner.readArguments { range, hasEscapes in
                    guard !matcher.isEmpty else { return }
                    values.append(
                        Argument(
                            matcher: matcher, hasEscapes: hasEscapes, start: UInt32(clamping: range.lowerBound),
                            end: UInt32(clamping: range.upperBound)))
                }
                guard isRead else { return nil }
                isNegated = false
                expectsOperand = false
            default: return nil
            }
        }
        guard scanner.isAtEnd, groups.isEmpty, !expectsOperand else { return nil }
    }

    private static func matcher(named word: ArraySlice<UInt8>) -> Matchers {
        for (name, matcher) in Matchers.names where name.utf8CodeUnitCount == word.count {
            let isSame = name.withUTF8Buffer { name in name.elementsEqual(word, by: { $0 == $1 | 32 }) }
            if isSame { return matcher }
        }
        return []
    }

    /// The values of conditions of some kinds that are not negated, one after the other.
    ///
    /// - Parameters:
    ///   - matchers: The kinds of conditions.
    ///   - body: Is given the bytes of each value.
    /// - Throws: What `body` throws.
    public func forEachValue<Failure: Error>(
        of matchers: Matchers, _ body: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        for value in values where matchers.contains(value.matcher) {
            let text = bytes[Int(value.start)..<Int(value.end)]
            try body(value.hasEscapes ? Scanner.unescaped(text) : text)
        }
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
    /// - Parameter add: Is given where each value stands between its quotes, and whether it has escapes.
    /// - Returns: false where there is something else.
    mutating func readArguments(_ add: (Range<Int>, Bool) -> Void) -> Bool {
        guard next() == .open else { return false }
        var isFirst = true
        while let token = next() {
            switch token {
            case .close where isFirst: return true
            case .text(let range, let hasEscapes):
                add(range, hasEscapes)
                isFirst = false
                guard let separator = next() else { return false }
                if separator == .close { return true }
                guard separator == .comma else { return false }
            default: return false
            }
        }
        return false
    }
}
