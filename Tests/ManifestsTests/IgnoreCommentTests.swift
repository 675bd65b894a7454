import Evaluation
import JSON
import Kubernetes
import Manifests
import Rules
import TestSupport
import Testing

/// Findings that comments exempt, and problems of comments that exempt none.
@Suite struct IgnoreCommentTests {
    /// A Deployment with one replica and two containers whose images have no version.
    private static let lines = [
        "apiVersion: apps/v1", "kind: Deployment", "metadata: {name: web, namespace: shop}", "spec:", "  replicas: 1",
        "  template:", "    metadata: {labels: {app: web}}", "    spec:", "      containers:", "      - name: app",
        "        image: nginx", "      - name: log", "        image: fluent",
    ]

    /// Returns the findings that are not exempt, as `rule path`, with text added after or before numbered lines.
    private func found(
        behind: [Int: String] = [:], before: [Int: String] = [:]
    ) throws -> (found: [String], file: ManifestFile, used: Set<Int>) {
        var text: [String] = []
        for (index, line) in Self.lines.enumerated() {
            if let extra = before[index + 1] { text.append(extra) }
            text.append(line + (behind[index + 1] ?? ""))
        }
        let file = ManifestFile(path: "a.yaml", bytes: Array(text.joined(separator: "\n").utf8))
        let settings = try Settings(environment: environment(onlyWith: ["replicas": "deny", "image-tag": "deny"]))
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200), source: .files)
        var (found, used): ([String], Set<Int>) = ([], [])
        for document in file.documents {
            ManifestEvaluator(context, namespace: "").evaluate(document, of: file) { _, decision, ignores in
                used.formUnion(ignores)
                for decided in decision?.findings ?? [] where decided.effect == .deny {
                    found.append("\(decided.rule.id) \(decided.path)")
                }
            }
        }
        return (found, file, used)
    }

    private let all = ["replicas spec.replicas", "image-tag containers[app].image", "image-tag containers[log].image"]

    @Test func `without comments, all findings are reported`() throws {
        #expect(try found().found == all)
    }

    @Test func `a comment at the end of a line or on a line before it exempts findings on that line`() throws {
        #expect(try found(behind: [5: " # playbook:ignore replicas a cache"]).found == Array(all[1...]))
        #expect(
            try found(before: [11: "        # playbook:ignore image-tag pinned elsewhere"]).found == [all[0], all[2]])
        let apart = "  # playbook:ignore replicas a cache\n\n  # more about it\n"
        #expect(try found(before: [5: apart]).found == Array(all[1...]))
    }

    @Test func `a comment before a document exempts findings in the whole document`() throws {
        #expect(try found(before: [1: "# playbook:ignore image-tag a mirror"]).found == [all[0]])
        #expect(try found(before: [1: "# playbook:ignore image-tag, replicas a mirror"]).found == [])
        #expect(try found(before: [1: "# playbook:ignore image-tag,replicas a mirror"]).found == [])
        // It does not apply to the next document.
        #expect(try found(before: [1: "# playbook:ignore replicas a cache\na: 1\n---"]).found == all)
    }

    @Test(arguments: [
        ("# playbook:ignore replicas", "without a reason"), ("# playbook:ignore", "has no rule"),
        ("# playbook:ignore replica a cache", "did you mean \"replicas\"?"),
    ])
    func `an invalid comment exempts nothing and its problem is named`(_ comment: String, _ part: String) throws {
        let (found, file, used) = try found(behind: [5: " \(comment)"])
        #expect(found == all && used == [])
        #expect(file.ignores.count == 1 && file.ignores[0].problem(in: .playbook)?.contains(part) == true)
        #expect(file.ignores[0].location == Location(line: 5, column: 15))
    }

    @Test(arguments: [
        "'a # playbook:ignore replicas b'", "\"# playbook:ignore replicas b\"", "a#playbook:ignore replicas b",
    ])
    func `text inside a string is not read as a comment`(_ text: String) throws {
        let (found, file, _) = try found(before: [3: "note: \(text)"])
        #expect(found == all && file.ignores.isEmpty)
    }

    @Test func `a line inside a block scalar is not read as a comment`() throws {
        let (found, file, _) = try found(before: [3: "note: |\n  # playbook:ignore image-tag b\n  text"])
        #expect(found == all && file.ignores.isEmpty)
    }

    @Test func `a comment for another rule exempts nothing and is unused`() throws {
        let (found, file, used) = try found(behind: [5: " # playbook:ignore image-tag a mirror"])
        #expect(found == all && file.ignores.count == 1 && file.ignores[0].problem(in: .playbook) == nil && used == [])
    }
}
