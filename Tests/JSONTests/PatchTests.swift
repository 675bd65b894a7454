import JSON
import Testing

@Suite struct PatchTests {
    private func literal(_ text: String) throws -> Literal { try Literal(parsing: Array(text.utf8)) }

    // MARK: Applying patches

    /// RFC 6902, appendix A, for add, replace, remove and test; nil means that the patch does not apply.
    static let appendix: [(String, String, Patch.Operation, String?)] = [
        ("A.1", #"{"foo":"bar"}"#, .add("/baz", "qux"), #"{"baz":"qux","foo":"bar"}"#),
        ("A.2", #"{"foo":["bar","baz"]}"#, .add("/foo/1", "qux"), #"{"foo":["bar","qux","baz"]}"#),
        ("A.3", #"{"baz":"qux","foo":"bar"}"#, .remove("/baz"), #"{"foo":"bar"}"#),
        ("A.4", #"{"foo":["bar","qux","baz"]}"#, .remove("/foo/1"), #"{"foo":["bar","baz"]}"#),
        ("A.5", #"{"baz":"qux","foo":"bar"}"#, .replace("/baz", "boo"), #"{"baz":"boo","foo":"bar"}"#),
        ("A.8", #"{"baz":"qux","foo":["a",2,"c"]}"#, .test("/baz", "qux"), #"{"baz":"qux","foo":["a",2,"c"]}"#),
        ("A.8", #"{"baz":"qux","foo":["a",2,"c"]}"#, .test("/foo/1", 2), #"{"baz":"qux","foo":["a",2,"c"]}"#),
        ("A.9", #"{"baz":"qux"}"#, .test("/baz", "bar"), nil),
        (
            "A.10", #"{"foo":"bar"}"#, .add("/child", ["grandchild": .object([])]),
            #"{"foo":"bar","child":{"grandchild":{}}}"#
        ),
        ("A.12", #"{"foo":"bar"}"#, .add("/baz/bat", "qux"), nil),
        ("A.14", #"{"/":9,"~1":10}"#, .test("/~01", 10), #"{"/":9,"~1":10}"#),
        ("A.15", #"{"/":9,"~1":10}"#, .test("/~01", "10"), nil),
        ("A.16", #"{"foo":["bar"]}"#, .add("/foo/-", ["abc", "def"]), #"{"foo":["bar",["abc","def"]]}"#),
    ]

    static let more: [(String, String, Patch.Operation, String?)] = [
        ("add takes the place of a member", #"{"a":1}"#, .add("/a", 2), #"{"a":2}"#),
        ("add at the end", "[1]", .add("/1", 2), "[1,2]"), ("add past the end", "[1]", .add("/2", 2), nil),
        ("add before the first", "[1]", .add("/0", 2), "[2,1]"), ("a leading zero", "[1]", .add("/00", 2), nil),
        ("add into a scalar", #"{"a":1}"#, .add("/a/b", 2), nil),
        ("add into a null", #"{"a":null}"#, .add("/a/b", 2), nil),
        ("a name in an array", "[1]", .add("/a", 2), nil), ("the whole document", "[1]", .add("", 2), "2"),
        ("the whole document", "[1]", .replace("", [2]), "[2]"), ("the whole document", "[1]", .remove(""), nil),
        ("the whole document", "[1]", .test("", [1]), "[1]"), ("replace nothing", "{}", .replace("/a", 1), nil),
        ("replace past the end", "[1]", .replace("/1", 1), nil), ("replace the end", "[1]", .replace("/-", 1), nil),
        ("remove nothing", "{}", .remove("/a"), nil), ("remove past the end", "[1]", .remove("/1"), nil),
        ("remove the end", "[1]", .remove("/-"), nil), ("remove a null", #"{"a":null}"#, .remove("/a"), "{}"),
        ("an empty key", #"{"":{"":1}}"#, .replace("//", 2), #"{"":{"":2}}"#),
        ("test nothing", "{}", .test("/a", nil), nil),
        ("test a null", #"{"a":null}"#, .test("/a", nil), #"{"a":null}"#),
        ("test in another order", #"{"a":1,"b":2}"#, .test("", ["b": 2, "a": 1]), #"{"a":1,"b":2}"#),
        ("a dash in an object", #"{"a":{}}"#, .add("/a/-", 1), #"{"a":{"-":1}}"#),
    ]

    @Test(arguments: appendix + more)
    func `each operation has the result that RFC 6902 specifies`(
        _ name: String, _ document: String, _ step: Patch.Operation, _ result: String?
    ) throws {
        let document = try literal(document)
        let patch = Patch([step])
        guard let result else {
            #expect(throws: Patch.ApplyError.self) { try patch.applied(to: document) }
            return
        }
        #expect(try patch.applied(to: document).isSame(as: try literal(result)))
    }

    @Test func `an error names the number of the failed step`() throws {
        let patch = Patch([.add("/a", 1), .replace("/b/c", 2)])
        let document = try literal(#"{"b":{}}"#)
        let error = #expect(throws: Patch.ApplyError.self) { try patch.applied(to: document) }
        #expect(error?.step == 1)
        #expect(error?.description.contains("step 1") == true)
    }

    @Test func `a patch is encoded as RFC 6902 specifies`() {
        let patch = Patch([.add("/a~1b", [1]), .replace("/c", nil), .remove("/d/0"), .test("", "x")])
        #expect(
            patch.literal.json
                == #"[{"op":"add","path":"/a~1b","value":[1]},{"op":"replace","path":"/c","value":null},"#
                + #"{"op":"remove","path":"/d/0"},{"op":"test","path":"","value":"x"}]"#)
    }

    // MARK: Creating patches

    struct Making: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let document: String
        let edits: [Edit]
        let patch: [Patch.Operation]

        init(_ name: String, _ document: String, _ edits: [Edit], _ patch: [Patch.Operation]) {
            testDescription = name
            self.document = document
            self.edits = edits
            self.patch = patch
        }
    }

    static let making: [Making] = [
        Making("nothing to do", #"{"a":1}"#, [.set("/a", 1), .remove("/b"), .remove("/a/b"), .remove("/b/c")], []),
        Making("the same in another order", #"{"a":{"b":1,"c":2}}"#, [.set("/a", ["c": 2, "b": 1])], []),
        Making("a new member", "{}", [.set("/a", 1)], [.add("/a", 1)]),
        Making("another value", #"{"a":1}"#, [.set("/a", 2)], [.replace("/a", 2)]),
        Making("a null is a value", #"{"a":null}"#, [.set("/a", 2)], [.replace("/a", 2)]),
        Making("a null to set", "{}", [.set("/a", nil), .set("/a", nil)], [.add("/a", nil)]),
        Making("a null to remove", #"{"a":null}"#, [.remove("/a")], [.remove("/a")]),
        Making(
            "parents are made once", "{}", [.set("/a/b/c", 1), .set("/a/b/d", 2), .set("/a/e", 3)],
            [.add("/a", ["b": ["c": 1]]), .add("/a/b/d", 2), .add("/a/e", 3)]),
        Making("parents that are there", #"{"a":{"b":{}}}"#, [.set("/a/b/c/d", 1)], [.add("/a/b/c", ["d": 1])]),
        Making("a null on the way", #"{"a":{"b":null}}"#, [.set("/a/b/c/d", 1)], [.replace("/a/b", ["c": ["d": 1]])]),
        Making("a null first on the way", #"{"a":null}"#, [.set("/a/b", 1)], [.replace("/a", ["b": 1])]),
        Making("a null at the root", "null", [.set("/a/b", 1)], [.replace("", ["a": ["b": 1]])]),
        Making("the whole document", "{}", [.set("", [1])], [.replace("", [1])]),
        Making("the whole document stays", "{}", [.remove("")], []),
        Making("an element", "[1,2]", [.set("/1", 3)], [.replace("/1", 3)]),
        Making(
            "inside an element", #"{"a":[{},{"b":1}]}"#, [.set("/a/0/c", 3), .remove("/a/1/b")],
            [.add("/a/0/c", 3), .remove("/a/1/b")]),
        Making(
            "no such element", #"{"a":[{}]}"#,
            [.set("/a/2/b", 3), .set("/a/01", 1), .set("/a/x", 1), .set("/a/x/y", 1)], []),
        Making("through a scalar", #"{"a":"text","n":1}"#, [.set("/a/b", 1), .set("/n/0", 1)], []),
        Making(
            "the end of an array", #"{"a":[1]}"#, [.set("/a/-", 2), .set("/a/-", 3)],
            [.add("/a/-", 2), .add("/a/-", 3)]),
        Making("what an array holds already", #"{"a":[{"x":1,"y":2}]}"#, [.set("/a/-", ["y": 2, "x": 1])], []),
        Making("what was appended just now", #"{"a":[]}"#, [.set("/a/-", 2), .set("/a/-", 2)], [.add("/a/-", 2)]),
        Making(
            "an array that is missing", "{}", [.set("/a/-", 1), .set("/a/-", 2)], [.add("/a", [1]), .add("/a/-", 2)]),
        Making("an array that is null", #"{"a":null}"#, [.set("/a/-", 1)], [.replace("/a", [1])]),
        Making("parents in an array", "{}", [.set("/a/-/b", 1)], [.add("/a", [["b": 1]])]),
        Making(
            "an element that is an object", #"{"a":[]}"#, [.set("/a/-/b", 1), .set("/a/-/b", 1)],
            [.add("/a/-", ["b": 1])]),
        Making("a dash as a member", #"{"a":{"-":1}}"#, [.set("/a/-", 2)], [.replace("/a/-", 2)]),
        Making("escaped tokens", #"{"a/b":{}}"#, [.set("/a~1b/c~0d", 1)], [.add("/a~1b/c~0d", 1)]),
        Making("set and removed", "{}", [.set("/a", 1), .remove("/a")], [.add("/a", 1), .remove("/a")]),
        Making("removed and set", #"{"a":1}"#, [.remove("/a"), .set("/a", 1)], [.remove("/a"), .add("/a", 1)]),
        Making(
            "elements keep their index", "[0,1,2,3]", [.remove("/0"), .remove("/2"), .set("/3", 4)],
            [.replace("/3", 4), .remove("/2"), .remove("/0")]),
        Making("an element is removed once", "[0,1,2]", [.remove("/1"), .remove("/1")], [.remove("/1")]),
        Making(
            "the tenth is after the second", "[0,1,2,3,4,5,6,7,8,9,10]", [.remove("/2"), .remove("/10")],
            [.remove("/10"), .remove("/2")]),
        Making(
            "inside before outside", #"{"a":[[1,2],[3,4]]}"#, [.remove("/a/0"), .remove("/a/0/1"), .remove("/a/1/0")],
            [.remove("/a/1/0"), .remove("/a/0/1"), .remove("/a/0")]),
        Making("an element removed, then wished", "[0,1]", [.remove("/0"), .set("/0", 5)], [.replace("/0", 5)]),
        Making(
            "canonically equivalent is not the same", "{\"a\":\"\u{E9}\"}", [.set("/a", "e\u{301}")],
            [.replace("/a", "e\u{301}")]),
    ]

    @Test(arguments: making)
    func `a patch contains only the steps that its edits need`(_ making: Making) throws {
        let document = try literal(making.document)
        let patch = Patch(making.edits, on: document)
        #expect(patch == Patch(making.patch))
        #expect(throws: Never.self) { try patch.applied(to: document) }
    }

    @Test func `an edit can be moved below a parent`() {
        #expect(Edit.set("/a", 1).below("/spec") == .set("/spec/a", 1))
        #expect(Edit.remove("/a").below("/spec/0") == .remove("/spec/0/a"))
        #expect(Edit.remove("/a").pointer == "/a")
    }

    // MARK: Properties

    @Test func `a patch makes only the requested changes, and repeating an edit changes nothing`() throws {
        let seed = Seeded.ofThisRun()
        var random = Seeded(seed)
        for round in 0..<500 {
            let document = random.literal(depth: 4)
            let edits = (0..<Int.random(in: 1...5, using: &random)).map { _ in random.edit(of: document) }
            let patch = Patch(edits, on: document)
            let result = try patch.applied(to: document)
            let comment: Comment = "seed \(seed), round \(round): \(edits) on \(document.json)"

            // Only if no array element is removed, so that pointers stay valid:
            guard edits.allSatisfy({ !$0.removesElement(of: document) && !$0.removesElement(of: result) }) else {
                continue
            }
            if let last = edits.last, let place = last.settled(in: result) { #expect(place, comment) }
            for (pointer, value) in leaves(of: document) where !edits.contains(where: { $0.touches(pointer) }) {
                #expect(result[at: pointer] == value, comment)
            }
            // Two edits of the same place can undo each other; a single edit cannot.
            let alone = Patch([edits[0]], on: document)
            let once = try alone.applied(to: document)
            #expect(Patch([edits[0]], on: once).operations.isEmpty, comment)
            #expect(alone.operations.count <= 1, comment)
        }
    }

    private func leaves(of document: Literal) -> [(Pointer, Literal)] {
        var result: [(Pointer, Literal)] = []
        var pending = [(Pointer(), document)]
        while let (pointer, value) = pending.popLast() {
            switch value {
            case .array(let elements):
                for (index, element) in elements.enumerated() { pending.append((pointer / String(index), element)) }
            case .object(let members): for member in members { pending.append((pointer / member.key, member.value)) }
            default: result.append((pointer, value))
            }
        }
        return result
    }
}

extension Edit {
    /// Returns true if this edit can change the value at `pointer`, which is at, inside or above the edited place.
    fileprivate func touches(_ pointer: Pointer) -> Bool {
        pointer.isInside(self.pointer) || self.pointer.isInside(pointer)
    }

    fileprivate func removesElement(of document: Literal) -> Bool {
        guard case .remove(let pointer) = self, case .array? = document[at: pointer.parent] else { return false }
        return true
    }

    /// Returns true if `result` has the requested change; nil if the edit cannot be made.
    fileprivate func settled(in result: Literal) -> Bool? {
        switch self {
        case .remove(let pointer): pointer.tokens.isEmpty ? nil : result[at: pointer] == Literal?.none
        case .set(let pointer, let value): result[at: pointer].map { $0.isSame(as: value) }
        }
    }
}

extension Seeded {
    private static let keys = ["a", "b", "c/d", "e~f", "0", "-", ""]

    fileprivate mutating func literal(depth: Int) -> Literal {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 4), using: &self) {
        case 0: return nil
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .number(String(Int.random(in: -3...3, using: &self)))
        case 3: return .string(Self.keys.randomElement(using: &self) ?? "")
        case 4, 5: return .array((0..<Int.random(in: 0...3, using: &self)).map { _ in literal(depth: depth - 1) })
        default:
            let keys = Self.keys.shuffled(using: &self).prefix(Int.random(in: 0...4, using: &self))
            return .object(keys.map { Literal.Member($0, literal(depth: depth - 1)) })
        }
    }

    /// Returns an edit of a place that exists at least in part.
    fileprivate mutating func edit(of document: Literal) -> Edit {
        var pointer = Pointer()
        var current = document
        while Int.random(in: 0..<5, using: &self) > 0 {
            switch current {
            case .object(let members):
                guard let member = members.randomElement(using: &self) else { break }
                pointer = pointer / member.key
                current = member.value
                continue
            case .array(let elements):
                guard let index = elements.indices.randomElement(using: &self) else { break }
                pointer = pointer / String(index)
                current = elements[index]
                continue
            default: break
            }
            break
        }
        for _ in 0..<Int.random(in: 0...2, using: &self) {
            pointer = pointer / (Self.keys.randomElement(using: &self) ?? "")
        }
        return Int.random(in: 0..<3, using: &self) == 0 ? .remove(pointer) : .set(pointer, literal(depth: 2))
    }
}
