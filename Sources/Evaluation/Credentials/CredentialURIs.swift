/// Finds passwords in URIs, `scheme://user:password@host`, one `@` of a text after the other.
struct CredentialURIs {
    /// Where the last URI was looked for: never before this place again.
    private var authority = 0
    /// Whether a login counts without a scheme before it.
    private let seesBareLogins: Bool

    init(seesBareLogins: Bool = false) { self.seesBareLogins = seesBareLogins }

    /// The password before an `@`; nil where there is none, or something that stands for one.
    mutating func password(before end: Int, in text: Span<UInt8>) -> Range<Int>? {
        // Back to the scheme; each `@` looks no further than the one before, so that this stays linear.
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
        // The name of an image has a registry before it.
        if !isAuthority, seesBareLogins {
            let colon = (start..<end).first { text[$0] == UInt8(ascii: ":") } ?? end
            start = (start..<colon).last { text[$0] == UInt8(ascii: "/") }.map { $0 + 1 } ?? start
        }
        return password(ofUser: start..<end, in: text).map { $0.lowerBound..<lastAt(from: end, in: text) }
    }

    /// Whether a host and a path follow: `user:password@registry.example.com/shop/web`, and no address of mail.
    private func isBeforeHost(_ end: Int, in text: Span<UInt8>) -> Bool {
        let limit = min(text.count, end + 254)
        var at = end + 1
        while at < limit, CredentialScan.isWord(text[at]) || text[at] == UInt8(ascii: ":") { at += 1 }
        return at < text.count && at > end + 1 && text[at] == UInt8(ascii: "/")
    }

    /// The last `@` before the host: a password may have some in it, which should be written otherwise.
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
            // A path, or an address of IPv6: what follows is no authority.
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "["): return nil
            default: break
            }
            colon += 1
        }
        guard colon < range.upperBound else { return nil }
        let password = colon + 1..<range.upperBound
        var end = password.lowerBound
        while end < password.upperBound, text[end] &- UInt8(ascii: "0") < 10 { end += 1 }
        // A port, and a path after it.
        if end < password.upperBound, text[end] == UInt8(ascii: "/") || text[end] == UInt8(ascii: "?") { return nil }
        return isPlaceholder(password, in: text) ? nil : password
    }

    /// The password in an address of Oracle's: `jdbc:oracle:thin:user/password@host`.
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
