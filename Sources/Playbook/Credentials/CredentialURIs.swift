/// Finds passwords in URIs, `scheme://user:password@host`, one `@` of a text after the other.
struct CredentialURIs {
    /// Where the last URI was looked for: never before this place again.
    private var authority = 0

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
        guard isAuthority || isSocket, !CredentialScan.has("sha256:", in: text, at: end + 1) else { return nil }
        return password(ofUser: start..<end, in: text)
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
        guard !password.isEmpty else { return true }
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
