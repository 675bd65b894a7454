import Languages

/// The classes of secrets in texts, as recordings name them.
enum RedactionClass {
    /// A literal value of a variable.
    static let literal = "literal"
    /// Data of a Secret.
    static let secretData = "data of a Secret"
    /// A text with a part that looks like a password.
    private static let text = "text with a password"
    /// A value that is a secret because of its name.
    private static let named = "value named like a secret"
    /// A value that is nested too deeply to be searched.
    static let tooDeep = "nested too deep"

    /// A part of a text that is a secret, and its class.
    typealias Word = (range: Range<Int>, kind: String)

    /// Returns the class of the secret that a text is or contains; nil if there is none.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - name: The name of the variable, key or flag.
    /// - Returns: The class, in words.
    static func of(_ text: String, named name: String? = nil) -> String? {
        guard !text.isEmpty else { return nil }
        let bytes = Array(text.utf8)
        let called = name.flatMap { credentialName($0) }
        if let credential = Credential.first(in: bytes.span, named: called) { return credential.kind.rawValue }
        // Texts that the rule accepts as an example or a label are redacted too.
        if !found(in: bytes.span).isEmpty { return Self.text }
        if let name, saysSecret(name) { return named }
        return hidden(in: bytes.span, found).first?.kind
    }

    /// Returns the parts of a command's text that are secrets, in order.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - name: The name of the text.
    ///   - program: The program that has the text as an argument.
    /// - Returns: The parts; the whole text if its name says that it is a secret.
    static func words(in bytes: [UInt8], named name: CredentialName?, of program: LoginProgram?) -> [Word] {
        var words = found(in: bytes.span).map { (range: $0.range, kind: Self.text) } + hidden(in: bytes.span, found)
        // If parts overlap, those that rules find take precedence.
        words += Credential.all(in: bytes.span, named: name, of: program).map {
            (range: $0.range, kind: $0.kind.rawValue)
        }
        if words.isEmpty { return name == nil || bytes.isEmpty ? [] : [(bytes.indices, named)] }
        return apart(words, in: bytes.count)
    }

    /// Returns the secrets in a text that is not encoded, certain or possible.
    static func found(in text: Span<UInt8>) -> [Word] {
        doubtful(in: text)
            + Credential.all(in: text, named: nil, isThorough: true).map { ($0.range, $0.kind.rawValue) }
    }

    /// Returns the secrets that are encoded in base64 or contain escapes.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - find: Finds the secrets in a text that is not encoded.
    /// - Returns: The positions of the secrets. Secrets in base64 are not credentials, since no rule reads them.
    static func hidden(in text: Span<UInt8>, _ find: (Span<UInt8>) -> [Word]) -> [Word] {
        var words: [Word] = []
        func add(_ plain: EncodedText.Unescaped) {
            words += find(plain.bytes.span).map { word in
                (plain.places[word.range.lowerBound]..<plain.places[word.range.upperBound], word.kind + " with escapes")
            }
        }
        if let once = EncodedText.unescaped(text) {
            add(once)
            // JSON within JSON.
            if var twice = EncodedText.unescaped(once.bytes.span) {
                twice.places = twice.places.map { once.places[$0] }
                add(twice)
            }
        }
        for part in EncodedText.base64Parts(of: text) {
            guard let decoded = EncodedText.decoded(text, part), let word = find(decoded.span).last else { continue }
            words.append((part, word.kind + " in base64"))
        }
        return words
    }

    /// Returns words without overlaps: each byte belongs to the last word that contains it.
    static func apart(_ words: [Word], in count: Int) -> [Word] {
        var owners = [Int32](repeating: -1, count: count)
        for (index, word) in words.enumerated() {
            for at in word.range { owners[at] = Int32(truncatingIfNeeded: index) }
        }
        var parts: [Word] = []
        var start = 0
        for at in 0...count where at == count || owners[at] != owners[start] {
            if start < at, owners[start] >= 0 { parts.append((start..<at, words[Int(owners[start])].kind)) }
            start = at
            if at == count { break }
        }
        return parts
    }

    /// True if a name is that of a secret: `DB_PASSWORD`, `apiKey`, `--auth-token`, the header `Authorization`.
    static func saysSecret(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return saysSecret(bytes.span, bytes.indices)
    }

    private static func saysSecret(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        if credentialName(text, range) != nil { return true }
        guard range.count >= authorization.count else { return false }
        return authorization.indices.allSatisfy {
            text[range.upperBound - authorization.count + $0] | 0x20 == authorization[$0]
        }
    }

    private static let authorization = Array("authorization".utf8)

    /// Returns a name without the prefix of an annotation or label.
    private static func credentialName(_ name: String) -> CredentialName? {
        let bytes = Array(name.utf8)
        return credentialName(bytes.span, bytes.indices)
    }

    private static func credentialName(_ text: Span<UInt8>, _ range: Range<Int>) -> CredentialName? {
        var start = range.upperBound
        while start > range.lowerBound, text[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return CredentialName(text, start..<range.upperBound)
    }

    // MARK: Texts

    /// Returns the parts of a text that look like a secret, certain or not.
    static func doubtful(in bytes: Span<UInt8>) -> [Word] {
        (passwordsInURIs(bytes) + assignedValues(bytes)).map { ($0, text) }
    }

    /// Returns the passwords in `scheme://user:password@host` that are not variables.
    private static func passwordsInURIs(_ bytes: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var from = 0
        while let place = find("://", in: bytes, from: from) {
            from = place + 3
            var colon: Int?
            while from < bytes.count {
                let byte = bytes[from]
                // A password can contain any other character, even if it should be escaped.
                if byte <= 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { break }
                if byte == UInt8(ascii: "/"), colon == nil { break }
                if byte == UInt8(ascii: ":"), colon == nil { colon = from }
                from += 1
                guard byte == UInt8(ascii: "@") else { continue }
                if let colon, from - 1 > colon + 1, bytes[colon + 1] != UInt8(ascii: "$") {
                    found.append(colon + 1..<from - 1)
                }
                break
            }
        }
        return found
    }

    /// Returns the values in `password = value` and `"token": "value"`.
    private static func assignedValues(_ bytes: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start: Int?
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if NameWords.isInName(byte) {
                start = start ?? index
                index += 1
                continue
            }
            defer { index += 1 }
            guard let begin = start else { continue }
            start = nil
            guard let value = assigned(bytes, after: index),
                saysSecret(bytes, begin..<index)
            else { continue }
            // `password: ${PASSWORD}` and `password: {secretKeyRef: …}` are references.
            if ![UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "<")].contains(bytes[value]) {
                found.append(value..<end(ofValueAt: value, in: bytes))
                index = max(index, (found.last?.upperBound ?? 0) - 1)
            }
        }
        return found
    }

    /// Returns the end of a value: its closing quote, white space or a separator.
    private static func end(ofValueAt start: Int, in bytes: Span<UInt8>) -> Int {
        let before = bytes[start - 1]
        let isQuoted = before == UInt8(ascii: "\"") || before == UInt8(ascii: "'")
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if isQuoted ? byte == before || byte == UInt8(ascii: "\n") : byte <= 0x20 && !isScheme(bytes, start..<end) {
                break
            }
            if !isQuoted, [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: ";"), UInt8(ascii: "&")].contains(byte) {
                break
            }
            end += 1
        }
        return max(end, start + 1)
    }

    /// True if a word is the scheme of a header: `Authorization: Basic …`.
    private static func isScheme(_ bytes: Span<UInt8>, _ word: Range<Int>) -> Bool {
        word.count == 5 && starts(bytes, at: word.lowerBound, with: "Basic")
            || word.count == 6 && starts(bytes, at: word.lowerBound, with: "Bearer")
    }

    /// Returns the start of the value after a name that ends at `end`: `=value`, `: value`, `" : "value`; nil if there is none.
    private static func assigned(_ bytes: Span<UInt8>, after end: Int) -> Int? {
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
        // `password-service:1.2` is the tag of an image.
        let isApart = at > gap || end < gap - 1 || at < bytes.count && quotes.contains(bytes[at])
        guard !isColon || isApart else { return nil }
        skip(quotes)
        return at < bytes.count && bytes[at] > 0x20 && bytes[at] != UInt8(ascii: ",") ? at : nil
    }

    // MARK: Bytes

    private static func starts(_ bytes: Span<UInt8>, at index: Int, with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard index + length <= bytes.count else { return false }
        return text.withUTF8Buffer { wanted in
            for offset in 0..<length where bytes[index + offset] != wanted[offset] { return false }
            return true
        }
    }

    private static func find(_ text: StaticString, in bytes: Span<UInt8>, from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return (start..<bytes.count).first { starts(bytes, at: $0, with: text) }
    }
}
