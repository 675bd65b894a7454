import JSON
import Testing

@Suite struct ValueTests {
    @Test func `the last one of several members with the same key applies`() throws {
        let document = try parse(#"{"a":1,"b":2,"a":3,"\u0061":4,"c":5,"":6,"b\u0000":7}"#)
        let root = document.root
        #expect(root["a"]?.int == 4)
        #expect(root[name: "a"]?.int == 4)
        #expect(root[at: "/a"]?.int == 4)
        #expect(root["b"]?.int == 2)
        #expect(root[""]?.int == 6)
        #expect(root[name: ""]?.int == 6)
        #expect(root["b\u{0}"]?.int == 7)
        #expect(root["A"] == nil)
        #expect(root["ab"] == nil)
        #expect(root.uniqueMembers.map(\.key) == ["a", "b", "c", "", "b\u{0}"])
        #expect(root.uniqueMembers.map(\.value.int) == [4, 2, 5, 6, 7])
        #expect(root.members.map(\.key.text) == ["a", "b", "a", "a", "c", "", "b\u{0}"])
    }

    @Test(arguments: ["/a/x/y/z", "/b/0/x/y", "/b/7/x/y", "/a/b/c/d"])
    func `a missing member of a missing member is nil`(_ text: String) throws {
        let document = try parse(#"{"a": {"b": 1}, "b": [{"name": "q"}]}"#)
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

    @Test(arguments: [(#"{"\u00e9":1,"é":2}"#, 2), (#"{"é":2,"\u00E9":1}"#, 1), (#"{"\ud83d\ude00":1,"x":0}"#, nil)])
    func `an escaped key equals its unescaped form`(_ text: String, _ value: Int?) throws {
        let document = try parse(text)
        #expect(document.root["é"]?.int == value)
        #expect(document.root[name: "é"]?.int == value)
        #expect(document.root["😀"]?.int == (value == nil ? 1 : nil))
    }

    @Test func `keys that only look the same are different`() throws {
        // é as one scalar, and as e with a combining accent: equal for Swift's ==, but not for an API server.
        let document = try parse("{\"caf\u{E9}\":1,\"cafe\u{301}\":2}")
        let root = document.root
        #expect(root.uniqueMembers.map(\.value.int) == [1, 2])
        #expect(root["caf\u{E9}"]?.int == 1)
        #expect(root[name: "cafe\u{301}"]?.int == 2)
        let literal = Literal(root)
        #expect(literal["caf\u{E9}"] == 1)
        #expect(literal["cafe\u{301}"] == 2)
        #expect(Literal.string("caf\u{E9}") != .string("cafe\u{301}"))
        #expect(!Literal.string("caf\u{E9}").isSame(as: .string("cafe\u{301}")))
        #expect(Pointer(["caf\u{E9}"]) != Pointer(["cafe\u{301}"]))
        #expect(!Pointer(["caf\u{E9}", "a"]).isInside(Pointer(["cafe\u{301}"])))
        #expect(Set([Pointer(["caf\u{E9}"]), Pointer(["cafe\u{301}"])]).count == 2)
        let reversed = try parse("{\"cafe\u{301}\":1,\"caf\u{E9}\":2}")
        #expect(!root.isSame(as: reversed.root))
    }

    @Test func `an object with very many members is read, listed and compared quickly`() throws {
        let keys = (0..<30_000).map { "\"key\($0)\":\($0)" }
        let ascending = try parse("{\(keys.joined(separator: ","))}")
        let descending = try parse("{\(keys.reversed().joined(separator: ","))}")
        #expect(ascending.root.uniqueMembers.count == 30_000)
        #expect(ascending.root.isSame(as: descending.root))
        #expect(Literal(ascending.root).isSame(as: Literal(descending.root)))
        #expect(ascending.root["key29999"]?.int == 29_999)
        let doubled = try parse("{\(keys.joined(separator: ",")),\(keys.reversed().joined(separator: ","))}")
        #expect(doubled.root.uniqueMembers.map(\.value.int) == Array(0..<30_000))
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("92233720368547758070", nil),
            ("18446744073709551616", nil), ("100000000000000000000000000000000", nil), ("1.0", nil), ("1e3", nil),
            ("\"1\"", nil),
            ("true", nil), ("null", nil), ("[1]", nil), ("{}", nil),
        ] as [(String, Int?)])
    func `a number is an integer if it fits into 64 bits`(_ text: String, _ value: Int?) throws {
        let document = try parse(text)
        #expect(document.root.int == value)
    }

    @Test(arguments: [
        ("null", Kind.null), ("true", .true), ("false", .false), ("-1.5", .number), (#""1""#, .string), ("[1]", .array),
        (#"{"0":1}"#, .object),
    ])
    func `a value can be read only as its kind`(_ text: String, _ kind: Kind) throws {
        let document = try parse(" \(text) ")
        let root = document.root
        #expect(root.kind == kind)
        #expect(root.isNull == (kind == .null))
        #expect(root.bool == (kind == .true ? true : kind == .false ? false : nil))
        #expect(root.string == (kind == .string ? "1" : nil))
        #expect(root.equals("1") == (kind == .string))
        #expect(root.equals(string: "1") == (kind == .string))
        #expect(root["0"]?.int == (kind == .object ? 1 : nil))
        #expect(root[0]?.int == (kind == .array ? 1 : nil))
        #expect(root[-1] == nil)
        #expect(root[1] == nil)
        #expect(Array(root.elements).count == (kind == .array ? 1 : 0))
        #expect(Array(root.members).count == (kind == .object ? 1 : 0))
        #expect(root.source == Array(text.utf8))
        #expect(root.text == (kind == .string ? "1" : text))
        #expect(root.byteCount == (kind == .string ? 1 : text.utf8.count))
    }

    @Test(arguments: [
        ("\"a\\u0062c\"", "abc"), ("\"abc\"", "abc"), ("\"\"", ""), (#""\n""#, "\n"), (#""\u0000""#, "\u{0}"),
    ])
    func `a string does not equal a shorter or longer text`(_ text: String, _ contents: String) throws {
        let document = try parse(text)
        let root = document.root
        #expect(root.equals(string: contents))
        #expect(!root.equals(string: contents + "d"))
        #expect(!root.equals(string: contents + "\u{0}"))
        if !contents.isEmpty { #expect(!root.equals(string: String(contents.dropLast()))) }
        #expect(!root.equals("abd"))
    }

    @Test(arguments: [
        ("1", "1", true), ("1", "1.0", false), ("0", "-0", false), ("1", "\"1\"", false), ("null", "false", false),
        (#""a""#, #""\u0061""#, true), (#""\u0061""#, #""a""#, true), (#""\u0061""#, #""\u0061""#, true),
        (#""\/""#, #""/""#, true), (#""\n""#, #""\u000A""#, true), (#""\n""#, #""\\n""#, false), (#""""#, #""""#, true),
        (#""""#, #""a""#, false), ("[]", "[ ]", true), ("[]", "{}", false), ("[1,2]", "[ 1 , 2 ]", true),
        ("[1,2]", "[2,1]", false),
        ("[1,2]", "[1]", false), ("[1]", "[1,2]", false), ("{}", "{ }", true),
        (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#, true),
        (#"{"a":1,"b":2}"#, #"{"a":1}"#, false), (#"{"a":1}"#, #"{"a":1,"b":2}"#, false),
        (#"{"a":1,"b":2}"#, #"{"a":1,"c":2}"#, false), (#"{"a":1,"b":2}"#, #"{"b":1,"a":2}"#, false),
        (#"{"a":0,"a":1}"#, #"{"a":1}"#, true), (#"{"a":1,"a":0}"#, #"{"a":1}"#, false),
        (#"{"\u0061":1}"#, #"{"a":1}"#, true),
        (#"{"a":{"b":[{"c":1,"d":2}],"e":3}}"#, #"{"a":{"e":3,"b":[{"d":2,"c":1}]}}"#, true),
        (#"{"a":{"b":[{"c":1,"d":2}],"e":3}}"#, #"{"a":{"e":3,"b":[{"d":2,"c":2}]}}"#, false),
    ])
    func `member order and escapes do not affect equality`(_ left: String, _ right: String, _ isSame: Bool) throws {
        let one = try parse(left)
        let other = try parse(right)
        #expect(one.root.isSame(as: other.root) == isSame)
        #expect(other.root.isSame(as: one.root) == isSame)
        #expect(Literal(one.root).isSame(as: Literal(other.root)) == isSame)
        #expect(Literal(other.root).isSame(as: Literal(one.root)) == isSame)
    }

    @Test func `nested values with another member order at every level are compared once`() throws {
        func nested(_ depth: Int, _ innermost: Int, first: Bool) -> String {
            guard depth > 0 else { return "\(innermost)" }
            let inner = nested(depth - 1, innermost, first: first)
            return first ? #"{"in":\#(inner),"x":1,"y":2}"# : #"{"in":\#(inner),"y":2,"x":1}"#
        }
        let one = try parse(nested(100, 1, first: true))
        let same = try parse(nested(100, 1, first: false))
        let other = try parse(nested(100, 2, first: false))
        #expect(one.root.isSame(as: same.root))
        #expect(!one.root.isSame(as: other.root))
        #expect(Literal(one.root).isSame(as: Literal(same.root)))
    }

    @Test func `the beginning and the end of a string are compared without escapes`() throws {
        let document = try parse(#"["eks:node","\u0065ks:node","ek","",1]"#)
        let elements = Array(document.root.elements)
        #expect(elements.map { $0.begins(with: "eks:") } == [true, true, false, false, false])
        #expect(elements.map { $0.ends(with: ":node") } == [true, true, false, false, false])
    }

    @Test func `literals equal their JSON`() throws {
        let literal: Literal = [
            "httpGet": ["path": "/livez", "port": 8080], "list": [1, -2, true, nil, "x\n"], "empty": .object([]),
            "none": [],
        ]
        let json = #"{"httpGet":{"path":"/livez","port":8080},"list":[1,-2,true,null,"x\n"],"empty":{},"none":[]}"#
        #expect(literal.json == json)
        #expect(try Literal(parsing: Array(json.utf8)) == literal)
        #expect(literal[at: "/httpGet/port"] == 8080)
        #expect(literal[at: "/list/1"] == -2)
        #expect(literal[at: ""] == literal)
        for nowhere in ["/list/5", "/list/-", "/list/01", "/list/x", "/httpGet/path/x", "/none/0", "/nothing"] {
            #expect(literal[at: Pointer(parsing: nowhere) ?? ""] == Literal?.none)
        }
    }
}
