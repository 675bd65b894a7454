import JSON
import Testing

@Suite struct BoundsTests {
    static let valid: [String] = [
        "[]", "{}", #""""#, "null", "true", "false", "[ ]", "{ }", "[1]", "[-0.5e+10]", "[true,false,null]", #"["a"]"#,
        #"{"a":1}"#, #"{"a":{"b":[{"c":[]}]},"d":"e"}"#, #"["\u00e9\ud83d\ude00\n\\\""]"#, "[\"é€😀\"]",
        "\"\(String(repeating: "x", count: 15))\"", "\"\(String(repeating: "x", count: 33))\\\"\"",
        "[ 1 ,\t2 ,\r\n3 ]", "{ \"a\" : 1 , \"b\" : [ ] }", #"["€€€€€€€€€€€€€€€€\u20ac\u20ac\u20ac"]"#,
        "[0.1234567890123456789,1234567890123456789012345678901234567890]",
    ]

    @Test(arguments: valid)
    func `every proper prefix of a document is refused at its end or where it is cut`(_ text: String) throws {
        let bytes = Array(text.utf8)
        let memory = try GuardedMemory(capacity: bytes.count)
        let document = Document()
        for options in [ParseOptions.strict, SkipTests.options] {
            for length in 0..<bytes.count {
                let error = try #require(memory.refusal(of: bytes[..<length], into: document, options), "\(length)")
                #expect(0...length ~= error.offset)
                expectPlace(of: error, in: bytes[..<length])
            }
            #expect(memory.refusal(of: bytes, into: document, options) == nil)
        }
    }

    @Test(arguments: recordings)
    func `a proper prefix of a recording is refused`(_ name: String) throws {
        // A text file's last line feed would make the last prefix a whole document.
        let bytes = try fixture(name).prefix { $0 != UInt8(ascii: "\n") }
        let memory = try GuardedMemory(capacity: bytes.count)
        let document = Document()
        for options in [ParseOptions.strict, SkipTests.options] {
            // Some hundred of the many thousand, at every place in a block.
            for length in stride(from: bytes.count - 1, through: 0, by: -53) {
                #expect(memory.refusal(of: bytes[..<length], into: document, options) != nil)
            }
            #expect(memory.refusal(of: bytes, into: document, options) == nil)
        }
    }

    @Test func `a document that starts anywhere in a block is read alike`() throws {
        let memory = try GuardedMemory(capacity: 4096)
        let inner =
            #"{"name":"caf\u00e9 und crème brûlée","value":[1.5e3,null,{"deep":"\\\"\\"}],"status":{"a":"}]\""}}"#
        let expected = try Literal(parsing: Array(inner.utf8))
        for padding in 0..<64 {
            let text = inner + String(repeating: " ", count: padding)
            let read = memory.with(text.utf8) { span in try? Document().read(span, .strict) { Literal($0) } }
            #expect(read == expected)
        }
    }

    @Test func `a document that was read into holds nothing afterwards`() throws {
        let document = Document()
        let text = Array(#"{"a": "b"}"#.utf8)
        #expect(try document.read(text.span, .strict) { $0["a"]?.string } == "b")
        #expect(document.root.isNull)
        #expect(document.root["a"] == nil)

        let owner = try parse(#"{"a": 1}"#)
        #expect(owner.root["a"]?.int == 1)
        _ = try owner.read(text.span, .strict) { _ in () }
        #expect(owner.root.isNull)
    }

    @Test func `a document that could not be read holds nothing`() throws {
        let document = Document()
        let text = Array("[1, 2, x".utf8)
        #expect(throws: ParseError.self) { try document.read(text.span, .strict) { _ in () } }
        #expect(document.root.isNull)
        #expect(Array(document.root.elements).isEmpty)
    }

    @Test func `a document is read into again, smaller and larger ones in turn`() throws {
        let document = Document()
        for count in [1, 1_000, 3, 600_000, 2, 0, 5_000] {
            let bytes = Array("[\(Array(repeating: "0", count: count).joined(separator: ","))]".utf8)
            let read = try document.read(bytes.span, .strict) { root in
                root.elements.reduce(into: 0) { sum, element in sum += element.int == 0 ? 1 : 0 }
            }
            #expect(read == count)
        }
    }
}

/// Counts lines and columns again, from the definition: lines end with a line feed, columns are bytes.
func expectPlace(of error: ParseError, in bytes: ArraySlice<UInt8>, sourceLocation: SourceLocation = #_sourceLocation) {
    let before = Array(bytes.prefix(error.offset))
    let lines = before.split(separator: 0x0A, omittingEmptySubsequences: false)
    #expect(error.line == max(lines.count, 1), sourceLocation: sourceLocation)
    #expect(error.column == (lines.last?.count ?? 0) + 1, sourceLocation: sourceLocation)
}
