public import JSON

/// The rule of a Traefik router, as in ``Host(`shop.example.com`) && PathPrefix(`/api`)``, in the syntax of version 2 or 3.
///
/// Rules only need the names that a router can match, so it is read as a list of matchers and not as a tree. It takes one pass
/// over the text, and one bit for each open parenthesis.
public struct TraefikRule: Sendable {
    /// The kinds of matchers that rules read.
    public struct Matchers: OptionSet, Sendable {
        /// The bits of the matchers.
        public let rawValue: UInt8

        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The host of an HTTP request, by names.
        public static let host = Matchers(rawValue: 1)
        /// The host of an HTTP request, by regular expressions.
        public static let hostExpression = Matchers(rawValue: 2)
        /// The server name of a TLS client, by names.
        public static let serverName = Matchers(rawValue: 4)
        /// The server name of a TLS client, by regular expressions.
        public static let serverNameExpression = Matchers(rawValue: 8)
        /// The path of an HTTP request, by paths or prefixes.
        public static let path = Matchers(rawValue: 16)
        /// The path of an HTTP request, by regular expressions.
        public static let pathExpression = Matchers(rawValue: 32)

        /// In lower case: Traefik accepts `Host`, `HOST` and `host`.
        fileprivate static let names: [(name: StaticString, matcher: Matchers)] = [
            ("host", .host), ("hostheader", .host), ("hostregexp", .hostExpression), ("hostsni", .serverName),
            ("hostsniregexp", .serverNameExpression), ("path", .path), ("pathprefix", .path),
            ("pathregexp", .pathExpression),
        ]
    }

    /// A value of a matcher; a matcher has one in version 3, and any number in version 2.
    private struct Argument: Sendable {
        let matcher: Matchers
        let hasEscapes: Bool
        /// The position between its quotes; rules are shorter than 4 GiB, and there can be many values.
        let start: UInt32
        let end: UInt32
    }

    private let bytes: [UInt8]
    /// The values of known matchers that are not negated by an odd number of `!`.
    private var values: [Argument] = []

    /// Reads a rule; nil if it is not valid.
    ///
    /// Traefik does not serve such a router either. The text, which can be long, is not copied.
    public init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Reads a rule from a string of a document.
    public init?(_ text: Value) { self.init(text.contents) }

    private init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        var scanner = Scanner(bytes)
        var isNegated = false
        /// The negation of each open parenthesis.
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
                let isSkipped = isNegated != (groups.last ?? false)
                let matcher = isSkipped ? [] : TraefikRule.matcher(named: bytes[name])
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

    /// Calls a function with the values of matchers that are not negated.
    ///
    /// - Parameters:
    ///   - matchers: The kinds of matchers.
    ///   - body: Receives the bytes of each value.
    /// - Throws: The errors of `body`.
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
    /// `&&` or `||`, which are treated the same.
    case operation
}

/// Splits a rule into tokens; it stops at invalid text.
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

    /// Reads a raw string in backticks, or a string in quotes with backslash escapes.
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

    /// Decodes the escapes of a quoted string.
    static func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var content: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.endIndex {
                let isPlain = text[index + 1] == UInt8(ascii: "\"") || text[index + 1] == UInt8(ascii: "\\")
                // Other escapes are not part of names or paths.
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

    /// Reads the values of a matcher, from its opening to its closing parenthesis.
    ///
    /// - Parameter add: Receives the position of each value between its quotes, and true if it has escapes.
    /// - Returns: False if the text is not valid.
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
