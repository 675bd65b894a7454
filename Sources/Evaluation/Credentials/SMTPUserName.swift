package import JSON
import Languages

extension Credential {
    /// True if the secret is an access key id whose own name contains `smtp`, as in `SMTP_USERNAME`: the user name of a mail server.
    ///
    /// The name is the word before it, as in `smtp.user=`, `"smtpUser":`, `--smtp-user`, `smtp://`, or the name of the variable that
    /// has the text as its value. Only a few bytes of each are read, because a text can contain many keys.
    package func isUserOfSMTP(in text: Span<UInt8>, named name: Value?) -> Bool {
        guard kind == .awsAccessKeyID else { return false }
        var (end, isAssigned) = (range.lowerBound, false)
        let limit = max(0, end - 16)
        while end > limit, let assigns = Credential.assigns(text[end - 1]) {
            isAssigned = isAssigned || assigns
            end -= 1
        }
        var start = end
        while start > max(0, end - Credential.longestName), NameWords.isInName(text[start - 1]) { start -= 1 }
        let hasName = start < end && (isAssigned || text[start] == UInt8(ascii: "-"))
        if hasName, text.contains("smtp", in: start..<end) { return true }
        // In a variable named after SMTP, another name must not be one of AWS.
        let isOfAWS = hasName && (text.contains("aws", in: start..<end) || text.contains("access", in: start..<end))
        return !isOfAWS && name.map { Credential.isVariable($0, atStart: end == 0) } ?? false
    }

    private static let longestName = 256

    /// True if a variable's name contains `smtp`; the name of a file, as in `smtp.env`, counts only at the start of its text.
    private static func isVariable(_ name: Value, atStart isAtStart: Bool) -> Bool {
        name.withContents { text in
            let range = 0..<min(text.count, longestName)
            return text.contains("smtp", in: range)
                && (isAtStart || range.allSatisfy { text[$0] != UInt8(ascii: ".") })
        }
    }

    /// True if a byte between a name and its value assigns the value; nil if the byte cannot be there.
    private static func assigns(_ byte: UInt8) -> Bool? {
        switch byte {
        case UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: ">"): true
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"),
            UInt8(ascii: "/"):
            false
        default: nil
        }
    }
}

extension Span<UInt8> {
    /// Returns true if a part of a text contains a word, in lower case here, in any case.
    fileprivate func contains(_ word: StaticString, in range: Range<Int>) -> Bool {
        let letters = Array("\(word)".utf8)
        guard range.count >= letters.count else { return false }
        return (range.lowerBound...range.upperBound - letters.count).contains { at in
            letters.indices.allSatisfy { self[at + $0] | 0x20 == letters[$0] }
        }
    }
}
