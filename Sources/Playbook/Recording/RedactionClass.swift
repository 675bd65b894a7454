/// What kind of secret a text holds, in the words that a recording keeps of it.
enum RedactionClass {
    /// Any literal value of a variable.
    static let literal = "literal"
    /// What a Secret holds.
    static let secretData = "data of a Secret"
    /// What nests too deep to be looked through.
    static let tooDeep = "nested too deep"

    /// The kind of secret that a text is or has in it; nil where none is seen.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - name: What it is called: a variable, a key, a flag.
    /// - Returns: The kind, in words.
    static func of(_ text: String, named name: String? = nil) -> String? {
        guard !text.isEmpty else { return nil }
        let bytes = Array(text.utf8)
        if let kind = kind(of: bytes) { return kind }
        if let name, saysSecret(name) { return "value named like a secret" }
        // Whoever writes base64 into a variable hides a secret from nobody.
        guard bytes.count >= 16, let decoded = decoded(bytes), let kind = kind(of: decoded) else { return nil }
        return "\(kind), in base64"
    }

    private static func kind(of bytes: [UInt8]) -> String? {
        if let credential = Credential.first(in: bytes.span, named: nil) { return credential.kind.rawValue }
        // What the rule takes for an example or a label is none of anybody else's business either.
        if hasPasswordInURI(bytes) { return Credential.Kind.uri.rawValue }
        return hasAssignment(bytes) ? "text with a password" : nil
    }

    /// Whether a name says that what it names is a secret: `DB_PASSWORD`, `apiKey`, `--auth-token`, a header's `Authorization`.
    static func saysSecret(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        // The prefix of an annotation or label says whose it is.
        let last = bytes.lastIndex(of: UInt8(ascii: "/")).map { Array(bytes[($0 + 1)...]) } ?? bytes
        if CredentialName(last.span, last.indices) != nil { return true }
        return String(decoding: last, as: UTF8.self).lowercased().hasSuffix("authorization")
    }

    // MARK: Texts

    /// Whether there is a `scheme://user:password@host`, other than with a variable for the password.
    private static func hasPasswordInURI(_ bytes: [UInt8]) -> Bool {
        var from = 0
        while let place = find("://", in: bytes, from: from) {
            from = place + 3
            var colon: Int?
            for index in from..<bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: "@") {
                    if let colon, index > colon + 1, bytes[colon + 1] != UInt8(ascii: "$") { return true }
                    break
                }
                // A password may have anything else in it, written as it must not be.
                if byte <= 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { break }
                if byte == UInt8(ascii: "/"), colon == nil { break }
                if byte == UInt8(ascii: ":"), colon == nil { colon = index }
            }
        }
        return false
    }

    /// Whether there is a `password = value` or a `"token": "value"` somewhere.
    private static func hasAssignment(_ bytes: [UInt8]) -> Bool {
        var start: Int?
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if isNameByte(byte) {
                start = start ?? index
                index += 1
                continue
            }
            defer { index += 1 }
            guard let begin = start else { continue }
            start = nil
            guard let value = assigned(bytes, after: index),
                saysSecret(String(decoding: bytes[begin..<index], as: UTF8.self))
            else { continue }
            // `password: ${PASSWORD}` and `password: {secretKeyRef: …}` name a place.
            if ![UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "<")].contains(bytes[value]) {
                return true
            }
        }
        return false
    }

    private static func isNameByte(_ byte: UInt8) -> Bool { CredentialScan.isWord(byte) }

    /// Where the value begins, when a name that ends at `end` is followed by one: `=value`, `: value`, `" : "value`.
    private static func assigned(_ bytes: [UInt8], after end: Int) -> Int? {
        var at = end
        func skip(_ skipped: [UInt8]) { while at < bytes.count, skipped.contains(bytes[at]) { at += 1 } }
        let quotes = [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\")]
        let spaces = [UInt8(ascii: " "), UInt8(ascii: "\t")]
        skip(quotes + spaces)
        guard at < bytes.count else { return nil }
        let isColon = bytes[at] == UInt8(ascii: ":")
        guard isColon || bytes[at] == UInt8(ascii: "=") else { return nil }
        at += 1
        let gap = at
        skip(spaces)
        // `password-service:1.2` is an image's tag.
        let isApart = at > gap || end < gap - 1 || at < bytes.count && quotes.contains(bytes[at])
        guard !isColon || isApart else { return nil }
        skip(quotes)
        return at < bytes.count && bytes[at] > 0x20 && bytes[at] != UInt8(ascii: ",") ? at : nil
    }

    // MARK: Bytes

    private static func starts(_ bytes: [UInt8], at index: Int, with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard index + length <= bytes.count else { return false }
        return text.withUTF8Buffer { wanted in
            for offset in 0..<length where bytes[index + offset] != wanted[offset] { return false }
            return true
        }
    }

    private static func find(_ text: StaticString, in bytes: [UInt8], from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return (start..<bytes.count).first { starts(bytes, at: $0, with: text) }
    }

    /// What base64 (RFC 4648, either alphabet) stands for; nil where it is none, or no text.
    private static func decoded(_ text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in text where byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\n") {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 97 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - 48 + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            default: return nil
            }
            (bits, count) = (bits << 6 | UInt32(value), count + 6)
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return String(validating: result, as: UTF8.self) == nil ? nil : result
    }
}
