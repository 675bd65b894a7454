import JSON
import Testing

/// A document that is rejected, with the error's position and a part of the reason.
struct Refused: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let offset: Int
    let line: Int
    let column: Int
    let reason: String

    init(_ text: String, _ offset: Int, _ reason: String, line: Int = 1, column: Int? = nil) {
        self.init(Array(text.utf8), offset, reason, line: line, column: column)
    }

    init(_ bytes: [UInt8], _ offset: Int, _ reason: String, line: Int = 1, column: Int? = nil) {
        self.bytes = bytes
        self.offset = offset
        self.line = line
        self.column = column ?? offset + 1
        self.reason = reason
    }

    var testDescription: String { String(decoding: bytes, as: UTF8.self).debugDescription }

    static let structure: [Refused] = [
        Refused("", 0, "empty"),
        Refused("   ", 3, "unexpected end"),
        Refused("\n\n", 2, "unexpected end", line: 3, column: 1),
        Refused("{", 1, "unexpected end"),
        Refused("[", 1, "unexpected end"),
        Refused("}", 0, "value"),
        Refused("]", 0, "value"),
        Refused(",", 0, "value"),
        Refused(":", 0, "value"),
        Refused("[1", 2, "unexpected end"),
        Refused("[1,", 3, "unexpected end"),
        Refused("[1,]", 3, "value"),
        Refused("[,1]", 1, "value"),
        Refused("[1,,2]", 3, "value"),
        Refused("[1 2]", 3, "',' or ']'"),
        Refused("[1}", 2, "',' or ']'"),
        Refused("[1:2]", 2, "',' or ']'"),
        Refused("{]", 1, "key"),
        Refused("{,}", 1, "key"),
        Refused("{1:2}", 1, "key"),
        Refused("{null:2}", 1, "key"),
        Refused("{a:2}", 1, "key"),
        Refused("{'a':2}", 1, "key"),
        Refused(#"{"a"}"#, 4, "':'"),
        Refused(#"{"a" 1}"#, 5, "':'"),
        Refused(#"{"a","b"}"#, 4, "':'"),
        Refused(#"{"a":}"#, 5, "value"),
        Refused(#"{"a":1"#, 6, "unexpected end"),
        Refused(#"{"a":1,}"#, 7, "key"),
        Refused(#"{"a":1]"#, 6, "',' or '}'"),
        Refused(#"{"a":1 "b":2}"#, 7, "',' or '}'"),
        Refused(#"{"a":1,"b"}"#, 10, "':'"),
        Refused("[] []", 3, "content after the end"),
        Refused("{}}", 2, "content after the end"),
        Refused("[]]", 2, "content after the end"),
        Refused("1 2", 2, "content after the end"),
        Refused("nullnull", 4, "content after the end"),
        Refused("[1] // one", 4, "content after the end"),
        Refused("/* one */ 1", 0, "value"),
        Refused("[1 /* one */]", 3, "',' or ']'"),
        Refused("# one", 0, "value"),
        Refused("'a'", 0, "value"),
        Refused("[\n  1,\n  x\n]", 9, "value", line: 3, column: 3),
        Refused("{\r\n\"a\": 1\r\n\"b\": 2}", 11, "',' or '}'", line: 3, column: 1),
        Refused("[\"é\", x]", 7, "value"),
        // White space is only space, tab, line feed and carriage return.
        Refused("\u{0C}1", 0, "value"),
        Refused("\u{0B}1", 0, "value"),
        Refused("\u{A0}1", 0, "value"),
        Refused("1\u{2028}", 1, "content after the end"),
        Refused("[1,\u{0}2]", 3, "value"),
        Refused("\u{0}", 0, "value"),
        Refused("{}\u{0}", 2, "content after the end"),
        Refused("{\u{0}}", 1, "key"),
        Refused("[]\u{1A}", 2, "content after the end"),
    ]

    static let scalars: [Refused] = [
        Refused("01", 1, "start with 0"),
        Refused("-01", 2, "start with 0"),
        Refused("00", 1, "start with 0"),
        Refused("0x1", 1, "content after the end"),
        Refused("1.", 2, "decimal point"),
        Refused("[1.]", 3, "decimal point"),
        Refused("1.e5", 2, "decimal point"),
        Refused(".5", 0, "value"),
        Refused("-.5", 1, "digit"),
        Refused("+1", 0, "value"),
        Refused("-", 1, "digit"),
        Refused("[-]", 2, "digit"),
        Refused("--1", 1, "digit"),
        Refused("-a", 1, "digit"),
        Refused("1e", 2, "exponent"),
        Refused("1e+", 3, "exponent"),
        Refused("1E-", 3, "exponent"),
        Refused("1e+-1", 3, "exponent"),
        Refused("1e1.5", 3, "content after the end"),
        Refused("1.2.3", 3, "content after the end"),
        Refused("1_000", 1, "content after the end"),
        Refused("1a", 1, "content after the end"),
        Refused("NaN", 0, "value"),
        Refused("-NaN", 1, "digit"),
        Refused("Infinity", 0, "value"),
        Refused("-Infinity", 1, "digit"),
        Refused("١", 0, "value"),
        Refused("nul", 0, "value"),
        Refused("nulL", 0, "value"),
        Refused("NULL", 0, "value"),
        Refused("tru", 0, "value"),
        Refused("True", 0, "value"),
        Refused("fals", 0, "value"),
        Refused("falsE", 0, "value"),
        Refused("truefalse", 4, "content after the end"),
        Refused("undefined", 0, "value"),
        Refused("[nul]", 1, "value"),
    ]

    static let strings: [Refused] = [
        Refused("\"", 0, "not closed"),
        Refused("\"a", 0, "not closed"),
        Refused("[\"a]", 1, "not closed"),
        Refused("{\"a", 1, "not closed"),
        Refused("\"a string longer than one block of sixteen", 0, "not closed"),
        Refused(#""\"#, 1, "escape"),
        Refused(#""\""#, 0, "not closed"),
        Refused(#""\a""#, 1, "escape"),
        Refused(#""\'""#, 1, "escape"),
        Refused(#""\x41""#, 1, "escape"),
        Refused(#""\0""#, 1, "escape"),
        Refused(#""\N""#, 1, "escape"),
        Refused(#""\U0041""#, 1, "escape"),
        Refused("\"\\\n\"", 1, "escape"),
        Refused(#""\u""#, 1, "hexadecimal"),
        Refused(#""\u004""#, 1, "hexadecimal"),
        Refused(#""\u004g""#, 1, "hexadecimal"),
        Refused(#""\u+041""#, 1, "hexadecimal"),
        Refused(#""\u 041""#, 1, "hexadecimal"),
        Refused(#""\u00é""#, 1, "hexadecimal"),
        Refused(#""ab\u12"#, 3, "hexadecimal"),
        Refused("\"a\u{0}b\"", 2, "control character"),
        Refused("\"\u{1F}\"", 1, "control character"),
        Refused("\"a\nb\"", 2, "control character"),
        Refused("\"a\tb\"", 2, "control character"),
        Refused("{\"\n\":1}", 2, "control character"),
        Refused("\"more than sixteen bytes \u{01}\"", 25, "control character"),
        Refused("[\n\"a\tb\"]", 4, "control character", line: 2, column: 3),
    ]

    /// RFC 3629, sections 3 and 4: shortest form, no surrogates, at most U+10FFFF.
    static let encodings: [Refused] =
        [
            ([0xEF, 0xBB, 0xBF, 0x31], 0, "byte order mark"),
            ([0xEF, 0xBB, 0xBF], 0, "byte order mark"),
            ([0x20, 0xEF, 0xBB, 0xBF, 0x31], 1, "value"),
            ([0xFF, 0xFE, 0x31, 0x00], 0, "value"),
            ([0x31, 0x00], 1, "content after the end"),
            ([0x00, 0x31], 0, "value"),
        ].map { Refused($0.0, $0.1, $0.2) }
        + ([
            [0x80], [0xBF], [0x80, 0x80],
            [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF],
            [0xC2], [0xC2, 0x22], [0xC2, 0xC2], [0xDF, 0x7F],
            [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xE1, 0x41, 0x80],
            [0xED, 0xA0, 0x80], [0xED, 0xAF, 0xBF], [0xED, 0xB0, 0x80], [0xED, 0xBF, 0xBF],
            [0xED, 0xA0, 0x81, 0xED, 0xB0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80], [0xF0, 0x90, 0x80, 0x41],
            [0xF0, 0x90, 0x41, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]]).flatMap { bytes in
            // Alone, in the second 16-byte block, and at the end without the closing quote.
            [
                Refused([0x22] + bytes + [0x22], 1, "UTF-8"),
                Refused([0x22] + Array("sixteen bytes at least".utf8) + bytes + [0x22], 23, "UTF-8"),
                Refused([0x5B, 0x22, 0x61] + bytes, 3, "UTF-8"),
            ]
        }
}

@Suite struct ConformanceTests {
    @Test(arguments: Refused.structure + Refused.scalars + Refused.strings + Refused.encodings)
    func `text that RFC 8259 does not allow is rejected with its position`(_ refused: Refused) throws {
        let error = try #require(refusal(of: refused.bytes))
        #expect(error.offset == refused.offset)
        #expect(error.line == refused.line)
        #expect(error.column == refused.column)
        #expect(error.reason.contains(refused.reason))
        #expect(!error.isTooDeep)
        #expect(
            error.description
                == "line \(refused.line), column \(refused.column) (byte \(refused.offset)): \(error.reason)")
    }

    @Test(
        arguments: [
            ("null", .null), ("true", true), ("false", false), (" \t\r\n1\n", .number("1")),
            ("0", .number("0")), ("-0", .number("-0")), ("-1", .number("-1")), ("10", .number("10")),
            ("0.0", .number("0.0")), ("1.50", .number("1.50")), ("0e0", .number("0e0")), ("1E+05", .number("1E+05")),
            ("1e400", .number("1e400")), ("-1.25e-10", .number("-1.25e-10")),
            ("123456789012345678901234567890.10", .number("123456789012345678901234567890.10")),
            (#""""#, ""), (#"" ""#, " "), (#""'""#, "'"), ("\"\u{7F}\"", "\u{7F}"), ("\"\u{2028}\"", "\u{2028}"),
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0000""#, "\u{0}"), (#""\u00e9\u00E9""#, "éé"),
            (#""\ud83d\uDE00""#, "😀"), (#""\uFFFF""#, "\u{FFFF}"), (#""\ufeff""#, "\u{FEFF}"),
            (
                "\"\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}\"",
                "\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}"
            ),
            ("[]", []), ("[ ]", []), ("{}", .object([])), ("{ \n}", .object([])), ("[[],{}]", [[], .object([])]),
            ("[1,\"a\" , null]", [1, "a", nil]), (" {\"a\" :\t1 ,\"\":{\"b\":[]} } ", ["a": 1, "": ["b": []]]),
            (#"{"a\u0062":1}"#, ["ab": 1]),
        ] as [(String, Literal)])
    func `text that RFC 8259 allows is read`(_ text: String, _ value: Literal) throws {
        let document = try parse(text)
        #expect(Literal(document.root) == value)
    }

    @Test(arguments: 0...40)
    func `a string is read correctly for every position of its end in a block`(_ length: Int) throws {
        let memory = try GuardedMemory(capacity: 200)
        let plain = String(repeating: "x", count: length)
        for (written, contents) in [("", ""), ("\\n", "\n"), ("é", "é"), ("😀", "😀"), (#"\""#, "\"")] {
            let text = "[\"\(plain)\(written)\",\"\(written)\(plain)\"]"
            let read = memory.with(text.utf8) { span in
                try? Document().read(span, .strict) { root in Literal(root) }
            }
            #expect(read == [.string(plain + contents), .string(contents + plain)])
        }
    }

    @Test(arguments: 0...140)
    func `escapes are read correctly at every position in a block`(_ length: Int) throws {
        let memory = try GuardedMemory(capacity: 600)
        let plain = String(repeating: "x", count: length)
        // The first escape starts the blocks; the second one follows at every distance from it.
        let cases = [
            (#"\\"#, "\\"), (#"\\\""#, "\\\""), (#"\u0041"#, "A"), (#"\/"#, "/"), (#"\té"#, "\té"), (#"é\n"#, "é\n"),
            (#"\n\\\\"#, "\n\\\\"),
        ]
        for (written, contents) in cases {
            let after = String(repeating: "y", count: 70)
            let text = "[\"\\n\(plain)\(written)\(after)\",1]"
            let read = memory.with(text.utf8) { span in
                try? Document().read(span, .strict) { root in Literal(root) }
            }
            #expect(read == [.string("\n\(plain)\(contents)\(after)"), 1])
        }
        for wrong in [#"\x"#, #"\u12"#, "\u{1}", "\\\u{1}"] {
            let text = "[\"\\n\(plain)\(wrong)\(plain)\(plain)\"]"
            let isRead = memory.with(text.utf8) { span in
                (try? Document().read(span, .strict) { _ in true }) ?? false
            }
            #expect(!isRead)
        }
    }

    @Test(arguments: 0...70)
    func `an escape across two blocks is read correctly with any amount of text after it`(_ rest: Int) throws {
        let memory = try GuardedMemory(capacity: 300)
        let after = String(repeating: "y", count: rest)
        for length in 0..<64 {
            let plain = String(repeating: "x", count: length)
            for (written, contents) in [(#"\""#, "\""), (#"\\"#, "\\"), (#"\u0041"#, "A"), (#"\\\""#, "\\\"")] {
                let text = "[\"\\n\(plain)\(written)\(after)\"]"
                let read = memory.with(text.utf8) { span in
                    try? Document().read(span, .strict) { root in Literal(root) }
                }
                #expect(read == [.string("\n\(plain)\(contents)\(after)")], "\(text)")
            }
        }
    }
}
