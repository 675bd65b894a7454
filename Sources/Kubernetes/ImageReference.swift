/// Where an image comes from, and which one (Docker's reference grammar, github.com/distribution/reference).
///
/// Short names are completed as every container runtime does it: `nginx` is `docker.io/library/nginx`.
public struct ImageReference: Sendable, Equatable, CustomStringConvertible {
    /// The registry's host, with its port where one is given: `docker.io`, `localhost:5000`.
    public let registry: String
    /// The path in the registry: `library/nginx`.
    public let repository: String
    /// The tag; nil when there is none.
    public let tag: String?
    /// The digest, as in `sha256:…`; nil when there is none.
    public let digest: String?

    /// Why a text is no reference.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// Reads a reference.
    ///
    /// - Parameter text: As in a container's `image`.
    /// - Throws: ``Malformed`` with the part that is not as the grammar has it.
    public init(_ text: String) throws(Malformed) {
        guard !text.isEmpty else { throw Malformed(description: "the image is empty") }
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            digest = try ImageReference.digest(rest[rest.index(after: at)...])
            rest = rest[..<at]
        } else {
            digest = nil
        }
        // A colon behind the last slash is a tag's; one before it is a port's.
        let name = rest.lastIndex(of: "/").map { rest[rest.index(after: $0)...] } ?? rest
        if let colon = name.firstIndex(of: ":") {
            tag = try ImageReference.tag(name[name.index(after: colon)...])
            rest = rest[..<colon]
        } else {
            tag = nil
        }
        let (host, path) = ImageReference.split(rest)
        guard !path.isEmpty, path.utf8.count + host.utf8.count < 255 else {
            throw Malformed(
                description: path.isEmpty
                    ? "the image has no repository" : "the image's name is longer than 255 characters")
        }
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            guard ImageReference.isComponent(part) else {
                throw Malformed(
                    description:
                        "'\(part)' is no part of a repository: lower case letters and digits, joined by . _ __ or -")
            }
        }
        guard ImageReference.isHost(host) else { throw Malformed(description: "'\(host)' is no registry") }
        registry = host == "index.docker.io" ? "docker.io" : String(host)
        repository = registry == "docker.io" && !path.contains("/") ? "library/\(path)" : String(path)
    }

    /// The whole reference, completed.
    public var description: String {
        "\(registry)/\(repository)\(tag.map { ":\($0)" } ?? "")\(digest.map { "@\($0)" } ?? "")"
    }

    /// The host and the rest: the first part is a host if it could be nothing else.
    private static func split(_ name: Substring) -> (host: Substring, path: Substring) {
        guard let slash = name.firstIndex(of: "/") else { return ("docker.io", name) }
        let first = name[..<slash]
        let isHost =
            first == "localhost" || first.contains(".") || first.contains(":") || first.contains { $0.isUppercase }
        return isHost ? (first, name[name.index(after: slash)...]) : ("docker.io", name)
    }

    private static func isHost(_ host: Substring) -> Bool {
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isDigit)) else {
            return false
        }
        return parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Lower case words, joined by one dot, one or two underscores, or any number of hyphens.
    private static func isComponent(_ part: Substring) -> Bool {
        var separator = ""
        var isWord = false
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard separator.isEmpty || isSeparator(separator) else { return false }
                separator = ""
                isWord = true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                guard isWord else { return false }
                separator.unicodeScalars.append(Unicode.Scalar(byte))
            default: return false
            }
        }
        return isWord && separator.isEmpty
    }

    private static func isSeparator(_ text: String) -> Bool {
        text == "." || text == "_" || text == "__" || text.utf8.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    private static func tag(_ text: Substring) throws(Malformed) -> String {
        let isWord: (UInt8) -> Bool = { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 128,
            text.utf8.allSatisfy({ isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else { throw Malformed(description: "'\(text.prefix(130))' is no tag: at most 128 letters, digits and _ . -") }
        return String(text)
    }

    private static func digest(_ text: Substring) throws(Malformed) -> String {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isHex: (UInt8) -> Bool = { isDigit($0) || ($0 | 0x20) &- UInt8(ascii: "a") < 6 }
        guard parts.count == 2, let first = parts[0].utf8.first, isAlphanumeric(first), !isDigit(first),
            parts[0].utf8.allSatisfy({ isAlphanumeric($0) || "+.-_".utf8.contains($0) }), parts[1].utf8.count >= 32,
            parts[1].utf8.allSatisfy(isHex), parts[0] != "sha256" || parts[1].utf8.count == 64
        else { throw Malformed(description: "'\(text.prefix(80))' is no digest such as sha256:…") }
        return String(text)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26
    }
}
