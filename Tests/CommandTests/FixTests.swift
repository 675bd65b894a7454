import Foundation
import JSON
import TestSupport
import Testing

@Suite struct FixTests {
    private let text = """
        # Source: shop/templates/web.yaml
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web   # the shop
          namespace: shop
          labels: {app: web}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
              - name: app
                image: 'web'
                resources:
                  requests: {cpu: 100m, memory: 128Mi}
                  limits: {memory: 256Mi} # enough

        """

    private let fixed = """
        # Source: shop/templates/web.yaml
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web   # the shop
          namespace: shop
          labels: {app: web}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
              - name: app
                image: 'web'
                resources:
                  requests: {cpu: 100m, memory: 256Mi}
                  limits: {memory: 256Mi} # enough
              topologySpreadConstraints:
              - maxSkew: 1
                topologyKey: topology.kubernetes.io/zone
                whenUnsatisfiable: ScheduleAnyway
                labelSelector:
                  matchLabels: {app: web}
                matchLabelKeys: [pod-template-hash]

        """

    /// Only these rules are enabled.
    private let rules = environment(onlyWith: [
        "liveness-probe": "deny", "memory-request-equals-limit": "deny", "topology-spread": "deny",
        "pod-disruption-budget": "deny",
    ])

    private func fix(_ arguments: String..., input: String = "") throws -> Program {
        try Program(["fix"] + arguments, environment: rules, input: input)
    }

    @Test func `standard input is fixed to standard output, and remaining findings are listed`() throws {
        let program = try fix(input: text)
        #expect(program.output == fixed)
        #expect(program.code == 1)
        let lines = program.error.split(separator: "\n").map(String.init)
        #expect(lines.contains("-:15:9: remaining: deny liveness-probe: containers[app].livenessProbe is not set"))
        #expect(lines.last?.hasPrefix("would fix 2 findings in 1 file; ") ?? false)
        let done = try fix(input: fixed).error
        #expect(done.hasSuffix("\nnothing to fix; 2 findings remaining\n"), "\(done)")
        let again = try fix("--quiet", input: fixed)
        #expect(again.output == fixed && again.error.isEmpty)
    }

    @Test func `the report lists what was fixed, what was not, and what remains`() throws {
        try Program.withFolder { folder in
            let (path, json, lines) = ("\(folder)/a.yaml", "\(folder)/fix.json", "\(folder)/fix.txt")
            // The limit is an anchor, which other places can use.
            let shared = text.replacing("limits: {memory: 256Mi}", with: "limits: {memory: &most 256Mi}")
            try shared.write(toFile: path, atomically: true, encoding: .utf8)
            let outputs = ["--output", "json=\(json)", "--output", "text=\(lines)", "--add-companions"]
            let program = try Program(["fix", "--write"] + outputs + [path], environment: rules)
            #expect(program.code == 1 && program.output.isEmpty)
            let report = try Literal(json: Array(String(contentsOfFile: json, encoding: .utf8).utf8))
            let fixed = try #require(report["fixed"]).elements
            #expect(fixed.map { $0["rule"] } == ["memory-request-equals-limit", "topology-spread"])
            #expect(
                fixed.first?.json == """
                    {"rule":"memory-request-equals-limit","file":"\(path)","line":2,"object":"Deployment shop/web",\
                    "path":"containers[app].resources","message":"containers[app].resources requests 128Mi of memory, \
                    but the limit is 256Mi"}
                    """)
            #expect(report["added"]?.json == #"[{"file":"\#(path)","object":"PodDisruptionBudget shop/web"}]"#)
            #expect(report["notFixed"]?.elements.isEmpty == true && report["notAdded"]?.elements.isEmpty == true)
            #expect(report["remaining"]?.elements.map { $0["rule"] } == ["liveness-probe"])
            let summary = try #require(report["summary"])
            let counts = ["written", "fixed", "added", "remaining", "changedFiles", "unwritten", "objects", "denied"]
            #expect(counts.map { summary[$0]?.json } == ["true", "2", "1", "1", "1", "0", "2", "1"])
            let written = try String(contentsOfFile: lines, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(written.count == 5, "\(written)")
            #expect(
                written.first?.hasPrefix("\(path):2: fixed: Deployment shop/web: memory-request-equals-limit: ") == true
            )
            #expect(written.dropFirst(2).first == "\(path): added PodDisruptionBudget shop/web")
            #expect(written.dropFirst(3).first?.contains(": remaining: deny liveness-probe: ") == true)
            #expect(written.last == "fixed 2 findings and added 1 object in 1 file; 1 finding remaining")
        }
    }

    @Test func `--format json prints the report instead of the manifests`() throws {
        let program = try fix("-o", "json", input: text)
        let report = try Literal(json: Array(program.output.utf8))
        #expect(program.code == 1 && report["summary"]?["written"] == false)
        #expect(report["fixed"]?.elements.count == 2 && report["remaining"]?.elements.count == 2)
        let both = try fix("-o", "json", "--diff", input: text)
        #expect(both.code == 2)
        #expect(both.error == "playbook: --diff cannot be combined with --format json; use --output json=FILE\n")
    }

    @Test func `patch can apply the output of --diff`() throws {
        try Program.withFolder { folder in
            let path = "\(folder)/a.yaml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let diff = try fix("--diff", "--quiet", path).output
            #expect(diff.hasPrefix("--- \(path)\n+++ \(path)\n@@ -15,5 +15,12 @@\n"))
            #expect(diff.contains("\n-          requests: {cpu: 100m, memory: 128Mi}\n"))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
    }

    @Test func `--write replaces the target of a link atomically and keeps its mode`() throws {
        try Program.withFolder { folder in
            let (path, link) = ("\(folder)/a.yaml", "\(folder)/link.yaml")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "a.yaml")
            let program = try fix("--write", link)
            #expect(program.code == 1 && program.output.isEmpty)
            #expect(program.error.contains("\nfixed 2 findings in 1 file; "))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == fixed)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "a.yaml")
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o640)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.yaml", "link.yaml"])
        }
    }

    @Test func `findings in files that could not be written are not counted as fixed`() throws {
        try Program.withFolder { folder in
            // Nothing fits beside a name of this length, where the new contents would be put first.
            let path = "\(folder)/\(String(repeating: "a", count: 245)).yaml"
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            let program = try fix("--write", path)
            #expect(program.code == 2 && program.error.contains("File name too long"), "\(program.error)")
            #expect(program.error.contains("\nnothing fixed; "), "\(program.error)")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
            // Two findings that could be fixed, and two that need a manual change.
            #expect(
                program.error.hasSuffix("\nnothing fixed; 1 file could not be written; 4 findings remaining\n"),
                "\(program.error)")
        }
    }

    @Test func `remaining findings include those in files that could not be written`() throws {
        try Program.withFolder { folder in
            let (path, tooLong) = ("\(folder)/a.yaml", "\(folder)/\(String(repeating: "b", count: 245)).yaml")
            let other = text.replacing("name: web ", with: "name: api ").replacing("app: web", with: "app: api")
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            try other.write(toFile: tooLong, atomically: false, encoding: .utf8)
            let only = TestSupport.environment(onlyWith: ["topology-spread": "deny"])
            let program = try Program(["fix", "--write", folder], environment: only)
            #expect(program.code == 2)
            #expect(program.error.hasPrefix("playbook: \(tooLong): File name too long\n"), "\(program.error)")
            let left = "\n\(tooLong):13:5: remaining: deny topology-spread: "
            #expect(program.error.contains(left), "\(program.error)")
            #expect(!program.error.contains("\(path):"), "\(program.error)")
            let sum = "\nfixed 1 finding in 1 of 2 files; 1 file could not be written; 1 finding remaining\n"
            #expect(program.error.hasSuffix(sum), "\(program.error)")
        }
    }

    @Test func `the summary counts inputs that could not be read`() throws {
        let program = try fix(input: "a: [\n")
        #expect(program.code == 2)
        #expect(
            program.error.hasSuffix("\nnothing to fix; 1 input could not be read; no findings remaining\n"),
            "\(program.error)")
    }

    @Test func `files that cannot be written are unchanged, and the others are written`() throws {
        try Program.withFolder { folder in
            let (count, tooLong) = (40, "\(folder)/\(String(repeating: "b", count: 245)).yaml")
            let paths = (0..<count).map { "\(folder)/a\($0).yaml" }
            for path in paths + [tooLong] { try text.write(toFile: path, atomically: false, encoding: .utf8) }
            // The same file twice is one file.
            let program = try fix("--write", folder, paths[0])
            #expect(program.code == 2 && program.error.contains("\(tooLong): File name too long"), "\(program.error)")
            #expect(try paths.allSatisfy { try String(contentsOfFile: $0, encoding: .utf8) == fixed })
            #expect(try String(contentsOfFile: tooLong, encoding: .utf8) == text)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == count + 1)
        }
    }

    @Test func `a link to a file elsewhere is reported as not changed`() throws {
        try Program.withFolder { folder in
            let elsewhere = "\(folder)/elsewhere"
            for path in [elsewhere, "\(folder)/here"] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            try text.write(toFile: "\(elsewhere)/a.yaml", atomically: true, encoding: .utf8)
            let link = "\(folder)/here/a.yaml"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../elsewhere/a.yaml")
            let program = try fix("--write", "--format", "json", "\(folder)/here")
            let report = try Literal(json: Array(program.output.utf8))
            #expect(report["notChanged"]?.elements.map { $0["file"] } == [.string(link)])
            #expect(report["notChanged"]?.elements.first?["reason"]?.text?.contains("symbolic link") == true)
            #expect(try String(contentsOfFile: "\(elsewhere)/a.yaml", encoding: .utf8) == text)
        }
    }

    @Test func `a file with several names is read and written once`() throws {
        try Program.withFolder { folder in
            let path = "\(folder)/a.yaml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/b.yaml", withDestinationPath: "a.yaml")
            let program = try fix("--write", "--add-companions", folder, path, "\(folder)/./a.yaml")
            #expect(program.error.contains("\nfixed 2 findings and added 1 object in 1 file; "), "\(program.error)")
            #expect(budgets(in: try String(contentsOfFile: path, encoding: .utf8)) == 1)
        }
    }

    @Test func `a missing PodDisruptionBudget is appended once`() throws {
        let program = try fix("--add-companions", input: text)
        let budget = """
            ---
            apiVersion: policy/v1
            kind: PodDisruptionBudget
            """
        #expect(program.output.hasPrefix(fixed + budget))
        #expect(program.error.contains("would fix 2 findings and add 1 object in 1 file"))
        #expect(!program.error.contains("pod-disruption-budget"))
        #expect(try fix("--add-companions", input: program.output).output == program.output)
        // An object without a namespace gets a PodDisruptionBudget without one.
        let loose = text.replacing("  namespace: shop\n", with: "")
        let output = try fix("--add-companions", input: loose).output
        #expect(output.contains("PodDisruptionBudget") && !output.contains("namespace"))
    }

    @Test func `workloads with the same labels get one PodDisruptionBudget`() throws {
        let twice = text + "---\n" + text.replacing("name: web ", with: "name: api ")
        let program = try fix("--add-companions", input: twice)
        #expect(program.error.contains(" and add 1 object in 1 file"), "\(program.error)")
        #expect(program.output.split(separator: "\n").count { $0 == "kind: PodDisruptionBudget" } == 1)
        #expect(!program.error.contains("pod-disruption-budget"))
    }

    /// A Deployment with pod labels and a selector.
    private func workload(_ name: String, labels: String, selector: String? = nil, kind: String = "Deployment")
        -> String
    {
        text.replacing("name: web ", with: "name: \(name) ").replacing("kind: Deployment", with: "kind: \(kind)")
            .replacing("matchLabels: {app: web}", with: "matchLabels: {\(selector ?? labels)}")
            .replacing("metadata: {labels: {app: web}}", with: "metadata: {labels: {\(labels)}}")
    }

    private func budget(_ name: String, _ labels: String) -> String {
        """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: \(name), namespace: shop}
        spec: {maxUnavailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow, selector: {matchLabels: {\(labels)}}}

        """
    }

    private func budgets(in text: String) -> Int {
        text.split(separator: "\n").count { $0 == "kind: PodDisruptionBudget" }
    }

    @Test(arguments: [false, true])
    func `a workload whose labels include those of another gets no second PodDisruptionBudget`(
        isReversed: Bool
    ) throws {
        let both = [workload("web", labels: "app: web"), workload("front", labels: "app: web, tier: front")]
        var environment = rules
        environment["PLAYBOOK_RULE_DISRUPTION_ALLOWED"] = "deny"
        let program = try Program(
            ["fix", "--add-companions"], environment: environment,
            input: (isReversed ? both.reversed() : both).joined(separator: "---\n"))
        #expect(budgets(in: program.output) == 1)
        #expect(program.error.contains(" and add 1 object in 1 file"), "\(program.error)")
        #expect(!program.error.contains("pod-disruption-budget") && !program.error.contains("disruption-allowed"))
    }

    @Test func `a PodDisruptionBudget that would select pods of another is not added, with a note`() throws {
        let input = [
            workload("web", labels: "app: web"), workload("front", labels: "app: web, tier: front"),
            budget("other", "tier: front"),
        ].joined(separator: "---\n")
        let program = try fix("--add-companions", input: input)
        #expect(budgets(in: program.output) == 1)
        #expect(
            program.error.contains(
                "-:2: not added: Deployment shop/web: pod-disruption-budget: it would select pods that "
                    + "PodDisruptionBudget other already selects"), "\(program.error)")
        #expect(program.error.contains("remaining: deny pod-disruption-budget"))
    }

    @Test func `an object whose name is in use is not added, with a note`() throws {
        let kinds = [workload("web", labels: "app: web"), workload("web", labels: "app: db", kind: "StatefulSet")]
        let program = try fix("--add-companions", input: kinds.joined(separator: "---\n"))
        #expect(budgets(in: program.output) == 1)
        #expect(
            program.error.contains(
                "not added: StatefulSet shop/web: pod-disruption-budget: a PodDisruptionBudget named web already exists"
            ),
            "\(program.error)")
    }

    @Test func `an object is added to the next file if the first cannot contain it`() throws {
        try Program.withFolder { folder in
            let object = try Literal(yaml: workload("web", labels: "app: web")).json
            try object.write(toFile: "\(folder)/a.json", atomically: true, encoding: .utf8)
            try workload("api", labels: "app: web").write(
                toFile: "\(folder)/b.yaml", atomically: true, encoding: .utf8)
            let program = try fix("--write", "--add-companions", folder)
            #expect(program.error.contains("a.json: no objects added: a JSON file contains one document"))
            #expect(budgets(in: try String(contentsOfFile: "\(folder)/b.yaml", encoding: .utf8)) == 1)
            #expect(!program.error.contains("pod-disruption-budget"), "\(program.error)")
        }
    }

    @Test func `a field with a shared anchor is not fixed, with the reason, and others are`() throws {
        let shared =
            text.replacing("resources:\n", with: "resources: &small\n")
            + "      - {name: other, image: other, resources: *small}\n"
        let program = try fix(input: shared)
        #expect(
            program.error.contains(
                "not fixed: Deployment shop/web: memory-request-equals-limit: this value is used in several places"
            ),
            "\(program.error)")
        #expect(program.output.contains("topologySpreadConstraints:") && program.output.contains("memory: 128Mi"))
    }

    @Test func `files without fixes and unreadable files are not written`() throws {
        try Program.withFolder { folder in
            for (name, text) in [("a.yaml", "a: 1   # b\r\n"), ("b.yaml", text + "---\na: [\n")] {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let program = try fix("--write", folder)
            #expect(program.code == 2)
            #expect(
                program.error.contains("not fixed: Deployment shop/web: topology-spread: the file could not be read"))
            #expect(try String(contentsOfFile: "\(folder)/a.yaml", encoding: .utf8) == "a: 1   # b\r\n")
            #expect(try String(contentsOfFile: "\(folder)/b.yaml", encoding: .utf8) == text + "---\na: [\n")
        }
    }

    @Test(arguments: [
        (["fix", "--write"], "--write needs file or directory names; it cannot write standard input"),
        (["fix", "--write", "--diff", "a"], "--diff cannot be combined with --write"),
    ])
    func `contradicting flags are an error`(_ arguments: [String], _ part: String) throws {
        let program = try Program(arguments)
        #expect(program.code == 2 && program.error.contains(part))
    }
}
