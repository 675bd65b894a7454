import Foundation
import JSON
import TestSupport
import Testing

/// `playbook replay --audit-log` on files in the forms of a cluster and of CloudWatch Logs.
@Suite struct ReplayAuditLogTests {
    private func event(
        _ name: String, second: Int = 10, user: String = "dana", verb: String = "create", code: Int = 201,
        team: String = "red", hasBody: Bool = true, resource: String = "deployments", group: String = "apps"
    ) -> String {
        let object =
            """
            {"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"\(name)","namespace":"shop","labels":{"team":"\(team)"},\
            "uid":"\(name)","resourceVersion":"\(second)"},"spec":{"template":{"spec":{"containers":[{"name":"app\(second)"}]}}}}
            """
        return """
            {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\(hasBody ? "RequestResponse" : "Metadata")","auditID":"\(name)-\(second)",\
            "stage":"ResponseComplete","requestURI":"/apis","verb":"\(verb)","user":{"username":"\(user)"},"objectRef":\
            {"resource":"\(resource)","namespace":"shop","name":"\(name)","apiGroup":"\(group)","apiVersion":"v1"},"responseStatus":{"code":\(code)},\
            \(hasBody ? "\"responseObject\":\(object)," : "")"stageTimestamp":"2026-11-23T10:00:\(second).000000Z"}
            """ + "\n"
    }

    private func replay(_ arguments: [String], _ environment: [String: String] = [:], input: String = "") throws
        -> Program
    {
        try Program(
            ["replay", "--audit-log", "--level", "liveness-probe=deny"] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "PLAYBOOK_RULES_DEFAULT": "off"].merging(environment) { $1 },
            input: input)
    }

    private func json(_ program: Program) throws -> Literal { try Literal(json: Array(program.output.utf8)) }

    @Test func `the report begins with what is not visible`() throws {
        let lines = event("web") + event("route", hasBody: false) + event("web", second: 11, verb: "update", code: 200)
        let program = try replay(["-"], input: lines)
        #expect(program.code == 1, "\(program.error)")
        let parts = program.output.split(separator: "\n")
        #expect(parts.first == "Not visible in this log")
        #expect(program.output.contains("kinds: Deployment (apps) 1\n"))
        #expect(program.output.contains("rules that evaluate or read them: liveness-probe\n"))
        #expect(
            program.output.contains(
                "2 writes evaluated: 2 would be denied, 0 would get warnings, 0 unknown, 0 without findings\n"))
        #expect(program.output.contains("liveness-probe would deny: containers[app10].livenessProbe is not set\n"))
    }

    @Test func `all formats have the counts`() throws {
        let lines = event("web") + event("web", second: 11, verb: "update", code: 200, hasBody: false)
        let report = try json(replay(["--format", "json", "-"], input: lines))
        #expect(report["log"]?["evaluated"] == 1)
        #expect(report["log"]?["hidden"]?.elements.first?["kind"] == "Deployment (apps)")
        #expect(report["summary"]?["newlyDenied"] == 1)
        #expect(report["users"]?.elements.first?["user"] == "dana")
        let page = try replay(["--format", "html", "-"], input: lines).output
        #expect(page.contains("<title>playbook: 1 of 1 write would be denied</title>"))
        let hidden = try #require(page.firstRange(of: "<h2>Not visible in this log</h2>"))
        let score = try #require(page.firstRange(of: "class=\"score\""))
        #expect(hidden.lowerBound < score.lowerBound)
        let markdown = try replay(["--format", "markdown", "-"], input: lines).output
        #expect(
            markdown.hasPrefix("### playbook replay: ❌ 1 of 1 write would be denied\n\n**Not visible in this log**\n"))
    }

    @Test func `names are replaced on request, the same name by the same pseudonym`() throws {
        let lines = event("checkout", team: "redteam") + event("basket", second: 11, user: "kim")
        for format in ["text", "json", "html", "markdown"] {
            let output = try replay(["--redact-names", "--format", format, "-"], input: lines).output
            for name in ["checkout", "basket", "dana", "kim", "shop", "redteam", "app10"] {
                #expect(!output.contains(name), "\(name) in \(format)")
            }
            #expect(output.contains("user-"))
        }
        let report = try json(replay(["--redact-names", "--format", "json", "-"], input: lines))
        #expect(report["namespaces"]?.elements.count == 1)
        #expect(report["users"]?.elements.count == 2)
    }

    @Test func `no format and no error shows a name that is redacted`() throws {
        // A workload of a service account, a hidden kind, a rejected creation, and a line that is cut off.
        let lines =
            event("checkout", user: "system:serviceaccount:payments:robot", team: "crimson")
            .replacing(
                #""uid":"checkout""#,
                with:
                    #""uid":"u","ownerReferences":[{"apiVersion":"a.example.com/v1","kind":"A","name":"alpha","uid":"k"}]"#
            )
            .replacing(#"robot"}"#, with: #"robot","extra":{"authentication.kubernetes.io/pod-uid":["p"]}}"#)
            + event("basket", second: 11, hasBody: false) + event("invoices", second: 12, user: "kim")
            + event("cart", second: 13, code: 403).replacing("responseObject", with: "requestObject")
            + String(event("ledger", second: 14).prefix(300)) + "\n"
        for format in ["text", "json", "html", "markdown"] {
            let program = try replay(["--redact-names", "--format", format, "-"], input: lines)
            for name in [
                "checkout", "basket", "invoices", "cart", "ledger", "payments", "robot", "alpha", "kim", "shop",
                "crimson",
                "app10",
            ] {
                #expect(!program.output.contains(name) && !program.error.contains(name), "\(name) in \(format)")
            }
        }
        let log = try json(replay(["--redact-names", "--format", "json", "-"], input: lines))["log"]
        #expect(log?["accounts"]?.elements.count == 1 && log?["refused"] == 1 && log?["damagedLines"] == 1)
    }

    @Test func `streams in directories are merged by time, and gz files are read`() throws {
        try Program.withFolder { folder in
            let manager = FileManager.default
            for name in ["a", "b"] {
                try manager.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            }
            // The update is in the stream that is read first; the CREATE that it needs is in the other one.
            try event("web", second: 20, verb: "update", code: 200)
                .write(toFile: "\(folder)/a/000000", atomically: true, encoding: .utf8)
            try event("web").write(toFile: "\(folder)/b/000000", atomically: true, encoding: .utf8)
            for name in ["a", "b"] {
                let gzip = Process()
                gzip.executableURL = URL(filePath: "/usr/bin/env")
                gzip.arguments = ["gzip", "\(folder)/\(name)/000000"]
                try gzip.run()
                gzip.waitUntilExit()
            }
            let report = try json(replay(["--format", "json", folder]))
            #expect(report["log"]?["evaluated"] == 2)
            #expect(report["log"]?["unknown"]?["new-or-existing"] == 0)
            let missing = try replay([folder], ["PATH": "/nowhere"])
            #expect(missing.code == 2)
            #expect(missing.error.contains("gzip cannot be started"))
            #expect(missing.error.contains("zcat FILE | playbook replay --audit-log -"))
            try "no gzip".write(toFile: "\(folder)/a/1.gz", atomically: true, encoding: .utf8)
            let broken = try replay(["--format", "json", folder])
            #expect(broken.code == 2 && broken.error.contains("1.gz: gzip failed: "))
            #expect(try json(broken)["log"]?["evaluated"] == 2, "the other files are read")
        }
    }

    private func compress(_ path: String) throws {
        let gzip = Process()
        gzip.executableURL = URL(filePath: "/usr/bin/env")
        gzip.arguments = ["gzip", path]
        try gzip.run()
        gzip.waitUntilExit()
    }

    @Test func `rotated files are read from the oldest to the newest, compressed ones by their content`() throws {
        try Program.withFolder { folder in
            let files = [
                ("audit.log.10", event("web", second: 10)),
                ("audit.log.9", event("web", second: 11, verb: "update", code: 200)),
                ("audit.log.2", event("web", second: 12, verb: "update", code: 200)),
                ("audit.log-20261123", event("b", second: 13)), ("PUT-S3-1-2026-11-23", event("c", second: 14)),
                ("audit.log", event("web", second: 15, verb: "update", code: 200)),
                ("notes.md", "text\n"), (".hidden.log", event("d", second: 16)), ("audit.log.3.xz", "7zXZ"),
            ]
            for (name, text) in files { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
            for name in ["audit.log.9", "PUT-S3-1-2026-11-23"] {
                try compress("\(folder)/\(name)")
                try FileManager.default.moveItem(atPath: "\(folder)/\(name).gz", toPath: "\(folder)/\(name)")
            }
            try compress("\(folder)/audit.log.2")
            let program = try replay(["--format", "json", folder])
            let log = try json(program)["log"]
            #expect(log?["evaluated"] == 6)
            #expect(log?["outOfOrder"] == 0 && log?["unknown"]?["new-or-existing"] == 0)
            let skipped = ["audit.log.3.xz", "notes.md"].map {
                "playbook: \(folder)/\($0): skipped: not the name of an audit log\n"
            }
            #expect(program.error == skipped.joined())
            let named = try json(replay(["--format", "json", "\(folder)/audit.log.9"]))
            #expect(named["log"]?["evaluated"] == 1)
        }
    }

    @Test(arguments: ["audit.log.1", "audit.log-20261123", "audit.log.20261123"])
    func `a rotated file is read before the current one, regardless of the times of its events`(_ old: String) throws {
        try Program.withFolder { folder in
            // Without times, the order of reading decides.
            let (created, updated) = (event("web"), event("web", second: 11, verb: "update", code: 200))
            for (name, text) in [(old, created), ("audit.log", updated)] {
                let timeless = text.replacing(#/,"stageTimestamp":"[^"]*"/#, with: "")
                #expect(timeless != text)
                try timeless.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let log = try json(replay(["--format", "json", folder]))["log"]
            #expect(log?["evaluated"] == 2 && log?["unknown"]?["new-or-existing"] == 0, "\(log ?? .null)")
        }
    }

    @Test func `compressed standard input is an error`() throws {
        try Program.withFolder { folder in
            try event("web").write(toFile: "\(folder)/a", atomically: true, encoding: .utf8)
            try compress("\(folder)/a")
            let shell = Process()
            let pipe = Pipe()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = ["-c", "cat '\(folder)/a.gz' | '\(Program.url.path)' replay --audit-log -"]
            shell.standardError = pipe
            shell.standardOutput = FileHandle.nullDevice
            try shell.run()
            let error = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 2)
            #expect(error.contains("-: compressed input; decompress it: zcat FILE | playbook replay --audit-log -\n"))
        }
    }

    @Test func `a reader that closes the output ends the report without an error`() throws {
        try Program.withFolder { folder in
            try (event("web") + event("api", second: 11)).write(
                toFile: "\(folder)/a.log", atomically: true, encoding: .utf8)
            let shell = Process()
            let pipe = Pipe()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = [
                "-c", "'\(Program.url.path)' replay --audit-log --format html '\(folder)/a.log' | true; true",
            ]
            shell.standardError = pipe
            try shell.run()
            let error = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            shell.waitUntilExit()
            #expect(error.isEmpty)
        }
    }

    @Test func `the same event in two files counts once`() throws {
        try Program.withFolder { folder in
            for name in ["a.log", "b.log"] {
                try (event("web") + event(name, second: 20)).write(
                    toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let log = try json(replay(["--format", "json", "\(folder)/a.log", "\(folder)/b.log"]))["log"]
            #expect(log?["events"] == 4 && log?["duplicates"] == 1 && log?["evaluated"] == 3)
        }
    }

    @Test func `a line over the limit does not affect the other lines`() throws {
        let long = #"{"kind":"Event","a":""# + String(repeating: "x", count: 65 << 20) + "\"}\n"
        let program = try replay(["--format", "json", "-"], input: event("web") + long + event("api", second: 11))
        let log = try json(program)["log"]
        #expect(log?["evaluated"] == 2 && log?["damagedLines"] == 1)
        #expect(program.error == "playbook: -:2: the line is longer than 64 MiB\n")
    }

    @Test func `a last line that is cut off is reported with its line`() throws {
        let program = try replay(["--format", "json", "-"], input: event("web") + String(event("api").dropLast(40)))
        #expect(try json(program)["log"]?["evaluated"] == 1)
        #expect(program.error == "playbook: -:2: the event is not complete JSON\n")
        #expect(program.code == 1)
    }

    @Test func `documents over many lines are read, and one that is cut off is reported`() throws {
        let compact = try Literal(json: Array(event("web").utf8))
        let list: Literal = ["kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [compact]]
        let pretty = Self.pretty(list)
        #expect(pretty.split(separator: "\n").count > 20)
        let cut = pretty.split(separator: "\n").prefix(12).joined(separator: "\n") + "\n"
        let program = try replay(["--format", "json", "-"], input: cut + pretty + event("api", second: 11))
        let report = try json(program)
        #expect(report["log"]?["evaluated"] == 2 && report["log"]?["damagedLines"] == 1)
        #expect(program.error == "playbook: -:5: the event is not complete JSON\n")
        #expect(report["examples"]?.elements.first?["line"] == 17)
    }

    /// JSON with one member or element in a line.
    private static func pretty(_ value: Literal, _ indent: String = "") -> String {
        let deeper = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(deeper)\"\($0.key)\": \(pretty($0.value, deeper))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}" + (indent.isEmpty ? "\n" : "")
        case .array(let elements) where !elements.isEmpty:
            return "[\n" + elements.map { deeper + pretty($0, deeper) }.joined(separator: ",\n") + "\n\(indent)]"
        default: return value.json
        }
    }

    @Test func `broken lines do not affect the other lines`() throws {
        let lines =
            String(event("cut").prefix(200)) + "\n" + "I1123 started\n" + "{\"kind\":\"Pod\"}\n\n" + event("web")
            + String(repeating: "[", count: 100_000) + "\n" + event("api", second: 11)
        let program = try replay(["--format", "json", "-"], input: lines)
        #expect(program.code == 1, "the log is damaged, but the program has read it")
        let report = try json(program)
        #expect(report["log"]?["evaluated"] == 2)
        #expect(report["log"]?["damagedLines"] == 2)
        #expect(report["log"]?["foreignLines"] == 2)
        #expect(program.error.contains("-:1: the event is not complete JSON\n"))
    }

    /// The requests of `scripts/cluster/checks/audit_log.py` to a real API server 1.36: its audit log, and what a server in dry-run mode
    /// recorded at the same time.
    @Test func `the log of a real API server gives the decisions of the recordings`() throws {
        let environment = ["PATH": "/usr/bin:/bin"]
        let program = try Program(
            ["replay", "--audit-log", "--format", "json", Fixtures.path("audit/cluster.log")], environment: environment)
        #expect(program.code == 1, "\(program.error)")
        let report = try json(program)
        #expect(report["log"]?["hidden"]?.elements.map { $0["kind"] } == ["ConfigMap"])
        var recorded: [String: Int] = [:]
        for line in try Fixtures.text("audit/recordings.jsonl").split(separator: "\n") {
            let findings = try Literal(json: Array(line.utf8))["recording"]?["findings"]?.elements ?? []
            for rule in Set(findings.filter { $0["because"] == "dry-run" }.compactMap { $0["rule"]?.text }) {
                recorded[rule, default: 0] += 1
            }
        }
        var logged: [String: Int] = [:]
        for row in report["rules"]?.elements ?? [] {
            guard let rule = row["rule"]?.text, case .number(let count)? = row["denies"], count != "0" else { continue }
            logged[rule] = Int(count)
        }
        // The log does not show that no HorizontalPodAutoscaler targets the Deployment "applied".
        #expect(report["log"]?["unknown"]?["related-object"] == 3)
        recorded["replicas", default: 0] -= 1
        #expect(logged == recorded)
        #expect(logged["image-tag"] == 4)
    }

    @Test func `the first 20 broken lines are described, the others are counted`() throws {
        let broken = String(repeating: "{\"a\n", count: 5000)
        let program = try replay(["--format", "json", "-"], input: broken + event("web") + broken)
        #expect(program.code == 1)
        let lines = program.error.split(separator: "\n")
        #expect(lines.count == 21)
        #expect(lines.first == "playbook: -:1: the event is not complete JSON")
        #expect(lines.last == "playbook: and 9980 more lines that cannot be read")
        #expect(try json(program)["log"]?["damagedLines"] == 10_000)
        let few = try replay(["-"], input: String(repeating: "{\"a\n", count: 20) + event("web"))
        #expect(few.error.split(separator: "\n").count == 20)
        let oneMore = try replay(["-"], input: String(repeating: "{\"a\n", count: 21) + event("web"))
        #expect(oneMore.error.hasSuffix("playbook: and 1 more line that cannot be read\n"))
    }

    @Test(arguments: [
        "", "\n", "An error occurred (AccessDenied)\n", "{\"kind\":\"Pod\"}\n", "{\"a\n", "{\"events\": []}\n",
    ])
    func `an input without audit events is an error`(_ input: String) throws {
        let program = try replay(["-"], input: input)
        #expect(program.code == 2)
        #expect(program.output.hasPrefix("no audit events found\n"))
        #expect(!program.output.contains("0 events"))
        let error =
            "playbook: nothing was evaluated; check that the command before the pipe succeeds and prints an audit log (audit.k8s.io/v1)\n"
        #expect(program.error.hasSuffix(error))
        try Program.withFolder { folder in
            try input.write(toFile: "\(folder)/a.log", atomically: true, encoding: .utf8)
            for path in [folder, "\(folder)/a.log"] {
                let program = try replay([path], input: "")
                #expect(program.code == 2)
                #expect(program.error.hasSuffix("; give the files or directories of an audit log (audit.k8s.io/v1)\n"))
            }
        }
    }

    @Test func `a log with only reads is not an error`() throws {
        let program = try replay(["-"], input: event("web", verb: "get", code: 200))
        #expect(program.code == 0)
        #expect(program.error.isEmpty)
    }

    @Test func `--redact-names needs a log`() throws {
        let program = try Program(["replay", "--redact-names", "-"])
        #expect(program.code == 2)
        #expect(program.error == "playbook: --redact-names needs --audit-log\n")
    }
}
