import Evaluation
import JSON
import Kubernetes
import Manifests
import Rules
import TestSupport
import Testing

/// Every bad example in several layouts of YAML and JSON, changed as its finding suggests.
@Suite struct RewrittenExampleTests {
    /// A way to write an object as text.
    enum Layout: String, CaseIterable {
        case kubectl, short, deep, windows, oneLine, json, prettyJSON

        func text(_ object: Literal) -> String {
            var style = YAMLStyle()
            style.putsShortOnOneLine = self == .short
            if self == .deep { (style.indent, style.listIndent) = (4, 2) }
            switch self {
            case .kubectl, .short, .deep: return commented(object.lines(style), "\n")
            case .windows: return "\u{FEFF}" + commented(object.lines(style), "\r\n")
            case .oneLine: return "# é\n" + object.flow + " # the end"
            case .json: return object.json
            case .prettyJSON: return pretty(object, "") + "\n"
            }
        }

        /// Adds comments to the lines, and a document before and after them.
        private func commented(_ lines: [String], _ end: String) -> String {
            let body = lines.enumerated().map { index, line in
                // A comment after a line that starts a block scalar, or in a block scalar, would be text.
                index % 3 == 0 ? "# é \(index)\(end)\(line)" : index % 3 == 1 ? "\(line) # \(index)" : line
            }
            return (["a: 1 # first", "---"] + body + ["---", "z: 1", "# last"]).joined(separator: end) + end
        }

        private func pretty(_ value: Literal, _ margin: String) -> String {
            let inner = margin + "    "
            switch value {
            case .object(let members) where !members.isEmpty:
                let lines = members.map { "\(inner)\(Literal.string($0.key).json): \(pretty($0.value, inner))" }
                return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
            case .array(let elements) where !elements.isEmpty:
                return "[\n" + elements.map { inner + pretty($0, inner) }.joined(separator: ",\n") + "\n\(margin)]"
            default: return value.json
            }
        }

        var index: Int { [.oneLine, .json, .prettyJSON].contains(self) ? 0 : 1 }
    }

    private func file(_ object: Literal, _ layout: Layout) throws -> ManifestFile {
        let isJSON = layout == .json || layout == .prettyJSON
        let file = ManifestFile(path: isJSON ? "a.json" : "a.yaml", bytes: Array(layout.text(object).utf8))
        #expect(file.problem == nil)
        return file
    }

    private func said(_ file: ManifestFile, _ layout: Layout) throws -> Literal {
        try Literal(
            json: try #require(file.documents.indices.contains(layout.index) ? file.documents[layout.index] : nil).json)
    }

    @Test(arguments: Case.bad, Layout.allCases)
    func `a suggested change is written in every layout, and other text is kept`(
        _ item: Case, _ layout: Layout
    ) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let decided = try #require(world.decision().findings.first)
        guard !decided.finding.edits.isEmpty, let object = world.object else { return }
        let target = try Patch(decided.finding.edits, on: object).applied(to: object)
        let before = try file(object, layout)
        #expect(try said(before, layout).isSame(as: object))
        let after = try before.rewritten(layout.index, toSay: target)
        #expect(try said(after, layout).isSame(as: target))
        // Other lines and comments are kept, in their order.
        let (old, new) = (lines(before), lines(after))
        let kept = old.count - old.difference(from: new).insertions.count
        #expect(layout == .oneLine || layout == .json || kept > old.count / 2)
        // Comments after or inside a removed field are removed with it.
        let removes = !fields(of: object).isSubset(of: fields(of: target))
        let lost = comments(before, alone: removes).difference(from: comments(after, alone: removes)).insertions
        #expect(lost.count <= (removes ? 2 : 0))
        let returns = after.text.bytes.count { $0 == UInt8(ascii: "\r") }
        #expect(returns == (layout == .windows ? after.text.bytes.count { $0 == UInt8(ascii: "\n") } : 0))
        #expect(try after.rewritten(layout.index, toSay: target).text.bytes == after.text.bytes)
    }

    private func lines(_ file: ManifestFile) -> [Substring] {
        String(decoding: file.text.bytes, as: UTF8.self).split(omittingEmptySubsequences: false) { $0.isNewline }
    }

    private func fields(of value: Literal, at place: Pointer = "") -> Set<Pointer> {
        switch value {
        case .object(let members):
            members.reduce(into: [place]) { $0.formUnion(fields(of: $1.value, at: place / $1.key)) }
        case .array(let elements):
            elements.enumerated().reduce(into: [place]) {
                $0.formUnion(fields(of: $1.element, at: place / String($1.offset)))
            }
        default: [place]
        }
    }

    private func comments(_ file: ManifestFile, alone: Bool) -> [Substring] {
        lines(file).filter { !alone || $0.hasPrefix("#") }.compactMap { line in
            line.lastIndex(of: "#").map { line[$0...] }
        }
    }

    @Test(arguments: Case.fixed, Layout.allCases)
    func `a fix of a file resolves its finding, and a second run changes nothing`(
        _ item: Case, _ layout: Layout
    ) throws {
        let world = try World(item.example)
        let object = try #require(world.object)
        let file = try file(object, layout)
        let settings = try Settings(environment: world.settings).overridden(fixes: .all)
        let relatedObjects = try world.context().relatedObjects
        let context = Context(settings: settings, relatedObjects: relatedObjects, now: world.now, source: .files)
        let evaluator = ManifestEvaluator(context, namespace: "")
        let result = evaluator.fixed(file)
        #expect(result.isChanged && result.entries.contains { $0.decided.rule.id == item.rule.id })
        #expect(result.entries.allSatisfy { $0.refusal == nil })
        var left: [String] = []
        for document in result.file.documents {
            evaluator.evaluate(document, of: result.file) { _, decision, _ in
                left += decision?.findings.map(\.rule.id) ?? []
            }
        }
        #expect(!left.contains(item.rule.id))
        let again = evaluator.fixed(result.file)
        #expect(!again.isChanged && again.file.text.bytes == result.file.text.bytes)
    }
}
