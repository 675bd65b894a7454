/// Finds the end of a container without parsing it: only strings and brackets are recognized, and brackets are not matched.
///
/// It scans 64 bytes at a time: bit masks locate quotes, backslashes and brackets, and the quotes determine which bytes are in
/// strings.
///
/// - Parameters:
///   - start: The container's first bracket; readable up to `end`.
///   - end: The end of the document.
///   - outer: The number of containers around it.
/// - Returns: The place after its last bracket.
/// - Throws: A failure if the bytes end first, or if it nests deeper than brackets are counted.
@inline(never)
func endOfContainer(
    _ start: Parser.Cursor, _ end: Parser.Cursor, _ outer: Int
) throws(Parser.Failure) -> Parser.Cursor {
    // Inside already: the first bracket is no longer counted.
    var depth = outer + 1
    var strings = StringMask()
    var at = start + 1
    while at < end {
        let block = end - at >= 64 ? Block(at) : lastBlock(at, end)
        let outside = ~strings.next(quotes: block.quotes, backslashes: block.backslashes)
        let opening = block.opening & outside
        let closing = block.closing & outside
        // An empty container opens and closes at once; managed fields contain many. Near the limit, each one counts.
        let empty = depth < ParseOptions.maximumOpaqueDepth - 64 ? opening & closing &>> 1 : 0
        var brackets = (opening | closing) & ~(empty | empty &<< 1)
        while brackets != 0 {
            let bit = brackets.trailingZeroBitCount
            if opening &>> UInt64(bit) & 1 == 1 {
                depth &+= 1
                guard depth <= ParseOptions.maximumOpaqueDepth else {
                    throw Parser.Failure(reason: ParseError.tooDeep, place: at + bit)
                }
            } else {
                depth &-= 1
                if depth == outer { return at + bit + 1 }
            }
            brackets &= brackets &- 1
        }
        at += 64
    }
    throw Parser.Failure(
        reason: strings.isInside ? "a string is not closed" : "an object or array is not closed", place: start)
}

/// Copies the last bytes, fewer than 64, into a block padded with zeros, which are not part of any structure.
@inline(never)
private func lastBlock(_ at: Parser.Cursor, _ end: Parser.Cursor) -> Block {
    var bytes = InlineArray<64, UInt8>(repeating: 0)
    for offset in 0..<end - at { bytes[offset] = at[offset] }
    return bytes.span.withUnsafeBufferPointer { buffer in
        // 64 bytes are readable during this call.
        buffer.baseAddress.map { Block($0) } ?? Block()
    }
}

/// The bytes of a block of 64 that make up structure; bit 0 is the first byte.
private struct Block {
    private(set) var quotes: UInt64 = 0
    private(set) var backslashes: UInt64 = 0
    private(set) var opening: UInt64 = 0
    private(set) var closing: UInt64 = 0

    init() {}

    /// Scans the 64 readable bytes at `bytes`.
    @inline(__always)
    init(_ bytes: Parser.Cursor) {
        let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
        let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
        // `[` and `{`, `]` and `}` differ in one bit only.
        let bit = SIMD16<UInt8>(repeating: 0x20)
        let brace = SIMD16<UInt8>(repeating: UInt8(ascii: "{"))
        let closingBrace = SIMD16<UInt8>(repeating: UInt8(ascii: "}"))
        for part in 0..<4 {
            let vector = UnsafeRawPointer(bytes + 16 * part).loadUnaligned(as: SIMD16<UInt8>.self)
            let folded = vector | bit
            let shift = UInt64(16 * part)
            quotes |= bits(vector .== quote) &<< shift
            backslashes |= bits(vector .== backslash) &<< shift
            opening |= bits(folded .== brace) &<< shift
            closing |= bits(folded .== closingBrace) &<< shift
        }
    }
}

/// The bytes inside strings, block by block.
private struct StringMask {
    // All ones while a string continues in the next block.
    private var carry: UInt64 = 0
    private var escapes = EscapeMask()

    var isInside: Bool { carry != 0 }

    /// The bytes of a block that are in strings, including opening quotes.
    @inline(__always)
    mutating func next(quotes: UInt64, backslashes: UInt64) -> UInt64 {
        // Each bit becomes the parity of the quotes up to it.
        var mask = quotes & ~escapes.next(backslashes)
        mask ^= mask &<< 1
        mask ^= mask &<< 2
        mask ^= mask &<< 4
        mask ^= mask &<< 8
        mask ^= mask &<< 16
        mask ^= mask &<< 32
        mask ^= carry
        carry = UInt64(bitPattern: Int64(bitPattern: mask) &>> 63)
        return mask
    }
}
