import Foundation
import JSON
import TestSupport
import Testing

@Suite struct CheckTests {
    private let manifests = Fixtures.path("manifests")

    /// A manifest of a Deployment that only `replicas` denies.
    private func deployment(_ name: String = "web", namespace: String? = "shop", replicas: Int = 1) -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: \(name)\(namespace.map { ", namespace: \($0)" } ?? ""), labels: {app: \(name)}}
        spec:
          replicas: \(replicas)
          selector: {matchLabels: {app: \(name)}}
          template:
            metadata: {labels: {app: \(name)}}
            spec: {}

        """
    }

    private func budget(_ name: String = "web", namespace: String? = "shop") -> String {
        """
        ---
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: \(name)\(namespace.map { ", namespace: \($0)" } ?? "")}
        spec: {maxUnavailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow, selector: {matchLabels: {app: \(name)}}}

        """
    }

    /// The rules with findings in a text, with their locations, in report order.
    private func findings(_ text: String, _ flags: [String] = []) throws -> [String] {
        let program = try Program(["check", "--format", "json"] + flags, input: text)
        let report = try Literal(json: Array(program.output.utf8))
        guard case .array(let findings)? = report["findings"] else { return [] }
        return findings.map { finding in
            "\(finding["rule"]?.text ?? "") \(finding["line"]?.json ?? ""):\(finding["column"]?.json ?? "")"
        }
    }

    @Test func `a PodDisruptionBudget without a namespace is named as the near miss of a workload with one`() throws {
        let program = try Program(["check", "--format", "json"], input: deployment() + budget(namespace: nil))
        #expect(program.output.contains("PDB web matches, but has no namespace; use --namespace"))
        #expect(
            try !findings(deployment() + budget(namespace: nil), ["--namespace", "shop"]).contains {
                $0.hasPrefix("pod-disr")
            })
    }

    @Test func `findings have a line, and the exit code is 1 if an object is denied`() throws {
        let program = try Program(["check", "\(manifests)/2-catalogue-bad.yaml"])
        #expect(program.code == 1 && program.error.isEmpty)
        #expect(program.output.contains("  \(manifests)/2-catalogue-bad.yaml:5:3 "))
        #expect(program.output.contains("  spec.replicas is 1; at least 2 are required\n"))
        #expect(!program.output.contains("hunter2") && !program.output.contains("AKIA"))
        #expect(program.output.contains("\n1 object in 1 file: 1 denied, 0 with warnings, 0 allowed\n"))
        let quiet = try Program(["check", "--quiet", manifests])
        #expect(quiet.code == 1 && quiet.output.isEmpty)
    }

    @Test func `the underline is below the field, also after wide characters`() throws {
        let text = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web}
            spec: {paused: "日本", replicas: 1, template: {spec: {}}}

            """
        let program = try Program(
            ["check", "-v", "-"], environment: TestSupport.environment(onlyWith: ["replicas": "deny"]),
            input: text)
        // Each of the two takes two columns.
        let marks = String(repeating: " ", count: #"spec: {paused: "....", "#.count) + "^^^^^^^^^^^"
        #expect(program.output.contains(#"  4 | spec: {paused: "日本", replicas: 1"#), "\(program.output)")
        #expect(program.output.contains("    | \(marks)\n"), "\(program.output)")
    }

    @Test func `the JSON report has the location of each finding`() throws {
        let program = try Program(["check", "--format", "json", "\(manifests)/2-catalogue-bad.yaml"])
        let report = try Literal(json: Array(program.output.utf8))
        guard case .array(let findings)? = report["findings"] else {
            Issue.record("no findings")
            return
        }
        let replicas = try #require(findings.first { $0["rule"] == "replicas" })
        #expect(replicas["line"] == 5 && replicas["column"] == 3 && replicas["endColumn"] == 14)
        #expect(replicas["object"] == "Deployment shop/catalogue")
        #expect(report["summary"]?["objects"] == 1 && report["summary"]?["files"] == 1)
    }

    @Test func `objects of one run are related objects, and others are absent unless --partial`() throws {
        #expect(try findings(deployment()).contains { $0.hasPrefix("pod-disruption-budget") })
        #expect(try !findings(deployment() + budget()).contains { $0.hasPrefix("pod-disruption-budget") })
        #expect(
            try findings(deployment() + budget(namespace: "other")).contains { $0.hasPrefix("pod-disruption-budget") })
        // With --partial, kinds that are not in the input are unknown.
        #expect(try !findings(deployment(), ["--partial"]).contains { $0.hasPrefix("pod-disruption-budget") })
        try Program.withFolder { folder in
            try budget().write(toFile: "\(folder)/budget.yaml", atomically: true, encoding: .utf8)
            let found = try findings(deployment(), ["--companions", folder])
            #expect(!found.contains { $0.hasPrefix("pod-disruption-budget") })
        }
    }

    @Test func `the namespace of an object without one is unknown unless --namespace sets it`() throws {
        let text = deployment(namespace: nil) + budget(namespace: nil)
        for flags in [[], ["--namespace", "shop"]] {
            let found = try findings(text, flags)
            #expect(!found.contains { $0.hasPrefix("pod-disruption-budget") || $0.hasPrefix("default-namespace") })
        }
        let mixed = deployment(namespace: nil) + budget(namespace: "shop")
        #expect(try findings(mixed).contains { $0.hasPrefix("pod-disruption-budget") })
        #expect(try !findings(mixed, ["--namespace", "shop"]).contains { $0.hasPrefix("pod-disruption-budget") })
        // The objects in an unknown namespace are unknown too.
        #expect(try !findings(text).contains { $0.hasPrefix("namespace-quota") })
        #expect(try findings(text, ["--namespace", "shop"]).contains { $0.hasPrefix("namespace-quota") })
        #expect(try findings(text, ["--namespace", "default"]).contains { $0.hasPrefix("default-namespace") })
        #expect(try findings(deployment(namespace: "default")).contains { $0.hasPrefix("default-namespace") })
        let knative = """
            ---
            apiVersion: serving.knative.dev/v1
            kind: Service
            metadata: {name: web}
            spec: {template: {spec: {containers: [{name: app, image: nginx}]}}}

            """
        let found = try findings(knative, ["--namespace", "default"])
        for rule in ["default-namespace", "image-tag", "liveness-probe"] {
            #expect(found.contains { $0.hasPrefix(rule) }, "\(rule)")
        }
    }

    @Test func `documents that are not Kubernetes objects are skipped and counted`() throws {
        let program = try Program(["check"], input: "replicaCount: 3\n---\n# Source: a\n---\napiVersion: v2\nname: c\n")
        #expect(program.code == 2 && program.error.contains("--allow-empty"))
        #expect(
            program.output == """
                no Kubernetes objects found
                skipped 1 file without Kubernetes objects

                """)
        let mixed = try Program(["check"], input: "replicaCount: 3\n---\n" + budget())
        #expect(mixed.output.contains("\nskipped 1 document that is not a Kubernetes object\n"), "\(mixed.output)")
    }

    @Test func `a report without objects is not a success report`() throws {
        try Program.withFolder { folder in
            func output(_ format: String, _ path: String) throws -> String {
                try Program(["check", "--format", format, path]).output
            }
            #expect(try output("text", folder) == "no Kubernetes objects found\n")
            #expect(try output("markdown", folder).hasPrefix("### playbook: ⚠️ no Kubernetes objects found\n"))
            #expect(
                try output("markdown", "\(folder)/no").hasPrefix(
                    "### playbook: ⚠️ no Kubernetes objects found, 1 input could not be read\n"))
            let evaluated = try Program(
                ["check", "--format", "markdown", "\(folder)/no", "\(manifests)/0-namespace.yaml"])
            #expect(evaluated.output.hasPrefix("### playbook: ⚠️ nothing denied, 1 input could not be read\n"))
        }
    }

    @Test func `control characters and line breaks in names are not printed`() throws {
        // GitHub treats a line that begins with two colons as a command.
        let text = deployment("\"a\\e[31mb\\n::stop-commands::x\"", replicas: 1) + "---\n? \"c\\n::d\"\n: [\n"
        for program in [try Program(["check"], input: text), try Program(["fix", "--diff"], input: text)] {
            #expect(!program.output.contains("\u{1B}") && !program.error.contains("\u{1B}"))
            #expect(!"\(program.output)\n\(program.error)".split(separator: "\n").contains { $0.hasPrefix("::") })
        }
        for format in ["json", "sarif", "junit", "github", "markdown", "html"] {
            let output = try Program(["check", "--format", format], input: text).output
            #expect(!output.isEmpty && !output.contains("\u{1B}"), "\(format)")
        }
    }

    @Test func `control characters in file names are not printed`() throws {
        try Program.withFolder { folder in
            let name = "\(folder)/a\n::stop-commands::x\u{1B}[31m"
            // Found fault with, with a comment for nothing, no text, and no recording.
            let comment = "# playbook:ignore image-tag none\n"
            try (comment + deployment(replicas: 1)).write(toFile: "\(name).yaml", atomically: true, encoding: .utf8)
            try "\u{0}".write(toFile: "\(name).yml", atomically: true, encoding: .utf8)
            try "{\"a\": 1".write(toFile: "\(name).json", atomically: true, encoding: .utf8)
            for command in [["check", folder], ["fix", folder], ["replay", folder]] {
                let error = try Program(command).error
                #expect(error.contains("::stop-commands::x") && !error.contains("\u{1B}"))
                #expect(!error.split(separator: "\n").contains { $0.hasPrefix("::") })
            }
        }
    }

    @Test func `a baseline path that is not a regular file is written to, not replaced`() throws {
        try Program.withFolder { folder in
            let pipe = "\(folder)/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            // Open for both, so that neither side waits for the other.
            let descriptor = open(pipe, O_RDWR)
            defer { close(descriptor) }
            _ = try Program(["check", "--write-baseline", pipe], input: deployment(replicas: 1))
            var status = stat()
            #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
            var byte: UInt8 = 0
            #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 && read(descriptor, &byte, 1) == 1)
        }
    }

    @Test func `unreadable files are reported, the others are evaluated, and the exit code is 2`() throws {
        try Program.withFolder { folder in
            for (name, text) in [
                ("a.yaml", "a: b\nc: {{ .Values.c }}\n"), ("b.yml", deployment()), ("c.json", "{\"a\": 1,}"),
                ("d.yaml", "a: 1\n\u{0}"), ("ignored.txt", "a: ["),
            ] {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let program = try Program(["check", folder, "\(folder)/nothing"])
            #expect(program.code == 2)
            let lines = program.error.split(separator: "\n").map(String.init)
            #expect(lines.count == 2, "\(program.error)")
            #expect(lines[0] == "playbook: \(folder)/d.yaml: skipped: not a text file")
            #expect(lines[1] == "playbook: \(folder)/nothing: No such file or directory")
            #expect(program.output.contains("Deployment shop/web · DENIED"))
            #expect(program.output.contains("1 input could not be read"))
            #expect(program.output.contains("skipped 3 files without Kubernetes objects"))
            let named = try Program(["check", "\(folder)/a.yaml", "\(folder)/c.json"])
            let errors = named.error.split(separator: "\n").map(String.init)
            #expect(errors[0].hasPrefix("playbook: \(folder)/a.yaml:2:") && errors[0].contains("helm template"))
            #expect(errors[1].hasPrefix("playbook: \(folder)/c.json:1:9: "))
        }
    }

    @Test func `a named file that is not text is an error`() throws {
        try Program.withFolder { folder in
            try "\u{1F}\u{8B}\u{0}".write(toFile: "\(folder)/a.yaml.gz", atomically: true, encoding: .utf8)
            let named = try Program(["check", "\(folder)/a.yaml.gz"])
            #expect(named.code == 2 && named.error == "playbook: \(folder)/a.yaml.gz: not a text file\n")
            let piped = try Program(["check", "-"], input: "\u{0}")
            #expect(piped.code == 2 && piped.error == "playbook: -: not a text file\n")
        }
    }

    @Test func `a failed write to standard output is an error`() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\"$0\" rules > /dev/full 2>/dev/null", Program.url.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 2)
    }

    @Test func `pipes and directory links in a directory are skipped`() throws {
        try Program.withFolder { folder in
            try deployment().write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            #expect(mkfifo("\(folder)/b.yaml", 0o600) == 0)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/c", withDestinationPath: folder)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/d.yaml", withDestinationPath: "d.yaml")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/e.yaml", withDestinationPath: "a.yaml")
            let program = try Program(["check", folder])
            #expect(program.code == 2)
            #expect(
                program.error == """
                    playbook: \(folder)/b.yaml: skipped: not a regular file
                    playbook: \(folder)/c: skipped: symbolic link to a directory
                    playbook: \(folder)/d.yaml: Too many levels of symbolic links

                    """)
            // A file with two names is read once.
            #expect(program.output.contains("1 object in 1 file"))
        }
    }

    @Test func `the project's manifests have no denied findings`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy").path
        // The overlays set the image; scripts/render-check evaluates the output of kustomize.
        let exempt = ["Deployment/playbook", "CronJob/playbook-audit"].flatMap { workload in
            ["image-registry", "image-tag"].map { "\($0)@playbook/\(workload): named by the overlays" }
        }
        let program = try Program(["check", root], environment: ["PLAYBOOK_EXEMPT": exempt.joined(separator: ";")])
        #expect(program.code == 0, "\(program.output)\(program.error)")
    }
}
