public import JSON

/// Writes a review for a recording, with all secrets replaced.
///
/// Replaced are the data of Secrets, literal values of variables and ConfigMaps (unless `PLAYBOOK_RECORD_ENV` keeps them), and
/// all texts that are or contain a secret. Texts that contain JSON, such as `last-applied-configuration`, are searched in the
/// same way. Fields that no rule reads are omitted: `status`, and the extra fields of the user.
public struct Redactor {
    private let keepsLiterals: Bool
    private let arguments: RecordedArguments
    /// The number of replaced values.
    public private(set) var count = 0
    /// The secrets that were replaced in the old object; nil if there is none.
    private var before: Set<String>?
    private var isBefore = false
    /// The secrets in commands and keys, each with its number within its class.
    private var numbers: [String: [String: Int]] = [:]

    /// The maximum depth of nested values, including texts that contain JSON: the stack of the thread is small.
    private static let maximumDepth = 140

    /// The context of a value.
    private enum Place {
        /// A value with a name.
        case named(String?)
        /// Data of a Secret.
        case secret
        /// Variables of a container or a ConfigMap, by name.
        case literal(String?)
        /// A command or the rest of one, with the state of its parser.
        case arguments(ArgumentList)
        /// A probe, a lifecycle handler, or a named value in one.
        case handler(String?)
        /// A list of variables, with the classes of those that are secrets because of their references.
        case environment([String: String])
        /// The value of a variable that is a secret, with its class.
        case variable(String)
    }

    /// Creates a redactor for one review.
    public init(_ settings: Settings) {
        keepsLiterals = settings.recording.environment == .keep
        arguments = settings.recording.arguments
    }

    /// Appends the request of a review.
    public mutating func write(_ request: Value, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        let kind = request["kind"]?["kind"]?.string
        for member in request.members where !member.key.equals("object") && !member.key.equals("oldObject") {
            let name = member.key.text
            write(key: name, to: &bytes)
            if name == "userInfo" {
                writeUser(member.value, to: &bytes)
            } else {
                write(member.value, .named(nil), 2, to: &bytes)
            }
            bytes.append(UInt8(ascii: ","))
        }
        // The old object is written first, to detect which secrets of the new object are new.
        if let old = request["oldObject"], old.kind == .object {
            (before, isBefore) = ([], true)
            write(key: "oldObject", to: &bytes)
            writeObject(old, kind, isWhole: true, .named(nil), 2, to: &bytes)
            bytes.append(UInt8(ascii: ","))
            isBefore = false
        }
        write(key: "object", to: &bytes)
        if let object = request["object"], object.kind == .object {
            writeObject(object, kind, isWhole: true, .named(nil), 2, to: &bytes)
        } else {
            bytes += "null".utf8
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func writeUser(_ user: Value, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in user.members where !member.key.equals("extra") {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(key: member.key.text, to: &bytes)
            write(member.value, .named(nil), 3, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    // MARK: Values

    private mutating func write(_ value: Value, _ place: Place, _ depth: Int, to bytes: inout [UInt8]) {
        guard depth < Redactor.maximumDepth else { return mark(RedactionClass.tooDeep, value.text, to: &bytes) }
        switch value.kind {
        case .object: writeObject(value, value["kind"]?.string, isWhole: false, place, depth, to: &bytes)
        case .array: writeArray(value, place, depth, to: &bytes)
        case .string: writeText(value, place, depth, to: &bytes)
        case .opaque: mark(RedactionClass.tooDeep, value.text, to: &bytes)
        default:
            if case .secret = place {
                mark(RedactionClass.secretData, value.text, to: &bytes)
            } else {
                bytes += value.source
            }
        }
    }

    // `kind` is the kind of the object itself, or that of the request for the whole object.
    private mutating func writeObject(
        _ object: Value, _ kind: String?, isWhole: Bool, _ place: Place, _ depth: Int, to bytes: inout [UInt8]
    ) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        let name = object["name"]?.string ?? object["key"]?.string
        for member in object.members where !isWhole || !member.key.equals("status") {
            let key = member.key.text
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(key: key, to: &bytes)
            write(member.value, inside(key, of: kind, object, name, place), depth + 1, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// Returns the context of an object's member.
    private func inside(
        _ key: String, of kind: String?, _ object: Value, _ name: String?, _ place: Place
    ) -> Place {
        switch place {
        case .secret: return .secret
        case .literal: return .literal(key)
        case .environment(let secrets) where key == "value":
            return name.flatMap { secrets[$0] }.map { .variable($0) } ?? .literal(name)
        case .handler where key == "value": return .handler(name)
        case .handler where key != "command": return .handler(key)
        default: break
        }
        switch key {
        case "data", "stringData":
            // SealedSecrets and similar kinds count as Secrets, although their data is encrypted.
            if let kind, kind.hasSuffix("Secret") { return .secret }
            if kind == "ConfigMap" { return .literal(nil) }
        case "binaryData" where kind == "ConfigMap": return .literal(nil)
        // A provider of External Secrets with literal values.
        case "fake": return .secret
        case "env":
            let secrets = VariableReferences(in: object["env"], object["command"], object["args"]).secrets
            return .environment(
                Dictionary(secrets.map { ($0.name.text, $0.kind.rawValue) }, uniquingKeysWith: { $1 }))
        case "command": return .arguments(ArgumentList())
        case "args":
            // The arguments continue the command line of `command`.
            var list = ArgumentList()
            for word in object["command"]?.elements ?? object.elements where word.kind == .string {
                _ = word.withContents { list.name(of: $0) }
            }
            return .arguments(list)
        case "livenessProbe", "readinessProbe", "startupProbe", "lifecycle": return .handler(nil)
        case "value": return .named(name)
        default: break
        }
        return .named(key)
    }

    private mutating func writeArray(_ array: Value, _ place: Place, _ depth: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        var list = ArgumentList()
        if case .arguments(let known) = place { list = known }
        var isFirst = true
        for element in array.elements {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            if case .arguments = place, element.kind == .string {
                let name = element.withContents { list.name(of: $0) }
                writeWords(element, named: name, of: list.program, depth + 1, to: &bytes)
            } else {
                write(element, place, depth + 1, to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "]"))
    }

    // MARK: Texts

    private mutating func writeText(_ value: Value, _ place: Place, _ depth: Int, to bytes: inout [UInt8]) {
        let text = value.text
        var name: String?
        switch place {
        case .secret: return mark(RedactionClass.secretData, text, to: &bytes)
        case .variable(let kind): return mark(kind, text, to: &bytes)
        case .literal(let called):
            name = called
            if !keepsLiterals, !text.isEmpty {
                return mark(RedactionClass.of(text, named: name) ?? RedactionClass.literal, text, to: &bytes)
            }
        case .named(let called): name = called
        case .arguments: return writeWords(value, named: nil, of: nil, depth, to: &bytes)
        case .handler(let called):
            // Fields that select a header or an address are not secrets.
            let isPlain = ["name", "port", "scheme", "service"].contains(called ?? "")
            guard !isPlain || arguments != .redactAll else { break }
            return writeWords(
                value, named: called.flatMap { CredentialName(header: $0) }, of: nil, depth, to: &bytes)
        case .environment: break
        }
        if let name, !text.isEmpty, RedactionClass.saysSecret(name) {
            return mark(RedactionClass.of(text, named: name) ?? RedactionClass.literal, text, to: &bytes)
        }
        if writeNested(text, depth, to: &bytes) { return }
        if let kind = RedactionClass.of(text) { return mark(kind, text, to: &bytes) }
        bytes += value.source
    }

    /// Writes a text that contains JSON; parts without secrets keep their formatting.
    private mutating func writeNested(_ text: String, _ depth: Int, to bytes: inout [UInt8]) -> Bool {
        guard let first = text.utf8.first(where: { $0 > 0x20 }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let document = try? Document(parsing: Array(text.utf8), ParseOptions(toleratesDepth: true))
        else { return false }
        var inner: [UInt8] = []
        let seen = count
        withExtendedLifetime(document) { write(document.root, .named(nil), depth + 1, to: &inner) }
        appendQuoted(count == seen ? text : String(decoding: inner, as: UTF8.self), to: &bytes)
        return true
    }

    /// Writes a text of a command, probe or lifecycle handler, in which secrets are replaced and the rest is kept.
    private mutating func writeWords(
        _ value: Value, named name: CredentialName?, of program: LoginProgram?, _ depth: Int, to bytes: inout [UInt8]
    ) {
        let text = value.text
        if writeNested(text, depth, to: &bytes) { return }
        let content = Array(text.utf8)
        let words = RedactionClass.words(in: content, named: name, of: program)
        if arguments == .redactAll, !content.isEmpty {
            return mark(words.first?.kind ?? RedactionClass.literal, text, to: &bytes)
        }
        guard !words.isEmpty else {
            bytes += value.source
            return
        }
        var result: [UInt8] = []
        var end = 0
        for (range, kind) in words {
            result += content[end..<range.lowerBound]
            result += numbered(kind, String(decoding: content[range], as: UTF8.self), tellsChange: true).text.utf8
            // Keeps the line breaks, so that the following text stays on its line.
            for at in range where content[at] == UInt8(ascii: "\n") { result.append(content[at]) }
            end = range.upperBound
        }
        result += content[end...]
        appendQuoted(String(decoding: result, as: UTF8.self), to: &bytes)
    }

    private mutating func write(key: String, to bytes: inout [UInt8]) {
        appendQuoted(redacted(key: key), to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Returns a key in which a secret is replaced by the same mark everywhere.
    mutating func redacted(key: String) -> String {
        // `managedFields` has the elements of sets of texts as keys, `v:"…"`.
        guard key.utf8.count > 12, let kind = RedactionClass.of(key) else { return key }
        return numbered(kind, key, tellsChange: false).text
    }

    /// Returns the mark of a secret, with its number within its class.
    private mutating func numbered(_ kind: String, _ original: String, tellsChange: Bool) -> Redaction {
        let number = numbers[kind]?[original] ?? (numbers[kind]?.count ?? 0) + 1
        numbers[kind, default: [:]][original] = number
        let mark = redaction(kind, original)
        return Redaction(kind, number: number, isChanged: tellsChange && mark.isChanged)
    }

    private mutating func mark(_ kind: String, _ original: String, to bytes: inout [UInt8]) {
        appendQuoted(redaction(kind, original).text, to: &bytes)
    }

    private mutating func redaction(_ kind: String, _ original: String) -> Redaction {
        count += 1
        if isBefore { before?.insert(original) }
        return Redaction(kind, isChanged: !isBefore && before.map { !$0.contains(original) } ?? false)
    }
}

extension Redactor {
    /// Returns a redacted value that is not part of a document.
    mutating func redacted(_ literal: Literal) -> Literal {
        guard let document = try? Document(parsing: Array(literal.json.utf8)) else { return .null }
        var bytes: [UInt8] = []
        withExtendedLifetime(document) { write(document.root, .named(nil), 0, to: &bytes) }
        return (try? Literal(parsing: bytes)) ?? .null
    }
}
