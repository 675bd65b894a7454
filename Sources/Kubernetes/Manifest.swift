public import JSON

/// The layout of YAML.
public struct YAMLStyle: Sendable, Equatable {
    /// The indentation of a mapping relative to its key.
    public var indent = 2
    /// The indentation of a list relative to its key; kubectl uses none.
    public var listIndent = 0
    /// True if short, flat values are written on one line: `httpGet: {path: /livez, port: http}`.
    public var putsShortOnOneLine = true

    /// Creates the style that kubectl and people use.
    public init() {}
}

extension Literal {
    /// The value as YAML in block style, without a line break at the end.
    public var yaml: String { lines(YAMLStyle()).joined(separator: "\n") }

    /// Returns the lines of the value in block style.
    public func lines(_ style: YAMLStyle) -> [String] {
        switch self {
        case .object(let members) where !members.isEmpty: members.flatMap { $0.lines(style) }
        case .array(let elements) where !elements.isEmpty: elements.flatMap { Literal.lines(of: $0, style) }
        default: [flow]
        }
    }

    private static func lines(of element: Literal, _ style: YAMLStyle) -> [String] {
        let lines = element.isShort(style) ? [element.flow] : element.lines(style)
        return zip(lines.indices, lines).map { ($0 == 0 ? "- " : "  ") + $1 }
    }

    /// True for a scalar, or a container of scalars (objects: up to one more level) that fits on a line.
    fileprivate func isShort(_ style: YAMLStyle) -> Bool {
        guard style.putsShortOnOneLine else { return isScalar || isEmpty }
        return switch self {
        case .object(let members): members.allSatisfy { $0.value.isScalar || $0.value.isEmpty } && flow.count <= 70
        case .array(let elements): elements.allSatisfy { $0.isScalar } && flow.count <= 70
        default: true
        }
    }

    fileprivate var isScalar: Bool {
        switch self {
        case .object, .array: false
        default: true
        }
    }

    fileprivate var isEmpty: Bool { self == .object([]) || self == .array([]) }

    /// The value as YAML on one line.
    public var flow: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): Literal.quotedIfNeeded(text)
        case .array(let elements): "[" + elements.map(\.flow).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(Literal.quotedIfNeeded($0.key)): \($0.value.flow)" }.joined(separator: ", ") + "}"
        }
    }

    /// Returns a string for YAML 1.1, with quotes only if they are required.
    fileprivate static func quotedIfNeeded(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let startsPlain = text.utf8.first.map { $0 == UInt8(ascii: "/") || $0 | 0x20 >= UInt8(ascii: "a") } ?? false
        if isPlain, startsPlain || isAmount(text), !words.contains(text.lowercased()) { return text }
        var bytes: [UInt8] = []
        appendQuoted(text, to: &bytes)
        let quoted = String(decoding: bytes, as: UTF8.self)
        guard bytes.contains(where: { $0 >= 0x7F }) else { return quoted }
        return quoted.unicodeScalars.map { scalar in
            // YAML 1.1 reads some of them as line breaks and rejects others; all of them have four digits.
            let isEscaped = scalar.isUnfitForLine || [0xFEFF, 0xFFFE, 0xFFFF].contains(scalar.value)
            guard isEscaped else { return "\(scalar)" }
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }

    /// True for a quantity with a suffix that YAML numbers do not have: `512Mi`, `250m`.
    private static func isAmount(_ text: String) -> Bool {
        let digits = text.utf8.prefix { $0 &- UInt8(ascii: "0") <= 9 }
        let suffix = text.utf8.dropFirst(digits.count)
        return !digits.isEmpty
            && ["m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(String(suffix) ?? "")
    }

    /// The words that YAML 1.1 reads as a boolean or null.
    private static let words: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
}

extension Literal.Member {
    /// Returns the lines of the member in block style.
    public func lines(_ style: YAMLStyle) -> [String] {
        let key = Literal.quotedIfNeeded(key)
        if value.isShort(style) { return ["\(key): \(value.flow)"] }
        let indent = if case .array = value { style.listIndent } else { style.indent }
        return ["\(key):"] + value.lines(style).map { String(repeating: " ", count: indent) + $0 }
    }
}
