import JSON
import Testing

@Suite struct PointerTests {
    /// The document of RFC 6901, section 5.
    static let document = Array(
        #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#.utf8)

    @Test(arguments: [
        ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
        ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func `the examples of RFC 6901 resolve to the specified values`(_ text: String, _ value: String) throws {
        let document = try Document(parsing: Self.document)
        let pointer = try #require(Pointer(parsing: text))
        #expect(pointer.description == text)
        let found = try #require(document.root[at: pointer])
        #expect(found.source == Array(value.utf8))
        #expect(Literal(document.root)[at: pointer]?.json == value)
        #expect(document.root.pointer(to: found.id) == pointer)
    }

    @Test func `the empty pointer is the whole document`() throws {
        let document = try Document(parsing: Self.document)
        #expect(document.root[at: ""]?.source == Self.document)
        #expect(document.root.pointer(to: document.root.id) == Pointer())
        #expect(Pointer(parsing: "") == Pointer())
        #expect(Pointer().description == "")
    }

    @Test(arguments: [
        "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/+1", "/foo/-1", "/foo/ 1", "/foo/99999999999999999999", "/foo/",
        "/nope", "/foo/0/0", "//", "/ /",
    ])
    func `a pointer to a missing value resolves to nil`(_ text: String) throws {
        let document = try Document(parsing: Self.document)
        let pointer = try #require(Pointer(parsing: text))
        #expect(document.root[at: pointer] == nil)
        #expect(Literal(document.root)[at: pointer] == Literal?.none)
    }

    @Test(arguments: ["foo", " /foo", "#/foo", "/~", "/a~", "/~2", "/~a/b", "/a/b~"])
    func `a malformed pointer is rejected`(_ text: String) {
        #expect(Pointer(parsing: text) == nil)
    }

    @Test(arguments: [
        ("/~01", ["~1"]), ("/~10", ["/0"]), ("/~0~1~1~0", ["~//~"]), ("//", ["", ""]), ("/é/😀", ["é", "😀"]),
        // A combining accent forms one `Character` with the preceding text.
        ("/\u{301}a", ["\u{301}a"]), ("/a/\u{301}", ["a", "\u{301}"]), ("/~0\u{301}", ["~\u{301}"]),
        ("/~1\u{301}", ["/\u{301}"]),
        ("/metadata/labels/app.kubernetes.io~1name", ["metadata", "labels", "app.kubernetes.io/name"]),
        ("/\r\n", ["\r\n"]),
    ])
    func `tokens are escaped and unescaped`(_ text: String, _ tokens: [String]) throws {
        let pointer = try #require(Pointer(parsing: text))
        #expect(pointer.tokens.map { Array($0.utf8) } == tokens.map { Array($0.utf8) })
        #expect(Array(Pointer(tokens).description.utf8) == Array(text.utf8))
    }

    @Test func `pointers can be joined and compared`() {
        let containers: Pointer = "/spec/containers"
        #expect(containers / "0" == "/spec/containers/0")
        #expect(containers / "a/b" + "/c" == "/spec/containers/a~1b/c")
        #expect(containers.parent == "/spec")
        #expect(Pointer().parent == Pointer())
        #expect((containers / "0").isInside(containers))
        #expect(containers.isInside(containers))
        #expect(containers.isInside(""))
        #expect(!containers.isInside(containers / "0"))
        #expect(!Pointer("/spec/containersX").isInside(containers))
    }

    @Test(arguments: recordings)
    func `every value of a recording is found by its pointer`(_ name: String) throws {
        let document = try Document(parsing: try fixture(name))
        let root = document.root
        var pending = [(Pointer(), root)]
        while let (pointer, value) = pending.popLast() {
            #expect(root.pointer(to: value.id) == pointer)
            #expect(root[at: pointer]?.id == value.id)
            for (index, element) in value.elements.enumerated() { pending.append((pointer / String(index), element)) }
            for member in value.members { pending.append((pointer / member.key.text, member.value)) }
        }
    }

    @Test func `a value of another document has no pointer`() throws {
        let one = try Document(parsing: Self.document)
        let other = try Document(parsing: Self.document)
        let foreign = try #require(other.root["foo"])
        #expect(one.root.pointer(to: foreign.id) == nil)
        // The same for a value outside the root of the search.
        let outside = try #require(one.root["m~n"])
        #expect(one.root["foo"]?.pointer(to: outside.id) == nil)
    }
}
