import JSON

/// The mark that stands where a secret is not written: `«redacted:uri-with-password»`.
///
/// It keeps the class of the secret, which of several it is, and whether an update changed it: rules ask no more of a secret. It
/// has no white space, so that it is one word of a command as the secret was. The mark of a credential counts as that credential.
struct Redaction: Sendable, Equatable {
    /// The class, in words.
    let kind: String
    /// Which of the secrets of that class, counted from 1.
    let number: Int
    /// Whether the object before the request had nothing like it.
    let isChanged: Bool

    private static let opening: StaticString = "«redacted:"
    private static let changed = ",changed"
    /// No mark is longer, in bytes.
    private static let longest = 80

    init(_ kind: String, number: Int = 1, isChanged: Bool = false) {
        self.kind = kind
        self.number = number
        self.isChanged = isChanged
    }

    /// The mark.
    var text: String {
        let words = kind.split(separator: " ").joined(separator: "-")
        return "\(Redaction.opening)" + words + (number > 1 ? "#\(number)" : "") + (isChanged ? Redaction.changed : "")
            + "»"
    }

    /// Whether a value is a mark, or a text with one in it.
    static func marks(_ value: Value) -> Bool {
        guard value.kind == .string, value.contentLength > opening.utf8CodeUnitCount else { return false }
        return value.withContents { bytes in bytes.indices.contains { begins(bytes, at: $0) } }
    }

    /// Whether a mark begins at a place.
    static func begins(_ text: Span<UInt8>, at start: Int) -> Bool {
        text[start] == 0xC2 && CredentialScan.has(opening, in: text, at: start)
    }

    /// The credential that a mark at a place stands for; nil where there is no mark, or one of something else.
    static func credential(in text: Span<UInt8>, at start: Int) -> (Credential.Kind, Range<Int>)? {
        guard begins(text, at: start) else { return nil }
        let limit = min(text.count, start + longest)
        var name: [UInt8] = []
        var isName = true
        for at in start + opening.utf8CodeUnitCount..<max(limit, start + opening.utf8CodeUnitCount) {
            if text[at] == 0xBB, text[at - 1] == 0xC2 {
                return kinds[String(decoding: name, as: UTF8.self)].map { ($0, start..<at + 1) }
            }
            isName = isName && text[at] != 0xC2 && text[at] != UInt8(ascii: "#") && text[at] != UInt8(ascii: ",")
            if isName { name.append(text[at]) }
        }
        return nil
    }

    /// A text with every mark in it alike, of whatever class and number.
    static func unmarked(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(0xC2) else { return text }
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if begins(bytes.span, at: at) {
                while at < bytes.count, bytes[at] != 0xBB { at += 1 }
                result += "«redacted".utf8
            }
            if at < bytes.count { result.append(bytes[at]) }
            at += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The kinds of credentials by what their marks say.
    private static let kinds = Dictionary(
        uniqueKeysWithValues: Credential.Kind.allCases.map {
            ($0.rawValue.split(separator: " ").joined(separator: "-"), $0)
        })
}

extension Value {
    /// Whether what a finding at a place is about was redacted: the place itself, what it lies in, or one of its members.
    ///
    /// No further down: a finding about a whole container says nothing about a variable of it.
    func isRedacted(at place: Pointer) -> Bool {
        var current = self
        for token in place.tokens {
            if Redaction.marks(current) { return true }
            let next = current.kind == .array ? Int(token).flatMap { current[$0] } : current[name: token]
            guard let next else { return false }
            current = next
        }
        return Redaction.marks(current) || current.members.contains { Redaction.marks($0.value) }
            || current.elements.contains { Redaction.marks($0) }
    }
}
