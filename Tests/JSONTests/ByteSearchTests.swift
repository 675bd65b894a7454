import JSON
import Testing

@Suite struct ByteSearchTests {
    /// Bytes that end a word, including the neighbors of letters and digits in ASCII.
    private static let breaks: [UInt8] = [
        0, 0x20, 0x2F, 0x3A, 0x40, 0x41, 0x5A, 0x5B, 0x60, 0x7B, 0x7F, 0x80, 0xE1, 0xFF,
    ]

    @Test(arguments: 0...50)
    func `a word ends at the first byte that is not a lowercase letter or digit`(length: Int) {
        let letters = Array("az09mq".utf8)
        for place in 0..<length {
            var text = (0..<length).map { letters[$0 % letters.count] }
            text[place] = ByteSearchTests.breaks[(place + length) % ByteSearchTests.breaks.count]
            for start in 0...length {
                #expect(endOfWord(text, start) == (start <= place ? place : length))
            }
        }
    }

    @Test func `only bytes other than lowercase letters and digits end a word`() {
        for byte in UInt8.min...UInt8.max {
            let isOfWord = "abcdefghijklmnopqrstuvwxyz0123456789".utf8.contains(byte)
            for length in [1, 5, 16, 40] {
                let text = Array(repeating: byte, count: length)
                #expect(endOfWord(text, 0) == (isOfWord ? length : 0))
            }
        }
    }

    @Test func `a word ends at the first of several breaks`() {
        let text = Array("abcdefghijklmnopqrst-vw.yz".utf8)
        #expect(endOfWord(text, 0) == 20)
        #expect(endOfWord(text, 21) == 23)
        #expect(endOfWord(text, 24) == 26)
    }

    @Test func `an empty text has no words`() {
        #expect(endOfWord([], 0) == 0)
    }

    @Test func `a name ends at the first byte that is not a letter, digit, period, hyphen or underscore`() {
        let name = Array("azAZ09.-_".utf8)
        for byte in UInt8.min...UInt8.max {
            for length in [1, 5, 16, 17, 40] {
                for place in 0..<length {
                    var text = (0..<length).map { name[$0 % name.count] }
                    text[place] = byte
                    let end = text.span.endOfName(from: 0)
                    if end != (name.contains(byte) || isASCIILetterOrDigit(byte) ? length : place) {
                        Issue.record("byte \(byte) at \(place) of \(length): \(end)")
                    }
                }
            }
        }
    }

    private func isASCIILetterOrDigit(_ byte: UInt8) -> Bool {
        let scalar = Unicode.Scalar(byte)
        return byte < 128 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
    }

    @Test func `a value ends at a control character, space, quote, separator or its limit`() {
        let breaks = Set(0...32 as ClosedRange<UInt8>).union("\"'&,;<\\".utf8)
        for byte in UInt8.min...UInt8.max {
            for length in [1, 5, 16, 17, 40] {
                for place in 0..<length {
                    var text = Array(repeating: UInt8(ascii: "x"), count: length)
                    text[place] = byte
                    for limit in [place, length] {
                        let end = text.span.endOfValue(from: 0, before: limit)
                        if end != (breaks.contains(byte) ? place : limit) {
                            Issue.record("byte \(byte) at \(place) of \(length) before \(limit): \(end)")
                        }
                    }
                }
            }
        }
    }

    @Test func `a range equals a word if all bytes are equal`() {
        let text = Array("amazonaws.com".utf8)
        #expect(isSame(text, "amazonaws.com", 0..<13))
        #expect(isSame(text, "zon", 3..<6))
        #expect(isSame(text, "", 4..<4))
        #expect(!isSame(text, "amazonaws.con", 0..<13))
        #expect(!isSame(text, "bmazonaws.com", 0..<13))
        #expect(!isSame(text, "amazon", 0..<13))
        #expect(!isSame(text, "zoo", 3..<6))
    }

    private func endOfWord(_ text: [UInt8], _ start: Int) -> Int { text.span.endOfWord(from: start) }

    private func isSame(_ text: [UInt8], _ word: StaticString, _ range: Range<Int>) -> Bool {
        text.span.isSame(word, in: range)
    }
}
