/// Searches text in place, many bytes at a time.
extension Span<UInt8> {
    /// The first index whose byte is not a lower-case ASCII letter or a digit.
    ///
    /// - Parameter start: The index to start at, from 0 to the count.
    /// - Returns: The index; the count if there is none.
    public func endOfWord(from start: Int) -> Int { end(from: start, count, wordBreaks, isOfWord) }

    /// The first index whose byte is not an ASCII letter, digit, full stop, dash or underscore.
    ///
    /// - Parameter start: The index to start at, from 0 to the count.
    /// - Returns: The index; the count if there is none.
    public func endOfName(from start: Int) -> Int { end(from: start, count, nameBreaks, isOfName) }

    /// The first index of a byte that ends a value in a shell, a query, a connection string or JSON: white space and other
    /// control characters, a quote, `;`, `&`, `,`, `<` or a backslash.
    ///
    /// - Parameters:
    ///   - start: The index to start at.
    ///   - limit: The index to end at, at most the count.
    /// - Returns: The index; `limit` if there is none before it.
    public func endOfValue(from start: Int, before limit: Int) -> Int {
        end(from: start, limit, valueBreaks, { !isBetweenValues($0) })
    }

    /// The first byte before `limit` that is not skipped.
    @inline(__always)
    private func end(
        from start: Int, _ limit: Int, _ breaks: (Parser.Cursor) -> UInt64, _ isSkipped: (UInt8) -> Bool
    ) -> Int {
        precondition(start >= 0 && limit <= count)
        return withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let last = limit - 16
            var at = start
            // 16 bytes are readable up to `last`.
            while at <= last {
                let found = breaks(base + at)
                if found != 0 { return at + found.trailingZeroBitCount }
                at += 16
            }
            if last >= 0, at < limit {
                // The last 16 bytes; the first of them have been checked already.
                let found = breaks(base + last) &>> UInt64(at - last)
                return found == 0 ? limit : at + found.trailingZeroBitCount
            }
            while at < limit, isSkipped(bytes[at]) { at += 1 }
            return at
        }
    }

    /// True if the bytes in a range are these.
    @inlinable
    @inline(__always)
    public func isSame(_ word: StaticString, in range: Range<Int>) -> Bool {
        let length = word.utf8CodeUnitCount
        guard length == range.count, length > 0 else { return length == range.count }
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // The range, which is in the span, has as many bytes as are compared.
        return withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { equal($0 + range.lowerBound, word.utf8Start, length) } ?? false
        }
    }
}

/// A bit for each of the 16 readable bytes at `at` that is not a lower-case letter or a digit.
@inline(__always)
private func wordBreaks(_ at: Parser.Cursor) -> UInt64 {
    let block = UnsafeRawPointer(at).loadUnaligned(as: SIMD16<UInt8>.self)
    // Shifted so that the first of them is the lowest signed number: unsigned lanes are not compared all at once.
    let fromA = unsafeBitCast(block &- SIMD16(repeating: UInt8(ascii: "a") &+ 128), to: SIMD16<Int8>.self)
    let fromZero = unsafeBitCast(block &- SIMD16(repeating: UInt8(ascii: "0") &+ 128), to: SIMD16<Int8>.self)
    let behindZ = SIMD16<Int8>(repeating: .min + 26)
    let behindNine = SIMD16<Int8>(repeating: .min + 10)
    return ~bits((fromA .< behindZ) .| (fromZero .< behindNine)) & 0xFFFF
}

/// A bit for each of the 16 readable bytes at `at` that is not part of a name.
@inline(__always)
private func nameBreaks(_ at: Parser.Cursor) -> UInt64 {
    let block = UnsafeRawPointer(at).loadUnaligned(as: SIMD16<UInt8>.self)
    let lower = block | SIMD16<UInt8>(repeating: 0x20)
    // Shifted as in a word; - . / 0 … 9 are adjacent.
    let fromA = unsafeBitCast(lower &- SIMD16<UInt8>(repeating: UInt8(ascii: "a") &+ 128), to: SIMD16<Int8>.self)
    let fromDash = unsafeBitCast(block &- SIMD16<UInt8>(repeating: UInt8(ascii: "-") &+ 128), to: SIMD16<Int8>.self)
    let behindZ = SIMD16<Int8>(repeating: .min + 26)
    let behindNine = SIMD16<Int8>(repeating: .min + 13)
    let slash = SIMD16<UInt8>(repeating: UInt8(ascii: "/"))
    let underscore = SIMD16<UInt8>(repeating: UInt8(ascii: "_"))
    let isPart = (fromA .< behindZ) .| (fromDash .< behindNine) .| (block .== underscore)
    return (~bits(isPart) | bits(block .== slash)) & 0xFFFF
}

private func isOfName(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- 45 < 13 && byte != UInt8(ascii: "/") || byte == UInt8(ascii: "_")
}

/// A bit for each of the 16 readable bytes at `at` that ends a value.
@inline(__always)
private func valueBreaks(_ at: Parser.Cursor) -> UInt64 {
    let block = UnsafeRawPointer(at).loadUnaligned(as: SIMD16<UInt8>.self)
    let fromZero = unsafeBitCast(block &- SIMD16<UInt8>(repeating: 128), to: SIMD16<Int8>.self)
    let behindSpace = SIMD16<Int8>(repeating: .min + 33)
    let doubleQuote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
    // & and ' are adjacent, and so are ; and <.
    let (ampersand, semicolon) = (UInt8(ascii: "&") &+ 128, UInt8(ascii: ";") &+ 128)
    let fromAmpersand = unsafeBitCast(block &- SIMD16<UInt8>(repeating: ampersand), to: SIMD16<Int8>.self)
    let behindTwo = SIMD16<Int8>(repeating: .min + 2)
    let fromSemicolon = unsafeBitCast(block &- SIMD16<UInt8>(repeating: semicolon), to: SIMD16<Int8>.self)
    let comma = SIMD16<UInt8>(repeating: UInt8(ascii: ","))
    let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
    let isBreak = (fromZero .< behindSpace) .| (block .== doubleQuote) .| (fromAmpersand .< behindTwo)
    let isOther = (fromSemicolon .< behindTwo) .| (block .== comma) .| (block .== backslash)
    return bits(isBreak .| isOther)
}

private func isBetweenValues(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "&"), UInt8(ascii: ","),
        UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: "\\"):
        true
    default: false
    }
}

private func isOfWord(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
}
