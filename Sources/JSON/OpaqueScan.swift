/// Finds the end of a container without looking into it: only strings and brackets count, and brackets are not matched.
///
/// 64 bytes at a time: one bit a byte says where quotes, backslashes and brackets are, the quotes say what is inside strings, and
/// while a block does not close as many brackets as are open, counting them is all there is to do.
///
/// - Parameters:
///   - bytes: Readable for `count` bytes.
///   - start: The container's first bracket.
///   - count: The number of bytes.
///   - outer: How many containers it lies in.
/// - Returns: The place after its last bracket.
/// - Throws: A failure where the bytes end first, or it nests deeper than brackets are counted.
@inline(never)
func endOfContainer(
    _ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ outer: Int
) throws(Parser.Failure) -> Int {
    var depth = outer
    var strings = StringMask()
    var at = start
    while at < count {
        let block: Block
        if at + 64 <= count {
            block = Block(bytes + at)
        } else {
            // The last bytes, in a block of their own with zeros behind them, which are no part of any structure.
            var last = InlineArray<64, UInt8>(repeating: 0)
            for offset in 0..<count - at { last[offset] = bytes[at + offset] }
            block = last.span.withUnsafeBufferPointer { buffer in
                // 64 bytes are there, for the time of this call.
                buffer.baseAddress.map { Block($0) } ?? Block()
            }
        }
        let inside = strings.next(quotes: block.quotes, backslashes: block.backslashes)
        let opening = block.opening & ~inside
        let closing = block.closing & ~inside
        if closing.nonzeroBitCount < depth - outer, depth + opening.nonzeroBitCount <= ParseOptions.maximumOpaqueDepth {
            depth += opening.nonzeroBitCount - closing.nonzeroBitCount
        } else {
            // The end may be here: one bracket after the other.
            var brackets = opening | closing
            while brackets != 0 {
                let bit = brackets.trailingZeroBitCount
                depth += opening >> UInt64(bit) & 1 == 1 ? 1 : -1
                if depth == outer { return at + bit + 1 }
                guard depth <= ParseOptions.maximumOpaqueDepth else {
                    throw Parser.Failure(reason: ParseError.tooDeep, offset: at + bit)
                }
                brackets &= brackets - 1
            }
        }
        at += 64
    }
    throw Parser.Failure(
        reason: strings.isInside ? "a string is not closed" : "an object or array is not closed", offset: start)
}

/// Where in 64 bytes the bytes are that make up structure: bit 0 is the first byte.
private struct Block {
    var quotes: UInt64 = 0
    var backslashes: UInt64 = 0
    var opening: UInt64 = 0
    var closing: UInt64 = 0

    init() {}

    /// Looks at the 64 bytes at `bytes`, all of them readable.
    @inline(__always)
    init(_ bytes: UnsafePointer<UInt8>) {
        let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
        let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
        // `[` and `{`, `]` and `}` differ in one bit only.
        let bit = SIMD16<UInt8>(repeating: 0x20)
        let brace = SIMD16<UInt8>(repeating: UInt8(ascii: "{"))
        let closingBrace = SIMD16<UInt8>(repeating: UInt8(ascii: "}"))
        var isAnyBackslash = SIMDMask<SIMD16<Int8>>(repeating: false)
        for part in 0..<4 {
            let vector = UnsafeRawPointer(bytes + 16 * part).loadUnaligned(as: SIMD16<UInt8>.self)
            let folded = vector | bit
            let shift = UInt64(16 * part)
            quotes |= bits(vector .== quote) << shift
            opening |= bits(folded .== brace) << shift
            closing |= bits(folded .== closingBrace) << shift
            isAnyBackslash = isAnyBackslash .| (vector .== backslash)
        }
        // What is skipped has few of them.
        guard firstSet(isAnyBackslash) < 16 else { return }
        for part in 0..<4 {
            let vector = UnsafeRawPointer(bytes + 16 * part).loadUnaligned(as: SIMD16<UInt8>.self)
            backslashes |= bits(vector .== backslash) << UInt64(16 * part)
        }
    }
}

/// Which bytes are inside strings, block after block.
private struct StringMask {
    // All ones while a string goes on into the next block.
    private var carry: UInt64 = 0
    // 1 where the next block's first byte is escaped.
    private var isEscaped: UInt64 = 0

    var isInside: Bool { carry != 0 }

    /// The bytes of a block that are in strings, opening quotes included.
    @inline(__always)
    mutating func next(quotes: UInt64, backslashes: UInt64) -> UInt64 {
        var mask = quotes & ~escaped(by: backslashes)
        // Each bit becomes the parity of the quotes up to it.
        for shift: UInt64 in [1, 2, 4, 8, 16, 32] { mask ^= mask << shift }
        mask ^= carry
        carry = UInt64(bitPattern: Int64(bitPattern: mask) >> 63)
        return mask
    }

    /// The bytes that come after an odd number of backslashes.
    @inline(__always)
    private mutating func escaped(by backslashes: UInt64) -> UInt64 {
        guard backslashes != 0 else {
            defer { isEscaped = 0 }
            return isEscaped
        }
        // A run of backslashes is added to its first bit, where that is odd: the carry runs through and comes out behind it. The
        // parity of where it started and where it came out says whether the run's length is odd (Langdale and Lemire, "Parsing
        // Gigabytes of JSON per Second", section 3.1.1).
        let even: UInt64 = 0x5555_5555_5555_5555
        let active = backslashes & ~isEscaped
        let follows = active << 1 | isEscaped
        let oddStarts = active & ~even & ~follows
        let (sum, overflow) = oddStarts.addingReportingOverflow(active)
        isEscaped = overflow ? 1 : 0
        return (even ^ sum << 1) & follows
    }
}

/// One bit for each lane that is set, bit 0 for the first.
@inline(__always)
private func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt64 {
    // Lanes are bytes of all ones or all zeros, in memory as two 64-bit words. In each word byte n keeps bit n alone; multiplied,
    // the top byte becomes the sum of all eight, which nothing carries into.
    let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    let weights: UInt64 = 0x8040_2010_0804_0201
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = (UInt64(littleEndian: words[0]) & weights) &* ones
    let high = (UInt64(littleEndian: words[1]) & weights) &* ones
    return low >> 56 | (high >> 56) << 8
}
