public import JSON

/// Writes a review for a recording: as it came, with every secret in it replaced.
///
/// Replaced are what Secrets hold, literal values of variables and ConfigMaps (unless `PLAYBOOK_RECORD_ENV` keeps them), and any
/// text that is or has a secret in it, wherever it stands; texts that are JSON, such as `last-applied-configuration`, are looked
/// through in the same way. What no rule reads is left out: `status`, and what authenticators say of a user.
public struct Redactor {
    private let keepsLiterals: Bool
    private let arguments: RecordedArguments
    /// How many places were replaced.
    public private(set) var count = 0
    /// What was replaced in the object of before; nil where there is none.
    private var before: Set<String>?
    private var isBefore = false
    /// The secrets that are words of commands, or keys, each with its number among those of its class.
    private var numbers: [String: [String: Int]] = [:]

    /// How deep values may nest, texts that are JSON counted on: it is gone down on a small thread's stack.
    private static let maximumDepth = 140

    /// What a value is part of.
    private enum Place {
        /// Something that has a name.
        case named(String?)
        /// What a Secret holds.
        case secret
        /// Variables of a container or of a ConfigMap, which go by a name.
        case literal(String?)
        /// A command, or the rest of one, after what is known of it.
        case arguments(ArgumentList)
        /// A probe, a lifecycle handler, or something in one that has a name.
        case handler(String?)
        /// A list of variables, with the class of those that are secrets by what refers to them.
        case environment([String: String])
        /// The value of a variable that is a secret, and its class.
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
        // What was there before comes first, to know what of the new object is new.
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

    // `kind` is what the object itself says, or for the whole object what the request says.
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

    /// What the member of an object is part of.
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
            // SealedSecrets and the like have what they hold encrypted; that it is a Secret's says its kind.
            if let kind, kind.hasSuffix("Secret") { return .secret }
            if kind == "ConfigMap" { return .literal(nil) }
        case "binaryData" where kind == "ConfigMap": return .literal(nil)
        // A provider of External Secrets that holds what it hands out.
        case "fake": return .secret
        case "env":
            let secrets = VariableReferences(of: object).secrets
            return .environment(
                Dictionary(secrets.map { ($0.name.text, $0.kind.rawValue) }, uniquingKeysWith: { $1 }))
        case "command": return .arguments(ArgumentList())
        case "args":
            // One command line, of which the arguments are the rest.
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
            // What says which header, and where, is no secret.
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

    /// Writes a text that is JSON itself; what is unchanged inside stays as it was written.
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

    /// Writes a part of a command, or of a probe or lifecycle handler: the secrets in it are replaced, and the rest stays as it is.
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
            // What follows stays on its line.
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

    /// A key as it is written; one that is a secret is replaced by the same mark wherever it stands.
    mutating func redacted(key: String) -> String {
        // A set of texts stands in `managedFields` as keys, `v:"…"`.
        guard key.utf8.count > 12, let kind = RedactionClass.of(key) else { return key }
        return numbered(kind, key, tellsChange: false).text
    }

    /// The mark of a secret that others of its class are told from.
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
    /// A value that is not in a document, redacted in the same way.
    mutating func redacted(_ literal: Literal) -> Literal {
        guard let document = try? Document(parsing: Array(literal.json.utf8)) else { return .null }
        var bytes: [UInt8] = []
        withExtendedLifetime(document) { write(document.root, .named(nil), 0, to: &bytes) }
        return (try? Literal(parsing: bytes)) ?? .null
    }
}
