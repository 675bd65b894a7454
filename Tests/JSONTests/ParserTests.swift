import JSON
import Testing

@Suite struct ParserTests {
    @Test(arguments: ["/a/x/y/z", "/b/0/x/y", "/b/7/x/y", "/a/b/c/d"])
    func `a missing member of a missing member is nil`(_ text: String) throws {
        let document = try Document(parsing: Array(#"{"a": {"b": 1}, "b": [{"name": "q"}]}"#.utf8))
        var current: Value? = document.root
        for token in try #require(Pointer(parsing: text)).tokens {
            if let array = current, array.kind == .array {
                let element = array[at: Pointer([token])]
                current = element
            } else {
                current = current?[name: token]
            }
        }
        #expect(current == nil)
    }

    @Test func `a document reads as the nodes of its text`() throws {
        let document = try Document(parsing: Array(#"{"a": [1, "x\n\u00e9\ud83d\ude00"], "b": {}, "a": true}"#.utf8))
        #expect(document.root["a"]?.bool == true)
        #expect(document.root["b"]?.kind == .object)
        #expect(Literal(document.root).json == #"{"a":true,"b":{}}"#)
    }
}
