import JSON
import TestSupport
import Testing
import YAML

@Suite struct ReaderTests {
    private func json(_ yaml: String) throws -> [String] {
        let (documents, error) = Reader.documents(in: Array(yaml.utf8))
        if let error { throw error }
        return documents.map { String(decoding: $0.json, as: UTF8.self) }
    }

    @Test(arguments: [
        ("a: 1", #"{"a":1}"#), ("a: yes", #"{"a":true}"#), ("a: No", #"{"a":false}"#), ("a: on", #"{"a":true}"#),
        ("a: y", #"{"a":true}"#), ("a: N", #"{"a":false}"#), ("a: 'y'", #"{"a":"y"}"#), ("y: 1", #"{"true":1}"#),
        ("a: 'yes'", #"{"a":"yes"}"#), ("a: !!str yes", #"{"a":"yes"}"#),
        ("a:", #"{"a":null}"#),
        ("a: ~", #"{"a":null}"#), ("a: null", #"{"a":null}"#), ("a: nULL", #"{"a":"nULL"}"#),
        ("a: 0644", #"{"a":420}"#),
        ("a: 0o644", #"{"a":420}"#), ("a: 0x1F", #"{"a":31}"#), ("a: 0b101", #"{"a":5}"#), ("a: 1_000", #"{"a":1000}"#),
        ("a: +5", #"{"a":5}"#), ("a: -5", #"{"a":-5}"#), ("a: 1.50", #"{"a":1.5}"#), ("a: .5", #"{"a":0.5}"#),
        ("a: 1.", #"{"a":1}"#),
        ("a: 1e3", #"{"a":1000}"#), ("a: 1E+3", #"{"a":1000}"#), ("a: 1000.0", #"{"a":1000}"#),
        ("a: 089", #"{"a":89}"#),
        ("a: 512Mi", #"{"a":"512Mi"}"#),
        ("a: 1.2.3", #"{"a":"1.2.3"}"#), ("a: 2027-01-31", #"{"a":"2027-01-31"}"#), ("a: '-'", #"{"a":"-"}"#),
        ("a: 123456789012345678901234567890", #"{"a":1.2345678901234568e+29}"#),
        ("a: 1.00065e+09", #"{"a":1000650000}"#), ("a: -3e+01", #"{"a":-30}"#),
        ("a: 1e20", #"{"a":100000000000000000000}"#),
        ("a: 1e21", #"{"a":1e+21}"#), ("a: 1e-7", #"{"a":1e-7}"#), ("a: 0.000001", #"{"a":0.000001}"#),
        ("a: -0", #"{"a":0}"#),
        ("a: 0.1", #"{"a":0.1}"#), ("a: 9007199254740993", #"{"a":9007199254740993}"#),
        ("a: -9223372036854775808", #"{"a":-9223372036854775808}"#),
        ("a: 9223372036854775808", #"{"a":9223372036854776000}"#), ("a: 1e400", #"{"a":"1e400"}"#),
        ("a: 0B11", #"{"a":3}"#), ("a: -0b11", #"{"a":-3}"#), ("a: 0O17", #"{"a":15}"#),
        ("a: 0b102", #"{"a":"0b102"}"#),
        ("a: 685_230.15", #"{"a":685230.15}"#), ("a: 1.5e", #"{"a":"1.5e"}"#), ("a: !!float 3", #"{"a":3}"#),
        ("a: !!binary |\n  aGVs\n  bG8=", #"{"a":"hello"}"#), ("a: !!timestamp 2027-01-31", #"{"a":"2027-01-31"}"#),
        ("1: x", #"{"1":"x"}"#), ("true: x", #"{"true":"x"}"#),
        ("'~': x", #"{"~":"x"}"#), ("'': x", #"{"":"x"}"#),
        ("a: .iNf", #"{"a":".iNf"}"#), ("a: .NAn", #"{"a":".NAn"}"#), ("a: -.iNF", #"{"a":"-.iNF"}"#),
        ("a: +.nan", #"{"a":"+.nan"}"#),
        ("a: |\n  x\n  y\n", #"{"a":"x\u000ay\u000a"}"#), ("a: >-\n  x\n  y\n", #"{"a":"x y"}"#),
        ("a: \"\\u00e9\\n\"", #"{"a":"é\u000a"}"#),
        ("{\"a\": [1, 2.0, \"x\"]}", #"{"a":[1,2,"x"]}"#), ("- a\n- b", #"["a","b"]"#),
        ("a: &x {b: 1}\nc: *x", #"{"a":{"b":1},"c":{"b":1}}"#),
        ("base: &b {x: 1, z: 2}\na:\n  <<: *b\n  z: 3", #"{"base":{"x":1,"z":2},"a":{"z":3,"x":1}}"#),
        ("a:\n  <<: [{x: 1}, {x: 2, z: 3}]", #"{"a":{"x":1,"z":3}}"#), ("'<<': 1", #"{"<<":1}"#),
        ("\u{FEFF}a: 1", #"{"a":1}"#), ("a: 1\r\nb: 2\r\n", #"{"a":1,"b":2}"#),
    ])
    func `a document reads as Kubernetes reads it`(_ yaml: String, _ expected: String) throws {
        #expect(try json(yaml) == [expected])
    }

    @Test func `a stream can have several documents, and empty ones are skipped`() throws {
        #expect(try json("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n") == [#"{"a":1}"#, #"{"b":2}"#])
        #expect(try json("") == [])
    }

    @Test(arguments: [
        ("a: 1\na: 2", 2, 1, "duplicate key \"a\" (first defined on line 1)"), ("a: [1, 2", 1, 9, ""),
        ("a:\n\t- b", 2, 1, "tabs must not be used"),
        ("a: *x", 1, 4, "unknown anchor \"x\""), ("a: &x [*x]", 1, 8, "contains itself"),
        ("a: .inf", 1, 4, "cannot be written in JSON"), ("a: +.Inf", 1, 4, "cannot be written in JSON"),
        ("a: -.INF", 1, 4, "cannot be written in JSON"), ("a: .NaN", 1, 4, "cannot be written in JSON"),
        ("a: .NAN", 1, 4, "cannot be written in JSON"),
        ("a: 1\n~: x", 2, 1, "a key must not be null"), ("a: {null: u}", 1, 5, "a key must not be null"),
        ("a: !!int x", 1, 4, "\"x\" is not a number"), ("a: !!int 3.0", 1, 4, "not an integer"),
        ("a: !!binary '?'", 1, 4, "base64"),
        ("a: !!timestamp x", 1, 4, "not a timestamp"), ("a: !thing x", 1, 4, "unsupported tag"),
        ("? [a]\n: b", 1, 3, "a key must not be"),
        ("a: b: c", 1, 5, ""), ("a: 'x", 1, 6, ""), ("a: \"\\q\"", 1, 6, ""),
        ("a:\n  <<: 1", 2, 7, "requires a mapping"),
    ])
    func `an error has its line and column`(_ yaml: String, _ line: Int, _ column: Int, _ part: String) throws {
        let error = try #require(Reader.documents(in: Array(yaml.utf8)).error)
        #expect(error.location.line == line, "\(error)")
        if !part.isEmpty { #expect(error.location.column == column && error.message.contains(part), "\(error)") }
    }

    @Test func `invalid UTF-8 is reported with its line and column`() throws {
        let error = try #require(Reader.documents(in: Array("a: b\nc: ".utf8) + [0xFF, 0x0A]).error)
        #expect(error.location == Location(line: 2, column: 4))
        #expect(Reader.documents(in: Array("a: \u{01}".utf8)).error != nil)
    }

    @Test func `documents before an error are read`() {
        let (documents, error) = Reader.documents(in: Array("a: 1\n---\nb: [".utf8))
        #expect(documents.count == 1)
        #expect(error != nil)
    }

    @Test func `documents after one with a duplicate key are read`() throws {
        let text = "a: 1\n---\nb: {c: 1, c: [2]}\nd: 3\n---\ne: &x 4\n---\nf: *x\n---\ng: 5\n"
        let (documents, error) = Reader.documents(in: Array(text.utf8))
        #expect(documents.map { String(decoding: $0.json, as: UTF8.self) } == [#"{"a":1}"#, #"{"e":4}"#, #"{"g":5}"#])
        #expect(error?.location == Location(line: 3, column: 11))
        let source = SourceText(Array(text.utf8))
        #expect(documents.map { source.location(of: $0.head).line } == [1, 5, 9])
    }

    @Test func `each node of a document has its line and column`() throws {
        let text = try Fixtures.bytes("manifests/1-checkout-good.yaml")
        let deployment = try #require(
            Reader.documents(in: text).documents.first {
                String(decoding: $0.json, as: UTF8.self).contains("\"Deployment\"")
            })
        let source = SourceText(text)
        let document = try Document(parsing: deployment.json)
        try withExtendedLifetime(document) {
            // Nodes are numbered in document order, keys included.
            var count = 0
            var found: Location?
            func walk(_ value: Value, _ path: [String]) {
                if path == ["spec", "template", "spec", "containers", "0", "resources", "limits"] {
                    found = source.location(of: deployment.extents[count].start)
                }
                count += 1
                for (index, element) in value.elements.enumerated() { walk(element, path + [String(index)]) }
                for member in value.members {
                    count += 1
                    walk(member.value, path + [member.key.text])
                }
            }
            walk(document.root, [])
            #expect(count == deployment.extents.count)
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            let location = try #require(found)
            let line = lines[location.line - 1]
            #expect(line.dropFirst(location.column - 1).hasPrefix("{memory: 0.5Gi}"))
        }
    }

    @Test func `aliases cannot expand a small text to a large document`() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        let error = try #require(Reader.documents(in: Array(text.utf8)).error)
        #expect(error.message.contains("after resolving aliases"))
    }

    @Test func `nesting is limited`() throws {
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        #expect(Reader.documents(in: Array(deep.utf8)).error != nil)
    }

    @Test func `truncated and mutated manifests are read or rejected without a crash`() throws {
        let seed: UInt64 = 20_261_124
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let text = try Fixtures.bytes("manifests/2-catalogue-bad.yaml")
        let alphabet = Array("{}[]:,&*!|>'\"#%@`-? \n\t\u{0}a1".utf8)
        var inputs = text.indices.map { Array(text[..<$0]) }
        for _ in 0..<500 {
            var copy = text
            for _ in 0...random(3) {
                copy[random(copy.count)] = alphabet[random(alphabet.count)]
            }
            inputs.append(copy)
        }
        for input in inputs {
            for document in Reader.documents(in: input).documents {
                #expect(throws: Never.self, "seed \(seed)") { try Document(parsing: document.json) }
            }
        }
    }
}
