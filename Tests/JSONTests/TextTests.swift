import Foundation
import JSON
import Testing

@Suite struct TextTests {
    /// Parses a JSON text as a string.
    private func string(_ text: String) throws -> String? {
        let document = try parse(text)
        return withExtendedLifetime(document) { document.root.string }
    }

    @Test(arguments: [
        (#""\ud800""#, "\u{FFFD}"), (#""\udc00""#, "\u{FFFD}"), (#""\udbff\udbff""#, "\u{FFFD}\u{FFFD}"),
        (#""\udc00\ud800""#, "\u{FFFD}\u{FFFD}"), (#""\ud800x""#, "\u{FFFD}x"), (#""\ud800\n""#, "\u{FFFD}\n"),
        (#""\ud800\u0041""#, "\u{FFFD}A"), (#""\ud800\ud800\udc00""#, "\u{FFFD}\u{10000}"),
        (#""\ud800\\udc00""#, "\u{FFFD}\\udc00"), (#""\uD83D\uDE00\uDE00""#, "😀\u{FFFD}"),
        (#""\udbff\udfff""#, "\u{10FFFF}"), (#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}"),
    ])
    func `a lone surrogate reads as the replacement character, as in Go`(_ text: String, _ contents: String) throws {
        let read = try #require(try string(text))
        #expect(Array(read.utf8) == Array(contents.utf8))
    }

    @Test func `every escaped code unit except surrogates reads as its scalar`() throws {
        for unit in UInt16.min...UInt16.max {
            guard let scalar = Unicode.Scalar(unit) else { continue }
            let digits = String(unit, radix: 16)
            let text = "\"\\u" + String(repeating: "0", count: 4 - digits.count) + digits + "\""
            try #require(try string(text)?.unicodeScalars.elementsEqual([scalar]) == true)
        }
    }

    @Test(arguments: 0...40)
    func `an escape is resolved at every position`(_ place: Int) throws {
        for (escape, contents) in [(#"\n"#, "\n"), (#"\\"#, "\\"), (#"\u00e9"#, "é"), (#"\ud83d\ude00"#, "😀")] {
            for count in [place, place + 1, place + 15, place + 16, place + 33] {
                let (before, after) = (
                    String(repeating: "a", count: place), String(repeating: "b", count: count - place)
                )
                let document = try parse(#""\#(before)\#(escape)\#(after)\#(escape)""#)
                let bytes = document.root.withContents { text in text.indices.map { text[$0] } }
                #expect(bytes == Array("\(before)\(contents)\(after)\(contents)".utf8))
                #expect(document.root.contentLength == bytes.count)
            }
        }
    }

    @Test func `strings read as Foundation reads them`() throws {
        let seed = Seeded.ofThisRun()
        var random = Seeded(seed)
        let pieces = [
            "a", "spec.template", "  ", "é", "€", "😀", "\u{7F}", #"\n"#, #"\t"#, #"\""#, #"\\"#, #"\/"#, #"\b\f\r"#,
            #"\u0000"#,
            #"\u00e9"#, #"\u20AC"#, #"\ud83d\ude00"#, "0123456789abcdef", "\u{2028}", "e\u{301}",
        ]
        for _ in 0..<2_000 {
            let text =
                "\""
                + (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                .joined() + "\""
            let expected =
                try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed) as? String
            #expect(try string(text).map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "seed \(seed): \(text)")
        }
    }

    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), (#"a"b\c/"#, #""a\"b\\c/""#), ("\n\r\t", #""\n\r\t""#),
        ("\u{0}\u{1}\u{8}\u{B}\u{C}\u{1F}", #""\u0000\u0001\u0008\u000b\u000c\u001f""#), ("\u{7F}é€😀", "\"\u{7F}é€😀\""),
    ])
    func `quotes, backslashes and control characters are escaped in an encoded string`(_ string: String, _ json: String)
    {
        #expect(Literal.string(string).json == json)
        var bytes: [UInt8] = [0x41]
        appendQuoted(string[...], to: &bytes)
        #expect(bytes == [0x41] + Array(json.utf8))
    }

    @Test func `an encoded string is read back unchanged`() throws {
        var contents = ""
        for scalar in 0...0x2FF { contents.unicodeScalars.append(Unicode.Scalar(UInt16(scalar)) ?? "?") }
        #expect(try string(Literal.string(contents).json) == contents)
    }

    @Test func `an object writer writes members in order`() throws {
        var writer = ObjectWriter()
        writer.member("uid", "a\"b")
        writer.member("allowed", false)
        writer.object("status") { status in
            status.member("code", -403)
            status.object("details") { _ in }
            status.member("message", "no\n")
        }
        writer.member("warnings", ["one", nil])
        let text = String(decoding: writer.finish(), as: UTF8.self)
        #expect(
            text
                == #"{"uid":"a\"b","allowed":false,"status":{"code":-403,"details":{},"message":"no\n"},"warnings":["one",null]}"#
        )
        #expect(String(decoding: ObjectWriter().finish(), as: UTF8.self) == "{}")
    }
}
