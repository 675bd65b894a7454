/// Reads the parts that heads of requests and responses have in common: tokens, lines and header fields (RFC 9112, section 5).
///
/// It moves forward over bytes that it does not keep.
struct HeadReader {
    let count: Int
    var at = 0

    mutating func token(_ bytes: Span<UInt8>, _ what: String) throws(Stop) -> Range<Int> {
        let start = at
        while at < count, isTokenCharacter(bytes[at]) { at += 1 }
        guard at < count else { throw .incomplete }
        guard at > start else { throw .malformed("\(what) is missing or has a character that is not allowed") }
        return start..<at
    }

    mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>, _ message: String) throws(Stop) {
        guard at < count else { throw .incomplete }
        guard bytes[at] == byte else { throw .malformed(message) }
        at += 1
    }

    mutating func endOfLine(_ bytes: Span<UInt8>) throws(Stop) {
        guard at < count else { throw .incomplete }
        guard bytes[at] == cr else { throw .malformed("a line must end with CR LF") }
        guard at + 1 < count else { throw .incomplete }
        guard bytes[at + 1] == lf else { throw .malformed("a line must end with CR LF") }
        at += 2
    }

    /// A header's name and value; nil at the empty line that ends the head.
    mutating func field(_ bytes: Span<UInt8>) throws(Stop) -> (name: Range<Int>, value: Range<Int>)? {
        guard at < count else { throw .incomplete }
        if bytes[at] == cr {
            try endOfLine(bytes)
            return nil
        }
        guard !isBlank(bytes[at]) else { throw .malformed("a header must not be folded over several lines") }
        let name = try token(bytes, "a header name")
        try expect(UInt8(ascii: ":"), bytes, "a header name must be followed by a colon")
        return (name, try value(bytes))
    }

    /// The value without surrounding white space.
    private mutating func value(_ bytes: Span<UInt8>) throws(Stop) -> Range<Int> {
        while at < count, isBlank(bytes[at]) { at += 1 }
        let start = at
        while at < count, bytes[at] >= 0x20 && bytes[at] != 0x7F || bytes[at] == UInt8(ascii: "\t") { at += 1 }
        guard at < count else { throw .incomplete }
        guard bytes[at] == cr else { throw .malformed("a header value has a control character") }
        var end = at
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        try endOfLine(bytes)
        return start..<end
    }

    // MARK: Values

    /// The options of a `Connection` header.
    func connection(_ bytes: Span<UInt8>, _ value: Range<Int>) -> (closes: Bool, keepsAlive: Bool) {
        var options = (closes: false, keepsAlive: false)
        var start = value.lowerBound
        while start < value.upperBound {
            let end = (start..<value.upperBound).first { bytes[$0] == UInt8(ascii: ",") } ?? value.upperBound
            var option = start..<end
            while let first = option.first, isBlank(bytes[first]) { option = first + 1..<option.upperBound }
            while let last = option.last, isBlank(bytes[last]) { option = option.lowerBound..<last }
            if matches(bytes, option, "close") { options.closes = true }
            if matches(bytes, option, "keep-alive") { options.keepsAlive = true }
            start = end + 1
        }
        return options
    }

    /// A number of decimal digits only; nil for anything else and for numbers above 64 bits.
    func number(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Int? {
        var number = 0
        for index in value {
            guard isDigit(bytes[index]) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(bytes[index] - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        return value.isEmpty ? nil : number
    }

    /// The value of `Content-Length`; a second one is an error, since two parsers could each use another one.
    func length(_ bytes: Span<UInt8>, _ value: Range<Int>, before: Int?) throws(Stop) -> Int {
        guard before == nil else { throw .malformed("Content-Length must not occur twice") }
        guard let length = number(bytes, value) else {
            throw .malformed("Content-Length must be a number that fits into 64 bits")
        }
        return length
    }

    func mediaType(_ bytes: Span<UInt8>, _ value: Range<Int>) -> MediaType {
        let json: StaticString = "application/json"
        guard value.count >= 16, matches(bytes, value.lowerBound..<value.lowerBound + 16, json) else { return .other }
        guard value.count > 16 else { return .json }
        let next = bytes[value.lowerBound + 16]
        return next == UInt8(ascii: ";") || isBlank(next) ? .json : .other
    }

    // MARK: Bytes

    func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        // Text that is not valid UTF-8 is dropped.
        guard let utf8 = try? UTF8Span(validating: bytes.extracting(range)) else { return "" }
        return String(copying: utf8)
    }

    func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { word in
            var index = 0
            while index < word.count, bytes[range.lowerBound &+ index] == word[index] { index &+= 1 }
            return index == word.count
        }
    }

    func hasPrefix(_ bytes: Span<UInt8>, _ range: Range<Int>, _ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return range.count >= length && matches(bytes, range.lowerBound..<range.lowerBound + length, prefix)
    }

    /// True if the bytes are a word, ignoring case.
    func matches(_ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { word in
            var index = 0
            while index < word.count {
                let (mine, theirs) = (bytes[range.lowerBound &+ index], word[index])
                // Nearly always written in the same case.
                guard mine == theirs || lowercased(mine) == lowercased(theirs) else { return false }
                index &+= 1
            }
            return true
        }
    }
}

/// The reason that no head was read.
enum Stop: Error {
    case incomplete
    case invalid(HTTPError)

    static func malformed(_ message: String) -> Stop { .invalid(.malformed(message)) }
}

let cr = UInt8(ascii: "\r")
let lf = UInt8(ascii: "\n")

func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

private func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

/// RFC 9110, section 5.6.2.
func isTokenCharacter(_ byte: UInt8) -> Bool {
    // Most characters are letters or hyphens.
    if (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "-") { return true }
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
        UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."),
        UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        return true
    default: return false
    }
}
