import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

extension World {
    /// The recording of the review and its decision.
    func recording() throws -> [UInt8] {
        let context = try context()
        let decision = try decision()
        let line = RecordingWriter(context.settings, version: "1.0.0").line(
            review.span, decision, in: context, nanoseconds: 57_300)
        return try #require(line)
    }
}

/// Re-evaluates a recording with other settings.
func replayed(_ line: [UInt8], _ environment: [String: String] = [:]) throws -> Comparison {
    // The grace period is over, as in most tests.
    let settings = try Settings(
        environment: environment.merging(["PLAYBOOK_COMPANION_GRACE": "0s"]) { given, _ in given })
    return try Document().read(line.span, AdmissionReview.options) { root in
        Result {
            let review = try AdmissionReview(root)
            let recording = try #require(try Recording(of: root, with: .playbook))
            let context = Context(
                settings: settings, relatedObjects: recording.relatedObjects, now: try #require(recording.time))
            return Comparison(
                Evaluator(settings).decision(on: review, in: context), with: recording, of: review, settings)
        }
    }.get()
}

/// Recordings of reviews, and their replay.
@Suite struct RecordingTests {
    private func context(_ environment: [String: String] = [:]) throws -> Context {
        Context(
            settings: try Settings(
                environment: environment.merging(["PLAYBOOK_COMPANION_GRACE": "0s"]) { given, _ in given }),
            now: Timestamp(seconds: 1_795_435_200))
    }

    private func line(_ body: [UInt8], _ context: Context) throws -> [UInt8] {
        let decision = try Document().read(body.span, AdmissionReview.options) { root in
            Result { Evaluator(context.settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
        let line = RecordingWriter(context.settings, version: "1.0.0").line(
            body.span, decision, in: context, nanoseconds: 57_300)
        return try #require(line)
    }

    @Test func `a recording contains the decision and its findings`() throws {
        let line = try line(Fixtures.bytes("reviews/023-create-deployment-catalogue.json"), context())
        #expect(!line.contains(UInt8(ascii: "\n")))
        let recording = try #require(try Literal(json: line)["recording"])
        #expect(recording["version"] == "1.0.0" && recording["microseconds"] == 57 && recording["decision"] == "deny")
        #expect(recording["time"] == "2026-11-23T12:00:00Z" && recording["mode"] == "enforce")
        #expect(
            recording["notEvaluated"] == [
                "pod-disruption-budget", "disruption-allowed", "autoscaler", "namespace-quota",
            ])
        guard case .array(let findings)? = recording["findings"] else {
            Issue.record("no findings")
            return
        }
        let replicas = try #require(findings.first { $0["rule"] == "replicas" })
        #expect(
            replicas["effect"] == "deny" && replicas["path"] == "spec.replicas" && replicas["place"] == "/spec/replicas"
        )
    }

    @Test func `every recorded review has the same decision on replay`() throws {
        let files = try Fixtures.reviews()
        #expect(files.count > 200)
        // These rules read redacted fields; their recorded results count.
        let readers: Set = ["inline-credentials", "static-aws-credentials", "database-settings"]
        for file in files {
            let comparison = try replayed(line(Fixtures.bytes(file), context()))
            #expect(comparison.changes.isEmpty && readers.isSuperset(of: comparison.notReplayable), "\(file)")
            #expect(comparison.before == comparison.now, "\(file)")
        }
    }

    @Test(arguments: Case.all)
    func `every example has the same decision on replay, with and without redaction of variables`(_ item: Case) throws {
        for environment in ["redact", "keep"] {
            var world = try World(item.example)
            world.settings["PLAYBOOK_RECORD_ENV"] = environment
            let decision = try world.decision()
            let comparison = try replayed(world.recording(), world.settings)
            #expect(comparison.changes.map { "\($0)" } == [])
            #expect(comparison.before == decision.outcome && comparison.now == decision.outcome)
        }
    }

    /// Scripts with and without secrets, joined in different ways.
    private static func scripts() -> [String] {
        let commands = [
            "curl -u admin:PW https://x/health", "redis-cli -a PW ping", "mysql -h db -pPW -e 'select 1'",
            "sshpass -p PW ssh ops@host", "PGPASSWORD=PW psql -h db", "export DB_PASSWORD=PW",
            "app --token PW --verbose",
            "echo postgres://shop:PW@db/x | app --dsn -", "DB_PASSWORD=PW npm start",
            "exec env API_KEY=PW node server.js",
            "exec node server.js", "npm start", "trap 'kill $!' TERM", "wait", "# password: PW", "node server.js &",
            "curl -H 'Authorization: Bearer PW' x", "echo '{\"password\": \"PW\"}' > /tmp/c", "exec app --password=PW",
            "if [ \"$TOKEN\" = PW ]; then exec a; fi",
            "cat <<E\n-----BEGIN PRIVATE KEY-----\nPWPW\n-----END PRIVATE KEY-----\nE",
            "echo QVdTX1NFQ1JFVD1wYXNzd29yZD1odW50ZXIy", "exec app AKIAIOSFODNN7EXAMPLE", "exec app user:PW@host/x",
        ]
        var state: UInt64 = 7
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        return (0..<200).map { _ in
            let parts = (0...next(3)).map { _ in
                commands[next(commands.count)].replacing("PW", with: "x7\(next(3))aYb3mZr9TQ2")
            }
            return parts.joined(separator: ["; ", " && ", "\n", " | ", " || "][next(5)])
        }
    }

    @Test(arguments: ["redact-secrets", "redact-all"])
    func `commands, probes and hooks with redacted secrets have the same decision on replay`(_ arguments: String)
        throws
    {
        let settings = ["PLAYBOOK_RECORD_ARGS": arguments]
        var before: Literal?
        for (index, script) in RecordingTests.scripts().enumerated() {
            let text = Literal.string(script)
            let words = Literal.array(script.split(separator: " ").map { .string(String($0)) })
            let header: Literal = ["name": .string(index % 2 == 0 ? "X-Api-Key" : "X-Note"), "value": text]
            let containers: [Literal] = [
                ["command": ["sh", "-c", text]], ["command": ["/bin/sh", "-ec"], "args": [text]], ["args": words],
                ["command": words], ["livenessProbe": ["httpGet": nil, "exec": ["command": ["sh", "-c", text]]]],
                [
                    "readinessProbe": [
                        "httpGet": ["path": .string("/readyz?q=" + script), "port": "http", "httpHeaders": [header]]
                    ]
                ],
                ["livenessProbe": ["httpGet": ["path": "/readyz", "port": "http", "httpHeaders": [header]]]],
                [
                    "lifecycle": [
                        "preStop": ["exec": ["command": words]], "postStart": ["httpGet": ["httpHeaders": [header]]],
                    ]
                ],
            ]
            let container = containers[index % containers.count].merging(["name": "app"])
            let object = World.deployment.merging(["spec": ["template": ["spec": ["containers": [container]]]]])
            for old in [nil, before, object] {
                var world = World(old ?? object)
                if old != nil { world = world.updated(to: object) }
                world.settings = settings
                let decision = try world.decision()
                let comparison = try replayed(world.recording(), settings)
                #expect(comparison.changes.map { "\($0)" } == [], "\(script)")
                #expect(comparison.before == decision.outcome && comparison.now == decision.outcome)
                if arguments == "redact-secrets" { #expect(comparison.notReplayable == [], "\(script)") }
            }
            before = object
        }
    }

    @Test func `secrets in a command are replaced, or all arguments if PLAYBOOK_RECORD_ARGS is redact-all`() throws {
        let object = World.pod.merging([
            "spec": [
                "containers": [
                    [
                        "name": "app", "command": ["sh", "-c", "curl -u admin:hunter2 x; exec app --token=letmein1"],
                        "args": ["redis-cli", "-a", "hunter2", "--verbose"],
                        "lifecycle": ["preStop": ["httpGet": ["path": "/stop", "port": 80]]],
                    ]
                ]
            ]
        ])
        func container(_ settings: [String: String]) throws -> Literal? {
            var world = World(object)
            world.settings = settings
            return try Literal(json: world.recording())["request"]?["object"]?["spec"]?["containers"]?.elements.first
        }
        let kept = try container([:])
        #expect(
            kept?["command"] == [
                "sh", "-c", "curl -u admin:«redacted:password» x; exec app --token=«redacted:token»",
            ])
        #expect(kept?["args"] == ["redis-cli", "-a", "«redacted:password»", "--verbose"])
        #expect(kept?["lifecycle"]?["preStop"]?["httpGet"]?["path"] == "/stop")
        let all = try container(["PLAYBOOK_RECORD_ARGS": "redact-all"])
        #expect(
            all?["args"] == ["«redacted:literal»", "«redacted:literal»", "«redacted:password»", "«redacted:literal»"])
        #expect(all?["lifecycle"]?["preStop"]?["httpGet"]?["path"] == "«redacted:literal»")
        #expect(all?["name"] == "app")
    }

    @Test(arguments: Case.all.filter { $0.example.relatedObjects != nil })
    func `related objects are also recorded for rules at level off`(_ item: Case) throws {
        var world = try World(item.example)
        let wanted = try world.decision()
        let settings = world.settings
        world.settings[item.rule.variable] = "off"
        let comparison = try replayed(world.recording(), settings)
        #expect(comparison.now == wanted.outcome)
        #expect(comparison.notReplayable == [])
    }

    @Test func `a replay uses the current levels`() throws {
        let body = try Fixtures.bytes("reviews/016-create-deployment-checkout.json")
        let strict = try replayed(line(body, context()), ["PLAYBOOK_MIN_REPLICAS": "9"])
        #expect(strict.isNewlyDenied && strict.changes.map(\.rule) == ["replicas"])
        let bad = try line(Fixtures.bytes("reviews/049-create-pod-by-hand.json"), context())
        let lenient = try replayed(bad, ["PLAYBOOK_RULES_DEFAULT": "warn"])
        #expect(lenient.isNewlyAllowed && lenient.now == .warn)
        let off = try replayed(bad, ["PLAYBOOK_RULES_DEFAULT": "off"])
        #expect(off.isNewlyAllowed && off.now == .allow && off.changes.allSatisfy { $0.now == nil })
        let dry = try line(
            Fixtures.bytes("reviews/049-create-pod-by-hand.json"), context(["PLAYBOOK_MODE": "dry-run"]))
        #expect(try replayed(dry).isNewlyDenied)
        #expect(try replayed(dry, ["PLAYBOOK_MODE": "dry-run"]).changes.isEmpty)
    }

    @Test func `a finding in redacted text would deny in enforce mode on replay`() throws {
        var world = World([
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "web", "namespace": "shop"],
            "data": ["DB_PASSWORD": "correct-horse-battery"],
        ])
        world.settings = ["PLAYBOOK_MODE": "dry-run"]
        let dry = try replayed(world.recording())
        #expect(dry.isNewlyDenied && dry.notReplayable == ["inline-credentials"])
        #expect(dry.changes.map { [$0.before, $0.now] } == [[.warn, .deny]])
        let again = try replayed(world.recording(), ["PLAYBOOK_MODE": "dry-run"])
        #expect(again.now == .warn && again.changes.isEmpty)
        let lenient = try replayed(world.recording(), ["PLAYBOOK_RULE_INLINE_CREDENTIALS": "warn"])
        #expect(lenient.now == .warn && lenient.changes.isEmpty)
        world.settings = [:]
        #expect(try replayed(world.recording(), ["PLAYBOOK_MODE": "dry-run"]).isNewlyAllowed)
    }

    @Test func `unknown related objects stay unknown on replay, and failed lookups stay failed`() throws {
        var world = World(World.deployment)
        #expect(try replayed(world.recording()).before == .allow)
        world.relatedObjects = []
        let context = try world.context()
        let absence = Absence(.podDisruptionBudget, in: "shop")
        let known = RelatedObjects(knowledge: .kinds(Catalogue.playbook.relatedKinds), of: .playbook)
        let doubtful = context.knowing(known).answering([.absence(absence, found: nil)])
        let decision = try line(world.review, doubtful)
        let comparison = try replayed(decision)
        #expect(comparison.before == .warn && comparison.now == .warn && comparison.changes.isEmpty)
        let denied = try line(world.review, context.knowing(known))
        #expect(try replayed(denied).before == .deny)
        #expect(try replayed(denied).now == .deny)
    }

    @Test func `PLAYBOOK_RECORD_SAMPLE selects a share of reviews, always the same ones`() throws {
        let uids = (0..<4000).map { _ in UUID().uuidString.lowercased() }
        for (text, share) in [("1/10", 0.1), ("0.25", 0.25), ("1", 1)] {
            let sample = try Settings(environment: ["PLAYBOOK_RECORD_SAMPLE": text]).recording.sample
            let chosen = uids.filter { sample.includes(uid: $0) }
            #expect(abs(Double(chosen.count) / 4000 - share) < 0.04, "\(text)")
            #expect(uids.filter { sample.includes(uid: $0) } == chosen)
        }
        for text in ["0", "1/0", "2", "-1", "1/x", "ten"] {
            #expect(throws: SettingsError.self) { try Settings(environment: ["PLAYBOOK_RECORD_SAMPLE": text]) }
        }
    }
}
