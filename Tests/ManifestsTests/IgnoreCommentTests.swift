import Evaluation
import JSON
import Kubernetes
import Manifests
import Rules
import TestSupport
import Testing

/// Which findings comments exempt, and what is said of comments that exempt none.
@Suite struct IgnoreCommentTests {
    /// A Deployment with two containers and two sins: one replica, and images without a version.
    private static let lines = [
        "apiVersion: apps/v1", "kind: Deployment", "metadata: {name: web, namespace: shop}", "spec:", "  replicas: 1",
        "  template:", "    metadata: {labels: {app: web}}", "    spec:", "      containers:", "      - name: app",
        "        image: nginx", "      - name: log", "        image: fluent",
    ]

    /// What rules find and are not kept from, as `rule line`, with text put behind or before lines counted from 1.
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
            ManifestJudge(context, namespace: "").judge(document, of: file) { _, verdict, ignores in
                used.formUnion(ignores)
                for judgement in verdict?.judgements ?? [] where judgement.effect == .deny {
                    found.append("\(judgement.rule.id) \(judgement.path)")
                }
            }
        }
        return (found, file, used)
    }

    private let all = ["replicas spec.replicas", "image-tag containers[app].image", "image-tag containers[log].image"]

    @Test func `without comments everything is found`() throws {
        #expect(try found().found == all)
    }

    @Test func `a comment behind a line, or alone before it, exempts what is found there`() throws {
        #expect(try found(behind: [5: " # playbook:ignore replicas a cache"]).found == Array(all[1...]))
        #expect(
            try found(before: [11: "        # playbook:ignore image-tag pinned elsewhere"]).found == [all[0], all[2]])
        let apart = "  # playbook:ignore replicas a cache\n\n  # more about it\n"
        #expect(try found(before: [5: apart]).found == Array(all[1...]))
    }

    @Test func `a comment before a document exempts in all of it`() throws {
        #expect(try found(before: [1: "# playbook:ignore image-tag a mirror"]).found == [all[0]])
        #expect(try found(before: [1: "# playbook:ignore image-tag, replicas a mirror"]).found == [])
        #expect(try found(before: [1: "# playbook:ignore image-tag,replicas a mirror"]).found == [])
        // A document after it is another one.
        #expect(try found(before: [1: "# playbook:ignore replicas a cache\na: 1\n---"]).found == all)
    }

    @Test(arguments: [
        ("# playbook:ignore replicas", "without a reason"), ("# playbook:ignore", "has no rule"),
        ("# playbook:ignore replica a cache", "did you mean \"replicas\"?"),
    ])
    func `a comment that cannot exempt says why, and does not`(_ comment: String, _ part: String) throws {
        let (found, file, used) = try found(behind: [5: " \(comment)"])
        #expect(found == all && used == [])
        #expect(file.ignores.count == 1 && file.ignores[0].problem(in: .playbook)?.contains(part) == true)
        #expect(file.ignores[0].location == Location(line: 5, column: 15))
    }

    @Test(arguments: [
        "'a # playbook:ignore replicas b'", "\"# playbook:ignore replicas b\"", "a#playbook:ignore replicas b",
    ])
    func `a text that looks like a comment is none`(_ text: String) throws {
        let (found, file, _) = try found(before: [3: "note: \(text)"])
        #expect(found == all && file.ignores.isEmpty)
    }

    @Test func `a line of a block of text is no comment either`() throws {
        let (found, file, _) = try found(before: [3: "note: |\n  # playbook:ignore image-tag b\n  text"])
        #expect(found == all && file.ignores.isEmpty)
    }

    @Test func `another rule's comment exempts nothing, and is known to be unused`() throws {
        let (found, file, used) = try found(behind: [5: " # playbook:ignore image-tag a mirror"])
        #expect(found == all && file.ignores.count == 1 && file.ignores[0].problem(in: .playbook) == nil && used == [])
    }
}
