import Foundation
import Testing

/// The log of `playbook serve`: the limit of lines, and lines that cannot be written.
@Suite struct LogTests {
    private static let longestLine = 8192

    /// A review of a Deployment that violates rules.
    private func review(
        name: String = "app", user: String = "amy", annotations: [String: String] = [:]
    ) throws -> String {
        let review: [String: Any] = [
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": [
                "uid": "11111111-1111-1111-1111-111111111111", "operation": "CREATE",
                "kind": ["group": "apps", "version": "v1", "kind": "Deployment"],
                "resource": ["group": "apps", "version": "v1", "resource": "deployments"],
                "namespace": "shop", "name": name, "userInfo": ["username": user],
                "object": [
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": ["name": name, "namespace": "shop", "annotations": annotations],
                    "spec": [
                        "replicas": 1, "selector": ["matchLabels": ["app": "a"]],
                        "template": [
                            "metadata": ["labels": ["app": "a"]],
                            "spec": ["containers": [["name": "a", "image": "nginx"]]],
                        ],
                    ],
                ],
            ],
        ]
        return String(decoding: try JSONSerialization.data(withJSONObject: review), as: UTF8.self)
    }

    /// The log line of the posted review.
    private func line(of program: ServedProgram) throws -> Substring {
        #expect(eventually { program.lines.contains { $0.contains("11111111-1111") } })
        return try #require(program.lines.first { $0.contains("11111111-1111") })
    }

    @Test(arguments: [
        ["name": String(repeating: "n", count: 100_000), "user": String(repeating: "u", count: 100_000)],
        ["name": String(repeating: "\u{1}", count: 100_000), "user": String(repeating: "ü", count: 100_000)],
        ["name": String(repeating: "👩‍👩‍👧", count: 10_000), "user": String(repeating: "👩‍👩‍👧", count: 10_000)],
    ])
    func `a JSON log line is limited to 8 KiB and marked as truncated`(_ values: [String: String]) throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_LOG_FORMAT": "json"])
            _ = try program.review(review(name: values["name"] ?? "app", user: values["user"] ?? "amy"))
            let line = try line(of: program)
            #expect(line.utf8.count < Self.longestLine)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["truncated"] as? Bool == true)
            #expect(object["decision"] as? String == "deny")
            #expect(object["namespace"] as? String == "shop")
            #expect((object["name"] as? String)?.hasPrefix(String((values["name"] ?? "app").prefix(3))) == true)
            #expect((object["user"] as? String)?.hasPrefix(String((values["user"] ?? "amy").prefix(3))) == true)
            #expect((object["denied"] as? [String])?.contains("liveness-probe") == true)
        }
    }

    @Test func `a text log line is limited to 8 KiB and marked as truncated`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_LOG_FORMAT": "text"])
            let long = String(repeating: "ü", count: 100_000)
            _ = try program.review(review(name: long, user: long))
            let line = try line(of: program)
            #expect(line.utf8.count < Self.longestLine)
            #expect(line.contains("decision=deny") && line.hasSuffix("truncated=true"))
        }
    }

    @Test func `a large annotation makes at most ten notices and a short line`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_LOG_FORMAT": "json"])
            let names = String(repeating: "a,", count: 1_000)
            _ = try program.review(
                review(annotations: [
                    "playbook.superinc.com/exempt": names,
                    "playbook.superinc.com/exempt-reason": String(repeating: "r", count: 200_000),
                ]))
            let line = try line(of: program)
            #expect(line.utf8.count < Self.longestLine)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(try #require(object["notices"] as? [String]).count <= 10)
            #expect(object["truncated"] == nil)
        }
    }

    @Test func `a log that cannot be written is reported once, and its lines are counted`() throws {
        try Program.withFolder { folder in
            let disk = try #require(FileHandle(forWritingAtPath: "/dev/full"))
            let program = try ServedProgram(in: folder, ["PLAYBOOK_LOG_LEVEL": "debug"], output: disk)
            let metric = "playbook_log_lines_dropped_total "
            let isCounted = try eventually {
                let lines = try program.health("/metrics").split(separator: "\n")
                return lines.contains { $0.hasPrefix(metric) && $0 != metric + "0" }
            }
            #expect(isCounted)
            program.send(SIGTERM)
            try #require(program.ends())
            #expect(program.process.terminationStatus == 0)
            #expect(eventually { program.output.contains("No space left on device") })
            #expect(program.lines.count == 1, "\(program.output)")
        }
    }
}
