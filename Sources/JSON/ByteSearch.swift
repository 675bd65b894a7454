/// Looking through text where it lies, many bytes at a time, for those who take it apart.
extension Span<UInt8> {
    /// The first place that is neither a lower case letter of ASCII nor a digit.
    ///
    /// - Parameter start: Where to begin, from 0 to the count.
    /// - Returns: The place; the count where there is none.
    public func endOfWord(from start: Int) -> Int {
        precondition(start >= 0)
        return withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let last = bytes.count - 16
            var at = start
            // 16 bytes are there up to `last`.
            while at <= last {
                let found = wordBreaks(base + at)
                if found != 0 { return at + found.trailingZeroBitCount }
                at += 16
            }
            if last >= 0, at < bytes.count {
                // The last 16 bytes, of which the first ones have been looked at.
                let found = wordBreaks(base + last) &>> UInt64(at - last)
                return found == 0 ? bytes.count : at + found.trailingZeroBitCount
            }
            while at < bytes.count, isOfWord(bytes[at]) { at += 1 }
            return at
        }
    }

    /// Whether these are the bytes in a range.
    @inlinable
    @inline(__always)
    public func isSame(_ word: StaticString, in range: Range<Int>) -> Bool {
        let length = word.utf8CodeUnitCount
        guard length == range.count, length > 0 else { return length == range.count }
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // As many bytes as are compared lie in the range, which lies in the span.
        return withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { equal($0 + range.lowerBound, word.utf8Start, length) } ?? false
        }
    }
}

/// Which of the 16 readable bytes at `at` are no lower case letters or digits, a bit for each.
@inline(__always)
private func wordBreaks(_ at: Parser.Cursor) -> UInt64 {
    let block = UnsafeRawPointer(at).loadUnaligned(as: SIMD16<UInt8>.self)
    // Moved so that the first of them is the least number, as a signed one: unsigned ones are not compared all at once.
    let fromA = unsafeBitCast(block &- SIMD16(repeating: UInt8(ascii: "a") &+ 128), to: SIMD16<Int8>.self)
    let fromZero = unsafeBitCast(block &- SIMD16(repeating: UInt8(ascii: "0") &+ 128), to: SIMD16<Int8>.self)
    let behindZ = SIMD16<Int8>(repeating: .min + 26)
    let behindNine = SIMD16<Int8>(repeating: .min + 10)
    return ~bits((fromA .< behindZ) .| (fromZero .< behindNine)) & 0xFFFF
}

private func isOfWord(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
}
