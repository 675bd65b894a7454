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
        #expect(findings == ["Pod shop/batch-7b4c-k9s2d liveness-probe 100", "Deployment shop/web liveness-probe 173"])
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

    /// A Pod and an owner, which say that they were read from a cluster.
    private func pod(ownedBy owner: String, _ kind: String, _ uid: String, in namespace: String = "shop") -> String {
        """
        \(owner)
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: job
          namespace: \(namespace)
          uid: u-9
          resourceVersion: "9"
          creationTimestamp: 2026-11-02T09:14:31Z
          ownerReferences: [{apiVersion: apps/v1, kind: \(kind), name: web, uid: \(uid), controller: true}]
        spec: {containers: [{name: app, image: example.com/app:1.2.3}]}

        """
    }

    @Test func `only the object that an owner reference names is evaluated instead`() throws {
        let metadata =
            "metadata: {name: web, namespace: shop, uid: u-1, resourceVersion: '1', creationTimestamp: 2026-11-02T09:14:31Z}"
        let set = "apiVersion: apps/v1\nkind: ReplicaSet\n\(metadata)\nspec: {template: {}}"
        let map = "apiVersion: v1\nkind: ConfigMap\n\(metadata)"
        try Program.withFolder { folder in
            for (text, isEvaluated) in [
                (pod(ownedBy: set, "ReplicaSet", "u-1"), false),
                // Another kind, another uid, another namespace, itself.
                (pod(ownedBy: map, "ReplicaSet", "u-1"), true), (pod(ownedBy: set, "ReplicaSet", "u-2"), true),
                (pod(ownedBy: set, "ReplicaSet", "u-1", in: "other"), true),
                (pod(ownedBy: set, "Pod", "u-9"), true),
                (pod(ownedBy: set, "CronJob", "u-1"), true),
                // Not read from a cluster.
                (pod(ownedBy: set, "ReplicaSet", "u-1").replacing("resourceVersion: \"9\"", with: "labels: {}"), true),
            ] {
                try text.write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
                let found = try report(["\(folder)/a.yaml"]).findings
                #expect(found.contains { $0.hasPrefix("Pod ") } == isEvaluated, "\(text)\(found)")
            }
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
