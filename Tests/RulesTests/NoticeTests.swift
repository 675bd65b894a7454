import Evaluation
import JSON
import TestSupport
import Testing

/// Limits on the notices about exemptions.
@Suite struct NoticeTests {
    private func notices(_ annotations: [String: String]) throws -> [String] {
        let named = annotations.map { Literal.Member("playbook.superinc.com/\($0.key)", .string($0.value)) }
        return try World(World.deployment.merging(["metadata": ["annotations": .object(named)]])).decision().notices
    }

    @Test(arguments: [
        "a,", "inline-credentials,", "*,", "replicas,", "a\n\u{202E},",
    ])
    func `a long list of names produces at most ten short notices`(name: String) throws {
        let notices = try notices(["exempt": String(repeating: name, count: 500), "exempt-reason": "why"])
        #expect(notices.count <= 10)
        #expect(notices.allSatisfy { $0.utf8.count <= 512 }, "\(notices.map(\.utf8.count))")
    }

    @Test func `the accepted exemption is the first notice, and the last one counts the omitted notices`() throws {
        let names = (1...12).map { "unknown-rule-\($0)" }.joined(separator: ",")
        let notices = try notices(["exempt": "replicas,\(names)", "exempt-reason": "why"])
        #expect(notices.count == 10)
        #expect(notices.first == "exemption from replicas accepted: why")
        // Nine notices are shown: the exemption and eight of the twelve unknown names.
        #expect(notices.last == "and 4 more notices")
    }

    @Test(arguments: ["exempt", "exempt-reason", "exempt-until"])
    func `long annotation values produce short notices`(annotation: String) throws {
        var annotations = ["exempt": "replicas", "exempt-reason": "why", "exempt-until": "2027-01-31"]
        annotations[annotation] = String(repeating: "x", count: 20_000)
        let notices = try notices(annotations)
        #expect(!notices.isEmpty)
        #expect(notices.allSatisfy { $0.utf8.count <= 512 })
    }
}
