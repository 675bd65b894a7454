extension Value {
    /// True if the text of a string contains escapes.
    var hasEscapes: Bool { node.pointee.hasEscapes }

    /// The contents of a string with its escapes resolved.
    var unescaped: String {
        // An escape is never shorter than the bytes it stands for, so the text's length is enough for the contents.
        String(unsafeUninitializedCapacity: raw.count) { unescape(into: $0) }
    }

    /// The number of bytes of a string's contents, with its escapes resolved.
    @usableFromInline var unescapedCount: Int { withContents { $0.count } }

    /// The contents of a string with its escapes resolved, in memory that the caller deallocates.
    @usableFromInline
    func unescapedCopy() -> UnsafeBufferPointer<UInt8> {
        // Without an alignment, memory comes from `malloc`, with a third of the instructions.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: raw.count, alignment: 1)
        let contents = UnsafeMutableBufferPointer(
            start: memory.bindMemory(to: UInt8.self, capacity: raw.count), count: raw.count)
        // The returned buffer has as many bytes as were written.
        return UnsafeBufferPointer(start: contents.baseAddress, count: unescape(into: contents))
    }

    /// Writes the contents of a string with its escapes resolved into a buffer with room for its text.
    ///
    /// - Returns: The number of bytes.
    private func unescape(into contents: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let raw = raw
        guard let source = raw.baseAddress, let target = contents.baseAddress else { return 0 }
        let backslash = SIMD16<UInt8>(repeating: UInt8(ascii: "\\"))
        var count = 0
        var at = 0
        while at < raw.count {
            // Never more is written than was read: if 16 bytes are readable, there is room for them.
            if at + 16 <= raw.count {
                let block = UnsafeRawPointer(source + at).loadUnaligned(as: SIMD16<UInt8>.self)
                UnsafeMutableRawPointer(target + count).storeBytes(of: block, as: SIMD16<UInt8>.self)
                let found = bits(block .== backslash)
                let length = found == 0 ? 16 : found.trailingZeroBitCount
                at += length
                count += length
                if found == 0 { continue }
            }
            let (units, length) = unit(in: raw, &at)
            for shift in 0..<length { target[count + shift] = UInt8(truncatingIfNeeded: units >> (8 * shift)) }
            count += length
        }
        return count
    }

    /// True if the string's contents, with escapes resolved, are the `length` bytes at `other`.
    @usableFromInline
    func decodes(to other: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let raw = raw
        guard length <= raw.count else { return false }
        var matched = 0
        var at = 0
        while at < raw.count {
            let (units, count) = unit(in: raw, &at)
            guard matched + count <= length else { return false }
            for shift in 0..<count where other[matched + shift] != UInt8(truncatingIfNeeded: units >> (8 * shift)) {
                return false
            }
            matched += count
        }
        return matched == length
    }

    /// The byte or escape at `at`, as one to four bytes of UTF-8, the first in the lowest place.
    @inline(__always)
    private func unit(in raw: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> (units: UInt32, count: Int) {
        let byte = raw[at]
        at += 1
        guard byte == UInt8(ascii: "\\"), at < raw.count else { return (UInt32(byte), 1) }
        let code = raw[at]
        at += 1
        switch code {
        case UInt8(ascii: "b"): return (0x08, 1)
        case UInt8(ascii: "f"): return (0x0C, 1)
        case UInt8(ascii: "n"): return (0x0A, 1)
        case UInt8(ascii: "r"): return (0x0D, 1)
        case UInt8(ascii: "t"): return (0x09, 1)
        case UInt8(ascii: "u"):
            var units: UInt32 = 0
            var count = 0
            for unit in UTF8.encode(scalar(in: raw, &at)) ?? UTF8.encodedReplacementCharacter {
                units |= UInt32(unit) << (8 * UInt32(count))
                count += 1
            }
            return (units, count)
        default: return (UInt32(code), 1)
        }
    }

    /// The scalar of the four digits at `at`, joined with a second escape if both form a surrogate pair.
    private func scalar(in raw: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        guard let first = codeUnit(in: raw, at) else { return replacement }
        at += 4
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, at + 6 <= raw.count, raw[at] == UInt8(ascii: "\\"), raw[at + 1] == UInt8(ascii: "u"),
            let second = codeUnit(in: raw, at + 2), second >= 0xDC00, second <= 0xDFFF
        else { return replacement }
        at += 6
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private func codeUnit(in raw: UnsafeBufferPointer<UInt8>, _ at: Int) -> UInt32? {
        guard at + 4 <= raw.count else { return nil }
        var unit: UInt32 = 0
        for byte in raw[at..<at + 4] {
            guard isHexDigit(byte) else { return nil }
            let digit = byte <= UInt8(ascii: "9") ? byte - UInt8(ascii: "0") : (byte | 0x20) - UInt8(ascii: "a") + 10
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}

/// Appends a string in quotes, escaped as required by RFC 8259: quotes, backslashes and control characters.
public func appendQuoted(_ string: some StringProtocol, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    // Nearly always, nothing must be escaped, and the text is copied as it is.
    let isPlain = string.utf8.withContiguousStorageIfAvailable { utf8 in
        for byte in utf8 where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
        bytes.append(contentsOf: utf8)
        return true
    }
    if isPlain ?? false { return }
    for byte in string.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            appendEscape(byte, to: &bytes)
        case UInt8(ascii: "\n"): appendEscape(UInt8(ascii: "n"), to: &bytes)
        case UInt8(ascii: "\t"): appendEscape(UInt8(ascii: "t"), to: &bytes)
        case UInt8(ascii: "\r"): appendEscape(UInt8(ascii: "r"), to: &bytes)
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(hexDigit(byte >> 4))
            bytes.append(hexDigit(byte & 15))
        default: bytes.append(byte)
        }
    }
}

private func appendEscape(_ code: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    bytes.append(code)
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

extension Unicode.Scalar {
    /// True if a character must not occur in a line of output.
    ///
    /// It ends the line, controls a terminal, or changes the direction of the text around it.
    public var isUnfitForLine: Bool {
        switch value {
        case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
