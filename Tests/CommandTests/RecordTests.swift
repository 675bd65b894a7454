import Foundation
import JSON
import TestSupport
import Testing

/// A server that records posted reviews, and `playbook replay` of its recordings.
@Suite struct RecordTests {
    private let reviews = [
        "016-create-deployment-checkout", "023-create-deployment-catalogue", "066-create-secret-checkout-db",
        "067-create-configmap-catalogue", "091-update-deployment-catalogue", "049-create-pod-by-hand",
    ].map { Fixtures.path("reviews/\($0).json") }

    /// Starts a server, posts reviews, and stops the server.
    ///
    /// - Returns: The HTTP statuses, the metrics of recordings, and standard output.
    private func serve(
        _ reviews: [String], in folder: String, _ environment: [String: String], limit: String = ""
    ) throws -> (statuses: [String], metrics: String, output: String) {
        try #require(Program(["certs", "--directory", "\(folder)/certs"]).code == 0)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\(limit) exec \"$0\" serve", Program.url.path]
        process.environment = environment.merging([
            "PLAYBOOK_LISTEN": "127.0.0.1:0", "PLAYBOOK_HEALTH_LISTEN": "127.0.0.1:0",
            "PLAYBOOK_TLS_CERT_FILE": "\(folder)/certs/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/certs/tls.key",
            "PLAYBOOK_SHUTDOWN_DELAY": "0s",
        ]) { given, _ in given }
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var output = ""
        while !output.contains("the server is serving") {
            let data = pipe.fileHandleForReading.availableData
            try #require(!data.isEmpty, "it ended: \(output)")
            output += String(decoding: data, as: UTF8.self)
        }
        func port(_ listener: String) throws -> String {
            let line = try #require(output.split(separator: "\n").first { $0.contains("\"listener\":\"\(listener)\"") })
            let address = try Literal(json: Array(line.utf8))["address"]?.text
            return String(try #require(address?.split(separator: ":").last))
        }
        let url = try "https://127.0.0.1:\(port("admission"))/validate"
        var arguments = ["-s", "--parallel-max", "1"]
        for (index, review) in reviews.enumerated() {
            if index > 0 { arguments.append("--next") }
            arguments += [
                "-s", "--cacert", "\(folder)/certs/ca.crt", "-H", "Content-Type: application/json", "-o", "/dev/null",
                "-w", "%{http_code}\n", "--data-binary", "@\(review)", url,
            ]
        }
        let statuses = try run("curl", arguments).split(separator: "\n").map(String.init)
        // The metrics change when the thread has written them, or has tried to.
        var metrics: [Substring] = []
        for _ in 0..<500
        where metrics.compactMap({ $0.split(separator: " ").last.flatMap { Int($0) } }).reduce(0, +) < reviews.count {
            metrics = try run("curl", ["-s", "http://127.0.0.1:\(port("health"))/metrics"]).split(separator: "\n")
                .filter { $0.hasPrefix("playbook_recordings") }
        }
        kill(process.processIdentifier, SIGTERM)
        output += String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (statuses, metrics.joined(separator: "\n"), output)
    }

    private func run(_ name: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [name] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    @Test(.timeLimit(.minutes(5)))
    func `the log and recordings do not contain secrets`() throws {
        try Program.withFolder { folder in
            let lines = SecretOutputTests.reviews("CREATE").split(separator: "\n")
            let paths = try lines.enumerated().map { index, line in
                let path = "\(folder)/review-\(index).json"
                try String(line).write(toFile: path, atomically: true, encoding: .utf8)
                return path
            }
            let (statuses, _, output) = try serve(
                paths, in: folder, ["PLAYBOOK_RECORD": "stdout", "PLAYBOOK_LOG_LEVEL": "debug"])
            #expect(statuses == Array(repeating: "200", count: 160))
            #expect(output.contains("\"recording\":") && output.contains("\"decision\":\"deny\""))
            for (planted, part) in PlantedSecret.leaks(of: PlantedSecret.all, in: output) {
                Issue.record("\(planted): \(part)")
            }
        }
    }

    @Test func `recordings of a directory are re-evaluated, and changed decisions are reported`() throws {
        try Program.withFolder { folder in
            let (statuses, metrics, _) = try serve(reviews, in: folder, ["PLAYBOOK_RECORD": "\(folder)/recordings"])
            #expect(statuses == Array(repeating: "200", count: 6))
            #expect(metrics.contains("playbook_recordings_total 6"))
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/recordings")
            #expect(files.count == 1 && files[0].hasPrefix("playbook-20") && files[0].hasSuffix(".jsonl"))

            let same = try Program(["replay", "\(folder)/recordings"])
            #expect(same.code == 0, "\(same.error)")
            #expect(
                same.output.hasPrefix(
                    "6 reviews: 0 newly denied, 0 newly allowed, 0 with new warnings, 0 with warnings gone\n"))

            let stricter = try Program(
                ["replay", "--format", "json", "\(folder)/recordings"], environment: ["PLAYBOOK_MIN_REPLICAS": "9"])
            #expect(stricter.code == 1)
            let report = try Literal(json: Array(stricter.output.utf8))
            #expect(report["summary"]?["newlyDenied"] == 1 && report["summary"]?["reviews"] == 6)
            #expect(
                report["namespaces"] == [
                    ["namespace": "shop", "newlyDenied": 1, "newlyAllowed": 0, "newlyWarned": 0, "noLongerWarned": 0]
                ])
            #expect(
                report["users"] == [
                    ["user": "admin", "newlyDenied": 1, "newlyAllowed": 0, "newlyWarned": 0, "noLongerWarned": 0]
                ])
            guard case .array(let examples)? = report["examples"] else {
                Issue.record("no examples")
                return
            }
            #expect(examples.count == 1 && examples[0]["line"] == 1)
            #expect(examples[0]["object"] == "Deployment shop/checkout" && examples[0]["change"] == "newly-denied")

            let milder = try Program(
                ["replay", "\(folder)/recordings"], environment: ["PLAYBOOK_RULES_DEFAULT": "warn"])
            #expect(milder.code == 0)
            let allowed = try #require(milder.output.components(separatedBy: "\nNewly allowed\n").last)
            #expect(allowed.contains("  Pod shop/by-hand · CREATE by admin\n"))
            #expect(
                milder.output.contains(
                    "    controller-managed warns now, denied before: kind is \"Pod\"; a bare Pod is not recreated"))
            // If a rule needs a redacted field, the recorded result is used, at the current level of the rule.
            #expect(milder.output.contains("\n  Deployment shop/catalogue · CREATE by admin\n"), "\(milder.output)")

            // Commands that read reviews also read recordings.
            let reviewed = try Program(["review", "\(folder)/recordings"])
            #expect(reviewed.code == 1 && reviewed.output.contains("6 reviews: "))
        }
    }

    @Test func `replay skips log lines between recordings on standard output`() throws {
        try Program.withFolder { folder in
            let (_, _, output) = try serve(reviews, in: folder, ["PLAYBOOK_RECORD": "stdout"])
            #expect(output.contains(#"{"kind":"AdmissionReview","#) && output.contains(#""message":"review""#))
            let program = try Program(["replay", "-"], input: output)
            #expect(program.code == 0, "\(program.error)")
            #expect(program.output.hasPrefix("6 reviews: 0 newly denied"))
        }
    }

    @Test func `the size and number of recording files are limited`() throws {
        try Program.withFolder { folder in
            _ = try serve(
                reviews + reviews + reviews, in: folder,
                [
                    "PLAYBOOK_RECORD": "\(folder)/recordings", "PLAYBOOK_RECORD_FILE_SIZE": "32Ki",
                    "PLAYBOOK_RECORD_FILES": "2",
                ])
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/recordings")
            #expect(files.count == 2)
            for file in files {
                let path = "\(folder)/recordings/\(file)"
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(try #require(attributes[.size] as? Int) <= 32 << 10)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
            #expect(try Program(["replay", "\(folder)/recordings"]).code == 0)
        }
    }

    @Test func `a full disk drops recordings, which are counted, and no requests`() throws {
        try Program.withFolder { folder in
            // No file may be larger than 16 KiB; the signal that says so is ignored.
            let (statuses, metrics, output) = try serve(
                reviews + reviews + reviews, in: folder, ["PLAYBOOK_RECORD": "\(folder)/recordings"],
                limit: "ulimit -f 32; trap '' XFSZ;")
            #expect(statuses == Array(repeating: "200", count: 18))
            let failed = metrics.split(separator: "\n").first { $0.contains("write\"}") }
            #expect(try #require(Int(failed?.split(separator: " ").last ?? "")) > 1)
            #expect(output.split(separator: "\n").count { $0.contains("reviews are not being recorded") } == 1)
            // The recordings that were written are complete.
            #expect(try Program(["replay", "\(folder)/recordings"]).code == 0)
        }
    }

    @Test func `reviews that exceed the memory budget are not recorded, but counted and logged`() throws {
        try Program.withFolder { folder in
            // Of 87 MiB, which the largest review needs, recordings may take 6 MiB: the first review's copy has no room, and
            // the second one's redaction has none.
            let paths = try [7_000_000, 400_000].map { size in
                let annotation = String(repeating: "a", count: size)
                let path = "\(folder)/\(size).json"
                try """
                {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","operation":"CREATE",
                "kind":{"group":"","version":"v1","kind":"ConfigMap"},"userInfo":{"username":"amy"},"namespace":"shop",
                "object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":{"a":"\(annotation)"}}}}}
                """.write(toFile: path, atomically: true, encoding: .utf8)
                return path
            }
            let (statuses, metrics, output) = try serve(
                paths, in: folder, ["PLAYBOOK_RECORD": "\(folder)/recordings", "PLAYBOOK_MEMORY": "87Mi"])
            #expect(statuses == ["200", "200"])
            #expect(metrics.contains(#"playbook_recordings_dropped_total{reason="memory"} 2"#))
            #expect(metrics.contains(#"playbook_recordings_dropped_total{reason="queue"} 0"#))
            let lines = output.split(separator: "\n").filter { $0.contains("reviews are not being recorded") }
            #expect(lines.count == 1 && lines.first?.contains("PLAYBOOK_MEMORY") ?? false)
        }
    }

    @Test func `serve does not start if PLAYBOOK_RECORD cannot be written`() throws {
        try Program.withFolder { folder in
            try #require(Program(["certs", "--directory", folder]).code == 0)
            let program = try Program(
                ["serve"],
                environment: [
                    "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                    "PLAYBOOK_RECORD": "\(folder)/no/such/directory",
                ])
            #expect(program.code == 2)
            #expect(
                program.error.contains(#"PLAYBOOK_RECORD: cannot write to "\#(folder)/no/such/directory""#))
        }
    }

    @Test func `replay counts plain reviews and reports unreadable inputs`() throws {
        let plain = try Program(["replay", Fixtures.path("reviews/023-create-deployment-catalogue.json")])
        #expect(plain.code == 0)
        #expect(plain.output.contains("1 review had no recorded decision to compare with"))
        let lines = "{\"kind\":\"Pod\"}\n{\"kind\":\n\n"
        let broken = try Program(["replay", "-", "/no/such/file"], input: lines)
        #expect(broken.code == 2)
        #expect(broken.error.contains("-:1: the body is not an AdmissionReview"))
        #expect(broken.error.contains("/no/such/file: No such file or directory"))
    }
}
