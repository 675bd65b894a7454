import JSON
import Languages

/// Names and the values after them.
extension CredentialScan {
    /// The number of bytes of a value that are read after the name of a secret.
    private static let longestValue = 256

    /// Returns the secret after `=`, `:`, `=>` or `:=`, or in an XML element.
    mutating func assignment(
        _ separator: UInt8, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        let place = at - 1
        guard !word.isEmpty, place - word.upperBound <= 4 else { return nil }
        var (isQuoted, isIndexed) = (false, false)
        for gap in word.upperBound..<place {
            switch text[gap] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): isQuoted = true
            case UInt8(ascii: "]"): isIndexed = true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\\"): break
            default: return nil
            }
        }
        guard var start = valueStart(separator, isQuoted, in: text) else { return nil }
        let isSpaced = start < text.count && CredentialScan.isBlank(text[start])
        // A parameter of a URL ends at a blank; here it is empty.
        if separator == UInt8(ascii: "="), isSpaced, isParameter(in: text) { return nil }
        while start < text.count, CredentialScan.isBlank(text[start]) { start += 1 }
        if separator == UInt8(ascii: "="), isSpaced, word.upperBound == place,
            isFollowedByWord(valueAt: start, in: text)
        {
            return nil
        }
        guard let name = name(ofValueAt: start, in: text) else { return nil }
        // In code, a value without quotes is a variable: `headers["X-Token"] = token`, `self.token = token`.
        if isIndexed || isMember(in: text), !isQuote(at: start, in: text) { return nil }
        if separator == UInt8(ascii: ">"), !isElement(withValueAt: start, in: text) { return nil }
        let isSentence = separator == UInt8(ascii: ":") && !isQuoted && !isHeader(withValueAt: start, in: text)
        return value(of: name, at: start, isSentence: isSentence, in: text)
    }

    /// Returns the name of a value: the word before it, or for `value` the value of the preceding `name`.
    private mutating func name(ofValueAt start: Int, in text: Span<UInt8>) -> CredentialName? {
        let before = named
        named = nil
        switch word.count {
        case 4 where start < text.count && CredentialScan.has("name", in: text, at: word.lowerBound):
            let value = value(from: start, in: text)
            // A text with spaces is a title.
            if value.allSatisfy({ NameWords.isInName(text[$0]) }) { named = CredentialName(text, value) }
        case 5 where CredentialScan.has("value", in: text, at: word.lowerBound): return before
        default: break
        }
        return opensReference(at: start, in: text) ? nil : CredentialName(text, word)
    }

    /// True if an unquoted text that begins with this byte is never a secret, with any name.
    private func opensReference(at start: Int, in text: Span<UInt8>) -> Bool {
        guard start < text.count else { return true }
        return CredentialText.opensReference(text[start])
    }

    /// True if the word is a member of an object in code.
    private func isMember(in text: Span<UInt8>) -> Bool {
        CredentialScan.has("self.", in: text, at: word.lowerBound)
            || CredentialScan.has("this.", in: text, at: word.lowerBound)
    }

    /// True if the word is the name of a parameter in a URL.
    private func isParameter(in text: Span<UInt8>) -> Bool {
        guard word.lowerBound > 0 else { return false }
        let before = text[word.lowerBound - 1]
        return before == UInt8(ascii: "?") || before == UInt8(ascii: "&")
    }

    /// True if other words follow the first one on the line: in `access_token= uid realm=/staff`, the token is empty.
    private func isFollowedByWord(valueAt start: Int, in text: Span<UInt8>) -> Bool {
        guard start < text.count else { return false }
        let end = value(from: start, in: text).upperBound
        return end < text.count && CredentialScan.isBlank(text[end]) && hasMoreWords(after: end, in: text)
    }

    private func isQuote(at place: Int, in text: Span<UInt8>) -> Bool {
        place < text.count && (text[place] == UInt8(ascii: "\"") || text[place] == UInt8(ascii: "'"))
    }

    /// True if an XML tag follows; `<token>` alone can be a placeholder.
    private func isElement(withValueAt start: Int, in text: Span<UInt8>) -> Bool {
        guard start < text.count else { return false }
        let end = value(from: start, in: text).upperBound
        return end < text.count && text[end] == UInt8(ascii: "<")
    }

    /// True for a header in its own quotes: `-H "X-Api-Key: …"`.
    private func isHeader(withValueAt start: Int, in text: Span<UInt8>) -> Bool {
        guard isHeaderName(word, in: text), start < text.count else { return false }
        let end = value(from: start, in: text).upperBound
        return end < text.count && text[end] == text[word.lowerBound - 1]
    }

    /// True if the word can be the name of a header, right after a quote.
    private func isHeaderName(_ word: Range<Int>, in text: Span<UInt8>) -> Bool {
        word.lowerBound > 0 && isQuote(at: word.lowerBound - 1, in: text)
            && word.contains { text[$0] == UInt8(ascii: "-") }
    }

    /// Returns the start of the value; nil if the separator is not one.
    private func valueStart(_ separator: UInt8, _ isQuoted: Bool, in text: Span<UInt8>) -> Int? {
        let next = at < text.count ? text[at] : UInt8(ascii: "\n")
        switch separator {
        case UInt8(ascii: "="):
            // A comparison or a label selector.
            if next == UInt8(ascii: "=") || next == UInt8(ascii: "~") { return nil }
            return next == UInt8(ascii: ">") ? at + 1 : at
        case UInt8(ascii: ":"):
            if next == UInt8(ascii: "=") { return at + 1 }
            // YAML requires a space, and keys are at the beginning.
            if isQuoted { return at }
            let isSpaced = next == UInt8(ascii: " ") || next == UInt8(ascii: "\t")
            return isSpaced && (isKeyPlace(word.lowerBound, in: text) || isHeaderName(word, in: text)) ? at : nil
        default:
            let isTag = word.lowerBound > 0 && text[word.lowerBound - 1] == UInt8(ascii: "<")
            return isTag && word.upperBound == at - 1 ? at : nil
        }
    }

    /// True if a position can have a key of YAML or JSON: at the beginning of a line, or after an opening bracket or a
    /// separator.
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

    /// Returns the secret of a line with a name and a value, as in files of Redis and Fluent Bit: `requirepass hunter2`.
    func setting(_ word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        var first = word.lowerBound
        while first > lineStart, CredentialScan.isBlank(text[first - 1]) { first -= 1 }
        guard first == lineStart, let name = CredentialName(text, word) else { return nil }
        var start = word.upperBound
        while start < text.count, CredentialScan.isBlank(text[start]) { start += 1 }
        let found = value(of: name, at: start, in: text)
        guard let value = found?.1, isLast(value, in: text) else { return nil }
        // Some lines of two words are not settings.
        guard name.kind == .password, !name.isVague else {
            let vague = CredentialName(kind: name.kind, isVague: true)
            return CredentialText.isSecret(text, value, of: vague, inProse: true) ? found : nil
        }
        let counts = CredentialText.Letters(text, value)
        return value.count >= 8 && counts.digits > 0 && counts.lowers + counts.uppers > 0 ? found : nil
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// True if only white space and a quote follow on the line.
    private func isLast(_ value: Range<Int>, in text: Span<UInt8>) -> Bool {
        for at in value.upperBound..<text.count {
            switch text[at] {
            case UInt8(ascii: "\n"): return true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\""), UInt8(ascii: "'"): break
            default: return false
            }
        }
        return true
    }

    private mutating func value(
        of name: CredentialName?, at start: Int, isSentence: Bool, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        guard var name, start < text.count, text[start] != UInt8(ascii: "\n"), !isCommented(in: text) else {
            return nil
        }
        var (start, value) = (start, value(from: start, in: text))
        if !isSentence, let argument = argument(of: value, in: text) {
            // In code, only the argument of a call can be the secret, and it can be the name of one: `get("DB_PASSWORD")`.
            (start, value) = (argument, self.value(from: argument, in: text))
            name = CredentialName(kind: name.kind, isVague: true)
        }
        if isSentence ? hasMoreWords(after: value.upperBound, in: text) : isCode(value, from: start, in: text) {
            return nil
        }
        guard !isParameter(value, in: text) else { return nil }
        guard CredentialText.isSecret(text, value, of: name, inProse: true) else { return nil }
        // A form is more specific than a name.
        return (CredentialForm.kind(of: text, value) ?? name.kind, whole(value, in: text))
    }

    /// Returns the complete value of which only the beginning was read.
    func whole(_ value: Range<Int>, in text: Span<UInt8>) -> Range<Int> {
        guard value.count >= CredentialScan.longestValue - 1 else { return value }
        var end = value.upperBound
        while end < text.count, text[end] > UInt8(ascii: " "), text[end] != UInt8(ascii: "\""),
            text[end] != UInt8(ascii: "'")
        {
            end += 1
        }
        return value.lowerBound..<end
    }

    func value(of name: CredentialName?, at start: Int, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        var copy = self
        return copy.value(of: name, at: start, isSentence: false, in: text)
    }

    /// Returns the range of a value without its quotes.
    func value(from start: Int, in text: Span<UInt8>) -> Range<Int> {
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

    /// Returns the range of a value that ends at white space or a separator of a shell, query, connection string or JSON.
    func unquoted(from start: Int, in text: Span<UInt8>) -> Range<Int> {
        let limit = min(text.count, start + CredentialScan.longestValue)
        guard start < limit else { return limit..<limit }
        // `<password>` is a placeholder.
        let first = text[start] == UInt8(ascii: "<") ? start + 1 : start
        return start..<text.endOfValue(from: first, before: limit)
    }

    /// True if the value is a type at the end of function parameters: `def login(user, password: bytes):`.
    private func isParameter(_ value: Range<Int>, in text: Span<UInt8>) -> Bool {
        value.count >= 2 && CredentialScan.has("):", in: text, at: value.upperBound - 2)
    }

    /// True if the value is a variable in code: `login(user=user, password=password)`, `token = token;`.
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

    /// Returns the start of the argument if the value calls a method in code: `"token": base64.b64encode(token)`.
    private func argument(of value: Range<Int>, in text: Span<UInt8>) -> Int? {
        var (at, hasPeriod, isStart) = (value.lowerBound, false, true)
        while at < text.count, at - value.lowerBound < CredentialScan.longestValue {
            switch text[at] {
            case let byte where NameWords.isLetter(byte) || byte == UInt8(ascii: "_"): isStart = false
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !isStart: break
            case UInt8(ascii: ".") where !isStart: (hasPeriod, isStart) = (true, true)
            case UInt8(ascii: "("): return hasPeriod && !isStart && at + 1 < text.count ? at + 1 : nil
            default: return nil
            }
            at += 1
        }
        return nil
    }

    /// True if the line continues after a value, so that it is a sentence.
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

    /// True if the line is a comment, which can have examples.
    private mutating func isCommented(in text: Span<UInt8>) -> Bool {
        if isThorough { return false }
        if let isComment { return isComment }
        let limit = min(text.count, lineStart + CredentialScan.longestValue)
        var at = lineStart
        while at < limit, text[at] == UInt8(ascii: " ") || text[at] == UInt8(ascii: "\t") { at += 1 }
        var result = false
        if at < limit {
            let next = at + 1 < limit ? text[at + 1] : 0
            switch text[at] {
            case UInt8(ascii: "#"), UInt8(ascii: ";"): result = true
            case UInt8(ascii: "/"):
                result = next == UInt8(ascii: "/") && !isOfRegistry(in: text) || next == UInt8(ascii: "*")
            default: break
            }
        }
        isComment = result
        return result
    }

    /// True if the word is an npm setting for a registry: `//registry.example.com/:_authToken=`.
    private func isOfRegistry(in text: Span<UInt8>) -> Bool {
        word.lowerBound >= 2 && CredentialScan.has("/:_", in: text, at: word.lowerBound - 2)
    }
}
