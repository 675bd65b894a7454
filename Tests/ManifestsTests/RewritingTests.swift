import JSON
import Manifests
import TestSupport
import Testing

/// Edits of texts that are difficult to change.
@Suite struct RewritingTests {
    struct Change: CustomTestStringConvertible {
        let name: String
        let before: String
        let edits: [Edit]
        let after: String
        var path = "a.yaml"
        var testDescription: String { name }
    }

    private static func change(_ item: Change) throws -> String {
        let file = ManifestFile(path: item.path, bytes: Array(item.before.utf8))
        #expect(file.problem == nil)
        let object = try Literal(json: try #require(file.documents.first).json)
        let target = try Patch(item.edits, on: object).applied(to: object)
        return String(decoding: try file.rewritten(0, toSay: target).text.bytes, as: UTF8.self)
    }

    @Test(arguments: changes) func `only the parts of a text that differ are changed`(_ item: Change) throws {
        let after = try RewritingTests.change(item)
        #expect(after == item.after)
    }

    private static let changes: [Change] = [
        Change(
            name: "a member goes behind the last one, before what follows",
            before: "a:\n  b: 1 # one\n\n# about c\nc: 2\n", edits: [.set("/a/d", 3)],
            after: "a:\n  b: 1 # one\n  d: 3\n\n# about c\nc: 2\n"),
        Change(
            name: "a text without a line break at its end", before: "a:\n  b: 1", edits: [.set("/a/c", 2)],
            after: "a:\n  b: 1\n  c: 2"),
        Change(
            name: "into an element, at the column of its first key", before: "- a: 1\n-   b: 2\n",
            edits: [.set("/0/c", 3), .set("/1/c", 3)], after: "- a: 1\n  c: 3\n-   b: 2\n    c: 3\n"),
        Change(
            name: "inner and outer members at one place", before: "a:\n  b:\n    c: 1\n",
            edits: [.set("/x", 1), .set("/a/w", 2), .set("/a/b/z", 3)],
            after: "a:\n  b:\n    c: 1\n    z: 3\n  w: 2\nx: 1\n"),
        Change(
            name: "an empty value, with a comment behind its key", before: "a: # todo\nb: 1\n",
            edits: [.set("/a/c", 2)], after: "a: # todo\n  c: 2\nb: 1\n"),
        Change(
            name: "a written null", before: "a: ~ # none\nb: 1\n", edits: [.set("/a/c", 2)],
            after: "a: # none\n  c: 2\nb: 1\n"),
        Change(
            name: "empty brackets are filled", before: "a: {} # none\nb: [ ]\n",
            edits: [.set("/a/c", 2), .set("/b/-", "x")],
            after: "a: {c: 2} # none\nb: [x]\n"),
        Change(
            name: "the last item goes with its comment, and that of the one before stays",
            before: "a: {\n  b: 1, # one\n  c: 2 # two\n}\n", edits: [.remove("/a/c")],
            after: "a: {\n  b: 1 # one\n}\n"),
        Change(
            name: "the same with another item in its place, before the bracket on its line",
            before: "a: [\n  1, # one\n  2]\n", edits: [.set("/a/1", "x")], after: "a: [\n  1, # one\n  x]\n"),
        Change(
            name: "two items with a comma behind them",
            before: "a: {\n  b: 1, # one\n  c: 2, # two\n  d: 3, # three\n}\n",
            edits: [.remove("/a/c"), .remove("/a/d")],
            after: "a: {\n  b: 1, # one\n}\n"),
        Change(
            name: "one goes and one comes",
            before: "a: {\n  b: 1, # one\n  c: 2 # two\n}\n", edits: [.remove("/a/c"), .set("/a/d", 3)],
            after: "a: {\n  b: 1, # one\n  d: 3\n}\n"),
        Change(
            name: "quotes stay", before: "a: \"1\"\nb: 'x'\nc: z\nd: 1\n",
            edits: [.set("/a", "2"), .set("/b", "it's"), .set("/c", "w"), .set("/d", 2)],
            after: "a: \"2\"\nb: 'it''s'\nc: w\nd: 2\n"),
        Change(
            name: "what would be read as something else is quoted", before: "a: x\nb: x\nc: x\n",
            edits: [.set("/a", "yes"), .set("/b", "010"), .set("/c", "a: b # c")],
            after: "a: \"yes\"\nb: \"010\"\nc: \"a: b # c\"\n"),
        Change(
            name: "brackets on one line", before: "a: {b: 1, c: [x, y]}\n",
            edits: [.set("/a/d", 2), .set("/a/c/-", "z"), .remove("/a/b")], after: "a: {c: [x, y, z], d: 2}\n"),
        Change(
            name: "brackets on lines, with comments", before: "a: {\n  b: 1, # one\n  c: 2 # two\n}\n",
            edits: [.set("/a/d", 3)], after: "a: {\n  b: 1, # one\n  c: 2, # two\n  d: 3\n}\n"),
        Change(
            name: "a comma before the bracket", before: "a: [x, y, ]\nb: {c: 1,}\n",
            edits: [.set("/a/-", "z"), .set("/b/d", 2)], after: "a: [x, y, z ]\nb: {c: 1, d: 2}\n"),
        Change(
            name: "the last goes from brackets, and all", before: "a: [x, y]\nb: {c: 1}\nd: {e: 1, f: 2, g: 3}\n",
            edits: [.remove("/a/1"), .remove("/b/c"), .remove("/d/f"), .remove("/d/g")],
            after: "a: [x]\nb: {}\nd: {e: 1}\n"),
        Change(
            name: "a block member goes with its comment", before: "a:\n  b: # b\n    c: 1\n  # about d\n  d: 2\n",
            edits: [.remove("/a/b")], after: "a:\n  # about d\n  d: 2\n"),
        Change(
            name: "the first member of an element goes", before: "- a: 1\n  b: 2\n- a: 1\n", edits: [.remove("/0/a")],
            after: "- b: 2\n- a: 1\n"),
        Change(
            name: "the only member goes", before: "a:\n  b: 1\nc: 2\n", edits: [.remove("/a/b")],
            after: "a: {}\nc: 2\n"),
        Change(
            name: "the only member goes, with a comment above it", before: "a:\n  # why\n  b: 1\nc: 2\n",
            edits: [.remove("/a/b")], after: "a:\n  # why\n  {}\nc: 2\n"),
        Change(
            name: "the only element goes, with a comment above it", before: "a:\n# why\n- b: 1\nc: 2\n",
            edits: [.remove("/a/0")], after: "a:\n# why\n  []\nc: 2\n"),
        Change(
            name: "the last member goes and another comes", before: "a:\n  b: 1\n  c: 2\nd: 3\n",
            edits: [.remove("/a/c"), .set("/a/e", 4)], after: "a:\n  b: 1\n  e: 4\nd: 3\n"),
        Change(
            name: "elements come and go, in the list's own indentation",
            before: "a:\n  - x\n  - y # why\n  - z\nb:\n- 1\n",
            edits: [.remove("/a/1"), .set("/b/-", 2)], after: "a:\n  - x\n  - z\nb:\n- 1\n- 2\n"),
        Change(
            name: "new blocks are indented as the others are",
            before: "a:\n    b:\n      - c: 1\n", edits: [.set("/d", ["e": [["f": ["g": [["h": 1]]]]]])],
            after: "a:\n    b:\n      - c: 1\nd:\n    e:\n      - f:\n            g:\n              - h: 1\n"),
        Change(
            name: "a block scalar at the end", before: "a:\n  b: |\n    x\n    y\n\nc: 1\n", edits: [.set("/a/d", 1)],
            after: "a:\n  b: |\n    x\n    y\n  d: 1\n\nc: 1\n"),
        Change(
            name: "carriage returns and a byte order mark", before: "\u{FEFF}a:\r\n  b: 1\r\n",
            edits: [.set("/a/c", ["d": ["e": 1]]), .set("/f", 1)],
            after: "\u{FEFF}a:\r\n  b: 1\r\n  c:\r\n    d:\r\n      e: 1\r\nf: 1\r\n"),
        Change(
            name: "characters of several bytes", before: "é: \"ü\" # ö\na: {ß: 1, b: x}\n",
            edits: [.set("/a/b", "w"), .set("/é", "z")], after: "é: \"z\" # ö\na: {ß: 1, b: w}\n"),
        Change(
            name: "beside an alias and a merge", before: "x: &x {a: 1}\nv: *x\nz:\n  <<: *x\n  b: 2\n",
            edits: [.set("/z/c", 3), .set("/w", 1)],
            after: "x: &x {a: 1}\nv: *x\nz:\n  <<: *x\n  b: 2\n  c: 3\nw: 1\n"),
        Change(
            name: "into a value with an unused anchor", before: "x: &x\n  a: 1\nz: &z 1\n",
            edits: [.set("/x/b", 2), .set("/z", 2)], after: "x: &x\n  a: 1\n  b: 2\nz: &z 2\n"),
        Change(
            name: "JSON on one line keeps its spaces", before: #"{"a": {"b": 1}, "c":[]}"#,
            edits: [.set("/a/d", ["e": [1, 2]]), .set("/c/-", "x")],
            after: #"{"a": {"b": 1, "d": {"e": [1, 2]}}, "c":["x"]}"#, path: "a.json"),
        Change(
            name: "the last goes from brackets and another comes",
            before: "{\n  \"a\": 1,\n  \"b\": 2\n}\n", edits: [.remove("/b"), .set("/c", 3)],
            after: "{\n  \"a\": 1,\n  \"c\": 3\n}\n", path: "a.json"),
        Change(
            name: "JSON without spaces", before: #"{"a":{"b":1}}"#, edits: [.set("/a/d", ["e": [1, 2]])],
            after: #"{"a":{"b":1,"d":{"e":[1,2]}}}"#, path: "a.json"),
        Change(
            name: "JSON on lines", before: "{\n    \"a\": {\n        \"b\": 1\n    }\n}\n",
            edits: [.set("/a/c", ["d": 1]), .set("/e", 1)],
            after:
                "{\n    \"a\": {\n        \"b\": 1,\n        \"c\": {\n            \"d\": 1\n        }\n    },\n    \"e\": 1\n}\n",
            path: "a.json"),
    ]

    @Test(arguments: [
        ("a value that two share", "x: &x {a: 1}\nz: *x\n", Edit.set("/z/b", 2), "used in several places"),
        ("a merged member", "x: &x {a: 1}\nz:\n  <<: *x\n  b: 1\n", .set("/z/a", 2), "used in several places"),
        ("a merged member goes", "x: &x {a: 1}\nz:\n  <<: *x\n  b: 1\n", .remove("/z/a"), "comes from a merge"),
        ("an alias in a list goes", "x: &x {a: 1}\nz:\n- *x\n- b\n", .remove("/z/0"), "an alias cannot be removed"),
    ])
    func `an edit that cannot be made is rejected with the reason`(
        _ name: String, _ before: String, _ edit: Edit, _ part: String
    ) throws {
        do {
            let after = try RewritingTests.change(Change(name: name, before: before, edits: [edit], after: ""))
            Issue.record("written: \(after)")
        } catch let error as CannotEdit {
            #expect(error.message.contains(part) && error.location != nil, "\(error)")
        }
    }

    @Test func `a diff equals the output of diff -u`() {
        let old = (1...20).map { "\($0)\n" }.joined()
        var lines = (1...20).map { "\($0)\n" }
        lines[1] = "two\n"
        lines.insert("new\n", at: 18)
        let diff = UnifiedDiff.text(Array(old.utf8), Array(lines.joined().utf8), path: "a")
        #expect(
            diff == """
                --- a
                +++ a
                @@ -1,5 +1,5 @@
                 1
                -2
                +two
                 3
                 4
                 5
                @@ -16,5 +16,6 @@
                 16
                 17
                 18
                +new
                 19
                 20

                """)
        #expect(UnifiedDiff.text(Array("a".utf8), Array("a".utf8), path: "a").isEmpty)
        #expect(
            UnifiedDiff.text(Array("a\n".utf8), Array("a\nb".utf8), path: "a")
                == "--- a\n+++ a\n@@ -1 +1,2 @@\n a\n+b\n\\ No newline at end of file\n")
        #expect(UnifiedDiff.text([], Array("b\n".utf8), path: "a") == "--- a\n+++ a\n@@ -0,0 +1 @@\n+b\n")
    }
}
