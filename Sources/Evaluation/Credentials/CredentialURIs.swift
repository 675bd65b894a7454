import Languages

/// Finds passwords in URIs, `scheme://user:password@host`, and in logins such as `user:password@host:5432`, in the order of the
/// `@` characters of a text.
struct CredentialURIs {
    /// The earliest position of the next URI.
    private var authority = 0
    /// True if every login without a scheme counts, also those that can be something else.
    private let seesBareLogins: Bool

    init(seesBareLogins: Bool = false) { self.seesBareLogins = seesBareLogins }

    /// Returns the password before an `@`; nil if there is none or it is a placeholder.
    mutating func password(before end: Int, in text: Span<UInt8>) -> Range<Int>? {
        // Searches back to the scheme; each search ends at the preceding `@`, so that the total time is linear.
        var start = end
        var isAuthority = false
        walk: while start > authority {
            switch text[start - 1] {
            case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "<"), UInt8(ascii: "`"):
                break walk
            case UInt8(ascii: "/"):
                isAuthority = start > 2 && text[start - 2] == UInt8(ascii: "/") && text[start - 3] == UInt8(ascii: ":")
                if isAuthority { break walk }
            default: break
            }
            start -= 1
        }
        authority = end + 1
        if let password = oraclePassword(start..<end, in: text) { return password }
        let isSocket =
            CredentialScan.has("tcp(", in: text, at: end + 1) || CredentialScan.has("unix(", in: text, at: end + 1)
        guard !CredentialScan.has("sha256:", in: text, at: end + 1) else { return nil }
        guard isAuthority || isSocket || seesBareLogins && isBeforeHost(end, in: text) else {
            return barePassword(start..<end, in: text)
        }
        // The name of an image begins with a registry.
        if !isAuthority, seesBareLogins {
            let colon = (start..<end).first { text[$0] == UInt8(ascii: ":") } ?? end
            start = (start..<colon).last { text[$0] == UInt8(ascii: "/") }.map { $0 + 1 } ?? start
        }
        return password(ofUser: start..<end, in: text).map { $0.lowerBound..<lastAt(from: end, in: text) }
    }

    // MARK: Logins without a scheme

    /// Returns the password of `user:password@host`, if the text can hardly be anything else.
    ///
    /// A port must follow the host: without one, the text can be a label with an email address.
    private func barePassword(_ range: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        guard let colon = range.first(where: { text[$0] == UInt8(ascii: ":") }), colon + 1 < range.upperBound else {
            return nil
        }
        var start = colon
        while start > range.lowerBound, NameWords.isInName(text[start - 1]) { start -= 1 }
        guard start == range.lowerBound || CredentialURIs.isBoundary(text[start - 1]), colon - start <= 64 else {
            return nil
        }
        let end = lastAt(from: range.upperBound, in: text)
        let password = colon + 1..<end
        guard password.count <= 128, text[password.lowerBound] != UInt8(ascii: ":"),
            !password.contains(where: { text[$0] == UInt8(ascii: "/") }), !isPlaceholder(password, in: text),
            !CredentialURIs.labels.contains(CredentialText.word(text, start..<colon)), isHostWithPort(end + 1, in: text)
        else { return nil }
        // `host:port@…`, and `host:port,user@…` in a list of nodes.
        var past = password.lowerBound
        while past < end, text[past] &- 48 <= 9 { past += 1 }
        let isPort = past == end || past > password.lowerBound && text[past] == UInt8(ascii: ",")
        return isPort ? nil : password
    }

    private static func isBoundary(_ byte: UInt8) -> Bool {
        "=,;(|&[".utf8.contains(byte)
    }

    /// Words before a colon that are no user names: schemes that are followed by an address, and labels of addresses.
    private static let labels: WordSet = [
        "sip", "sips", "mailto", "xmpp", "acct", "tel", "ssh", "sftp", "scp", "rsync", "git", "svn", "hg", "tcp", "udp",
        "tls", "http", "https", "akka", "npm", "docker", "oci", "pkg", "arn", "urn", "email", "mail", "to", "from",
        "cc", "bcc", "contact", "contacts", "owner", "owners", "author", "maintainer", "member", "group", "team",
        "serviceaccount", "principal", "subject", "repo", "url", "host",
    ]

    /// True if a host with a port is at a position.
    private func isHostWithPort(_ start: Int, in text: Span<UInt8>) -> Bool {
        let limit = min(text.count, start + 254)
        var (at, letters, dots) = (start, 0, 0)
        while at < limit {
            let byte = text[at]
            if (byte | 32) &- 97 < 26 {
                letters += 1
            } else if byte == UInt8(ascii: ".") {
                dots += 1
            } else if byte &- 48 > 9, byte != UInt8(ascii: "-") {
                break
            }
            at += 1
        }
        // A number is a port, a date or a version.
        guard letters > 0 || dots == 3, at < text.count, text[at] == UInt8(ascii: ":") else { return false }
        var end = at + 1
        while end < text.count, end < at + 7, text[end] &- 48 <= 9 { end += 1 }
        guard (at + 2...at + 6).contains(end) else { return false }
        return end == text.count || !NameWords.isInName(text[end]) && !":@+%~*$".utf8.contains(text[end])
    }

    /// True if a host and a path follow: `user:password@registry.example.com/shop/web`, but not an email address.
    private func isBeforeHost(_ end: Int, in text: Span<UInt8>) -> Bool {
        let limit = min(text.count, end + 254)
        var at = end + 1
        while at < limit, NameWords.isInName(text[at]) || text[at] == UInt8(ascii: ":") { at += 1 }
        return at < text.count && at > end + 1 && text[at] == UInt8(ascii: "/")
    }

    /// Returns the last `@` before the host: a password can contain `@` characters that are not escaped.
    private func lastAt(from first: Int, in text: Span<UInt8>) -> Int {
        var last = first
        for at in first + 1..<max(text.count, first + 1) {
            switch text[at] {
            case UInt8(ascii: "@"): last = at
            case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "<"),
                UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: ";"):
                return last
            default: break
            }
        }
        return last
    }

    private func password(ofUser range: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        var colon = range.lowerBound
        while colon < range.upperBound, text[colon] != UInt8(ascii: ":") {
            switch text[colon] {
            // A path or an IPv6 address: the following text has no user and password.
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "["): return nil
            default: break
            }
            colon += 1
        }
        guard colon < range.upperBound else { return nil }
        let password = colon + 1..<range.upperBound
        var end = password.lowerBound
        while end < password.upperBound, text[end] &- UInt8(ascii: "0") < 10 { end += 1 }
        // A port and a path.
        if end < password.upperBound, text[end] == UInt8(ascii: "/") || text[end] == UInt8(ascii: "?") { return nil }
        return isPlaceholder(password, in: text) ? nil : password
    }

    /// Returns the password of an Oracle URL: `jdbc:oracle:thin:user/password@host`.
    private func oraclePassword(_ range: Range<Int>, in text: Span<UInt8>) -> Range<Int>? {
        guard let scheme = range.first(where: { CredentialScan.has("jdbc:oracle:", in: text, at: $0) }),
            let slash = (scheme..<range.upperBound).first(where: { text[$0] == UInt8(ascii: "/") })
        else { return nil }
        let password = slash + 1..<range.upperBound
        return isPlaceholder(password, in: text) ? nil : password
    }

    private func isPlaceholder(_ password: Range<Int>, in text: Span<UInt8>) -> Bool {
        guard !password.isEmpty, !Redaction.begins(text, at: password.lowerBound) else { return true }
        let counts = CredentialText.Letters(text, password)
        if counts.isReference || counts.isMask(password.count) { return true }
        switch text[password.lowerBound] {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "<"): return true
        case UInt8(ascii: "$"), UInt8(ascii: "%"):
            return password.count > 1 && password.count < 64 && counts.digits == 0
        // `scheme://USER:PASSWORD@HOST`
        default: return counts.lowers == 0 && CredentialName(text, password) != nil
        }
    }
}
