import Foundation
import Synchronization
import Testing

/// The whole program under load, with scripted faults of its API server.
@Suite struct ServingTests {
    private struct Misbehaviour: Sendable {
        let name: String
        let begin: @Sendable (ScriptedAPIServer) throws -> Void
    }

    /// Temporary faults of an API server; each ends without intervention.
    ///
    /// The program retries with its default waits, so each fault occurs once.
    private static let misbehaviours = [
        Misbehaviour(name: "cuts every connection") { $0.dropConnections() },
        Misbehaviour(name: "cuts a watch within a line") { server in
            server.cueWatch(.cutMidLine)
            server.dropConnections()
        },
        Misbehaviour(name: "says that the version is too old") { server in
            server.cueWatch(.status(410, body: ScriptedAPIServer.status(410, "Expired", "too old")))
            server.dropConnections()
        },
        Misbehaviour(name: "has too much to do") { server in
            server.cueWatch(.status(429, headers: "Retry-After: 1\r\n"))
            server.dropConnections()
        },
        Misbehaviour(name: "fails") { server in
            server.cueWatch(.status(500))
            server.dropConnections()
        },
        Misbehaviour(name: "gets another certificate") { try $0.replaceCertificate(by: TestAuthorities.cluster) },
        Misbehaviour(name: "sends garbage") { server in
            server.cueWatch(.lines(["garbage"]))
            server.dropConnections()
        },
        Misbehaviour(name: "sends a huge object") { server in
            let huge = ScriptedAPIServer.event("ADDED", "huge", 999, String(repeating: "x", count: 9 << 20))
            server.cueWatch(.lines([huge]))
            server.dropConnections()
        },
        Misbehaviour(name: "restarts with other versions") { server in
            server.restart(version: 7, objects: server.values)
        },
    ]

    @Test func `reviews are answered during every API server fault, and are correct again after it`() throws {
        let server = try ScriptedAPIServer()
        server.set("checkout", "1")
        let program = try RunningProgram(following: server)
        let load = try Load(of: "checkout", on: program)
        let client = try Reviews(program, server)
        var known: String?
        for (number, misbehaviour) in Self.misbehaviours.enumerated() {
            try misbehaviour.begin(server)
            let name = "budget-\(number)"
            server.set(name, "1")
            #expect(try eventually { try client.knows(name) }, "after it \(misbehaviour.name)")
            if let known {
                server.remove(known)
                #expect(try eventually { try client.denies(known) }, "after it \(misbehaviour.name)")
            }
            known = name
        }
        let (answers, wrong) = load.end()
        #expect(answers > Self.misbehaviours.count)
        #expect(wrong == [])
        #expect(try program.longTurns() == 0)
    }

    @Test func `the server is ready once all kinds are listed, and stays ready without the API server`() throws {
        let server = try ScriptedAPIServer()
        server.set("checkout", "1")
        server.cueList(.stall)
        let program = try RunningProgram(following: server, untilReady: false)
        let waits = try eventually {
            let reply = try program.health("/readyz?verbose")
            return reply.status == 503 && reply.body.contains("not listed yet: PodDisruptionBudget\n")
        }
        #expect(waits)
        server.dropConnections()
        #expect(try eventually { try program.health("/readyz").status == 200 })
        server.cueWatch(.stall)
        server.dropConnections()
        #expect(eventually { server.watches.count >= 2 })
        #expect(try program.health("/readyz").status == 200)
        #expect(try Reviews(program, server).knows("checkout"))
    }

    @Test func `known objects stay in use while the API server is silent, and their age is reported`() throws {
        let server = try ScriptedAPIServer()
        server.set("checkout", "1")
        server.cueWatch(.silence)
        let program = try RunningProgram(following: server, ["PLAYBOOK_COMPANIONS_MAX_AGE": "1s"])
        let isReported = eventually {
            program.output.split(separator: "\n").contains {
                $0.contains("no data received from the API server") && $0.contains("PodDisruptionBudget")
            }
        }
        #expect(isReported)
        #expect(try Reviews(program, server).knows("checkout"))
        let metric = #"playbook_companions_age_seconds{kind="PodDisruptionBudget"} "#
        let line = try program.health("/metrics").body.split(separator: "\n").first { $0.hasPrefix(metric) }
        #expect(try #require(Double(line?.dropFirst(metric.count) ?? "")) > 1)
    }

    @Test func `a stalled API server delays only the reviews that need a lookup`() throws {
        let server = try ScriptedAPIServer()
        server.set("checkout", "1")
        let program = try RunningProgram(following: server)
        #expect(eventually { server.watches.count == 1 })
        server.cueWatch(.stall)
        server.cueOther(.stall, .stall, .stall)
        server.dropConnections()
        #expect(eventually { server.watches.count >= 2 })
        let load = try Load(of: "checkout", on: program)
        // For two seconds, no response shows whether a PodDisruptionBudget exists.
        let answer = try Reviews(program, server).answer("absent")
        let (answers, wrong) = load.end()
        #expect(answer.contains(#""allowed":true"#) && answer.contains("could not be checked"))
        #expect(answers >= 10)
        #expect(wrong == [])
        #expect(try program.longTurns() == 0)
        server.dropConnections()
        server.set("late", "1")
        let client = try Reviews(program, server)
        #expect(try eventually { try client.knows("late") })
    }

    @Test func `an answer that makes another lookup necessary is followed by it`() throws {
        let server = try ScriptedAPIServer()
        let base = "/apis/apps/v1/namespaces/default"
        for path in [
            "\(base)/statefulsets", "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts",
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        ] { server.put(path, #"{"kind":"List","metadata":{"resourceVersion":"1"},"items":[]}"#) }
        server.put(
            "\(base)/deployments",
            #"""
            {"kind":"List","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"web","namespace":"default"},
            "spec":{"replicas":3,"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[]}}}}]}
            """#)
        let program = try RunningProgram(following: server, ["PLAYBOOK_RULE_DISRUPTION_ALLOWED": "deny"])
        let client = try program.connect()
        func answer() throws -> String {
            try client.ask(
                "POST", "/validate?timeout=10s",
                #"""
                {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "operation": "CREATE",
                "kind": {"group": "policy", "version": "v1", "kind": "PodDisruptionBudget"}, "name": "web",
                "namespace": "default", "userInfo": {"username": "someone"}, "oldObject": null, "object":
                {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}}}}
                """#
            ).body
        }
        // The watch does not know the workload, and then not that its Namespace lets denials warn.
        server.put("/api/v1/namespaces/default", #"{"metadata":{"name":"default"}}"#)
        #expect(try answer().contains(#""allowed":false"#))
        server.put(
            "/api/v1/namespaces/default",
            #"{"metadata":{"name":"default","annotations":{"playbook.superinc.com/level":"warn"}}}"#)
        let lenient = try answer()
        #expect(lenient.contains(#""allowed":true"#) && lenient.contains("disruption-allowed"))
        let asked = server.requests.map(\.path).filter {
            $0 == "\(base)/deployments" || $0.hasSuffix("/namespaces/default")
        }
        #expect(asked.suffix(2) == ["\(base)/deployments", "/api/v1/namespaces/default"])
    }

    @Test func `a replay uses the related objects that were known when it was recorded`() throws {
        let server = try ScriptedAPIServer()
        server.set("checkout", "1")
        let folder = try TestFolder()
        let program = try RunningProgram(
            following: server, ["PLAYBOOK_RECORD": folder.path, "PLAYBOOK_RULE_POD_DISRUPTION_BUDGET": "warn"])
        let client = try Reviews(program, server)
        // On a busy machine, the first lookups can time out, which is also recorded.
        #expect(try eventually { try client.knows("checkout") })
        #expect(try eventually { try client.isDeniedForMissingBudget("absent") })
        let isRecorded = try eventually {
            try program.health("/metrics").body.contains("\nplaybook_recordings_total \(client.asked)\n")
        }
        #expect(isRecorded)
        // The replay does not use the current cluster.
        server.remove("checkout")
        let replay = Process()
        replay.executableURL = RunningProgram.url
        replay.arguments = ["replay", "--format", "json", "--level", "pod-disruption-budget=deny", folder.path]
        replay.environment = ["PLAYBOOK_RULES_DEFAULT": "off", "PLAYBOOK_COMPANION_GRACE": "0s"]
        let output = Pipe()
        replay.standardOutput = output
        try replay.run()
        let report = output.fileHandleForReading.readDataToEndOfFile()
        replay.waitUntilExit()
        #expect(replay.terminationStatus == 1)
        let text = String(decoding: report, as: UTF8.self)
        #expect(text.contains(#""summary":{"reviews":\#(client.asked),"newlyDenied":1,"#), "\(text)")
        #expect(text.contains("Deployment default/absent") && !text.contains("default/checkout"))
    }
}

/// Reviews of Deployments that need a PodDisruptionBudget with the same name.
private final class Reviews {
    private let peer: HTTPPeer
    private let server: ScriptedAPIServer
    /// The number of reviews sent.
    private(set) var asked = 0

    init(_ program: RunningProgram, _ server: ScriptedAPIServer) throws {
        peer = try program.connect()
        self.server = server
    }

    func answer(_ name: String) throws -> String {
        asked += 1
        let reply = try peer.ask("POST", "/validate?timeout=10s", Self.review(name))
        return reply.status == 200 ? reply.body : "status \(reply.status)"
    }

    /// Returns true if the PodDisruptionBudget is known without a lookup.
    func knows(_ name: String) throws -> Bool {
        server.allow(absenceChecker: false)
        defer { server.allow(absenceChecker: true) }
        let answer = try answer(name)
        return answer.contains(#""allowed":true"#) && Self.isChecked(answer)
    }

    /// Returns true if the answer reports that no PodDisruptionBudget exists.
    func isDeniedForMissingBudget(_ name: String) throws -> Bool {
        let answer = try answer(name)
        return answer.contains("pod-disruption-budget") && Self.isChecked(answer)
    }

    private static func isChecked(_ answer: String) -> Bool {
        !answer.contains("could not be checked") && !answer.contains("not-evaluated")
    }

    func denies(_ name: String) throws -> Bool { try answer(name).contains(#""allowed":false"#) }

    static func review(_ name: String) -> String {
        """
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "operation": "CREATE",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "\(name)", "namespace": "default", "userInfo": {"username": "someone"}, "oldObject": null, "object":
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "\(name)", "namespace": "default"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "\(name)"}}, "spec": {"containers": []}}}}}}
        """
    }
}

/// A client that sends reviews of one Deployment continuously; all must be allowed.
private final class Load: Sendable {
    private struct State {
        var answers = 0
        var wrong: [String] = []
        var isOver = false
    }

    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    init(of name: String, on program: RunningProgram) throws {
        let review = Reviews.review(name)
        let thread = Foundation.Thread { [self] in
            do {
                let peer = try program.connect()
                while !state.withLock({ $0.isOver }) {
                    let reply = try peer.ask("POST", "/validate?timeout=10s", review)
                    let isRight =
                        reply.status == 200 && reply.body.contains(#""allowed":true"#)
                        && !reply.body.contains("warnings")
                    state.withLock { state in
                        state.answers += 1
                        if !isRight { state.wrong.append(reply.body) }
                    }
                    usleep(5000)
                }
            } catch {
                state.withLock { $0.wrong.append("\(error)") }
            }
            ended.signal()
        }
        thread.start()
    }

    func end() -> (answers: Int, wrong: [String]) {
        state.withLock { $0.isOver = true }
        ended.wait()
        return state.withLock { ($0.answers, $0.wrong) }
    }
}
