// The inner loops: 16 bytes at a time while 16 are there, one at a time after that. Each takes a pointer that is readable for
// `count` bytes and a position, and never reads at or past `count`.

/// The first byte at or after `at` that a string cannot simply run over: `"`, `\`, a control character, non-ASCII.
@inline(__always)
func scanPlain(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
    var at = start
    let quote = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
    let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
    // As signed numbers, control characters and all bytes of a multibyte sequence lie below the space.
    let space = SIMD16<Int8>(repeating: 0x20)
    while at &+ 16 <= count {
        let block = UnsafeRawPointer(bytes + at).loadUnaligned(as: SIMD16<UInt8>.self)
        let signed = unsafeBitCast(block, to: SIMD16<Int8>.self)
        let mask = (block .== quote) .| (block .== backslash) .| (signed .< space)
        let first = firstSet(mask)
        if first < 16 { return at &+ first }
        at &+= 16
    }
    while at < count {
        let byte = bytes[at]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 { break }
        at &+= 1
    }
    return at
}

/// The index of the first lane that is set; 16 when none is.
@inline(__always)
func firstSet(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
    // A mask's lanes are bytes of all ones or all zeros, 16 bytes in memory as two 64-bit words.
    let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    if words[0] != 0 { return UInt64(littleEndian: words[0]).trailingZeroBitCount >> 3 }
    if words[1] != 0 { return 8 + UInt64(littleEndian: words[1]).trailingZeroBitCount >> 3 }
    return 16
}

/// The length of the well-formed UTF-8 sequence at `bytes`; 0 when there is none (RFC 3629, section 4).
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

/// Whether two regions of `length` readable bytes are the same.
@inlinable
@inline(__always)
func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard length >= 8 else {
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

@inline(__always)
func isHexDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") <= 9 || (byte | 0x20) &- UInt8(ascii: "a") <= 5
}
