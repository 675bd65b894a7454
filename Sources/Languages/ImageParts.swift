import JSON

/// The ranges of the parts of an image reference, found without copies.
public struct ImageParts: Sendable, Equatable {
    /// The registry's host with its port; nil if it is Docker Hub and not named.
    public let registry: Range<Int>?
    /// The path in the registry as written: `nginx` for `library/nginx`.
    public let path: Range<Int>
    /// The tag; nil if there is none.
    public let tag: Range<Int>?
    /// The digest; nil if there is none.
    public let digest: Range<Int>?
    /// True for an image of Docker Hub, whether the registry is named or not.
    public let isDockerHub: Bool
    /// True for an official image of Docker Hub, whose path has the prefix `library/`.
    public let isOfficial: Bool

    /// Finds the parts of a reference.
    ///
    /// - Parameter text: The reference, as in a container's `image`.
    /// - Throws: ``ImageReference/Malformed`` with the part that is not valid.
    public init(_ text: Span<UInt8>) throws(ImageReference.Malformed) {
        guard !text.isEmpty else { throw .init(description: "the image is empty") }
        // A name that looks like an image id is rejected (ParseNormalizedNamed).
        guard text.count != 64 || !text.all(in: 0..<64, isLowerHex) else {
            throw .init(description: "64 hex digits are an image's id, not its name")
        }
        let marks = Marks(of: text)
        var end = marks.at ?? text.count
        digest = try marks.at.map { (at) throws(ImageReference.Malformed) in
            try ImageParts.digest(text, at + 1..<text.count)
        }
        if let colon = marks.colon {
            tag = try ImageParts.tag(text, colon + 1..<end)
            end = colon
        } else {
            tag = nil
        }
        registry = try ImageParts.registry(text, marks)
        path = (registry.map { $0.upperBound + 1 } ?? 0)..<end
        isDockerHub =
            registry.map { text.isSame("docker.io", in: $0) || text.isSame("index.docker.io", in: $0) } ?? true
        isOfficial = isDockerHub && text.first(UInt8(ascii: "/"), in: path) == nil
        try ImageParts.checkPath(text, path, mostCharacters: isOfficial ? 255 - 8 : 255)
    }

    /// The separators of a reference, found in one pass.
    private struct Marks {
        /// The first `@`.
        private(set) var at: Int?
        /// The first slash before it.
        private(set) var slash: Int?
        /// The first colon after the last slash, which begins a tag; an earlier colon begins a port.
        private(set) var colon: Int?
        /// True if the first component has a character that only hosts have.
        private(set) var hasHost = false

        init(of text: Span<UInt8>) {
            var index = text.endOfWord(from: 0)
            while index < text.count {
                switch text[index] {
                case UInt8(ascii: "@"):
                    at = index
                    return
                case UInt8(ascii: "/"):
                    slash = slash ?? index
                    colon = nil
                case UInt8(ascii: ":"):
                    colon = colon ?? index
                    hasHost = hasHost || slash == nil
                case UInt8(ascii: "."), UInt8(ascii: "A")...UInt8(ascii: "Z"): hasHost = hasHost || slash == nil
                default: break
                }
                index = text.endOfWord(from: index + 1)
            }
        }
    }

    /// Returns the host: the first component, if it can only be a host.
    private static func registry(
        _ text: Span<UInt8>, _ marks: Marks
    ) throws(ImageReference.Malformed) -> Range<Int>? {
        guard let slash = marks.slash else { return nil }
        let first = 0..<slash
        guard marks.hasHost || text.isSame("localhost", in: first) else { return nil }
        guard isHost(text, first) else {
            throw .init(description: "\"\(text.excerpt(in: first))\" is not a valid registry")
        }
        return first
    }

    private static func isHost(_ text: Span<UInt8>, _ host: Range<Int>) -> Bool {
        if text[host.lowerBound] == UInt8(ascii: "[") {
            // An IPv6 address in brackets.
            guard let bracket = text.last(UInt8(ascii: "]"), in: host), bracket > host.lowerBound + 1,
                text.all(in: host.lowerBound + 1..<bracket, { isHex($0) || $0 == UInt8(ascii: ":") })
            else { return false }
            return bracket + 1 == host.upperBound || isPort(text, bracket + 1..<host.upperBound)
        }
        var previous = UInt8(ascii: ".")
        var start = host.lowerBound
        while true {
            // A slash ends the host, so a word ends there.
            let at = text.endOfWord(from: start)
            if at > start { previous = text[at - 1] }
            guard at < host.upperBound else { return isAlphanumeric(previous) }
            let byte = text[at]
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): break
            case UInt8(ascii: "-"): guard previous != UInt8(ascii: ".") else { return false }
            case UInt8(ascii: "."): guard isAlphanumeric(previous) else { return false }
            case UInt8(ascii: ":"): return isAlphanumeric(previous) && isPort(text, at..<host.upperBound)
            default: return false
            }
            previous = byte
            start = at + 1
        }
    }

    /// True for a colon followed by digits.
    private static func isPort(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        range.count > 1 && text[range.lowerBound] == UInt8(ascii: ":")
            && text.all(in: range.lowerBound + 1..<range.upperBound, isDigit)
    }

    private static func checkPath(
        _ text: Span<UInt8>, _ path: Range<Int>, mostCharacters: Int
    ) throws(ImageReference.Malformed) {
        guard !path.isEmpty else { throw .init(description: "the image has no repository") }
        guard path.count <= mostCharacters else {
            throw .init(description: "the image's repository is longer than 255 characters")
        }
        guard let start = startOfFault(text, path) else { return }
        let fault = start..<(text.first(UInt8(ascii: "/"), in: start..<path.upperBound) ?? path.upperBound)
        throw .init(
            description:
                "repository component \"\(text.excerpt(in: fault))\" must be lowercase letters and digits, joined by . _ __ or -"
        )
    }

    /// Returns the start of the first component that is not lower case words, joined by a period, one or two underscores, or
    /// hyphens; nil if all are valid.
    private static func startOfFault(_ text: Span<UInt8>, _ path: Range<Int>) -> Int? {
        var part = path.lowerBound
        var start = part
        while true {
            // The separator after the path also ends a word.
            var at = text.endOfWord(from: start)
            guard at > start else { return part }
            guard at < path.upperBound else { return nil }
            let separator = text[at]
            start = at
            while at < path.upperBound, text[at] == separator { at += 1 }
            switch (separator, at - start) {
            case (UInt8(ascii: "/"), 1): part = at
            case (UInt8(ascii: "."), 1), (UInt8(ascii: "_"), 1...2), (UInt8(ascii: "-"), _): break
            // An empty component is not valid.
            case (UInt8(ascii: "/"), _): return start + 1
            default: return part
            }
            start = at
        }
    }

    private static func tag(
        _ text: Span<UInt8>, _ tag: Range<Int>
    ) throws(ImageReference.Malformed) -> Range<Int> {
        guard !tag.isEmpty, tag.count <= 128, text[tag.lowerBound] != UInt8(ascii: "."),
            text[tag.lowerBound] != UInt8(ascii: "-"), isTag(text, tag)
        else {
            throw .init(
                description:
                    "\"\(text.excerpt(in: tag))\" is not a valid tag; use at most 128 letters, digits and _ . -")
        }
        return tag
    }

    private static func isTag(_ text: Span<UInt8>, _ tag: Range<Int>) -> Bool {
        var at = text.endOfWord(from: tag.lowerBound)
        while at < tag.upperBound {
            switch text[at] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): break
            default: return false
            }
            at = text.endOfWord(from: at + 1)
        }
        return true
    }

    /// Returns the digest with an implemented algorithm and its number of digits (github.com/opencontainers/go-digest).
    private static func digest(
        _ text: Span<UInt8>, _ digest: Range<Int>
    ) throws(ImageReference.Malformed) -> Range<Int> {
        let hex = digest.lowerBound + 7..<max(digest.upperBound, digest.lowerBound + 7)
        let start = digest.lowerBound..<min(hex.lowerBound, digest.upperBound)
        let isKnown =
            switch hex.count {
            case 64: text.isSame("sha256:", in: start)
            case 96: text.isSame("sha384:", in: start)
            case 128: text.isSame("sha512:", in: start)
            default: false
            }
        guard isKnown, text.all(in: hex, isLowerHex) else {
            // Not quoted, since the text after the first @ can be the rest of a password.
            throw .init(
                description:
                    "the digest is not sha256: with 64 hexadecimal digits, sha384: with 96, or sha512: with 128")
        }
        return digest
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

private func isLowerHex(_ byte: UInt8) -> Bool { isDigit(byte) || byte &- UInt8(ascii: "a") < 6 }

private func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6 }

private func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 }

/// Searches in bytes. Inlined, since each byte of every image is read several times.
extension Span<UInt8> {
    @inline(__always)
    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var at = range.lowerBound
        while at < range.upperBound, self[at] != byte { at &+= 1 }
        return at < range.upperBound ? at : nil
    }

    @inline(__always)
    func last(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var at = range.upperBound
        while at > range.lowerBound {
            at &-= 1
            if self[at] == byte { return at }
        }
        return nil
    }

    @inline(__always)
    func all(in range: Range<Int>, _ holds: (UInt8) -> Bool) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound, holds(self[at]) { at &+= 1 }
        return at >= range.upperBound
    }

    /// Returns the text in a range.
    func text(in range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        for index in range { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Returns the beginning of the text in a range, for a message.
    func excerpt(in range: Range<Int>) -> String {
        range.count <= 80 ? text(in: range) : text(in: range.lowerBound..<range.lowerBound + 80) + "…"
    }
}

extension Span<UInt8> {
    /// True if the bytes in a range equal a string; a literal is compared faster without the label.
    public func isSame(string word: String, in range: Range<Int>) -> Bool {
        let word = word.utf8.span
        guard word.count == range.count else { return false }
        var index = 0
        while index < word.count, word[index] == self[range.lowerBound &+ index] { index &+= 1 }
        return index == word.count
    }

    /// True if a condition is true for all parts between separators, including empty ones.
    @inlinable
    @inline(__always)
    public func parts(of range: Range<Int>, separatedBy separator: UInt8, _ holds: (Range<Int>) -> Bool) -> Bool {
        var start = range.lowerBound
        while true {
            var end = start
            while end < range.upperBound, self[end] != separator { end &+= 1 }
            guard holds(start..<end) else { return false }
            guard end < range.upperBound else { return true }
            start = end + 1
        }
    }
}
