/// Checks the number at `start`, a minus or a digit, and returns its end (RFC 8259, section 6).
@inline(never)
func endOfNumber(_ start: Parser.Cursor, _ end: Parser.Cursor) throws(Parser.Failure) -> Parser.Cursor {
    var at = start.pointee == UInt8(ascii: "-") ? start + 1 : start
    if at < end, at.pointee == UInt8(ascii: "0") {
        at += 1
        guard !isDigit(at, end) else { throw Parser.Failure(reason: "a number must not start with 0", place: at) }
    } else {
        at = try endOfDigits(at, end, "expected a digit")
    }
    if at < end, at.pointee == UInt8(ascii: ".") {
        at = try endOfDigits(at + 1, end, "expected a digit after the decimal point")
    }
    if at < end, at.pointee | 0x20 == UInt8(ascii: "e") {
        at += 1
        if at < end, at.pointee == UInt8(ascii: "+") || at.pointee == UInt8(ascii: "-") { at += 1 }
        at = try endOfDigits(at, end, "expected a digit in the exponent")
    }
    return at
}

@inline(__always)
private func isDigit(_ at: Parser.Cursor, _ end: Parser.Cursor) -> Bool {
    at < end && at.pointee &- UInt8(ascii: "0") <= 9
}

@inline(__always)
private func endOfDigits(
    _ start: Parser.Cursor, _ end: Parser.Cursor, _ complaint: String
) throws(Parser.Failure) -> Parser.Cursor {
    guard isDigit(start, end) else { throw missing(complaint, start, end) }
    var at = start
    while isDigit(at, end) { at += 1 }
    return at
}
