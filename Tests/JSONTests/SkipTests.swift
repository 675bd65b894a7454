import JSON
import Testing

@Suite struct SkipTests {
    /// The parts of a review that the server skips.
    static let options = ParseOptions(
        skipped: SkipTree([
            .init(
                "request",
                [
                    .init("object", [.init("status"), .init("metadata", [.init("managedFields")])]),
                    .init("oldObject", [.init("status"), .init("metadata", [.init("managedFields")])]),
                ])
        ]), toleratesDepth: true)

    @Test func `a value is skipped only at its exact path`() throws {
        let text = #"""
            {"status":{"kept":1},
             "request":{"status":{"kept":2},
              "object":{"data":{"status":{"kept":3},"managedFields":[4]},
               "status":{"ready":[{"}":"]"}]},
               "metadata":{"status":{"kept":5},"managedFields":[{"manager":"\"}"}],"name":"a"},
               "spec":{"metadata":{"managedFields":[6]},"status":{"kept":6}}},
              "oldObject":{"status":{},"metadata":{"managedFields":[],"name":"b"},"last":7}}}
            """#
        let document = try parse(text, Self.options)
        let request = try #require(document.root["request"])
        #expect(document.root["status"]?["kept"]?.int == 1)
        #expect(request["status"]?["kept"]?.int == 2)
        #expect(request["object"]?["data"]?["status"]?["kept"]?.int == 3)
        #expect(request["object"]?["data"]?["managedFields"]?[0]?.int == 4)
        #expect(request["object"]?["metadata"]?["status"]?["kept"]?.int == 5)
        #expect(request["object"]?["metadata"]?["name"]?.equals("a") == true)
        #expect(request["object"]?["spec"]?["metadata"]?["managedFields"]?[0]?.int == 6)
        #expect(request["oldObject"]?["last"]?.int == 7)
        for place in ["/request/object/status", "/request/object/metadata/managedFields", "/request/oldObject/status"] {
            let skipped = try #require(document.root[at: Pointer(parsing: place) ?? "/none"])
            #expect(skipped.kind == .opaque)
            #expect(skipped["ready"] == nil)
            #expect(Array(skipped.elements).isEmpty)
            #expect(Array(skipped.members).isEmpty)
            #expect(skipped.string == nil && skipped.int == nil && skipped.bool == nil)
        }
        #expect(request["object"]?["status"]?.source == Array(#"{"ready":[{"}":"]"}]}"#.utf8))
        // A copy includes the skipped values.
        #expect(Literal(document.root) == (try Literal(parsing: Array(text.utf8))))
    }

    @Test func `a path through an array is not skipped`() throws {
        let document = try parse(#"{"request":[{"object":{"status":{"a":1}}}]}"#, Self.options)
        #expect(document.root["request"]?[0]?["object"]?["status"]?["a"]?.int == 1)
    }

    @Test func `skipped paths are not carried over from a member without children`() throws {
        let text = #"{"request":1,"object":{"status":{"a":1}},"x":{"object":{"status":{"a":2}}}}"#
        let document = try parse(text, Self.options)
        #expect(document.root["object"]?["status"]?["a"]?.int == 1)
        #expect(document.root["x"]?["object"]?["status"]?["a"]?.int == 2)
    }

    @Test(arguments: ["1", "null", "\"text\"", "true"])
    func `a scalar at a skipped path is read`(_ scalar: String) throws {
        let document = try parse(#"{"request":{"object":{"status":\#(scalar),"a":1}}}"#, Self.options)
        #expect(document.root["request"]?["object"]?["status"]?.source == Array(scalar.utf8))
        #expect(document.root["request"]?["object"]?["a"]?.int == 1)
    }

    @Test(arguments: [
        #"{"request":{"object":{"status":{"#, #"{"request":{"object":{"status":{"a":"#,
        #"{"request":{"object":{"status":{"a":"b"#, #"{"request":{"object":{"status":{"a":"\"#,
        #"{"request":{"object":{"status":{"a":"\"}}}}"#, #"{"request":{"object":{"status":[}"#,
        #"{"request":{"object":{"status":{}"#, #"{"request":{"object":{"status":{}{}}}}"#,
        #"{"request":{"object":{"status":}}}"#, #"{"request":{"object":{"status":{},}}}"#,
        #"{"request":{"object":{"status":x}}}"#,
    ])
    func `a malformed document is rejected in skipped parts too`(_ text: String) throws {
        let bytes = Array(text.utf8)
        let memory = try GuardedMemory(capacity: bytes.count)
        #expect(memory.refusal(of: bytes, into: Document(), Self.options) != nil)
    }

    @Test(arguments: 0...40)
    func `a skipped value ends at its closing bracket, at every position in a block`(_ length: Int) throws {
        let plain = String(repeating: "x", count: length)
        for inside in [
            #"{"\#(plain)":{}}"#, #"{"\#(plain)":"]}\\\"}"}"#, #"["\#(plain)\\",{"a":[[]]}]"#, "[\(plain)]",
            #"["\\\#(plain)"]"#,
        ] {
            let text = #"{"request":{"object":{"status":\#(inside),"after":"here"}}}"#
            let document = try parse(text, Self.options)
            let object = try #require(document.root["request"]?["object"])
            #expect(object["status"]?.source == Array(inside.utf8))
            #expect(object["after"]?.equals("here") == true)
        }
    }

    @Test(arguments: recordings)
    func `a recording has the same value with and without skipping`(_ name: String) throws {
        let bytes = try fixture(name)
        let whole = try Literal(parsing: bytes)
        let skipping = try Document(parsing: bytes, Self.options)
        #expect(Literal(skipping.root) == whole)
    }
}

@Suite struct DepthTests {
    private func nested(_ depth: Int, _ open: String = "[", _ inside: String = "", _ close: String = "]") -> [UInt8] {
        Array((String(repeating: open, count: depth) + inside + String(repeating: close, count: depth)).utf8)
    }

    @Test(arguments: [
        ("[", "", "]"), ("[", "1", "]"), (#"{"a":"#, "1", "}"), (#"{"a":"#, "{}", "}"), (#"[{"a":"#, "null", "}]"),
    ])
    func `a file can be nested at most 128 levels deep`(_ open: String, _ inside: String, _ close: String) throws {
        let each = open.utf8.filter { $0 == 0x5B || $0 == 0x7B }.count
        let more = inside == "{}" ? 1 : 0
        #expect(refusal(of: nested((128 - more) / each, open, inside, close)) == nil)
        let error = try #require(refusal(of: nested(128 / each + 1 - more, open, inside, close)))
        #expect(error.isTooDeep)
    }

    @Test func `the error for too deep nesting is at the first bracket above the limit`() throws {
        #expect(refusal(of: nested(129))?.offset == 128)
        #expect(refusal(of: nested(129, #"{"a":"#, "1", "}"))?.offset == 128 * 5)
    }

    @Test func `in a review, values above the depth limit become opaque and the rest is read`() throws {
        let tolerant = ParseOptions(toleratesDepth: true)
        let deep = String(decoding: nested(127), as: UTF8.self)
        let tooDeep = String(decoding: nested(128), as: UTF8.self)
        let document = try parse(#"{"a":\#(deep),"b":\#(tooDeep),"c":1}"#, tolerant)
        var kinds: [Kind] = []
        for key in ["a", "b"] {
            var value = try #require(document.root[name: key])
            while let inner = value[0] { value = inner }
            kinds.append(value.kind)
        }
        #expect(kinds == [.array, .opaque])
        #expect(document.root["c"]?.int == 1)
        // A copy has the same depth limit: the 128th array contains `null`.
        #expect(Literal(document.root)["b"]?.json == String(decoding: nested(127, "[", "null"), as: UTF8.self))
        #expect(Literal(document.root)["a"]?.json == deep)
    }

    @Test func `nesting is limited to 10,000 brackets from the root`() throws {
        let tolerant = ParseOptions(toleratesDepth: true)
        #expect(refusal(of: nested(10_000), tolerant) == nil)
        let error = try #require(refusal(of: nested(10_001), tolerant))
        #expect(error.isTooDeep)
        #expect(error.offset == 10_000)
        #expect(refusal(of: nested(10_001))?.offset == 128)
    }

    @Test func `the depth of skipped values also counts from the root`() throws {
        func review(_ depth: Int) -> [UInt8] {
            Array(#"{"request":{"object":{"status":"#.utf8) + nested(depth) + Array("}}}".utf8)
        }
        #expect(refusal(of: review(9_997), SkipTests.options) == nil)
        #expect(refusal(of: review(9_998), SkipTests.options)?.isTooDeep == true)
    }

    @Test func `endless opening brackets are rejected`() throws {
        for options in [ParseOptions.strict, SkipTests.options] {
            #expect(refusal(of: Array(repeating: UInt8(ascii: "["), count: 1_000_000), options)?.isTooDeep == true)
        }
    }

    @Test func `the deepest documents can be processed on a small stack`() async throws {
        let tolerant = ParseOptions(toleratesDepth: true)
        let bytes = nested(128, #"{"b":1,"a":"#, "[[]]", "}")
        let other = nested(128, #"{"a":"#, "[[]]", #","b":1}"#)
        let isSame = await onSmallStack {
            guard let document = try? Document(parsing: bytes, tolerant),
                let reordered = try? Document(parsing: other, tolerant)
            else { return false }
            let literal = Literal(document.root)
            let copy = Literal(reordered.root)
            var hasher = Hasher()
            copy.hash(into: &hasher)
            // The members have another order at every level; this ends only if each is compared once.
            return withExtendedLifetime((document, reordered)) {
                literal.isSame(as: copy) && literal != copy && literal.json.utf8.count == bytes.count
                    && document.root.isSame(as: reordered.root)
            }
        }
        #expect(isSame)
    }
}
