import Foundation
import JSON
import TestSupport
import Testing

/// Flags that people know from kubectl and other linters, and the help that leads to them.
@Suite struct FlagTests {
    private let bad = Fixtures.path("manifests/2-catalogue-bad.yaml")

    private func json(_ output: String) throws -> Literal { try Literal(json: Array(output.utf8)) }

    /// The rules with findings.
    private func rules(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Set<String> {
        let program = try Program(arguments + ["-o", "json"], environment: environment)
        return Set(try json(program.output)["findings"]?.elements.compactMap { $0["rule"]?.text } ?? [])
    }

    // MARK: Short forms

    @Test func `short forms are the same as the long ones`() throws {
        let long = try Program(["check", "--format", "json", bad]).output
        for flags in [["-o", "json"], ["-ojson"], ["-o=json"], ["-vo", "json"]] {
            #expect(try Program(["check"] + flags + [bad]).output == long, "\(flags)")
        }
        #expect(try Program(["check", "-f", bad, "-o", "json"]).output == long)
        #expect(try Program(["check", "--filename=\(bad)", "-o", "json"]).output == long)
        let quiet = try Program(["check", "-q", bad])
        #expect(quiet.code == 1 && quiet.output.isEmpty)
        let named = try Program(["check", "-n", "default", "-o", "json"], input: "apiVersion: v1\nkind: Pod\n")
        #expect(named.output.contains("default-namespace"))
    }

    @Test func `-f can be repeated, and names standard input as -`() throws {
        let both = try Program(["check", "-f", bad, "-f", Fixtures.path("manifests/0-namespace.yaml")]).output
        #expect(both.contains(" objects in 2 files: "), "\(both)")
        #expect(
            try Program(["check", "-f", "-"], input: "a: 1\n").output.contains("no Kubernetes objects found\n"))
    }

    @Test(arguments: [
        (["check", "-x"], #"unknown flag "-x"; see playbook check --help"#),
        (["check", "-qx"], #"unknown flag "-x"; see playbook check --help"#),
        (["rules", "-f", "a"], #"unknown flag "-f"; see playbook rules --help"#),
        (["check", "-format", "json"], #"unknown flag "-format"; did you mean "--format"?"#),
        (["check", "--frobnicate"], #"unknown flag "--frobnicate"; see playbook check --help"#),
        (["check", "-q=1"], "-q does not take a value"), (["check", "-o"], "-o needs a value: -o FORMAT"),
        (["check", "--fail-on", "error"], #"unsupported --fail-on "error"; use deny, warn or never"#),
        (["check", "--exit-zero", "--fail-on", "warn"], "--exit-zero cannot be combined with --fail-on"),
        (["check", "--only", "replica"], #"unknown rule "replica"; did you mean "replicas"?"#),
        (["check", "--only", "replicas", "--skip", "replicas"], "--only and --skip both name replicas"),
        (
            ["check", "--only", "replicas", "--level", "replicas=off"],
            "--only names replicas, which is off; add --level replicas=warn or replicas=deny"
        ),
        (["check", "--output", "report.json"], #"unsupported --output "report.json"; use FORMAT=FILE"#),
        (["check", "--output", "yaml=a"], #"unsupported --output "yaml"; use one of text, json, sarif"#),
        (["check", "--output", "json=-"], "--output needs a file; --format json prints to standard output"),
        (["check", "--output", "json=a", "--output", "sarif=a"], "--output names the file a more than once"),
        (["review", "--output", "response=a"], #"unsupported --output "response""#),
        (
            ["rules", "--profile", "hard"],
            #"PLAYBOOK_PROFILE: unsupported value "hard"; use start, standard or strict"#
        ),
        (["help", "chek"], #"unknown command "chek"; did you mean "check"?"#),
        (["help", "check", "fix"], "help takes one command"),
        (["explain", "--review", "a", "--format", "json"], "explain --review supports --format text only"),
        (["audit", "--kubeconfig", "/no/such/file"], "/no/such/file"),
        (["doctor", "--kubeconfig", "/no/such/file", "--context", "a"], "/no/such/file"),
    ])
    func `a usage error says what to use instead`(_ arguments: [String], _ part: String) throws {
        let program = try Program(arguments)
        #expect(program.code == 2 && program.output.isEmpty)
        #expect(program.error.contains(part), "\(program.error)")
    }

    // MARK: Rules and exit codes

    @Test func `--only and --skip choose the rules`() throws {
        #expect(try rules(["check", "--only", "replicas", bad]) == ["replicas"])
        #expect(
            try rules(["check", "--only", "replicas", "--only", "rolling-update", bad]) == [
                "replicas", "rolling-update",
            ])
        #expect(try rules(["check", "--only", "replicas,rolling-update", bad]) == ["replicas", "rolling-update"])
        let all = try rules(["check", bad])
        #expect(try rules(["check", "--skip", "image-tag", bad]) == all.subtracting(["image-tag"]))
        // Both apply to reviews too.
        let review = Fixtures.path("reviews/023-create-deployment-catalogue.json")
        #expect(try rules(["review", "--only", "replicas", review]) == ["replicas"])
    }

    @Test func `--only reports fields of the wrong type, which its rule cannot read`() throws {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\nspec: {replicas: many}\n"
        let program = try Program(["check", "--only", "replicas", "-o", "json"], input: text)
        // That it cannot be used as a related object either is not reported a second time.
        #expect(program.code == 1 && program.output.contains(#""rule":"schema""#), "\(program.output)")
    }

    @Test(arguments: [
        ("replicas=deny", "deny", 1), ("replicas=deny", "warn", 1), ("replicas=deny", "never", 0),
        ("replicas=warn", "deny", 0), ("replicas=warn", "warn", 1), ("replicas=warn", "never", 0),
    ])
    func `--fail-on decides when the exit code is 1`(_ level: String, _ failure: String, _ code: Int32) throws {
        let flags = ["--only", "replicas", "--level", level, "--fail-on", failure]
        #expect(try Program(["check", bad] + flags).code == code)
        #expect(try Program(["fix", bad] + flags).code == code)
        let review = Fixtures.path("reviews/023-create-deployment-catalogue.json")
        #expect(try Program(["review", review] + flags).code == code)
        // Input that cannot be read fails with every level.
        #expect(try Program(["check", bad, "/no/such/file"] + flags).code == 2)
    }

    // MARK: Reports in files

    @Test func `--output writes further reports to files`() throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            let flags = ["--output", "json=a.json", "--output", "junit=a.xml", "--output", "text=a.txt"]
            let program = try Program(["check", bad] + flags, in: url)
            #expect(program.code == 1)
            func contents(_ name: String) throws -> String {
                try String(contentsOf: url.appending(path: name), encoding: .utf8)
            }
            #expect(try contents("a.txt") == program.output)
            #expect(try contents("a.json") == Program(["check", bad, "-o", "json"]).output)
            #expect(try contents("a.xml") == Program(["check", bad, "-o", "junit"]).output)
            let quiet = try Program(["check", "-q", bad, "--output", "json=b.json"], in: url)
            #expect(try quiet.output.isEmpty && contents("b.json") == contents("a.json"))
            let review = Fixtures.path("reviews/023-create-deployment-catalogue.json")
            for command in ["review", "replay"] {
                _ = try Program([command, review, "--output", "json=\(command).json"], in: url)
                #expect(try contents("\(command).json") == Program([command, review, "-o", "json"]).output)
            }
        }
    }

    @Test func `a report that cannot be written is an error, and the others are written`() throws {
        try Program.withFolder { folder in
            let program = try Program(
                ["check", bad, "--output", "json=\(folder)/no/a.json", "--output", "text=\(folder)/a.txt"])
            #expect(program.code == 2 && program.error.hasPrefix("playbook: \(folder)/no/a.json: No such file"))
            #expect(FileManager.default.fileExists(atPath: "\(folder)/a.txt"))
        }
    }

    // MARK: Help

    @Test func `help describes a command and its short forms`() throws {
        let page = try Program(["help", "check"])
        #expect(page.code == 0 && page.output.hasPrefix("usage: playbook check [FLAGS] [PATH|-]...\n"))
        #expect(
            try page.output == Program(["check", "--help"]).output && page.output == Program(["-h", "check"]).output)
        for line in [
            "  -f, --filename PATH ", "  -o, --format FORMAT ", "  -n, --namespace NAME ", "      --only RULE ",
        ] {
            #expect(page.output.contains(line), "\(line)")
        }
        #expect(try Program(["help"]).output == Program(["--help"]).output)
    }

    @Test func `as a plugin of kubectl, help and errors show the plugin's command line`() throws {
        try Program.withFolder { folder in
            let plugin = "\(folder)/kubectl-playbook"
            try FileManager.default.createSymbolicLink(atPath: plugin, withDestinationPath: Program.url.path)
            func run(_ arguments: [String]) throws -> (output: String, error: String) {
                let process = Process()
                process.executableURL = URL(filePath: plugin)
                process.arguments = arguments
                process.environment = [:]
                let (output, error) = (Pipe(), Pipe())
                (process.standardOutput, process.standardError) = (output, error)
                try process.run()
                let texts = [output, error].map {
                    String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                }
                process.waitUntilExit()
                return (texts[0], texts[1])
            }
            let manifest = "\(folder)/a.yaml"
            try "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: true}\n".write(
                toFile: manifest, atomically: true, encoding: .utf8)
            #expect(try run(["check", manifest]).output.contains("\n  kubectl playbook explain "))
            let overview = try run(["--help"]).output
            #expect(
                overview.contains("usage: kubectl playbook COMMAND")
                    && overview.contains("`kubectl playbook help COMMAND`"))
            let page = try run(["help", "replay"]).output
            #expect(page.hasPrefix("usage: kubectl playbook replay"))
            #expect(
                page.contains("  kubectl playbook replay --level ")
                    && page.contains("=playbook --tail=-1 | kubectl playbook replay -"))
            #expect(try run(["check", "-x"]).error.contains("see kubectl playbook check --help"))
            #expect(
                try Program(["help", "replay"]).output
                    == page.replacingOccurrences(of: "kubectl playbook", with: "playbook"))
        }
    }

    @Test func `explain lists the rules that mention a word`() throws {
        let latest = try Program(["explain", "latest"])
        #expect(
            latest.code == 2 && latest.error.hasPrefix("playbook: unknown rule \"latest\"; rules that mention it:\n"))
        #expect(latest.error.contains("\n  image-tag  "), "\(latest.error)")
        // Rules about a kind.
        #expect(try Program(["explain", "HorizontalPodAutoscaler"]).error.contains("\n  autoscaler"))
        let probe = try Program(["explain", "probe"]).error.split(separator: "\n").dropFirst()
        #expect(probe.count <= 8 && probe.prefix(2).allSatisfy { $0.contains("-probe") }, "\(probe)")
        #expect(try Program(["explain", "frobnicator"]).error.contains("`playbook rules` lists them"))
    }

    @Test func `explain prints a rule as JSON and Markdown`() throws {
        let page = try json(
            try Program(["explain", "replicas", "--format", "json", "--level", "replicas=warn"]).output)
        #expect(page["id"] == "replicas" && page["level"] == "warn" && page["defaultLevel"] == "deny")
        #expect(page["variable"] == "PLAYBOOK_RULE_REPLICAS" && page["title"] == "Workloads run at least two replicas")
        #expect(page["clauses"]?.elements.contains { $0["name"] == "too-few" } == true)
        #expect(page["examples"]?.elements.contains { $0["violates"] == "too-few" } == true)
        let markdown = try Program(["explain", "replicas", "-o", "markdown"]).output
        #expect(markdown.hasPrefix("### replicas\n\n**Workloads run at least two replicas.** "))
    }

    @Test func `rules shows the levels of a profile`() throws {
        func level(_ rule: String, _ flags: [String], _ environment: [String: String] = [:]) throws -> Literal? {
            let list = try json(try Program(["rules", "-o", "json"] + flags, environment: environment).output)
            return list.elements.first { $0["id"] == .string(rule) }?["level"]
        }
        // Replicas is about reliability, privilege-escalation about security.
        #expect(try level("replicas", []) == "deny" && level("replicas", ["--profile", "start"]) == "warn")
        #expect(try level("privilege-escalation", ["--profile", "start"]) == "deny")
        #expect(try level("rolling-update", ["--profile", "strict"]) == "deny")
        // The flag precedes the environment.
        #expect(try level("replicas", ["--profile", "standard"], ["PLAYBOOK_PROFILE": "start"]) == "deny")
    }
}
