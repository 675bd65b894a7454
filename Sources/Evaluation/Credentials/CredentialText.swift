import Languages

/// Decides if a value is a secret and not a reference, a path, a number or another harmless text.
enum CredentialText {
    /// Returns a range without surrounding white space and quotes.
    package static func trimmed(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, text[start] <= UInt8(ascii: " ") { start += 1 }
        while start < end, text[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        if end - start >= 2, text[start] == text[end - 1],
            text[start] == UInt8(ascii: "\"") || text[start] == UInt8(ascii: "'")
        {
            (start, end) = (start + 1, end - 1)
        }
        return start..<end
    }

    /// Returns true if a value with the name of a secret is a literal secret.
    ///
    /// - Parameters:
    ///   - text: The text that contains the value.
    ///   - range: The range of the value.
    ///   - name: The meaning of its name.
    ///   - isProse: True if the name and the value were found in a text, which can be code, a translation or a sentence.
    /// - Returns: True for a secret.
    static func isSecret(
        _ text: Span<UInt8>, _ range: Range<Int>, of name: CredentialName, inProse isProse: Bool = false
    ) -> Bool {
        // A mark says which secret it replaces.
        guard !range.isEmpty, !Redaction.begins(text, at: range.lowerBound) else { return false }
        if isEnclosed(text, range, isProse) { return false }
        let counts = Letters(text, range)
        if counts.isReference || counts.isMask(range.count) { return false }
        if range.count <= 16, isWord(text, isProse ? withoutMark(text, range) : range, counts) { return false }
        if isPath(text, range, counts) || hasInnocentBeginning(text, range) { return false }
        if isVariableName(text, range, counts, isProse) { return false }
        // The value of a key setting can be the name of a key.
        if name.isVague {
            return looksRandom(text, range, counts)
                || name.kind == .password && !isProse && isLogin(text, range, counts)
        }
        // Words are the name of a key.
        if name.mayNameKey,
            counts.lowers + counts.uppers + counts.dashes + counts.underscores + counts.dots == range.count
        {
            return false
        }
        if isNumber(text, range, counts) {
            return name.kind == .password && counts.digits == range.count && range.count >= 4
        }
        if name.kind == .password { return !isProse || !isLabel(text, range, counts) }
        // Sentences and paths in a secret store, but not a token with its scheme.
        if counts.spaces > 0 { return counts.spaces == 1 && counts.digits > 0 && range.count >= 16 }
        if counts.slashes > 0, counts.uppers == 0, counts.base64 == 0 { return false }
        if isFileName(text, range, counts) { return false }
        if name.kind == .token, isCurrency(text, range, counts) { return false }
        guard isProse else { return true }
        // `secret: web-tls` refers to a Secret.
        if name.kind == .secret, counts.dashes > 0, counts.uppers == 0, counts.digits == 0 { return false }
        return !isLabel(text, range, counts)
    }

    // MARK: Values that are not secrets

    private static func isEnclosed(_ text: Span<UInt8>, _ range: Range<Int>, _ isProse: Bool) -> Bool {
        let (first, last) = (text[range.lowerBound], text[range.upperBound - 1])
        if isProse, opensReference(first) { return true }
        switch first {
        case UInt8(ascii: "<"):
            return last == UInt8(ascii: ">") || isProse && range.contains { text[$0] == UInt8(ascii: ">") }
        case UInt8(ascii: "{"): return true
        case UInt8(ascii: "["): return last == UInt8(ascii: "]")
        case UInt8(ascii: "("): return last == UInt8(ascii: ")")
        // `%NAME%`; in a text also `%s`.
        case UInt8(ascii: "%"): return range.count > 2 && last == UInt8(ascii: "%") || isProse && range.count == 2
        case UInt8(ascii: "@"): return range.count > 2 && last == UInt8(ascii: "@")
        // `$NAME`, but not a hash that begins with `$2a$`.
        case UInt8(ascii: "$"): return isName(text, range.lowerBound + 1..<range.upperBound)
        default: return false
        }
    }

    /// Returns true if a text that begins with this byte is not a secret, with any name.
    @inline(__always)
    static func opensReference(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "@"), UInt8(ascii: "$"): true
        // YAML tags, aliases, anchors and block scalars; flags; command substitutions; SQL parameters.
        case UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: ">"),
            UInt8(ascii: "-"), UInt8(ascii: "`"), UInt8(ascii: ":"), UInt8(ascii: "?"):
            true
        default: false
        }
    }

    /// True for names of variables: upper case, digits and underscores.
    private static func isName(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard let first = range.first, text[first] &- UInt8(ascii: "0") >= 10 else { return false }
        for at in range {
            let byte = text[at]
            let isCapital = byte &- UInt8(ascii: "A") < 26 || byte &- UInt8(ascii: "0") < 10
            guard isCapital || byte == UInt8(ascii: "_") else { return false }
        }
        return true
    }

    /// True for the name of a variable that has a secret: `DB_PASSWORD`, and in a text also `[--token TOKEN]`.
    private static func isVariableName(
        _ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters, _ isProse: Bool
    ) -> Bool {
        guard counts.lowers == 0, counts.underscores > 0 || isProse && counts.digits == 0 else { return false }
        let isClosed = isProse && text[range.upperBound - 1] == UInt8(ascii: "]")
        return isName(text, isClosed ? range.dropLast() : range) && CredentialName(text, range) != nil
    }

    private static func isPath(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard counts.slashes > 0, counts.base64 == 0, counts.spaces == 0 else { return false }
        switch text[range.lowerBound] {
        case UInt8(ascii: "/"): return true
        case UInt8(ascii: "~"), UInt8(ascii: "."):
            let next = range.lowerBound + 1
            return text[next] == UInt8(ascii: "/") || text[next] == UInt8(ascii: ".")
        default: return false
        }
    }

    /// True for the name of a file: `token.json`, `private.pem`.
    private static func isFileName(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard counts.dots == 1, range.count <= 40, counts.base64 + counts.spaces == 0 else { return false }
        var dot = range.upperBound - 1
        while dot > range.lowerBound, text[dot] != UInt8(ascii: ".") { dot -= 1 }
        return extensions.contains(word(text, dot + 1..<range.upperBound))
    }

    private static let extensions: WordSet = [
        "pem", "key", "crt", "cer", "pub", "jks", "json", "yaml", "yml", "txt", "jwt", "gpg", "asc", "env",
    ]

    /// The prefixes of references that no template engine replaces: AWS, secret stores, files, encrypted texts.
    private static let beginnings: [StaticString] = [
        "arn:", "vault:", "ssm:", "secretsmanager:", "awssm:", "aws-sm:", "gcpsm:", "gcp:", "azurekeyvault:", "ref+",
        "op:", "env:", "file:", "kms:", "k8s:", "bao:", "aws:", "alias/", "projects/", "secret/data/", "ENC[", "ENC(",
        "AQICA", "mrk-", "X-", "@Microsoft.KeyVault", "urn:", "sha256:", "process.env", "os.environ", "env.",
    ]

    /// The prefixes by their first byte.
    private static let beginningsByFirst: [[StaticString]] = {
        var table: [[StaticString]] = Array(repeating: [], count: 128)
        for beginning in beginnings { table[Int(beginning.utf8Start.pointee)].append(beginning) }
        return table
    }()

    private static func hasInnocentBeginning(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let first = text[range.lowerBound]
        guard first < 128 else { return false }
        return beginningsByFirst[Int(first)].contains {
            range.count > $0.utf8CodeUnitCount && CredentialScan.has($0, in: text, at: range.lowerBound)
        }
    }

    private static let words: WordSet = [
        "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined", "enabled", "disabled", "auto",
        "optional", "required", "redacted", "hidden", "masked", "string", "str", "text", "bearer", "basic", "jwt",
        "env", "id", "bytes",
        "vault", "opaque", "file", "any", "boolean", "bool", "number", "int", "object", "default", "never", "always",
    ]

    /// Returns true for a word of letters that means an absent secret.
    private static func isWord(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        counts.lowers + counts.uppers == range.count && words.contains(word(text, range))
    }

    /// Returns a range without the mark of a nullable type: `String!`, `String?`.
    private static func withoutMark(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        let last = text[range.upperBound - 1]
        return last == UInt8(ascii: "!") || last == UInt8(ascii: "?") ? range.dropLast() : range
    }

    /// Returns the letters of a short value in lower case; empty if it has any other character.
    static func word(_ text: Span<UInt8>, _ range: Range<Int>) -> NameWord {
        var word = NameWord()
        for at in range {
            guard NameWords.isLetter(text[at]) else { return NameWord() }
            word.append(text[at])
        }
        return word
    }

    /// True for a number, a quantity or a duration: `3600`, `-1`, `0.5`, `15m`, `1h30m`, `10Mi`, `80%`, `1,2`.
    private static func isNumber(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard counts.digits > 0, !NameWords.isLetter(text[range.lowerBound]) else { return false }
        var unit = NameWord()
        for at in range {
            let byte = text[at]
            if NameWords.isLetter(byte) {
                unit.append(byte)
                // Units follow digits.
                let isLast = at + 1 == range.upperBound || !NameWords.isLetter(text[at + 1])
                guard at > range.lowerBound, !isLast || units.contains(unit) else { return false }
            } else if byte &- UInt8(ascii: "0") < 10 {
                unit = NameWord()
            } else if !(byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "%")
                || byte == UInt8(ascii: "-") && at == range.lowerBound)
            {
                return false
            }
        }
        return counts.lowers + counts.uppers == 0 || range.count <= 8
    }

    /// Units of time and size; `1a2b3c4d` has none.
    private static let units: WordSet = [
        "n", "u", "ns", "us", "ms", "s", "m", "h", "d", "w", "mo", "y", "b", "k", "g", "t", "p", "kb", "mb", "gb", "tb",
        "ki", "mi", "gi", "ti",
    ]

    /// True for a token of a cryptocurrency, by its symbol or its address: `USDC`, `wBTC`, `0x` and 40 hex digits.
    private static func isCurrency(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        let letters = counts.lowers + counts.uppers
        if range.count <= 6 { return letters == range.count && counts.uppers > counts.lowers }
        guard range.count == 42, text[range.lowerBound] == UInt8(ascii: "0"),
            text[range.lowerBound + 1] == UInt8(ascii: "x")
        else { return false }
        for at in range.dropFirst(2) {
            guard text[at] &- UInt8(ascii: "0") < 10 || (text[at] | 0x20) &- UInt8(ascii: "a") < 6 else { return false }
        }
        return true
    }

    // MARK: Values that are secrets only under further conditions

    /// True for a value that looks random: long, with letters and digits, and not a UUID.
    private static func looksRandom(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard range.count >= 16, counts.spaces == 0, counts.digits > 1, counts.lowers + counts.uppers > 1 else {
            return false
        }
        let isMixed = counts.lowers > 0 && counts.uppers > 0 || counts.digits >= 4
        return isMixed && !isUUID(range.count, counts) && counts.dots < 2 && !isWords(text, range, counts)
    }

    /// True for words, versions and short numbers with separators: `shop-signing-v2-2024`.
    private static func isWords(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard counts.dashes + counts.underscores + counts.dots > 0, counts.uppers == 0 else { return false }
        var letters = 0
        var digits = 0
        for at in range {
            if NameWords.isLetter(text[at]) {
                letters += 1
            } else if text[at] &- UInt8(ascii: "0") < 10 {
                digits += 1
            } else {
                (letters, digits) = (0, 0)
            }
            if letters > 0 && digits > 0 && letters + digits > 3 || digits > 4 { return false }
        }
        return true
    }

    /// True for a user name and password: `admin:hunter2`, but not `auth.example.com:8443`.
    private static func isLogin(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        guard counts.spaces + counts.slashes == 0 else { return false }
        var colon = range.lowerBound
        while colon < range.upperBound, text[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon > range.lowerBound, colon + 1 < range.upperBound else { return false }
        let password = colon + 1..<range.upperBound
        for at in password where text[at] == UInt8(ascii: ":") { return false }
        for at in password where NameWords.isLetter(text[at]) {
            return password.count > 16 || !words.contains(word(text, password))
        }
        return false
    }

    private static func isUUID(_ count: Int, _ counts: Letters) -> Bool {
        count == 36 && counts.dashes == 4 && counts.digits + counts.lowers + counts.uppers == 32
    }

    /// True if the value is a label, code or a name in a text.
    private static func isLabel(_ text: Span<UInt8>, _ range: Range<Int>, _ counts: Letters) -> Bool {
        if counts.spaces > 0 || counts.isUnusual { return true }
        let letters = counts.lowers + counts.uppers
        let isCapitalized = text[range.lowerBound] &- UInt8(ascii: "A") < 26 && counts.uppers == 1
        if letters == range.count, isCapitalized { return true }
        // `config.password`, `self.token`, `com.example.Tokens`
        return counts.dots > 0 && letters + counts.dots + counts.underscores == range.count
            && text[range.lowerBound] != UInt8(ascii: ".") && text[range.upperBound - 1] != UInt8(ascii: ".")
    }
}
