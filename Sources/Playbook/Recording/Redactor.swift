public import JSON

/// Writes a review for a recording: as it came, with every secret in it replaced.
///
/// Replaced are what Secrets hold, literal values of variables and ConfigMaps (unless `PLAYBOOK_RECORD_ENV` keeps them), and any
/// text that is or has a secret in it, wherever it stands; texts that are JSON, such as `last-applied-configuration`, are looked
/// through in the same way. What no rule reads is left out: `status`, and what authenticators say of a user.
public struct Redactor {
    private let keepsLiterals: Bool
    /// How many places were replaced.
    public private(set) var count = 0
    /// What was replaced in the object of before; nil where there is none.
    private var before: Set<String>?
    private var isBefore = false

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
        /// What a container is started with.
        case arguments
        /// A list of variables.
        case environment
    }

    /// Creates a redactor for one review.
    public init(_ settings: Settings) { keepsLiterals = settings.recording.environment == .keep }

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
            write(member.value, inside(key, of: kind, name, place), depth + 1, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// What the member of an object is part of.
    private func inside(_ key: String, of kind: String?, _ name: String?, _ place: Place) -> Place {
        switch place {
        case .secret: return .secret
        case .literal: return .literal(key)
        case .environment where key == "value": return .literal(name)
        default: break
        }
        switch key {
        case "data", "stringData":
            // SealedSecrets and the like have what they hold encrypted; that it is a Secret's says its kind.
            if let kind, kind.hasSuffix("Secret") { return .secret }
            if kind == "ConfigMap" { return .literal(nil) }
        case "binaryData" where kind == "ConfigMap": return .literal(nil)
        case "env": return .environment
        case "args", "command": return .arguments
        case "value": return .named(name)
        default: break
        }
        return .named(key)
    }

    private mutating func writeArray(_ array: Value, _ place: Place, _ depth: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        var flag: String?
        var isFirst = true
        for element in array.elements {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            if case .arguments = place, let text = element.string {
                writeArgument(text, element, after: flag, depth + 1, to: &bytes)
                flag = text.hasPrefix("-") && !text.contains("=") ? text : nil
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
        case .literal(let called):
            name = called
            if !keepsLiterals, !text.isEmpty {
                return mark(RedactionClass.of(text, named: name) ?? RedactionClass.literal, text, to: &bytes)
            }
        case .named(let called): name = called
        case .arguments, .environment: break
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

    /// Writes a word of a command line: the value of a flag is replaced where the flag's name says that it is a secret.
    private mutating func writeArgument(
        _ text: String, _ value: Value, after flag: String?, _ depth: Int, to bytes: inout [UInt8]
    ) {
        if let flag, !text.hasPrefix("-"), !text.isEmpty, RedactionClass.saysSecret(flag) {
            return mark(RedactionClass.of(text, named: flag) ?? RedactionClass.literal, text, to: &bytes)
        }
        guard text.hasPrefix("-"), let equals = text.firstIndex(of: "=") else {
            return writeText(value, .named(nil), depth, to: &bytes)
        }
        let (name, rest) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
        guard let kind = RedactionClass.of(rest, named: name) else {
            return writeText(value, .named(nil), depth, to: &bytes)
        }
        appendQuoted("\(name)=\(redaction(kind, rest).text)", to: &bytes)
    }

    private mutating func write(key: String, to bytes: inout [UInt8]) {
        // A set of texts stands in `managedFields` as keys, `v:"…"`.
        let kind = key.utf8.count > 20 ? RedactionClass.of(key) : nil
        appendQuoted(kind.map { redaction($0, key).text } ?? key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
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
