/// Goes through a text and stops at each secret: by its form, in a URI, or said after its name.
///
/// Texts are values, arguments, shell scripts, properties, YAML, JSON, whatever people put into a ConfigMap. Each byte is looked at a
/// bounded number of times, whatever the text.
struct CredentialScan {
    private var at = 0
    private var line = 1
    private var lineStart = 0
    /// Whether the line is a comment, once somebody has asked.
    private var isComment: Bool?
    /// The last run of letters, digits, dots, dashes and underscores: names and tokens are such.
    private var word = 0..<0
    private var uris = CredentialURIs()

    /// How much of a value is looked at, once its name says that it is a secret.
    private static let longestValue = 256

    /// The length of `discord.com`, the shortest name of a host that gives such addresses out.
    private static let shortestHost = 11

    static func isWord(_ byte: UInt8) -> Bool {
        // - . / 0 … 9
        NameWords.isLetter(byte) || (byte &- 45 < 13 && byte != UInt8(ascii: "/")) || byte == UInt8(ascii: "_")
    }

    /// The next secret.
    mutating func next(in text: Span<UInt8>) -> Credential? {
        while at < text.count {
            let byte = text[at]
            if CredentialScan.isWord(byte) {
                let start = at
                repeat { at += 1 } while at < text.count && CredentialScan.isWord(text[at])
                let found = credential(ofWord: start..<at, in: text)
                word = start..<at
                if let found { return stopped(at: found) }
                continue
            }
            at += 1
            let found: (Credential.Kind, Range<Int>)?
            switch byte {
            case UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: ">"): found = assignment(byte, in: text)
            case UInt8(ascii: "@"): found = uris.password(before: at - 1, in: text).map { (.uri, $0) }
            case UInt8(ascii: "\n"):
                line += 1
                lineStart = at
                isComment = nil
                found = nil
            default: found = nil
            }
            if let found { return stopped(at: found) }
        }
        return nil
    }

    /// Goes on after what was found.
    private mutating func stopped(at found: (kind: Credential.Kind, range: Range<Int>)) -> Credential {
        let line = line
        at = max(at, found.range.upperBound)
        word = at..<at
        return Credential(kind: found.kind, range: found.range, line: line)
    }

    // MARK: Words

    private func credential(ofWord word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        if word.count >= CredentialScan.shortestHost {
            if let kind = CredentialForm.kind(of: text, word) { return (kind, word) }
            if let webhook = webhook(word, in: text) { return (.webhookAddress, webhook) }
        }
        guard at < text.count, text[at] == UInt8(ascii: " ") else { return nil }
        switch text[word.lowerBound] {
        case UInt8(ascii: "-"):
            if word.count == 10, CredentialScan.has("-----BEGIN", in: text, at: word.lowerBound) {
                return privateKey(word, in: text)
            }
            return flag(word, in: text)
        case UInt8(ascii: "B"), UInt8(ascii: "b"):
            return word.count == 6 && CredentialScan.has("earer", in: text, at: word.lowerBound + 1)
                ? bearer(in: text) : nil
        case UInt8(ascii: "P"), UInt8(ascii: "p"):
            // SQL's `PASSWORD 'secret'`
            guard word.count == 8, at + 1 < text.count, text[at + 1] == UInt8(ascii: "'") else { return nil }
            return named(word, valueAt: at + 1, in: text)
        default: return nil
        }
    }

    static func has(_ letters: String, in text: Span<UInt8>, at start: Int) -> Bool {
        guard start + letters.utf8.count <= text.count else { return false }
        var at = start
        for letter in letters.utf8 {
            guard text[at] == letter else { return false }
            at += 1
        }
        return true
    }

    /// A PEM block of a private key (RFC 7468): `-----BEGIN RSA PRIVATE KEY-----`.
    private func privateKey(_ word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        let limit = min(text.count, at + 40)
        for start in at..<limit
        where text[start] == UInt8(ascii: "P") && CredentialScan.has("PRIVATE KEY", in: text, at: start) {
            return (.privateKey, word.lowerBound..<start + 11)
        }
        return nil
    }

    /// A token in a header: `Authorization: Bearer …`.
    private func bearer(in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        let value = unquoted(from: at + 1, in: text)
        let vague = CredentialName(kind: .token, isVague: true)
        return CredentialText.isSecret(text, value, of: vague, inProse: true) ? (.token, value) : nil
    }

    /// `--password hunter2`, in a command line that is one text.
    private func flag(_ word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        guard word.count >= 6, text[word.lowerBound + 1] == UInt8(ascii: "-") else { return nil }
        return named(word, valueAt: at + 1, in: text)
    }

    /// An address that whoever knows it may post to.
    private func webhook(_ word: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        let first = text[word.lowerBound]
        guard first == UInt8(ascii: "h") || first == UInt8(ascii: "d") else { return nil }
        let value = unquoted(from: word.upperBound, in: text)
        let isSlack =
            CredentialScan.has("hooks.slack.com/services/", in: text, at: word.lowerBound) && value.count >= 35
        guard
            isSlack
                || CredentialScan.has("discord.com/api/webhooks/", in: text, at: word.lowerBound) && value.count >= 50
        else {
            return nil
        }
        for at in value where text[at] == UInt8(ascii: "$") || text[at] == UInt8(ascii: "{") { return nil }
        return value
    }

    // MARK: Names and values

    /// What follows a name after `=`, `:`, `=>`, `:=`, or in an element of XML.
    private mutating func assignment(
        _ separator: UInt8, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        let place = at - 1
        guard !word.isEmpty, place - word.upperBound <= 4 else { return nil }
        var isQuoted = false
        for gap in word.upperBound..<place {
            switch text[gap] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): isQuoted = true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\\"), UInt8(ascii: "]"): break
            default: return nil
            }
        }
        guard var start = valueStart(separator, isQuoted, in: text) else { return nil }
        while start < text.count, text[start] == UInt8(ascii: " ") || text[start] == UInt8(ascii: "\t") { start += 1 }
        let isSentence = separator == UInt8(ascii: ":") && !isQuoted
        return named(word, valueAt: start, isSentence: isSentence, in: text)
    }

    /// Where a value would begin; nil where the separator is none.
    private func valueStart(_ separator: UInt8, _ isQuoted: Bool, in text: Span<UInt8>) -> Int? {
        let next = at < text.count ? text[at] : UInt8(ascii: "\n")
        switch separator {
        case UInt8(ascii: "="):
            // A comparison, or a pattern of labels.
            if next == UInt8(ascii: "=") || next == UInt8(ascii: "~") { return nil }
            return next == UInt8(ascii: ">") ? at + 1 : at
        case UInt8(ascii: ":"):
            if next == UInt8(ascii: "=") { return at + 1 }
            // YAML wants a space, and keys stand at the beginning.
            if isQuoted { return at }
            let isSpaced = next == UInt8(ascii: " ") || next == UInt8(ascii: "\t")
            return isSpaced && isKeyPlace(word.lowerBound, in: text) ? at : nil
        default:
            let isTag = word.lowerBound > 0 && text[word.lowerBound - 1] == UInt8(ascii: "<")
            return isTag && word.upperBound == at - 1 ? at : nil
        }
    }

    /// Whether a key of YAML or JSON may stand there: first on its line, or after what opens or separates members.
    private func isKeyPlace(_ place: Int, in text: Span<UInt8>) -> Bool {
        var at = place
        while at > 0, place - at < 64 {
            switch text[at - 1] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "-"), UInt8(ascii: "\""): at -= 1
            case UInt8(ascii: "\n"), UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: "["): return true
            default: return false
            }
        }
        return at == 0 || place - at >= 64
    }

    private mutating func named(
        _ word: Range<Int>, valueAt start: Int, isSentence: Bool, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        guard start < text.count, text[start] != UInt8(ascii: "\n"), let name = CredentialName(text, word),
            !isCommented(in: text)
        else { return nil }
        let value = value(from: start, in: text)
        if isSentence ? hasMoreWords(after: value.upperBound, in: text) : isCode(value, from: start, in: text) {
            return nil
        }
        return CredentialText.isSecret(text, value, of: name, inProse: true) ? (name.kind, value) : nil
    }

    private func named(_ word: Range<Int>, valueAt start: Int, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        var copy = self
        return copy.named(word, valueAt: start, isSentence: false, in: text)
    }

    /// A value, without its quotes.
    private func value(from start: Int, in text: Span<UInt8>) -> Range<Int> {
        var first = start
        if text[first] == UInt8(ascii: "\\"), first + 1 < text.count { first += 1 }
        let quote = text[first]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return unquoted(from: start, in: text) }
        let limit = min(text.count, first + CredentialScan.longestValue)
        var end = first + 1
        while end < limit, text[end] != quote, text[end] != UInt8(ascii: "\\"), text[end] != UInt8(ascii: "\n") {
            end += 1
        }
        return min(first + 1, end)..<end
    }

    /// A value that ends at white space, or at what a shell, a query, a connection string or JSON separates values by.
    private func unquoted(from start: Int, in text: Span<UInt8>) -> Range<Int> {
        let limit = min(text.count, start + CredentialScan.longestValue)
        var end = min(start, limit)
        while end < limit {
            switch text[end] {
            case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: ";"), UInt8(ascii: "&"),
                UInt8(ascii: ","), UInt8(ascii: "<"), UInt8(ascii: "\\"):
                // `<password>` stands for one.
                if end == start, text[end] == UInt8(ascii: "<") { break }
                return start..<end
            default: break
            }
            end += 1
        }
        return min(start, end)..<end
    }

    /// Whether it is a name that is handed on: `login(user=user, password=password)`, `token = token;`.
    private func isCode(_ value: Range<Int>, from start: Int, in text: Span<UInt8>) -> Bool {
        guard value.lowerBound == start, value.upperBound < text.count else { return false }
        for at in value
        where !NameWords.isLetter(text[at]) && text[at] != UInt8(ascii: "_") && text[at] != UInt8(ascii: ")") {
            return false
        }
        switch text[value.upperBound] {
        case UInt8(ascii: ","): return true
        case UInt8(ascii: ";"): return start > 0 && text[start - 1] == UInt8(ascii: " ")
        default: return !value.isEmpty && text[value.upperBound - 1] == UInt8(ascii: ")")
        }
    }

    /// Whether the line goes on after a value, so that it is a sentence.
    private func hasMoreWords(after end: Int, in text: Span<UInt8>) -> Bool {
        var at = end
        while at < text.count, at - end < 64 {
            switch text[at] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\""), UInt8(ascii: "'"): at += 1
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "}"):
                return false
            default: return true
            }
        }
        return false
    }

    /// Whether the line is a comment, where examples stand.
    private mutating func isCommented(in text: Span<UInt8>) -> Bool {
        if let isComment { return isComment }
        let limit = min(text.count, lineStart + CredentialScan.longestValue)
        var at = lineStart
        while at < limit, text[at] == UInt8(ascii: " ") || text[at] == UInt8(ascii: "\t") { at += 1 }
        var result = false
        if at < limit {
            let next = at + 1 < limit ? text[at + 1] : 0
            switch text[at] {
            case UInt8(ascii: "#"), UInt8(ascii: ";"): result = true
            case UInt8(ascii: "/"): result = next == UInt8(ascii: "/") || next == UInt8(ascii: "*")
            default: break
            }
        }
        isComment = result
        return result
    }
}
