import Testing

@testable import JSON

@Suite struct BoundsTests {
    static let valid: [String] = [
        "[]", "{}", #""""#, "null", "true", "false", "[ ]", "{ }", "[1]", "[-0.5e+10]", "[true,false,null]", #"["a"]"#,
        #"{"a":1}"#, #"{"a":{"b":[{"c":[]}]},"d":"e"}"#, #"["\u00e9\ud83d\ude00\n\\\""]"#, "[\"é€😀\"]",
        "\"\(String(repeating: "x", count: 15))\"", "\"\(String(repeating: "x", count: 33))\\\"\"",
        "[ 1 ,\t2 ,\r\n3 ]", "{ \"a\" : 1 , \"b\" : [ ] }", #"["€€€€€€€€€€€€€€€€\u20ac\u20ac\u20ac"]"#,
        "[0.1234567890123456789,1234567890123456789012345678901234567890]",
    ]

    @Test(arguments: valid)
    func `every proper prefix of a document is rejected with a position inside it`(_ text: String) throws {
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
    func `a proper prefix of a recording is rejected`(_ name: String) throws {
        // With the file's final line feed, the longest prefix would be a complete document.
        let bytes = try fixture(name).prefix { $0 != UInt8(ascii: "\n") }
        let memory = try GuardedMemory(capacity: bytes.count)
        let document = Document()
        for options in [ParseOptions.strict, SkipTests.options] {
            // A sample of the prefixes; the stride covers every offset in a block.
            for length in stride(from: bytes.count - 1, through: 0, by: -53) {
                #expect(memory.refusal(of: bytes[..<length], into: document, options) != nil)
            }
            #expect(memory.refusal(of: bytes, into: document, options) == nil)
        }
    }

    @Test func `a document is read the same at every offset in a block`() throws {
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

    @Test func `a document holds no values after a read`() throws {
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

    @Test func `a document holds no values after a failed read`() throws {
        let document = Document()
        let text = Array("[1, 2, x".utf8)
        #expect(throws: ParseError.self) { try document.read(text.span, .strict) { _ in () } }
        #expect(document.root.isNull)
        #expect(Array(document.root.elements).isEmpty)
    }

    @Test(arguments: [2, 10, 511, 512, 513, 5_000])
    func `a document with more nodes than the maximum is rejected`(_ maximum: Int) throws {
        let options = ParseOptions(maximumNodes: maximum)
        for element in ["1", "[]", "\"\"", "{}"] {
            // The array also counts as a node.
            #expect(refusal(of: array(of: element, maximum - 1), options) == nil)
            let error = try #require(refusal(of: array(of: element, maximum), options))
            #expect(error.hasTooManyValues && !error.isTooDeep)
        }
        // A key and its value count as two nodes.
        let members = Array(repeating: "\"\":0", count: maximum).joined(separator: ",")
        #expect(refusal(of: Array("{\(members)}".utf8), options)?.hasTooManyValues == true)
    }

    @Test func `the node limit also applies if more memory is already allocated`() throws {
        let document = Document()
        let text = array(of: "1", 5_000)
        _ = try document.read(text.span, .strict) { _ in () }
        let error = #expect(throws: ParseError.self) {
            try document.read(text.span, ParseOptions(maximumNodes: 4_000)) { _ in () }
        }
        #expect(error?.hasTooManyValues == true)
    }

    @Test func `memory is limited by the node maximum, and shrinks after a large document`() throws {
        let document = Document()
        let initial = document.capacity
        let options = ParseOptions(maximumNodes: 300_000)
        var capacity = 0
        let text = array(of: "1", 299_999)
        try document.read(text.span, options) { _ in capacity = document.capacity }
        #expect(capacity == 300_001)
        #expect(document.capacity == initial)
        // Also if the document cannot be read.
        let more = array(of: "1", 300_000)
        #expect(throws: ParseError.self) { try document.read(more.span, options) { _ in () } }
        #expect(document.capacity == initial)
    }

    @Test(arguments: [(49_999, true), (50_000, false)])
    func `a skipped value is copied unless it has too many values`(_ count: Int, _ isKept: Bool) throws {
        let options = ParseOptions(skipped: SkipTree([.init("status")]))
        let bytes = Array("{\"a\":1,\"status\":".utf8) + array(of: "1", count) + Array("}".utf8)
        let literal = try Document().read(bytes.span, options) { Literal($0) }
        #expect(literal["a"] == 1)
        #expect(literal["status"] == (isKept ? .array(Array(repeating: 1, count: count)) : .null))
    }

    /// A JSON array with one element repeated.
    private func array(of element: String, _ count: Int) -> [UInt8] {
        Array("[\(Array(repeating: element, count: count).joined(separator: ","))]".utf8)
    }

    @Test func `a document can be reused for smaller and larger texts`() throws {
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

/// Checks the line and column of an error: lines end with a line feed, columns are bytes.
func expectPlace(of error: ParseError, in bytes: ArraySlice<UInt8>, sourceLocation: SourceLocation = #_sourceLocation) {
    let before = Array(bytes.prefix(error.offset))
    let lines = before.split(separator: 0x0A, omittingEmptySubsequences: false)
    #expect(error.line == max(lines.count, 1), sourceLocation: sourceLocation)
    #expect(error.column == (lines.last?.count ?? 0) + 1, sourceLocation: sourceLocation)
}
