import Evaluation
import JSON
import Kubernetes

/// A database's connection string: everything about a connection in one text.
struct ConnectionString {
    /// By what it is told.
    enum Kind {
        case named
        case written
    }

    private var host = "<host>"
    private var port = "<port>"
    private var name = "<name>"

    /// Takes host, port and name out of a text, where they can be told from the rest for certain: no part of a password may pass for
    /// one of them.
    init(_ text: Value?) {
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

    /// The settings that are no secrets, in the place of one that is called `name`.
    func settings(instead whole: Value) -> [(name: String, value: String)] {
        let prefix = ConnectionString.prefix(whole.text)
        return [("\(prefix)_HOST", host), ("\(prefix)_PORT", port), ("\(prefix)_NAME", name)]
    }

    /// The variables to set instead; those that are there already stay.
    ///
    /// Nothing is suggested for a container of more variables than anybody writes: each of them would be compared.
    func variables(instead whole: Value, _ subject: Subject, _ env: Field, at place: Pointer) -> [Edit] {
        guard let present = try? env.objects(), env.value?.nodeCount ?? 0 < 10_000 else { return [] }
        let prefix = ConnectionString.prefix(whole.text)
        var variables = settings(instead: whole).map {
            ["name": .string($0.name), "value": .string($0.value)] as Literal
        }
        for key in ["\(prefix)_USER", "\(prefix)_PASSWORD"] {
            let reference = SecretReference(subject.secretName, key: key)
            variables.append(["name": .string(key), "valueFrom": reference.source])
        }
        return variables.filter { variable in
            let name = variable["name"]?.text ?? ""
            return !present.contains { $0.base["name"]?.equals(string: name) ?? false }
        }.map { .set(place / "-", $0) }
    }

    /// What the separate settings begin with: the name without the word for a connection string.
    private static func prefix(_ name: String) -> String {
        let words = name.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.map { $0.uppercased() }
        let kept = words.prefix { !["URL", "URI", "DSN", "CONNECTION", "CONN", "STRING"].contains($0) }
        let prefix = kept.joined(separator: "_")
        return prefix.isEmpty || prefix.first?.isNumber ?? true ? "DB" : prefix
    }
}

extension ConnectionString.Kind {
    /// What a variable is by its name and its value, which may not be known.
    init?(_ name: Value, _ value: Value?) {
        let isNamed = name.withContents { DatabaseName.means($0) }
        guard let value else {
            guard isNamed else { return nil }
            self = .named
            return
        }
        // Escapes are resolved only where they matter.
        guard isNamed || value.withRawText({ DatabaseScheme.mayBegin($0) }) else { return nil }
        switch value.withContents({ DatabaseScheme.kind(of: $0, 0..<$0.count, isNamed: isNamed) }) {
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
    /// What may stand between the database and the word for its string.
    private static let roles = words(
        "replica read reader write writer primary pool direct readonly master main connection conn")
    /// Error trackers, mailers and queues call their addresses so too.
    private static let others = words(
        "sentry raven glitchtip mailer messenger transport bugsnag statsd telemetry uptrace lock")

    /// What a name's last word says.
    private enum Ending {
        /// It is an address: of what, the words before say.
        case address
        /// It is a data source's name.
        case source
        /// It is one if it is about a connection.
        case string
        /// It says everything.
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

    /// True if it is a name of .NET's, of which the part after `__` or the colon says which: `ConnectionStrings__Orders`.
    private static func isOfDotNet(_ name: Span<UInt8>) -> Bool {
        guard name.count > dotNet.count + 1 else { return false }
        for at in dotNet.indices where name[at] | 0x20 != dotNet[at] { return false }
        let next = name[dotNet.count]
        return next == UInt8(ascii: ":") || next == UInt8(ascii: "_") && name[dotNet.count + 1] == UInt8(ascii: "_")
    }

    private static let dotNet = Array("connectionstrings".utf8)

    /// The letters that the last words end in, a bit for each: nearly all names end in another.
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

/// What a value says of itself.
private enum DatabaseScheme {
    enum Kind {
        /// A connection string of a database, with the password in it or not.
        case database
        /// One that is put together from settings that are separate: `postgres://$(DB_USER):$(DB_PASSWORD)@$(DB_HOST)/…`.
        case composed
        /// An address of something else, a file, or no address.
        case other
        /// A text that says nothing.
        case none
    }

    private static let schemes: WordSet = [
        "postgres", "postgresql", "pgsql", "postgis", "mysql", "mariadb", "mongodb", "redis", "rediss", "valkey",
        "mssql",
        "sqlserver", "oracle", "cockroachdb", "cockroach", "clickhouse", "cassandra", "scylla", "db", "neo", "ydb",
        "jtds",
    ]

    /// Whether a text that may have escapes in it may be an address.
    static func mayBegin(_ text: Span<UInt8>) -> Bool {
        let end = endOfScheme(text)
        guard end < text.count else { return false }
        if text[end] == UInt8(ascii: "\\") { return true }
        guard text[end] == UInt8(ascii: ":") else { return false }
        // `jdbc:` says enough.
        if text[0] | 0x20 == UInt8(ascii: "j") { return true }
        guard end + 1 < text.count else { return false }
        return text[end + 1] == UInt8(ascii: "/") || text[end + 1] == UInt8(ascii: "\\")
    }

    /// Where a scheme ends: `mysql2`, `mongodb+srv`, `postgresql+asyncpg`.
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

    static func kind(of whole: Span<UInt8>, _ range: Range<Int>, isNamed: Bool) -> Kind {
        let text = whole.extracting(range)
        let at = endOfScheme(text)
        guard at < text.count, text[at] == UInt8(ascii: ":") else {
            return isNamed ? kindWithoutScheme(text) : .none
        }
        // Up to the first letter of something else.
        var scheme = NameWord()
        for letter in 0..<at {
            guard NameWords.isLetter(text[letter]) else { break }
            scheme.append(text[letter])
        }
        if scheme == "jdbc" { return isComposed(text) ? .composed : .database }
        guard at + 2 < text.count, text[at + 1] == UInt8(ascii: "/"), text[at + 2] == UInt8(ascii: "/") else {
            return isNamed ? kindWithoutScheme(text) : .none
        }
        guard schemes.contains(scheme) else { return .other }
        if isComposed(text) { return .composed }
        for place in at..<text.count where text[place] == UInt8(ascii: "@") { return .database }
        return .none
    }

    /// Go's `user:password@tcp(host:3306)/name`, or `host=… user=…`; else nothing, or no address at all.
    private static func kindWithoutScheme(_ text: Span<UInt8>) -> Kind {
        var isPlain = true
        // Of a store of files or a bus of messages in Azure.
        if CredentialScan.begins(text, "DefaultEndpointsProtocol=") || CredentialScan.begins(text, "Endpoint=sb:") {
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

    private static func isComposed(_ text: Span<UInt8>) -> Bool {
        var previous: UInt8 = 0
        for at in text.indices {
            let isOpening = text[at] == UInt8(ascii: "(") || text[at] == UInt8(ascii: "{")
            if isOpening, previous == UInt8(ascii: "$") || previous == UInt8(ascii: "{") {
                return Credential.first(in: text, named: nil) == nil
            }
            previous = text[at]
        }
        return false
    }
}

// MARK: Lines

extension ConnectionString {
    /// A line of a file of settings that holds a connection string.
    struct Line {
        /// Its number, counted from 1.
        let number: Int
        /// Where the connection string stands.
        let range: Range<Int>
    }

    /// The lines of a text, `name=value`, `name: value` or `"name": "value"`, that hold one; a text of one line is none of them.
    static func lines(of text: Span<UInt8>) -> [Line] {
        guard mayHaveLines(text) else { return [] }
        var (lines, number, start) = ([Line](), 1, 0)
        for at in 0...text.count where at == text.count || text[at] == UInt8(ascii: "\n") {
            if lines.count < mostLines, let range = value(ofLine: start..<at, in: text) {
                let scheme = DatabaseScheme.kind(of: text, range, isNamed: false)
                if case .database = scheme {
                    lines.append(Line(number: number, range: range))
                } else if case .none = scheme, isADO(text, range) {
                    lines.append(Line(number: number, range: range))
                }
            }
            (number, start) = (number + 1, at + 1)
        }
        return lines
    }

    /// The most lines of one text that are listed.
    private static let mostLines = 20

    /// True if there are several lines, and in one of them an address or a list of `name=value;`.
    private static func mayHaveLines(_ text: Span<UInt8>) -> Bool {
        var (hasLines, hasMarks) = (false, false)
        for at in text.indices {
            switch text[at] {
            case UInt8(ascii: "\n"): hasLines = true
            case UInt8(ascii: ":"):
                if CredentialScan.begins(text, "://", at: at)
                    || at >= 4 && CredentialScan.begins(text, "jdbc", at: at - 4)
                {
                    hasMarks = true
                }
            case UInt8(ascii: ";"): hasMarks = true
            default: continue
            }
            if hasLines, hasMarks { return true }
        }
        return false
    }

    /// Where the value of a line's setting stands; nil where the line is none.
    private static func value(ofLine line: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        func isBlank(_ byte: UInt8) -> Bool { byte <= UInt8(ascii: " ") }
        func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
        var at = line.lowerBound
        while at < line.upperBound, isBlank(text[at]) || text[at] == UInt8(ascii: "-") || isQuote(text[at]) { at += 1 }
        let name = at
        while at < line.upperBound,
            CredentialScan.isWord(text[at]) || text[at] == UInt8(ascii: "[")
                || text[at] == UInt8(ascii: "]")
        { at += 1 }
        guard at > name, at < line.upperBound else { return nil }
        while at < line.upperBound, isBlank(text[at]) || isQuote(text[at]) { at += 1 }
        guard at < line.upperBound, text[at] == UInt8(ascii: "=") || text[at] == UInt8(ascii: ":") else { return nil }
        at += 1
        while at < line.upperBound, isBlank(text[at]) || isQuote(text[at]) { at += 1 }
        var end = line.upperBound
        while end > at, isBlank(text[end - 1]) || isQuote(text[end - 1]) || text[end - 1] == UInt8(ascii: ",") {
            end -= 1
        }
        // No longer one is read.
        return end - at < 8 ? nil : at..<min(end, at + 4096)
    }

    /// True if it is a connection string of ADO.NET: `Server=db;Database=shop;…`.
    private static func isADO(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var (hasServer, hasDatabase) = (false, false)
        var start = range.lowerBound
        for at in range.lowerBound...range.upperBound where at == range.upperBound || text[at] == UInt8(ascii: ";") {
            while start < at, text[start] == UInt8(ascii: " ") { start += 1 }
            let isServer = ["Server=", "Host=", "Data Source=", "server=", "host="].contains {
                (key: StaticString) in CredentialScan.begins(text, key, at: start)
            }
            let isDatabase = ["Database=", "Initial Catalog=", "database="].contains { (key: StaticString) in
                CredentialScan.begins(text, key, at: start)
            }
            hasServer = hasServer || isServer
            hasDatabase = hasDatabase || isDatabase
            start = at + 1
        }
        return hasServer && hasDatabase
    }
}

extension CredentialScan {
    /// True if these letters stand at a place of a text.
    fileprivate static func begins(_ text: Span<UInt8>, _ letters: StaticString, at start: Int = 0) -> Bool {
        let end = start + letters.utf8CodeUnitCount
        return end <= text.count && text.isSame(letters, in: start..<end)
    }
}
