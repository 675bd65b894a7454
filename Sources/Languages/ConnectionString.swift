public import JSON

/// A database connection string: all settings of a connection in one text.
public struct ConnectionString {
    /// The part by which a connection string is recognized.
    public enum Kind: Sendable {
        /// The name of the setting.
        case named
        /// The value.
        case written
    }

    private var host = "<host>"
    private var port = "<port>"
    private var name = "<name>"

    /// Reads host, port and name from a text, if they are unambiguous: a part of a password must not be mistaken for one of them.
    public init(_ text: Value?) {
        guard let text, !text.text.hasPrefix("jdbc:"), let start = text.text.utf8.firstIndex(of: UInt8(ascii: "@"))
        else {
            return
        }
        let rest = text.text.utf8[text.text.utf8.index(after: start)...]
        guard !rest.contains(UInt8(ascii: "@")) else { return }
        let parts = Substring(rest).split(separator: "/", maxSplits: 1)
        let address = (parts.first ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard let host = address.first, ConnectionString.isPlain(host, "."), address.count <= 2 else { return }
        if address.count == 2 {
            guard !address[1].isEmpty, address[1].utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return }
            port = String(address[1])
        }
        self.host = String(host)
        if parts.count == 2, case let name = parts[1].prefix(while: { $0 != "?" }), ConnectionString.isPlain(name, "_")
        {
            self.name = String(name)
        }
    }

    private static func isPlain(_ text: Substring, _ other: Character) -> Bool {
        !text.isEmpty && text.utf8.count <= 64
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == other) }
    }

    /// Returns the settings without secrets that replace the connection string.
    public func settings(instead whole: Value) -> [(name: String, value: String)] {
        let prefix = ConnectionString.prefix(whole.text)
        return [("\(prefix)_HOST", host), ("\(prefix)_PORT", port), ("\(prefix)_NAME", name)]
    }

    /// The prefix of the separate settings: the name without the word for a connection string.
    public static func prefix(_ name: String) -> String {
        let words = name.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.map { $0.uppercased() }
        let kept = words.prefix { !["URL", "URI", "DSN", "CONNECTION", "CONN", "STRING"].contains($0) }
        let prefix = kept.joined(separator: "_")
        return prefix.isEmpty || prefix.first?.isNumber ?? true ? "DB" : prefix
    }
}

extension ConnectionString.Kind {
    /// Creates the kind from a variable's name and value, which can be unknown; nil if it is not a connection string.
    ///
    /// - Parameters:
    ///   - name: The name of the variable.
    ///   - value: Its value; nil if it is unknown.
    ///   - hasSecret: True if a text contains a secret; such a text with placeholders is a connection string, too.
    public init?(_ name: Value, _ value: Value?, hasSecret: (Span<UInt8>) -> Bool) {
        let isNamed = name.withContents { DatabaseName.means($0) }
        guard let value else {
            guard isNamed else { return nil }
            self = .named
            return
        }
        // Escapes are resolved only if the value can be a connection string.
        guard isNamed || value.withRawText({ DatabaseScheme.mayBegin($0) }) else { return nil }
        switch value.withContents({ DatabaseScheme.kind(of: $0, 0..<$0.count, isNamed: isNamed, hasSecret) }) {
        case .composed, .other: return nil
        case .database: self = isNamed ? .named : .written
        case .none:
            guard isNamed else { return nil }
            self = .named
        }
    }
}

/// Names of connection strings.
private enum DatabaseName {
    private static func words(_ text: String) -> WordSet { WordSet(NameWords.words(text)) }

    private static let databases = words(
        "db database postgres postgresql pg psql mysql mariadb mongo mongodb sql mssql sqlserver oracle jdbc datasource "
            + "cockroach cockroachdb clickhouse cassandra aurora rds")
    /// Words that can follow the database's name.
    private static let roles = words(
        "replica read reader write writer primary pool direct readonly master main connection conn")
    /// Error trackers, mailers and queues, whose addresses have similar names.
    private static let others = words(
        "sentry raven glitchtip mailer messenger transport bugsnag statsd telemetry uptrace lock")

    /// The meaning of a name's last word.
    private enum Ending {
        /// An address; the preceding words name what it is for.
        case address
        /// A data source name.
        case source
        /// A connection string if the preceding word is "connection".
        case string
        /// A connection string by itself.
        case whole
    }

    private static let endings: [NameWord: Ending] = {
        var endings: [NameWord: Ending] = [
            "url": .address, "uri": .address, "dsn": .source, "string": .string, "str": .string,
        ]
        let whole = NameWords.words(
            "dburl dburi databaseurl databaseuri jdbcurl mongourl mongouri postgresurl pgurl mysqlurl connectionstring")
        for word in whole { endings[word] = .whole }
        return endings
    }()

    /// True for a .NET connection string, with its name after `__` or a colon: `ConnectionStrings__Orders`.
    private static func isOfDotNet(_ name: Span<UInt8>) -> Bool {
        guard name.count > dotNet.count + 1 else { return false }
        for at in dotNet.indices where name[at] | 0x20 != dotNet[at] { return false }
        let next = name[dotNet.count]
        return next == UInt8(ascii: ":") || next == UInt8(ascii: "_") && name[dotNet.count + 1] == UInt8(ascii: "_")
    }

    private static let dotNet = Array("connectionstrings".utf8)

    /// The last letters of these words, one bit for each: nearly all other names end in another letter.
    private static let lastLetters: UInt32 = endings.keys.reduce(0) { $0 | bit(of: UInt8($1.letters & 0xFF)) }

    private static func bit(of letter: UInt8) -> UInt32 { 1 &<< UInt32(letter & 0x1F) }

    private static func mayBeOne(_ name: Span<UInt8>) -> Bool {
        var at = name.count
        while at > 0, !NameWords.isLetter(name[at - 1]) { at -= 1 }
        return at > 0 && lastLetters & bit(of: name[at - 1]) != 0
    }

    static func means(_ name: Span<UInt8>) -> Bool {
        if isOfDotNet(name) { return true }
        guard mayBeOne(name) else { return false }
        let last = NameWords.last(in: name, 0..<name.count)
        switch endings[last] {
        case nil: return false
        case .whole: return true
        case .address: return isDatabase(before: last, name)
        case .source:
            var words = NameWords(at: 0, end: name.count)
            while case let word = words.next(in: name), word.length > 0 { if others.contains(word) { return false } }
            return true
        case .string:
            let end = name.count - last.length
            let before = NameWords.last(in: name, 0..<max(end, 0))
            return before == "connection" || before == "conn"
        }
    }

    private static func isDatabase(before last: NameWord, _ name: Span<UInt8>) -> Bool {
        var words = NameWords(at: 0, end: name.count)
        var isDatabase = false
        while case let word = words.next(in: name), word.length > 0 {
            if databases.contains(word) {
                isDatabase = true
            } else if word != last, !roles.contains(word) {
                isDatabase = false
            }
        }
        return isDatabase
    }
}

/// The scheme of an address in a value.
private enum DatabaseScheme {
    enum Kind {
        /// A database connection string, with or without a password.
        case database
        /// A connection string built from separate settings: `postgres://$(DB_USER):$(DB_PASSWORD)@$(DB_HOST)/…`.
        case composed
        /// Another address, a file, or a text that is not an address.
        case other
        /// Undecided; the name determines the result.
        case none
    }

    private static let schemes: WordSet = [
        "postgres", "postgresql", "pgsql", "postgis", "mysql", "mariadb", "mongodb", "redis", "rediss", "valkey",
        "mssql",
        "sqlserver", "oracle", "cockroachdb", "cockroach", "clickhouse", "cassandra", "scylla", "db", "neo", "ydb",
        "jtds",
    ]

    /// True if a text, which can contain escapes, can be an address.
    static func mayBegin(_ text: Span<UInt8>) -> Bool {
        let end = endOfScheme(text)
        guard end < text.count else { return false }
        if text[end] == UInt8(ascii: "\\") { return true }
        guard text[end] == UInt8(ascii: ":") else { return false }
        // `jdbc:` is sufficient.
        if text[0] | 0x20 == UInt8(ascii: "j") { return true }
        guard end + 1 < text.count else { return false }
        return text[end + 1] == UInt8(ascii: "/") || text[end + 1] == UInt8(ascii: "\\")
    }

    /// Returns the end of a scheme: `mysql2`, `mongodb+srv`, `postgresql+asyncpg`.
    private static func endOfScheme(_ text: Span<UInt8>) -> Int {
        let limit = min(text.count, 32)
        var at = 0
        while at < limit, NameWords.isLetter(text[at]) || isBetweenLetters(text[at]) { at += 1 }
        return at
    }

    /// + - . 0 … 9
    private static func isBetweenLetters(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "+") < 15 && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "/")
    }

    static func kind(
        of whole: Span<UInt8>, _ range: Range<Int>, isNamed: Bool, _ hasSecret: (Span<UInt8>) -> Bool
    ) -> Kind {
        let text = whole.extracting(range)
        let at = endOfScheme(text)
        guard at < text.count, text[at] == UInt8(ascii: ":") else {
            return isNamed ? kindWithoutScheme(text) : .none
        }
        // The letters before the first other character.
        var scheme = NameWord()
        for letter in 0..<at {
            guard NameWords.isLetter(text[letter]) else { break }
            scheme.append(text[letter])
        }
        if scheme == "jdbc" { return isComposed(text, hasSecret) ? .composed : .database }
        guard at + 2 < text.count, text[at + 1] == UInt8(ascii: "/"), text[at + 2] == UInt8(ascii: "/") else {
            return isNamed ? kindWithoutScheme(text) : .none
        }
        guard schemes.contains(scheme) else { return .other }
        if isComposed(text, hasSecret) { return .composed }
        for place in at..<text.count where text[place] == UInt8(ascii: "@") { return .database }
        return .none
    }

    /// Returns the kind of a text without a scheme, such as Go's `user:password@tcp(host:3306)/name` or `host=… user=…`.
    private static func kindWithoutScheme(_ text: Span<UInt8>) -> Kind {
        var isPlain = true
        // Azure Storage and Azure Service Bus.
        if begins(text, "DefaultEndpointsProtocol=") || begins(text, "Endpoint=sb:") {
            return .other
        }
        for at in text.indices {
            switch text[at] {
            case UInt8(ascii: "@"), UInt8(ascii: "="), UInt8(ascii: ";"), UInt8(ascii: "/"): isPlain = false
            case UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "\n"): return .composed
            default: break
            }
            if at > 4096 { break }
        }
        return isPlain ? .other : .none
    }

    private static func isComposed(_ text: Span<UInt8>, _ hasSecret: (Span<UInt8>) -> Bool) -> Bool {
        var previous: UInt8 = 0
        for at in text.indices {
            let isOpening = text[at] == UInt8(ascii: "(") || text[at] == UInt8(ascii: "{")
            if isOpening, previous == UInt8(ascii: "$") || previous == UInt8(ascii: "{") {
                return !hasSecret(text)
            }
            previous = text[at]
        }
        return false
    }
}

// MARK: Lines

extension ConnectionString {
    /// A line of a settings file that contains a connection string.
    public struct Line: Sendable {
        /// The line number, starting at 1.
        public let number: Int
        /// The range of the connection string.
        public let range: Range<Int>
    }

    /// Returns the lines `name=value`, `name: value` or `"name": "value"` with a connection string.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - areSettings: True if the text is a setting or a settings file, where the name alone is sufficient.
    ///   - hasSecret: Returns true if a text contains a secret.
    /// - Returns: The lines.
    public static func lines(
        of text: Span<UInt8>, areSettings: Bool, hasSecret: (Span<UInt8>) -> Bool
    ) -> [Line] {
        var (lines, number, start) = ([Line](), 1, 0)
        for at in 0...text.count where at == text.count || text[at] == UInt8(ascii: "\n") {
            if lines.count < mostLines, let line = setting(ofLine: start..<at, in: text) {
                let isNamed = areSettings && DatabaseName.means(text.extracting(line.name))
                let isOne =
                    switch DatabaseScheme.kind(of: text, line.value, isNamed: isNamed, hasSecret) {
                    case .database: true
                    case .none: isNamed || isADO(text, line.value)
                    case .composed, .other: false
                    }
                if isOne { lines.append(Line(number: number, range: line.value)) }
            }
            (number, start) = (number + 1, at + 1)
        }
        return lines
    }

    /// The largest number of lines that are returned.
    private static let mostLines = 20

    /// Returns the ranges of a setting's name and value; nil if the line is not a setting.
    private static func setting(
        ofLine line: Range<Int>, in text: Span<UInt8>
    ) -> (name: Range<Int>, value: Range<Int>)? {
        func isBlank(_ byte: UInt8) -> Bool { byte <= UInt8(ascii: " ") }
        func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
        var at = line.lowerBound
        while at < line.upperBound, isBlank(text[at]) || text[at] == UInt8(ascii: "-") || isQuote(text[at]) { at += 1 }
        if begins(text, "export ", at: at) { at += 7 }
        let start = at
        while at < line.upperBound,
            NameWords.isInName(text[at]) || text[at] == UInt8(ascii: "[")
                || text[at] == UInt8(ascii: "]")
        { at += 1 }
        guard at > start, at < line.upperBound else { return nil }
        let name = start..<at
        while at < line.upperBound, isBlank(text[at]) || isQuote(text[at]) { at += 1 }
        guard at < line.upperBound, text[at] == UInt8(ascii: "=") || text[at] == UInt8(ascii: ":") else { return nil }
        at += 1
        while at < line.upperBound, isBlank(text[at]) || isQuote(text[at]) { at += 1 }
        var end = line.upperBound
        while end > at, isBlank(text[end - 1]) || isQuote(text[end - 1]) || text[end - 1] == UInt8(ascii: ",") {
            end -= 1
        }
        // At most 4096 bytes of a value are read.
        return end - at < 8 ? nil : (name, at..<min(end, at + 4096))
    }

    /// True for an ADO.NET connection string: `Server=db;Database=shop;…`.
    private static func isADO(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var (hasServer, hasDatabase) = (false, false)
        var start = range.lowerBound
        for at in range.lowerBound...range.upperBound where at == range.upperBound || text[at] == UInt8(ascii: ";") {
            while start < at, text[start] == UInt8(ascii: " ") { start += 1 }
            let isServer = ["Server=", "Host=", "Data Source=", "server=", "host="].contains {
                (key: StaticString) in begins(text, key, at: start)
            }
            let isDatabase = ["Database=", "Initial Catalog=", "database="].contains { (key: StaticString) in
                begins(text, key, at: start)
            }
            hasServer = hasServer || isServer
            hasDatabase = hasDatabase || isDatabase
            start = at + 1
        }
        return hasServer && hasDatabase
    }
}

/// True if a text contains these letters at an index.
private func begins(_ text: Span<UInt8>, _ letters: StaticString, at start: Int = 0) -> Bool {
    let end = start + letters.utf8CodeUnitCount
    return end <= text.count && text.isSame(letters, in: start..<end)
}
