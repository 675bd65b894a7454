import Foundation
import JSON
import TestSupport
import Testing

/// Objects that were read from a cluster: `kubectl get all -o yaml | playbook check -`.
@Suite struct LiveListTests {
    private static let list = Fixtures.path("lists/kubectl-get-all.yaml")

    private static let rules = environment(onlyWith: [
        "liveness-probe": "deny", "controller-managed": "deny", "scheduler-placement": "deny", "replicas": "deny",
    ])

    private func report(
        _ arguments: [String], environment: [String: String] = Self.rules
    ) throws -> (findings: [String], summary: Literal) {
        let program = try Program(["check", "-o", "json"] + arguments, environment: environment)
        let report = try Literal(json: Array(program.output.utf8))
        guard case .array(let findings)? = report["findings"] else { return ([], [:]) }
        let texts = findings.map { "\($0["object"]?.text ?? "") \($0["rule"]?.text ?? "") \($0["line"]?.json ?? "")" }
        return (texts, report["summary"] ?? [:])
    }

    @Test func `objects whose owner is in the list are skipped and counted, others are evaluated`() throws {
        let (findings, summary) = try report([Self.list])
        // The scheduler sets nodeName; the owner of the Pod batch is not in the list, so the Pod is evaluated.
        #expect(findings == ["Pod shop/batch-7b4c-k9s2d liveness-probe 98", "Deployment shop/web liveness-probe 171"])
        #expect(summary["objects"]?.json == "5" && summary["denied"]?.json == "2")
        #expect(summary["skipped"]?.json == #"{"the owner is evaluated instead":2}"#)
    }

    @Test func `an owner that is only a related object, or without uid, is not evaluated instead`() throws {
        let text = try String(contentsOfFile: Self.list, encoding: .utf8)
        try Program.withFolder { folder in
            // The last item is the ReplicaSet of the Deployment before it.
            let parts = text.split(separator: "- apiVersion: apps/v1\n  kind: ReplicaSet\n", maxSplits: 1)
            let others = "\(folder)/others.yaml"
            try Data((parts[0] + "kind: List\n").utf8).write(to: URL(filePath: others))
            let set = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: ReplicaSet\n\(parts[1])"
            let alone = "\(folder)/set.yaml"
            let single = set.replacing("kind: List\nmetadata:\n  resourceVersion: \"\"\n", with: "")
            try Data(single.utf8).write(to: URL(filePath: alone))
            let found = try report(["--companions", others, alone]).findings
            #expect(found.map { $0.prefix { $0 != "/" } } == ["ReplicaSet shop"])
            // Anyone can write an owner reference into a manifest; only a cluster sets the uid.
            let written = text.split(separator: "\n").filter { !$0.contains(" uid: ") }.joined(separator: "\n")
            try Data(written.utf8).write(to: URL(filePath: others))
            let objects = Set(try report([others]).findings.map { $0.prefix { $0 != " " } })
            #expect(objects == ["Pod", "Deployment", "ReplicaSet"])
        }
    }

    @Test func `no finding is about the status, managed fields or defaults`() throws {
        let findings = try report([Self.list], environment: [:]).findings
        let lines = try String(contentsOfFile: Self.list, encoding: .utf8).split(separator: "\n")
        let reported = Set(
            findings.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.map {
                lines[$0 - 1].drop { $0 == " " || $0 == "-" }
            })
        // The containers, with their image and resources; the labels that a PDB would select; the count without autoscaler; the
        // template without a spread constraint.
        #expect(
            reported.isSubset(of: [
                "image: nginx:latest", "resources: {}", "labels:", "replicas: 2", "spec:", "namespace: shop",
            ]), "\(reported)")
    }

    @Test func `fix does not change what a controller made`() throws {
        // The ReplicaSet and its Pod have the resources of the Deployment.
        let text = try String(contentsOfFile: Self.list, encoding: .utf8).replacing(
            "resources: {}", with: "resources: {requests: {memory: 1Mi}, limits: {memory: 2Mi}}")
        let only = environment(onlyWith: ["memory-request-equals-limit": "warn"])
        let program = try Program(["fix", "-"], environment: only, input: text)
        #expect(program.output.components(separatedBy: "requests: {memory: 1Mi}").count - 1 == 2)
        #expect(program.output.components(separatedBy: "requests: {memory: 2Mi}").count - 1 == 1)
        // The Pod whose owner is not in the list has no memory limit.
        #expect(program.error.hasSuffix("\nwould fix 1 finding in 1 file; 1 finding remaining\n"), "\(program.error)")
    }
}
