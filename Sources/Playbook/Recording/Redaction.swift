import JSON

/// What stands in a recording where something was not to be written: `«redacted: uri with password»`.
///
/// It keeps the class of what it replaces, and whether an update changed it, which is what rules ask about a secret.
struct Redaction: Sendable, Equatable {
    /// The class, in words.
    let kind: String
    /// Whether the object before the request had nothing like it.
    let isChanged: Bool

    private static let opening = "«redacted: "
    private static let changed = ", changed"

    init(_ kind: String, isChanged: Bool = false) {
        self.kind = kind
        self.isChanged = isChanged
    }

    /// The mark.
    var text: String { "\(Redaction.opening)\(kind)\(isChanged ? Redaction.changed : "")»" }

    /// Whether a value is a mark, or a text with one in it.
    static func marks(_ value: Value) -> Bool {
        guard value.kind == .string, value.contentLength > opening.utf8.count else { return false }
        let text = value.text.utf8
        return text.indices.contains { text[$0...].starts(with: opening.utf8) }
    }
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
