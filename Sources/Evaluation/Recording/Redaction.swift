import JSON

/// The mark that replaces a secret: `«redacted:uri-with-password»`.
///
/// It has the class of the secret, its number within the class, and whether an update changed it: rules need nothing else. It
/// has no white space, so that it is one word of a command like the secret. The mark of a credential counts as that credential.
struct Redaction: Sendable, Equatable {
    /// The class, in words.
    let kind: String
    /// The number of the secret within its class, from 1.
    let number: Int
    /// True if the old object does not have this secret.
    let isChanged: Bool

    private static let opening: StaticString = "«redacted:"
    private static let changed = ",changed"
    /// The maximum length of a mark, in bytes.
    private static let longest = 80

    init(_ kind: String, number: Int = 1, isChanged: Bool = false) {
        self.kind = kind
        self.number = number
        self.isChanged = isChanged
    }

    /// The text of the mark.
    var text: String {
        let words = kind.split(separator: " ").joined(separator: "-")
        return "\(Redaction.opening)" + words + (number > 1 ? "#\(number)" : "") + (isChanged ? Redaction.changed : "")
            + "»"
    }

    /// True if a value contains a mark.
    static func marks(_ value: Value) -> Bool {
        guard value.kind == .string, value.contentLength > opening.utf8CodeUnitCount else { return false }
        return value.withContents { bytes in bytes.indices.contains { begins(bytes, at: $0) } }
    }

    /// True if a mark begins at a position.
    static func begins(_ text: Span<UInt8>, at start: Int) -> Bool {
        text[start] == 0xC2 && CredentialScan.has(opening, in: text, at: start)
    }

    /// Returns the credential that a mark at a position represents; nil for other marks and other text.
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

    /// Returns a text in which all marks are equal, regardless of their class and number.
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

    /// The kinds of credentials by the names in their marks.
    private static let kinds = Dictionary(
        uniqueKeysWithValues: Credential.Kind.allCases.map {
            ($0.rawValue.split(separator: " ").joined(separator: "-"), $0)
        })
}

extension Value {
    /// True if the value at a path was redacted, or a value that contains it, or one of its members.
    ///
    /// Deeper members do not count: a finding about a container does not depend on one of its variables.
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
