/// Encoded texts within a text: in base64 or with escapes.
enum EncodedText {
    /// Returns the parts that can be base64 (RFC 4648, either alphabet), with at least 16 letters.
    ///
    /// Parts can overlap: `KEY=aHVudGVy` is read with and without its name, `a/aHVudGVy` with and without its directory.
    static func base64Parts(of bytes: Span<UInt8>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        // The starts of the sequence, and of the parts after its last `=` and its last `/`.
        var (run, value, piece) = (0, 0, 0)
        for at in 0...bytes.count {
            if at < bytes.count, CredentialScan.isBase64(bytes[at]) {
                switch bytes[at] {
                case UInt8(ascii: "/"):
                    if piece > max(run, value), at - piece >= shortest { parts.append(piece..<at) }
                    piece = at + 1
                case UInt8(ascii: "=") where at + 1 < bytes.count && isLetter(bytes[at + 1]):
                    (value, piece) = (at + 1, at + 1)
                default: break
                }
                continue
            }
            if at - run >= shortest { parts.append(run..<at) }
            if value > run, at - value >= shortest { parts.append(value..<at) }
            if piece > max(run, value), at - piece >= shortest { parts.append(piece..<at) }
            (run, value, piece) = (at + 1, at + 1, at + 1)
        }
        return parts
    }

    private static let shortest = 16

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: "=") && byte != UInt8(ascii: "/") && CredentialScan.isBase64(byte)
    }

    /// Returns the decoded base64; nil if the part is not base64 of a text.
    static func decoded(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        var result: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for at in range where text[at] != UInt8(ascii: "=") && text[at] != UInt8(ascii: "\n") {
            let byte = text[at]
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 97 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - 48 + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            default: return nil
            }
            (bits, count) = (bits << 6 | UInt32(value), count + 6)
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return String(validating: result, as: UTF8.self) == nil ? nil : result
    }

    /// A text without escapes, with the original position of each byte and of the end.
    struct Unescaped {
        var bytes: [UInt8] = []
        var places: [Int] = []
    }

    /// Decodes `%40`, `\u0040`, `\x40`, `\"`, `&#64;` and similar escapes; nil if the text has none.
    static func unescaped(_ text: Span<UInt8>) -> Unescaped? {
        guard mayHaveEscapes(text) else { return nil }
        var result = Unescaped()
        var hasEscapes = false
        var at = 0
        while at < text.count {
            result.places.append(at)
            if let (byte, length) = escape(text, at) {
                result.bytes.append(byte)
                hasEscapes = true
                at += length
            } else {
                result.bytes.append(text[at])
                at += 1
            }
        }
        result.places.append(at)
        return hasEscapes ? result : nil
    }

    /// True if the text has a byte that begins an escape; most texts do not.
    private static func mayHaveEscapes(_ text: Span<UInt8>) -> Bool {
        for at in text.indices {
            let byte = text[at]
            if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "&") { return true }
        }
        return false
    }

    private static func escape(_ text: Span<UInt8>, _ at: Int) -> (byte: UInt8, length: Int)? {
        switch text[at] {
        case UInt8(ascii: "%"): return hex(text, at + 1, 2).map { ($0, 3) }
        case UInt8(ascii: "\\"):
            guard at + 1 < text.count else { return nil }
            switch text[at + 1] {
            case UInt8(ascii: "u"): return hex(text, at + 2, 4).map { ($0, 6) }
            case UInt8(ascii: "x"): return hex(text, at + 2, 2).map { ($0, 4) }
            case UInt8(ascii: "n"): return (UInt8(ascii: "\n"), 2)
            case UInt8(ascii: "t"): return (UInt8(ascii: "\t"), 2)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): return (text[at + 1], 2)
            default: return nil
            }
        case UInt8(ascii: "&"):
            for (name, byte) in entities where CredentialScan.has(name, in: text, at: at) {
                return (byte, name.utf8CodeUnitCount)
            }
            guard CredentialScan.has("&#", in: text, at: at) else { return nil }
            return reference(text, at)
        default: return nil
        }
    }

    private static let entities: [(StaticString, UInt8)] = [
        ("&amp;", UInt8(ascii: "&")), ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")),
        ("&quot;", UInt8(ascii: "\"")), ("&apos;", UInt8(ascii: "'")),
    ]

    /// Decodes a character reference of HTML and XML: `&#64;`, `&#x40;`.
    private static func reference(_ text: Span<UInt8>, _ start: Int) -> (byte: UInt8, length: Int)? {
        var at = start + 2
        let isHex = at < text.count && text[at] | 0x20 == UInt8(ascii: "x")
        if isHex { at += 1 }
        let digits = at
        var value = 0
        while at < text.count, at - digits < 6, let digit = digit(text[at]), isHex || digit < 10 {
            value = value * (isHex ? 16 : 10) + digit
            at += 1
        }
        guard at > digits, at < text.count, text[at] == UInt8(ascii: ";"), value < 128 else { return nil }
        return (UInt8(value), at + 1 - start)
    }

    /// Decodes a number of hexadecimal digits: a byte of ASCII, or any byte for two digits.
    private static func hex(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> UInt8? {
        guard start + count <= text.count else { return nil }
        var value = 0
        for at in start..<start + count {
            guard let digit = digit(text[at]) else { return nil }
            value = value << 4 | digit
        }
        return value < 128 || count == 2 ? UInt8(truncatingIfNeeded: value) : nil
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
