import JSON
import Kubernetes

/// The secrets of an object, to find them in other texts.
///
/// They are the secrets that rules find, and all values in the object with the name of a secret. Texts are compared in windows
/// of eight bytes: first the windows of the texts are recorded, then the object is traversed once, and only matching values are
/// read.
struct KnownSecrets {
    private let subject: Subject
    /// A Bloom filter of the windows of texts.
    private var noted: [UInt64] = []
    /// The number of bits, as a power of two.
    private let bits: Int
    /// The windows that a text and a secret have in common.
    private var shared = Windows()

    /// The minimum length of a secret that is searched for.
    static let shortest = 8
    /// The maximum length of a value that is compared before its name is read.
    private static let longestShort = 64
    /// The maximum number of secrets of one text that are distinguished.
    private static let mostParts = 20

    /// Creates a set without the secrets of the object, which are collected later.
    ///
    /// - Parameters:
    ///   - subject: The object.
    ///   - texts: The approximate number of texts.
    init(of subject: Subject, comparedWith texts: Int) {
        self.subject = subject
        // A text has about 64 windows, and the filter has eight bits per window.
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
        // Escaped text is longer than decoded text.
        case .string where value.byteCount >= KnownSecrets.shortest:
            if isSecret { return value.withContents { compare(whole: $0, nil) } }
            guard let name else { return }
            // The fastest test is first: decoding escapes takes longest.
            let isFast = value.byteCount <= KnownSecrets.longestShort && (!value.isEscaped || name.isEscaped)
            guard !isFast || value.withContents({ mayBeInTexts($0, 0..<$0.count) }), let called = CredentialName(name)
            else { return }
            value.withContents { compare(whole: $0, called) }
        default: break
        }
    }

    /// Collects the elements of an array, which all have its name.
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

    /// Compares a whole text, unless its name can also mean something else.
    private mutating func compare(whole text: Span<UInt8>, _ name: CredentialName?) {
        let all = 0..<text.count
        guard mayBeInTexts(text, all) else { return }
        if let name {
            // If the secret is only a part of the text, the words around it are not secret.
            let parts = Credential.all(in: text, named: nil, atMost: KnownSecrets.mostParts)
            guard parts.isEmpty else {
                for part in parts where KnownSecrets.isDistinct(text, part.range) { compare(text, part.range) }
                return
            }
            guard KnownSecrets.isDistinct(text, all), CredentialText.isSecret(text, all, of: name) else { return }
        }
        compare(text, all)
    }

    /// True if a secret is not a word, such as `postgres`, which names can also contain.
    private static func isDistinct(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count >= shortest else { return false }
        return range.contains { at in
            text[at] &- UInt8(ascii: "a") >= 26 && text[at] != UInt8(ascii: "-") && text[at] != UInt8(ascii: ".")
                && text[at] != UInt8(ascii: "_") && text[at] != UInt8(ascii: "/")
        }
    }

    // MARK: Texts

    /// Records the windows of a text.
    mutating func note(_ text: Span<UInt8>) {
        if noted.isEmpty { noted = [UInt64](repeating: 0, count: 1 << (bits - 6)) }
        KnownSecrets.forEachWindow(in: text, 0..<text.count) { window, _ in
            let bit = bit(of: window)
            noted[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    /// Compares the secrets with the recorded windows.
    mutating func compare() {
        guard !noted.isEmpty else { return }
        let data = subject.object.members.filter { isSecretData($0.key) }
        for member in data { collect(member.value, named: member.key, true) }
        // A Secret also holds values that are not secret, such as the name of a database, which is often its own name.
        for name in [subject.title, subject.name ?? "", subject.namespace] where !data.isEmpty {
            let bytes = Array(name.utf8)
            KnownSecrets.forEachWindow(in: bytes.span, 0..<bytes.count) { window, _ in shared.remove(window) }
        }
        for member in subject.object.members where !isSecretData(member.key) {
            collect(member.value, named: member.key, false)
        }
        // If the object is too large to be read completely, the secrets that were found are used.
        try? subject.forEachPlainText { text, credentials in
            text.withContents { bytes in
                for credential in credentials
                where mayBeInTexts(bytes, credential.range) && KnownSecrets.isDistinct(bytes, credential.range) {
                    compare(bytes, credential.range)
                }
            }
        }
    }

    /// True for a member of a Secret whose values are all secret.
    private func isSecretData(_ key: Value) -> Bool {
        (key.equals("data") || key.equals("stringData")) && subject.review.kindName.hasSuffix("Secret")
    }

    /// True if a window can be among the recorded ones.
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

    /// Returns the parts of a text that also occur in a secret.
    func parts(of text: Span<UInt8>) -> [Range<Int>] {
        shared.isEmpty ? [] : KnownSecrets.parts(of: text, in: shared)
    }

    /// Returns the parts of a text that also occur in one of its secrets.
    static func repeated(_ secrets: [Range<Int>], in text: Span<UInt8>) -> [Range<Int>] {
        var windows = Windows()
        for range in secrets where isDistinct(text, range) {
            forEachWindow(in: text, range) { window, _ in windows.insert(window) }
        }
        return windows.isEmpty ? [] : parts(of: text, in: windows)
    }

    private static func parts(of text: Span<UInt8>, in shared: Windows) -> [Range<Int>] {
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

    /// Calls a function with each window of eight bytes as a number, and the position after it.
    private static func forEachWindow(in text: Span<UInt8>, _ range: Range<Int>, _ body: (UInt64, Int) -> Void) {
        var window: UInt64 = 0
        for at in range {
            window = window << 8 | UInt64(text[at])
            if at - range.lowerBound >= shortest - 1 { body(window, at + 1) }
        }
    }

    private func bit(of window: UInt64) -> Int { Int((window &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits)) }
}

/// A set of windows; a lookup of any other window rarely takes more than one comparison.
private struct Windows {
    private var members: Set<UInt64> = []
    /// The hashes of the windows, as bits.
    private var hashes = [UInt64](repeating: 0, count: 64)

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ window: UInt64) {
        members.insert(window)
        let hash = Windows.hash(window)
        hashes[hash >> 6] |= 1 &<< UInt64(hash & 63)
    }

    mutating func remove(_ window: UInt64) { members.remove(window) }

    func contains(_ window: UInt64) -> Bool {
        let hash = Windows.hash(window)
        return hashes[hash >> 6] & 1 &<< UInt64(hash & 63) != 0 && members.contains(window)
    }

    private static func hash(_ window: UInt64) -> Int { Int((window &* 0x9E37_79B9_7F4A_7C15) &>> 52) }
}
