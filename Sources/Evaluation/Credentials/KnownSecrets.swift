import JSON
import Kubernetes

/// The secrets that an object holds, by which they are known wherever else a text has them.
///
/// They are what the rules about secrets find, and what is called a secret anywhere in the object. Texts are compared eight bytes
/// at a time: first those of the texts are noted, then the object is gone through once, and only what may be in a text is looked at.
struct KnownSecrets {
    private let subject: Subject
    /// A bit for what eight bytes of a text may be.
    private var noted: [UInt64] = []
    /// How many bits there are, as a power of two.
    private let bits: Int
    /// Eight bytes that a text and a secret have in common.
    private var shared: Set<UInt64> = []

    /// Fewer bytes of a secret are not looked for.
    static let shortest = 8
    /// No longer value is compared before its name is read.
    private static let longestShort = 64
    /// The most secrets of one text that are distinguished.
    private static let mostParts = 20

    /// Knows nothing yet of the secrets of an object.
    ///
    /// - Parameters:
    ///   - subject: The object.
    ///   - texts: About how many texts there are.
    init(of subject: Subject, comparedWith texts: Int) {
        self.subject = subject
        // A text has about 64 places, each of which takes a bit of eight.
        bits = min(max(Int.bitWidth - (texts * 512).leadingZeroBitCount, 12), 21)
    }

    private mutating func collect(_ value: Value, named name: Value?, _ isSecret: Bool) {
        switch value.kind {
        case .object:
            let ownName = value["value"] == nil ? nil : value["name"] ?? value["key"]
            for member in value.members {
                collect(member.value, named: member.key.equals("value") ? ownName : member.key, isSecret)
            }
        case .array: collect(elementsOf: value, named: name, isSecret)
        // Escapes take more than they stand for.
        case .string where value.byteCount >= KnownSecrets.shortest:
            if isSecret { return value.withContents { compare(whole: $0, nil) } }
            guard let name else { return }
            // What is found out faster is found out first: to resolve escapes takes longest.
            let isFast = value.byteCount <= KnownSecrets.longestShort && (!value.isEscaped || name.isEscaped)
            guard !isFast || value.withContents({ mayBeInTexts($0, 0..<$0.count) }), let called = CredentialName(name)
            else { return }
            value.withContents { compare(whole: $0, called) }
        default: break
        }
    }

    /// The same for an array, whose elements have one name.
    private mutating func collect(elementsOf array: Value, named name: Value?, _ isSecret: Bool) {
        let called = isSecret ? nil : name.flatMap { CredentialName($0) }
        for element in array.elements {
            guard element.kind == .string else {
                collect(element, named: name, isSecret)
                continue
            }
            guard isSecret || called != nil, element.byteCount >= KnownSecrets.shortest else { continue }
            element.withContents { compare(whole: $0, called) }
        }
    }

    /// Compares a whole text, if its name is none that could name something else too.
    private mutating func compare(whole text: Span<UInt8>, _ name: CredentialName?) {
        let all = 0..<text.count
        guard mayBeInTexts(text, all) else { return }
        if let name {
            // Where the secret is a part of it, the words around it are none.
            let parts = Credential.all(in: text, named: nil, atMost: KnownSecrets.mostParts)
            guard parts.isEmpty else {
                for part in parts where KnownSecrets.isDistinct(text, part.range) { compare(text, part.range) }
                return
            }
            guard KnownSecrets.isDistinct(text, all), CredentialText.isSecret(text, all, of: name) else { return }
        }
        compare(text, all)
    }

    /// Whether a secret is not a word, as `postgres` is, which names have in them too.
    private static func isDistinct(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count >= shortest else { return false }
        return range.contains { at in
            text[at] &- UInt8(ascii: "a") >= 26 && text[at] != UInt8(ascii: "-") && text[at] != UInt8(ascii: ".")
                && text[at] != UInt8(ascii: "_") && text[at] != UInt8(ascii: "/")
        }
    }

    // MARK: Texts

    /// Notes down what a text is made of.
    mutating func note(_ text: Span<UInt8>) {
        if noted.isEmpty { noted = [UInt64](repeating: 0, count: 1 << (bits - 6)) }
        KnownSecrets.forEachWindow(in: text, 0..<text.count) { window, _ in
            let bit = bit(of: window)
            noted[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    /// Compares the secrets with what has been noted.
    mutating func compare() {
        guard !noted.isEmpty else { return }
        let isSecret = subject.review.kindName.hasSuffix("Secret")
        for member in subject.object.members {
            let holdsSecrets = isSecret && (member.key.equals("data") || member.key.equals("stringData"))
            collect(member.value, named: member.key, holdsSecrets)
        }
        // What cannot be read to its end is known as far as it can.
        try? subject.forEachPlainText { text, credentials in
            text.withContents { bytes in
                for credential in credentials
                where mayBeInTexts(bytes, credential.range) && KnownSecrets.isDistinct(bytes, credential.range) {
                    compare(bytes, credential.range)
                }
            }
        }
    }

    /// Whether some eight bytes may be in what has been noted.
    private func mayBeInTexts(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count >= KnownSecrets.shortest else { return false }
        let noted = noted.span
        let full = range.lowerBound + KnownSecrets.shortest - 1
        var window: UInt64 = 0
        for at in range.lowerBound..<full { window = window << 8 | UInt64(text[at]) }
        for at in full..<range.upperBound {
            window = window << 8 | UInt64(text[at])
            let bit = bit(of: window)
            if noted[bit >> 6] >> UInt64(bit & 63) & 1 != 0 { return true }
        }
        return false
    }

    private mutating func compare(_ secret: Span<UInt8>, _ range: Range<Int>) {
        KnownSecrets.forEachWindow(in: secret, range) { window, _ in
            let bit = bit(of: window)
            if noted[bit >> 6] >> UInt64(bit & 63) & 1 != 0 { shared.insert(window) }
        }
    }

    /// The parts of a text that a secret has too.
    func parts(of text: Span<UInt8>) -> [Range<Int>] {
        shared.isEmpty ? [] : KnownSecrets.parts(of: text, in: shared)
    }

    /// The parts of a text that are in one of its secrets too.
    static func repeated(_ secrets: [Range<Int>], in text: Span<UInt8>) -> [Range<Int>] {
        var windows: Set<UInt64> = []
        for range in secrets where isDistinct(text, range) {
            forEachWindow(in: text, range) { window, _ in windows.insert(window) }
        }
        return windows.isEmpty ? [] : parts(of: text, in: windows)
    }

    private static func parts(of text: Span<UInt8>, in shared: Set<UInt64>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        KnownSecrets.forEachWindow(in: text, 0..<text.count) { window, end in
            guard shared.contains(window) else { return }
            let start = end - KnownSecrets.shortest
            if let last = parts.last, last.upperBound >= start {
                parts[parts.count - 1] = last.lowerBound..<end
            } else {
                parts.append(start..<end)
            }
        }
        return parts
    }

    /// Hands out each eight bytes in a row, in one number, with the place after them.
    private static func forEachWindow(in text: Span<UInt8>, _ range: Range<Int>, _ body: (UInt64, Int) -> Void) {
        var window: UInt64 = 0
        for at in range {
            window = window << 8 | UInt64(text[at])
            if at - range.lowerBound >= shortest - 1 { body(window, at + 1) }
        }
    }

    private func bit(of window: UInt64) -> Int { Int((window &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits)) }
}
