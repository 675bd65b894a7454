import Languages

/// Finds passwords in URIs, `scheme://user:password@host`, in the order of the `@` characters of a text.
struct CredentialURIs {
    /// The earliest position of the next URI.
    private var authority = 0
    /// True if a login without a scheme counts.
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
        guard isAuthority || isSocket || seesBareLogins && isBeforeHost(end, in: text),
            !CredentialScan.has("sha256:", in: text, at: end + 1)
        else { return nil }
        // The name of an image begins with a registry.
        if !isAuthority, seesBareLogins {
            let colon = (start..<end).first { text[$0] == UInt8(ascii: ":") } ?? end
            start = (start..<colon).last { text[$0] == UInt8(ascii: "/") }.map { $0 + 1 } ?? start
        }
        return password(ofUser: start..<end, in: text).map { $0.lowerBound..<lastAt(from: end, in: text) }
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
