/// A DNS name, compared by labels, ignoring the case of ASCII letters and the trailing dot.
public struct DomainName: Sendable, Hashable, CustomStringConvertible {
    /// The labels from left to right, in lower case.
    public let labels: [String]

    /// Splits a name into labels.
    ///
    /// A text that is longer than any name (RFC 1035: 255 bytes) is not valid and is not split.
    public init(_ text: String) {
        guard text.utf8.count <= 1024 else {
            labels = [String(decoding: text.utf8.prefix(255), as: UTF8.self) + "…"]
            return
        }
        var labels = DomainName.lowercased(text).split(separator: ".", omittingEmptySubsequences: false).map(
            String.init)
        if labels.last?.isEmpty ?? false { labels.removeLast() }
        self.labels = labels
    }

    /// Returns a name in lower case without the trailing dot, like ``description`` but without splitting it.
    public static func canonical(_ text: String) -> String {
        guard text.utf8.count <= 1024 else { return DomainName(text).description }
        let bytes = text.utf8.last == UInt8(ascii: ".") ? text.utf8.dropLast() : text.utf8[...]
        return String(unsafeUninitializedCapacity: bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() { buffer[index] = lowercased(byte) }
            return bytes.count
        }
    }

    /// The name without the trailing dot.
    public var description: String { labels.joined(separator: ".") }

    /// True if all labels are valid in DNS; the first one can be `*`.
    public var isValid: Bool {
        guard !labels.isEmpty else { return false }
        for (index, label) in labels.enumerated() where !(index == 0 && label == "*") {
            guard !label.isEmpty, label.utf8.allSatisfy(DomainName.isPartOfLabel) else { return false }
        }
        return true
    }

    /// True if the name equals the zone or is a subdomain of it.
    public func isWithin(_ zone: DomainName) -> Bool {
        guard isValid, !zone.labels.isEmpty, labels.count >= zone.labels.count else { return false }
        return labels.suffix(zone.labels.count).elementsEqual(zone.labels)
    }

    /// Returns true if a name equals the zone or is a subdomain of it, without copying the name.
    public func contains(_ name: Span<UInt8>) -> Bool {
        guard let start = start(in: name) else { return false }
        return start == 0 || name[start - 1] == UInt8(ascii: ".")
    }

    /// Returns true if a name equals this one, without copying the name.
    public func isSame(as name: Span<UInt8>) -> Bool { start(in: name) == 0 }

    /// Returns the index at which this name begins in a name that ends with it; nil if the other name does not or is not valid.
    private func start(in name: Span<UInt8>) -> Int? {
        var at = name.count
        if at > 0, name[at - 1] == UInt8(ascii: ".") { at -= 1 }
        let end = at
        guard !labels.isEmpty else { return nil }
        for (index, label) in labels.reversed().enumerated() {
            if index > 0 {
                at -= 1
                guard at >= 0, name[at] == UInt8(ascii: ".") else { return nil }
            }
            for byte in label.utf8.reversed() {
                at -= 1
                guard at >= 0, DomainName.lowercased(name[at]) == byte else { return nil }
            }
        }
        return DomainName.isValid(name, upTo: end) ? at : nil
    }

    private static func isValid(_ name: Span<UInt8>, upTo end: Int) -> Bool {
        var at = 0
        if end > 0, name[0] == UInt8(ascii: "*"), end == 1 || name[1] == UInt8(ascii: ".") { at += 1 }
        // At the start of a label, which must not be empty.
        var isAtStart = at == 0
        while at < end {
            if name[at] == UInt8(ascii: ".") {
                if isAtStart { return false }
                isAtStart = true
            } else {
                guard isPartOfLabel(lowercased(name[at])) else { return false }
                isAtStart = false
            }
            at += 1
        }
        return !isAtStart
    }

    /// Only for ASCII letters: DNS does not map other letters to ASCII letters.
    private static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { lowercased($0) }, as: UTF8.self)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }

    /// True for letters, digits, `-` and `_`, and for bytes that are not ASCII, in labels that are not encoded yet.
    private static func isPartOfLabel(_ byte: UInt8) -> Bool {
        byte &- 97 < 26 || byte &- 48 <= 9 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}
