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
    /// Before a port, any password counts. Without a port, the text can also be a label with an email address, so the host needs
    /// a domain and the password letters and digits.
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
            !CredentialURIs.labels.contains(CredentialText.word(text, start..<colon)),
            let host = Host(in: text, from: end + 1)
        else { return nil }
        let counts = CredentialText.Letters(text, password)
        let letters = counts.lowers + counts.uppers
        // `host:port@…`
        guard counts.digits < password.count else { return nil }
        if host.hasPort { return password }
        // `name:v1.2.3@…`
        let isVersion = counts.dots > 0 && letters <= 1
        guard start < colon, host.hasDomain, password.count >= 6, counts.digits > 0, letters > 0, !isVersion else {
            return nil
        }
        return password
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

    /// The host after a login.
    private struct Host {
        /// True if a port follows.
        let hasPort: Bool
        /// True for a domain name with several labels, an IPv4 address, and `localhost`.
        let hasDomain: Bool

        /// Reads a host; nil if the text is not a host.
        init?(in text: Span<UInt8>, from start: Int) {
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
            guard at > start, letters > 0 || dots == 3 else { return nil }
            hasDomain = dots > 0 || CredentialScan.has("localhost", in: text, at: start)
            var end = at
            if at < text.count, text[at] == UInt8(ascii: ":") {
                end = at + 1
                while end < text.count, end < at + 7, text[end] &- 48 <= 9 { end += 1 }
                guard (at + 2...at + 6).contains(end) else { return nil }
            }
            hasPort = end > at
            if end < text.count, NameWords.isInName(text[end]) || ":@+%~*$".utf8.contains(text[end]) { return nil }
        }
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
