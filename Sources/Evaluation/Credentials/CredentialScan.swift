import JSON
import Languages

/// Scans a text for secrets: by their form, in URIs, or after a name.
///
/// Texts are values, arguments, shell scripts, properties, YAML, JSON and any other contents of ConfigMaps. Each byte is read a
/// bounded number of times.
package struct CredentialScan {
    private(set) var at = 0
    private var line = 1
    private(set) var lineStart = 0
    /// True if the line is a comment; nil until it is determined.
    var isComment: Bool?
    /// The last sequence of letters, digits, periods, dashes and underscores, which names and tokens consist of.
    private(set) var word = 0..<0
    /// The meaning of a following `value:`, after the `name:` of a secret.
    var named: CredentialName?
    /// The program whose options follow, if one of them can be a password.
    var program: LoginProgram?
    /// True if the scan also reports secrets that must not cause a denial.
    let isThorough: Bool
    private var uris: CredentialURIs

    /// Creates a scan of one text.
    ///
    /// - Parameters:
    ///   - program: The program that has the text as an argument; nil for no or any other program.
    ///   - isThorough: True to also report secrets that must not cause a denial: those in comments, and `user:password@host`
    ///     without a scheme, as in image names.
    init(program: LoginProgram? = nil, isThorough: Bool = false) {
        self.program = program
        self.isThorough = isThorough
        uris = CredentialURIs(seesBareLogins: isThorough)
    }

    /// The length of `discord.com`, the shortest host of webhook URLs.
    private static let shortestHost = 11

    /// Returns the next secret.
    mutating func next(in text: Span<UInt8>) -> Credential? {
        while at < text.count {
            let byte = text[at]
            if NameWords.isInName(byte) {
                let start = at
                at = text.endOfName(from: at + 1)
                let found = credential(ofWord: start..<at, in: text)
                word = start..<at
                if let found { return stopped(at: found, in: text) }
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
                // A trailing backslash continues the line.
                if at < 2 || text[at - 2] != UInt8(ascii: "\\") { program = nil }
                found = nil
            case UInt8(ascii: ";"), UInt8(ascii: "|"), UInt8(ascii: "&"):
                // A URL or a header continues until white space.
                if at >= text.count || text[at] <= UInt8(ascii: " ") { program = nil }
                found = nil
            case 0xC2: found = Redaction.credential(in: text, at: at - 1)
            default: found = nil
            }
            if let found { return stopped(at: found, in: text) }
        }
        return nil
    }

    /// Continues after a secret.
    private mutating func stopped(
        at found: (kind: Credential.Kind, range: Range<Int>), in text: Span<UInt8>
    ) -> Credential {
        let line = line
        while at < found.range.upperBound {
            if text[at] == UInt8(ascii: "\n") { (self.line, lineStart, isComment) = (self.line + 1, at + 1, nil) }
            at += 1
        }
        word = at..<at
        return Credential(kind: found.kind, range: found.range, line: line)
    }

    // MARK: Words

    private mutating func credential(
        ofWord word: Range<Int>, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        if word.count >= CredentialScan.shortestHost {
            if let kind = CredentialForm.kind(of: text, word) { return (kind, whole(word, of: kind, in: text)) }
            if let webhook = webhook(word, in: text) { return (.webhookAddress, webhook) }
        }
        if at < text.count, text[at] == UInt8(ascii: ":"), text[at - 1] &- UInt8(ascii: "0") < 10,
            let token = CredentialForm.telegramToken(text, after: word)
        {
            return (.vendorToken, token)
        }
        if let program, text[word.lowerBound] == UInt8(ascii: "-"), let found = login(word, of: program, in: text) {
            return found
        }
        guard at < text.count, CredentialScan.isBlank(text[at]) else { return nil }
        if let named = LoginProgram(text, word) { program = named }
        if text[at] == UInt8(ascii: "\t") { return setting(word, in: text) }
        switch text[word.lowerBound] {
        case UInt8(ascii: "-"):
            if word.count == 10, CredentialScan.has("-----BEGIN", in: text, at: word.lowerBound) {
                return privateKey(word, in: text)
            }
            return flag(word, in: text)
        case UInt8(ascii: "B"), UInt8(ascii: "b"):
            let rest = word.lowerBound + 1
            if word.count == 6, CredentialScan.has("earer", in: text, at: rest) { return bearer(in: text) }
            return word.count == 5 && CredentialScan.has("asic", in: text, at: rest) ? basic(in: text) : nil
        case UInt8(ascii: "P"), UInt8(ascii: "p"):
            // `PASSWORD 'secret'` in SQL
            guard word.count == 8, at + 1 < text.count, text[at + 1] == UInt8(ascii: "'") else { break }
            return value(of: CredentialName(text, word), at: at + 1, in: text)
        default: break
        }
        return setting(word, in: text)
    }

    @inline(__always)
    static func has(_ letters: StaticString, in text: Span<UInt8>, at start: Int) -> Bool {
        let end = start + letters.utf8CodeUnitCount
        return start >= 0 && end <= text.count && text.isSame(letters, in: start..<end)
    }

    /// Returns the complete text that begins like a secret: base64 can continue after a slash.
    private func whole(_ word: Range<Int>, of kind: Credential.Kind, in text: Span<UInt8>) -> Range<Int> {
        guard kind == .privateKey || kind == .stripeKey else { return word }
        var end = word.upperBound
        while end < text.count, CredentialScan.isBase64(text[end]) { end += 1 }
        return word.lowerBound..<end
    }

    static func isBase64(_ byte: UInt8) -> Bool {
        NameWords.isInName(byte) && byte != UInt8(ascii: ".") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "=")
    }

    /// Returns a PEM block of a private key (RFC 7468) up to its end: `-----BEGIN RSA PRIVATE KEY-----`.
    private func privateKey(_ word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        let limit = min(text.count, at + 40)
        for start in at..<limit
        where text[start] == UInt8(ascii: "P") && CredentialScan.has("PRIVATE KEY", in: text, at: start) {
            // A script can search for the line or write it.
            let end = start + 16
            if end < text.count, [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`")].contains(text[end]) {
                return nil
            }
            return (.privateKey, word.lowerBound..<endOfKey(after: start + 11, in: text))
        }
        return nil
    }

    /// Returns the end of a PEM block: after its last line, or if there is none, at the first byte that cannot be part of it.
    private func endOfKey(after header: Int, in text: Span<UInt8>) -> Int {
        var end = header
        while end < text.count {
            switch text[end] {
            case UInt8(ascii: "-") where CredentialScan.has("-----END", in: text, at: end):
                let limit = min(text.count, end + 64)
                end += 8
                while end < limit, text[end] != UInt8(ascii: "-"), text[end] != UInt8(ascii: "\n") { end += 1 }
                while end < limit, text[end] == UInt8(ascii: "-") { end += 1 }
                return end
            // Headers of encrypted keys, `Proc-Type: 4,ENCRYPTED`, and line endings that are written as `\n`.
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\\"),
                UInt8(ascii: ":"), UInt8(ascii: ","):
                end += 1
            case let byte where CredentialScan.isBase64(byte): end += 1
            default: return end
            }
        }
        return end
    }

    /// Returns the token in a header: `Authorization: Bearer …`.
    private func bearer(in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        let value = unquoted(from: at + 1, in: text)
        let vague = CredentialName(kind: .token, isVague: true)
        return CredentialText.isSecret(text, value, of: vague, inProse: true) ? (.token, value) : nil
    }

    /// Returns the base64-encoded user name and password in a header: `Authorization: Basic …` (RFC 7617).
    private func basic(in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        var end = at + 1
        while end < text.count, CredentialScan.isBase64(text[end]), text[end] != UInt8(ascii: "=") { end += 1 }
        while end < text.count, text[end] == UInt8(ascii: "=") { end += 1 }
        let value = at + 1..<end
        guard let login = base64Decoded(text.extracting(value)), login.allSatisfy({ $0 >= 0x20 }),
            let colon = login.firstIndex(of: UInt8(ascii: ":")), colon + 1 < login.count
        else { return nil }
        return (.password, value)
    }

    /// Returns the secret after `--password`, in a command line that is one text.
    private func flag(_ word: Range<Int>, in text: Span<UInt8>) -> (Credential.Kind, Range<Int>)? {
        guard word.count >= 6, text[word.lowerBound + 1] == UInt8(ascii: "-") else { return nil }
        return value(of: CredentialName(text, word), at: at + 1, in: text)
    }

    /// Returns the URL of a webhook, which grants the permission to post to it.
    private func webhook(_ word: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        if text[word.upperBound - 1] == UInt8(ascii: "m"), let found = microsoftWebhook(word, in: text) { return found }
        let first = text[word.lowerBound]
        guard first == UInt8(ascii: "h") || first == UInt8(ascii: "d"), word.upperBound < text.count,
            text[word.upperBound] == UInt8(ascii: "/")
        else { return nil }
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

    /// Returns the webhook URL of Microsoft Teams: a connector's, or a workflow's with its signature.
    private func microsoftWebhook(_ word: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        func isHost(_ name: StaticString) -> Bool {
            word.count > name.utf8CodeUnitCount
                && CredentialScan.has(name, in: text, at: word.upperBound - name.utf8CodeUnitCount)
        }
        let isConnector = isHost(".webhook.office.com") || isHost("utlook.office.com") || isHost("utlook.office365.com")
        guard isConnector || isHost(".logic.azure.com") || isHost(".api.powerplatform.com") else { return nil }
        let limit = min(text.count, word.upperBound + 1024)
        var end = word.upperBound
        var signature: Int?
        scan: while end < limit {
            switch text[end] {
            case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "<"), UInt8(ascii: ")"),
                UInt8(ascii: "`"):
                break scan
            case UInt8(ascii: "$"), UInt8(ascii: "{"): return nil
            case UInt8(ascii: "s") where CredentialScan.has("sig=", in: text, at: end): signature = end + 4
            default: break
            }
            end += 1
        }
        if isConnector {
            return CredentialScan.has("/webhook", in: text, at: word.upperBound) && end - word.upperBound >= 60
                ? word.upperBound..<end : nil
        }
        return signature.flatMap { end - $0 >= 20 ? word.upperBound..<end : nil }
    }
}
