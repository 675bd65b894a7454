import JSON
import Testing

@Suite struct ParserTests {
    @Test func `a document reads as the nodes of its text`() throws {
        let document = try Document(parsing: Array(#"{"a": [1, "x\n\u00e9\ud83d\ude00"], "b": {}, "a": true}"#.utf8))
        #expect(document.root["a"]?.bool == true)
        #expect(document.root["b"]?.kind == .object)
        #expect(Literal(document.root).json == #"{"a":true,"b":{}}"#)
    }
}
