import Foundation
import TestSupport
import Testing

/// `check` with --baseline and --write-baseline.
@Suite struct BaselineTests {
    private func deployment(_ name: String, replicas: Int = 1, image: String = "nginx") -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: \(name), namespace: shop}
        spec:
          replicas: \(replicas)
          template:
            metadata: {labels: {app: \(name)}}
            spec:
              containers:
              - {name: app, image: \(image)}

        """
    }

    private let rules = environment(
        onlyWith: ["replicas": "deny", "image-tag": "deny"], ["PLAYBOOK_MIN_REPLICAS": "3"])

    /// Checks a file against the baseline of another text.
    private func check(_ text: String, after before: String, _ flags: String...) throws -> Program {
        try Program.withFolder { folder in
            let (file, baseline) = ("\(folder)/a.yaml", "\(folder)/baseline.json")
            try before.write(toFile: file, atomically: true, encoding: .utf8)
            let written = try Program(["check", "--write-baseline", baseline, file], environment: rules)
            #expect(written.code == 0, "\(written.error)")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return try Program(["check", "--baseline", baseline] + flags + [file], environment: rules)
        }
    }

    @Test func `findings in the baseline are not reported`() throws {
        let same = try check(deployment("web"), after: deployment("web"))
        #expect(same.code == 0 && same.error.isEmpty)
        #expect(
            same.output == """
                1 object in 1 file: 0 denied, 0 with warnings, 1 allowed
                2 findings in the baseline are not shown

                """)
    }

    @Test func `a new object, another value and a worse number are reported`() throws {
        let more = try check(deployment("web") + "---\n" + deployment("other"), after: deployment("web"))
        #expect(more.code == 1 && more.output.contains("Deployment shop/other") && !more.output.contains("shop/web"))
        let image = try check(deployment("web", image: "evil/miner"), after: deployment("web"))
        #expect(image.code == 1 && image.output.contains("image-tag") && !image.output.contains("replicas "))
        let fewer = try check(deployment("web", replicas: 1), after: deployment("web", replicas: 2))
        #expect(fewer.code == 1 && fewer.output.contains("replicas  spec.replicas is 1; at least 3 are required"))
        #expect(try check(deployment("web", replicas: 2), after: deployment("web")).code == 0)
    }

    @Test(arguments: [[1, 2], [2, 1]], [[1, 2], [2, 1]])
    func `a worse number is reported even if other findings of the object are in the baseline`(
        before: [Int], after: [Int]
    ) throws {
        // The same object twice, as in a base and its overlay.
        func text(_ replicas: [Int]) -> String {
            replicas.map { deployment("web", replicas: $0) }.joined(separator: "---\n")
        }
        let same = try check(text(after), after: text(before))
        #expect(same.code == 0 && same.output.contains("4 findings in the baseline are not shown"), "\(same.output)")
        let worse = try check(text([1, 1]), after: text(before))
        #expect(worse.code == 1 && worse.output.contains("3 findings in the baseline are not shown"), "\(worse.output)")
    }

    @Test func `entries that no longer occur are listed`() throws {
        let better = try check(deployment("web", replicas: 3), after: deployment("web"))
        #expect(better.code == 0 && better.error.isEmpty)
        #expect(
            better.output == """
                1 object in 1 file: 0 denied, 0 with warnings, 1 allowed
                1 finding in the baseline is not shown
                1 baseline entry no longer occurs; remove it from the baseline
                  replicas: Deployment shop/web spec.replicas

                """)
    }

    @Test func `entries of missing objects are listed if all objects were evaluated`() throws {
        let both = deployment("web") + "---\n" + deployment("other")
        let gone = "  replicas: Deployment shop/other spec.replicas\n"
        #expect(try check(deployment("web"), after: both).output.contains(gone))
        #expect(try !check(deployment("web"), after: both, "--partial").output.contains(gone))
        // The object can be in the part that could not be read.
        #expect(try !check(deployment("web") + "---\na: [\n", after: both).output.contains(gone))
    }

    @Test(arguments: [
        (
            "json",
            #""baseline":{"known":1,"gone":[{"rule":"replicas","object":"Deployment shop/web","path":"spec.replicas"}]}"#
        ),
        (
            "sarif",
            "This baseline entry no longer occurs; remove it from the baseline: replicas: Deployment shop/web spec.replicas."
        ),
        ("junit", "<skipped message=\"spec.replicas: no longer occurs; remove it from the baseline\"/>"),
        ("github", "\n  replicas: Deployment shop/web spec.replicas\n"),
        (
            "markdown",
            "1 baseline entry no longer occurs; remove it from the baseline:\n\n- `replicas`: Deployment shop/web `spec.replicas`\n"
        ),
        (
            "html",
            "<summary>1 baseline entry no longer occurs; remove it from the baseline</summary><ul><li>replicas: Deployment shop/web"
        ),
    ])
    func `every format lists entries that no longer occur, also with --quiet`(_ format: String, _ part: String) throws {
        let text = deployment("web", replicas: 3)
        let program = try check(text, after: deployment("web"), "--quiet", "--format", format)
        #expect(program.output.contains(part) && program.error.isEmpty, "\(program.output.prefix(3000))")
    }

    @Test func `a report without --baseline does not mention a baseline`() throws {
        let report = try Program(["check", "--format", "json"], environment: rules, input: deployment("web")).output
        #expect(!report.contains("baseline"))
    }

    @Test(arguments: [
        ("[]", "not a baseline of version 1"), ("{", "line 1"),
        (#"{"version":1,"findings":[{}]}"#, "finding 1 needs rule, object, path and hash"),
    ])
    func `a file that is not a baseline is an error`(_ text: String, _ part: String) throws {
        try Program.withFolder { folder in
            let path = "\(folder)/baseline.json"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let program = try Program(["check", "--baseline", path, folder])
            #expect(
                program.code == 2 && program.error.contains(part) && program.error.contains(path), "\(program.error)")
        }
    }

    private func settings(_ name: String, _ secret: String) -> String {
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: shop}
        data: {\(name): \(secret)}
        """
    }

    @Test func `a secret in the baseline matches by its location, in every later run`() throws {
        try Program.withFolder { folder in
            func check(_ text: String, _ option: String) throws -> Program {
                try text.write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
                return try Program(["check", option, "\(folder)/b.json", "\(folder)/a.yaml"])
            }
            let found = try check(settings("DB_PASSWORD", "hunter2hunter2"), "--write-baseline")
            #expect(found.output.contains("inline-credentials"))
            let same = try check(settings("DB_PASSWORD", "hunter2hunter2"), "--baseline")
            #expect(same.code == 0 && !same.output.contains("no longer occurs"), "\(same.output)")
            let reports = try (0..<2).map { _ in
                try Program(["check", "--format", "sarif", "\(folder)/a.yaml"]).output
            }
            #expect(reports[0].contains("inline-credentials") && reports[0] == reports[1])
            let other = try check(settings("API_TOKEN", "hunter2hunter2"), "--baseline")
            #expect(other.code == 1 && other.output.contains("no longer occurs"), "\(other.output)")
        }
    }

    @Test func `a baseline does not contain secrets`() throws {
        let secret = "hunter2hunter2"
        try Program.withFolder { folder in
            try settings("DB_PASSWORD", secret).write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            _ = try Program(["check", "--write-baseline", "\(folder)/b.json", "\(folder)/a.yaml"])
            let written = try String(contentsOfFile: "\(folder)/b.json", encoding: .utf8)
            #expect(written.contains("inline-credentials") && !written.contains(secret))
        }
    }
}
