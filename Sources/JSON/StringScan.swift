/// Finds the quote that ends a string, from the first special byte on, and checks the bytes before it.
///
/// Text such as the last applied configuration has many escapes, so these are scanned 64 bytes at a time. Non-ASCII bytes and the
/// end of the document are scanned byte by byte.
///
/// - Parameters:
///   - start: The string's first byte, after its quote; readable up to `end`.
///   - first: The first byte that is a quote, a backslash, a control character or not ASCII, or `end`.
///   - end: The end of the document.
/// - Returns: The place of the closing quote, and true if there are escapes.
/// - Throws: A failure at the first invalid byte, or at the opening quote if the string is not closed.
@inline(never)
func endOfString(
    _ start: Parser.Cursor, from first: Parser.Cursor, _ end: Parser.Cursor
) throws(Parser.Failure) -> (Parser.Cursor, Bool) {
    var at = first
    var hasEscapes = false
    var escapes = EscapeMask()
    while end - at >= 64 {
        let block = TextBlock(at)
        let isInEscape = escapes.isPending
        let escaped = escapes.next(block.backslashes)
        let quotes = block.quotes & ~escaped
        // The bytes before the closing quote; all bytes if there is none.
        let text = (quotes &- 1) & ~quotes
        guard block.others & text == 0 else {
            if isInEscape { at -= 1 }
            break
        }
        var rare = escaped & text & ~(block.quotes | block.backslashes)
        while rare != 0 {
            // The backslash is the byte before, possibly in the block before.
            _ = try endOfEscape(at + rare.trailingZeroBitCount - 1, end)
            rare &= rare - 1
        }
        hasEscapes = hasEscapes || block.backslashes & text != 0
        if quotes != 0 { return (at + quotes.trailingZeroBitCount, hasEscapes) }
        at += 64
        guard end - at >= 64 else {
            // Its backslash is read again: the next scan of 64 bytes would not know of it.
            if escapes.isPending { at -= 1 }
            break
        }
    }
    while true {
        at = scanPlain(at, end)
        guard at < end else { throw Parser.Failure(reason: "a string is not closed", place: start - 1) }
        let byte = at.pointee
        if byte == UInt8(ascii: "\"") { return (at, hasEscapes) }
        if byte == UInt8(ascii: "\\") {
            hasEscapes = true
            at = try endOfEscape(at, end)
        } else if byte >= 0x80 {
            // RFC 3629: shortest form, no surrogates, at most U+10FFFF.
            let length = utf8Length(at, available: end - at)
            guard length > 0 else { throw Parser.Failure(reason: "not valid UTF-8", place: at) }
            at += length
        } else {
            throw Parser.Failure(reason: "a control character in a string must be escaped", place: at)
        }
    }
}

/// Checks the escape whose backslash is at `at` and returns its end.
///
/// A lone surrogate is accepted, as in the API server.
@inline(__always)
private func endOfEscape(_ at: Parser.Cursor, _ end: Parser.Cursor) throws(Parser.Failure) -> Parser.Cursor {
    guard end - at >= 2 else { throw Parser.Failure(reason: "an escape is incomplete", place: at) }
    switch at[1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
        UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        return at + 2
    case UInt8(ascii: "u"):
        guard end - at >= 6, isHexDigit(at[2]), isHexDigit(at[3]), isHexDigit(at[4]), isHexDigit(at[5]) else {
            throw Parser.Failure(reason: "'\\u' needs four hexadecimal digits", place: at)
        }
        return at + 6
    default:
        throw Parser.Failure(reason: "invalid escape", place: at)
    }
}

/// The bytes of a block of 64 in a string that need handling; bit 0 is the first byte.
private struct TextBlock {
    private(set) var quotes: UInt64 = 0
    private(set) var backslashes: UInt64 = 0
    /// Control characters and non-ASCII bytes.
    private(set) var others: UInt64 = 0

    /// Scans the 64 readable bytes at `bytes`.
    @inline(__always)
    init(_ bytes: Parser.Cursor) {
        let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
        let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
        let space = SIMD16<Int8>(repeating: 0x20)
        for part in 0..<4 {
            let vector = UnsafeRawPointer(bytes + 16 * part).loadUnaligned(as: SIMD16<UInt8>.self)
            let shift = UInt64(16 * part)
            quotes |= bits(vector .== quote) &<< shift
            backslashes |= bits(vector .== backslash) &<< shift
            others |= bits(unsafeBitCast(vector, to: SIMD16<Int8>.self) .< space) &<< shift
        }
    }
}

/// The escaped bytes, block by block.
struct EscapeMask {
    // 1 if the next block's first byte is escaped.
    private var carry: UInt64 = 0

    /// True if the next block's first byte is escaped.
    var isPending: Bool { carry != 0 }

    /// The bytes of a block that follow an odd number of backslashes.
    @inline(__always)
    mutating func next(_ backslashes: UInt64) -> UInt64 {
        guard backslashes != 0 else {
            defer { carry = 0 }
            return carry
        }
        // A run of backslashes is added to its first bit if that is odd: the carry runs through and appears after it. The parity
        // of its start and end shows if the run's length is odd (Langdale and Lemire, "Parsing Gigabytes of JSON per Second",
        // section 3.1.1).
        let even: UInt64 = 0x5555_5555_5555_5555
        let active = backslashes & ~carry
        let follows = active << 1 | carry
        let oddStarts = active & ~even & ~follows
        let (sum, overflow) = oddStarts.addingReportingOverflow(active)
        carry = overflow ? 1 : 0
        return (even ^ sum << 1) & follows
    }
}
