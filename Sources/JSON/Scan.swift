import CVector

// The inner loops: 16 bytes at a time while 16 are readable, then one at a time. None reads at or after the given end.

/// The first byte at or after `at` that ends the fast scan of a string: `"`, `\`, a control character, non-ASCII.
@inline(__always)
func scanPlain(_ start: Parser.Cursor, _ end: Parser.Cursor) -> Parser.Cursor {
    var at = start
    // Before the beginning if there are fewer than 16 bytes: then nothing is read here.
    let last = end - 16
    while at <= last {
        let found = blockers(at)
        if found != 0 { return at + found.trailingZeroBitCount }
        at += 16
    }
    while at < end {
        let byte = at.pointee
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 { break }
        at += 1
    }
    return at
}

/// A bit for each of the 16 readable bytes at `at` that ends the fast scan of a string.
@inline(__always)
func blockers(_ at: Parser.Cursor) -> UInt64 {
    let block = UnsafeRawPointer(at).loadUnaligned(as: SIMD16<UInt8>.self)
    let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
    let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
    // As signed numbers, control characters and all bytes of multibyte sequences are less than the space.
    let space = SIMD16<Int8>(repeating: 0x20)
    let signed = unsafeBitCast(block, to: SIMD16<Int8>.self)
    return bits((block .== quote) .| (block .== backslash) .| (signed .< space))
}

/// One bit for each lane that is set, bit 0 for the first.
@inline(__always)
func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt64 {
    // A mask's lanes are bytes of all ones or all zeros.
    UInt64(playbook_bits(unsafeBitCast(mask, to: SIMD16<Int8>.self)))
}

/// The length of the well-formed UTF-8 sequence at `bytes`; 0 if there is none (RFC 3629, section 4).
func utf8Length(_ bytes: UnsafePointer<UInt8>, available: Int) -> Int {
    func continues(_ index: Int, from low: UInt8 = 0x80, through high: UInt8 = 0xBF) -> Bool {
        index < available && bytes[index] >= low && bytes[index] <= high
    }
    guard available > 0 else { return 0 }
    switch bytes[0] {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: return continues(1) ? 2 : 0
    case 0xE0: return continues(1, from: 0xA0) && continues(2) ? 3 : 0
    case 0xED: return continues(1, through: 0x9F) && continues(2) ? 3 : 0
    case 0xE1...0xEF: return continues(1) && continues(2) ? 3 : 0
    case 0xF0: return continues(1, from: 0x90) && continues(2) && continues(3) ? 4 : 0
    case 0xF1...0xF3: return continues(1) && continues(2) && continues(3) ? 4 : 0
    case 0xF4: return continues(1, through: 0x8F) && continues(2) && continues(3) ? 4 : 0
    default: return 0
    }
}

/// True if two regions of `length` readable bytes are the same.
@inlinable
@inline(__always)
func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard length >= 8 else {
        // As below, with 4 bytes at a time: nearly all keys are at least that long.
        if length >= 4 { return half(left, 0) == half(right, 0) && half(left, length - 4) == half(right, length - 4) }
        var at = 0
        while at < length {
            guard left[at] == right[at] else { return false }
            at += 1
        }
        return true
    }
    // The last 8 bytes may overlap the ones before them: `length - 8` is not negative, so all loads are inside the regions.
    let last = length - 8
    var at = 0
    while at < last {
        guard word(left, at) == word(right, at) else { return false }
        at += 8
    }
    return word(left, last) == word(right, last)
}

/// The 8 readable bytes at an offset.
@inlinable
@inline(__always)
func word(_ bytes: UnsafePointer<UInt8>, _ offset: Int) -> UInt64 {
    UnsafeRawPointer(bytes + offset).loadUnaligned(as: UInt64.self)
}

/// The 4 readable bytes at an offset.
@inlinable
@inline(__always)
func half(_ bytes: UnsafePointer<UInt8>, _ offset: Int) -> UInt32 {
    UnsafeRawPointer(bytes + offset).loadUnaligned(as: UInt32.self)
}

@inline(__always)
func isHexDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") <= 9 || (byte | 0x20) &- UInt8(ascii: "a") <= 5
}
