import Cluster
import Foundation
import Net
import Testing

@Suite struct ReflectorTests {
    private func server(_ count: Int = 3) throws -> ScriptedAPIServer {
        let server = try ScriptedAPIServer()
        for index in 0..<count { server.set("budget-\(index)", "first") }
        return server
    }

    @Test func `objects are listed and their changes are watched`() throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.set("budget-1", "second")
        server.set("new", "first")
        server.remove("budget-0")
        #expect(follower.becomesRight())
        #expect(follower.observed.objects == ["budget-1": "second", "budget-2": "first", "new": "first"])
        #expect(server.lists.count == 1)
        #expect(follower.observed.syncs == 1)
        #expect(follower.status.state == .synced)
        #expect(follower.status.counts.events == 3)
        #expect(try #require(follower.status.age) < .seconds(60))
    }

    @Test func `a list is read in pages, and the watch starts at its version`() throws {
        let server = try server(7)
        let follower = try Follower(server) { options, _ in options.pageSize = 3 }
        #expect(follower.becomesRight())
        #expect(follower.observed.objects.count == 7)
        #expect(server.lists.map { $0.query["continue"] } == [nil, "3", "6"])
        #expect(server.lists.allSatisfy { $0.query["limit"] == "3" })
        #expect(eventually { server.watches.count == 1 })
        let watch = try #require(server.watches.first)
        #expect(watch.query["resourceVersion"] == "107")
        #expect(watch.query["allowWatchBookmarks"] == "true")
        #expect(watch.query["timeoutSeconds"] == "300")
        #expect(watch.headers["authorization"] == "Bearer token-1")
        #expect(watch.headers["host"] == "127.0.0.1:\(server.port)")
    }

    @Test func `an empty list counts as synced`() throws {
        let follower = try Follower(try ScriptedAPIServer())
        #expect(eventually { follower.observed.syncs == 1 })
        #expect(follower.observed.objects.isEmpty)
    }

    @Test func `a watch that the server ends continues from the last version`() throws {
        let server = try server()
        server.cueWatch(.endAfterEvent, .endAfterEvent)
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        for value in ["second", "third", "fourth"] {
            server.set("budget-0", value)
            #expect(eventually { follower.observed.objects["budget-0"] == value })
        }
        #expect(server.lists.count == 1)
        #expect(server.watches.map { $0.query["resourceVersion"] } == ["103", "104", "105"])
        #expect(follower.status.counts.failures == 0)
    }

    @Test func `an event that was cut off is received again`() throws {
        let server = try server()
        server.cueWatch(.cutMidLine)
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(server.lists.count == 1)
        #expect(server.watches.prefix(2).map { $0.query["resourceVersion"] } == ["103", "103"])
        #expect(follower.observed.events.contains { if case .troubled = $0 { true } else { false } })
        #expect(eventually { if case .recovered = follower.observed.events.last { true } else { false } })
    }

    @Test(arguments: [[], [ScriptedAPIServer.bookmark(103)], [ScriptedAPIServer.event("MODIFIED", "x", 103, "first")]])
    func `repeated broken watches are reported as one problem`(lines: [String]) throws {
        let server = try server()
        for _ in 0..<30 { server.cueWatch(.broken(lines)) }
        let follower = try Follower(server) { options, _ in options.steadyWatch = .seconds(3) }
        #expect(eventually { server.watches.count > 30 })
        func count(_ isMeant: (ReflectorEvent) -> Bool) -> Int { follower.observed.events.count(where: isMeant) }
        #expect(count { if case .troubled = $0 { true } else { false } } == 1)
        #expect(count { if case .recovered = $0 { true } else { false } } == 0)
        #expect(eventually { follower.observed.events.last == .recovered(follower.resource) })
        #expect(count { if case .synced = $0 { true } else { false } } == 1)
        #expect(follower.observed.events.count == 3)
    }

    @Test func `repeated watches that end immediately are reported as one problem`() throws {
        let server = try server()
        for _ in 0..<10 { server.cueWatch(.lines([])) }
        let follower = try Follower(server) { options, _ in
            options.steadyWatch = .seconds(3)
            options.shortestWatch = .seconds(60)
        }
        #expect(eventually { server.watches.count > 10 })
        let troubles = follower.observed.events.filter { if case .troubled = $0 { true } else { false } }
        #expect(troubles == [.troubled(follower.resource, reason: "the watch ended immediately")])
    }

    @Test func `the objects stay correct when connections are cut at any time`() throws {
        let server = try server()
        let follower = try Follower(server)
        for round in 1...5 {
            #expect(follower.becomesRight())
            server.dropConnections()
            server.set("budget-0", "round \(round)")
            #expect(follower.becomesRight())
        }
        #expect(server.lists.count == 1)
    }

    @Test(arguments: [false, true])
    func `an expired version leads to a new list`(byStatus: Bool) throws {
        let server = try server()
        server.cueWatch(.endAfterEvent)
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        if byStatus {
            server.cueWatch(.status(410, body: ScriptedAPIServer.status(410, "Expired", "too old")))
        } else {
            server.set("gone-1", "x")
        }
        server.set("gone-2", "x")
        server.remove("gone-2")
        server.compact()
        server.dropConnections()
        #expect(follower.becomesRight())
        #expect(eventually { server.lists.count >= 2 })
        // The new watch delivers the next change.
        server.set("budget-2", "second")
        #expect(follower.becomesRight())
        #expect(follower.observed.syncs == 1)
    }

    @Test(arguments: [429, 500, 503])
    func `lists and watches that fail are retried`(code: Int) throws {
        let server = try server()
        let headers = code == 429 ? "Retry-After: 1\r\n" : ""
        server.cueList(.status(code, headers: headers), .hangUp, .status(code, headers: headers))
        server.cueWatch(.status(code, headers: headers), .hangUp, .status(code, headers: headers))
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(server.lists.count == 4)
        #expect(eventually { server.watches.count == 4 })
        #expect(follower.observed.unavailable.isEmpty)
        // The connections that were closed were reused ones: these requests are repeated and not counted as failures.
        #expect(follower.status.counts.failures == 4)
    }

    @Test func `a page that fails is requested again, and an expired page restarts the list`() throws {
        let server = try server(4)
        let expired = ScriptedAPIServer.Cue.status(410, body: ScriptedAPIServer.status(410, "Expired", "continue"))
        let follower = try Follower(server) { options, _ in
            options.pageSize = 2
            server.cueList(.status(500), expired)
        }
        #expect(follower.becomesRight())
        #expect(server.lists.map { $0.query["continue"] } == [nil, nil, nil, "2"])
    }

    @Test func `a page that is too large is requested again with fewer objects`() throws {
        let server = try ScriptedAPIServer()
        for index in 0..<8 { server.set("large-\(index)", String(repeating: "x", count: 1000)) }
        let follower = try Follower(server) { options, _ in
            options.pageSize = 8
            options.maximumPage = 3000
        }
        #expect(follower.becomesRight())
        #expect(server.lists.map { $0.query["limit"] } == ["8", "4", "2", "2", "2", "2"])
        #expect(server.lists.map { $0.query["continue"] } == [nil, nil, nil, "2", "4", "6"])
    }

    @Test func `a stalled server is detected`() throws {
        let server = try server()
        server.cueList(.stall)
        server.cueWatch(.stall, .silence)
        let follower = try Follower(server) { options, api in
            api.times.response = .milliseconds(200)
            options.watchSilence = .milliseconds(200)
        }
        #expect(follower.becomesRight())
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        // At least: on a busy machine, normal responses can also be too late.
        #expect(server.lists.count >= 2)
        #expect(server.watches.count >= 3)
    }

    @Test func `a new certificate from the same CA is accepted`() throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        try server.replaceCertificate(by: TestAuthorities.cluster)
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(server.lists.count == 1)
    }

    @Test func `a certificate from another CA is refused until that CA is trusted`() throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        try server.replaceCertificate(by: TestAuthorities.other)
        server.set("budget-0", "second")
        let reason =
            "the certificate of 127.0.0.1:\(server.port) is not trusted: unable to get local issuer certificate"
        #expect(
            eventually {
                follower.observed.events.contains { if case .troubled(_, reason) = $0 { true } else { false } }
                    || follower.status.counts.failures > 2
            })
        #expect(follower.observed.objects["budget-0"] == "first")
        // The kubelet updates the CA file.
        try follower.folder.write("ca.crt", TestAuthorities.other.keyPair.certificate)
        #expect(follower.becomesRight())
    }

    @Test func `an untrusted CA is reported at the first connection`() throws {
        let server = try server()
        let follower = try Follower(server, authority: TestAuthorities.other)
        #expect(eventually { !follower.observed.events.isEmpty })
        #expect(
            follower.observed.events.first
                == .troubled(
                    APIResource(group: "policy", version: "v1", plural: "poddisruptionbudgets"),
                    reason: "the certificate of 127.0.0.1:\(server.port) is not trusted: "
                        + "unable to get local issuer certificate"))
        #expect(server.requests.isEmpty)
    }

    @Test func `a rotated token is read again`() throws {
        let server = try server()
        server.allow(tokens: ["token-1"])
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.allow(tokens: ["token-2"])
        try follower.folder.write("token", "token-2")
        server.dropConnections()
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(follower.observed.unavailable.isEmpty)
    }

    @Test(arguments: [
        "not json", "{", "null", #"{"type":"ADDED"}"#, #"{"type":"ADDED","object":{}}"#,
        #"{"type":"WONDER","object":{"metadata":{"resourceVersion":"999"}}}"#,
        #"{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd event received with PrevKv=nil"}}"#,
        #"{"type":"ERROR","object":{}}"#, "",
    ])
    func `an unreadable line in a watch does not lose changes`(line: String) throws {
        let server = try server()
        server.cueWatch(.lines([line, ScriptedAPIServer.event("ADDED", "after", 999, "garbage")]))
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(follower.observed.objects["after"] == nil)
        #expect(follower.status.counts.refusedLines == 1)
        // One unreadable line does not cause a new list.
        #expect(server.lists.count == 1)
    }

    @Test func `repeated unreadable lines at the same version lead to a new list`() throws {
        let server = try server()
        let follower = try Follower(server) { _, _ in server.cueWatch(.lines(["x"]), .lines(["x"])) }
        #expect(follower.becomesRight())
        #expect(eventually { server.lists.count == 2 && server.watches.count == 3 })
        #expect(follower.status.counts.refusedLines == 2)
    }

    @Test(arguments: [
        "garbage", "", "null",
        #"{"kind":"List","metadata":{"resourceVersion":"103"},"items":[{"metadata":{"name":"half"#,
        #"{"kind":"List","metadata":{"resourceVersion":"103"},"items":{}}"#,
    ])
    func `an unreadable list is requested again`(body: String) throws {
        let server = try server()
        server.cueList(.status(200, body: body))
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        #expect(follower.observed.objects.count == 3)
        #expect(server.lists.count == 2)
        // The same for the list after an expired version.
        server.cueList(.status(200, body: body))
        server.restart(version: 500, objects: ["other": "past"])
        #expect(follower.becomesRight())
        #expect(follower.observed.objects == ["other": "past"])
    }

    @Test func `an object above the size limit is dropped and counted, and other objects are kept`() throws {
        let server = try server()
        let huge = ScriptedAPIServer.event("ADDED", "huge", 998, String(repeating: "x", count: 200_000))
        server.cueWatch(.lines([huge]))
        let follower = try Follower(server) { options, _ in options.maximumLine = 100_000 }
        #expect(follower.becomesRight())
        server.set("budget-0", "second")
        #expect(follower.becomesRight())
        #expect(follower.status.counts.refusedLines == 1)
        #expect(
            follower.observed.events.contains {
                $0
                    == .troubled(
                        APIResource(group: "policy", version: "v1", plural: "poddisruptionbudgets"),
                        reason: "a line of the watch is longer than 100000 bytes")
            })
    }

    @Test func `a large object within the limit is received`() throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.set("large", String(repeating: "x", count: 1_500_000))
        #expect(follower.becomesRight())
    }

    @Test(arguments: [5, 100_000])
    func `a server that restarts with a different history is listed again`(version: Int) throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        server.restart(version: version, objects: ["other": "past"])
        #expect(follower.becomesRight())
        #expect(follower.observed.objects == ["other": "past"])
        server.set("other", "second")
        #expect(follower.becomesRight())
    }

    @Test(arguments: [(403, "Forbidden"), (404, "NotFound")])
    func `a refused kind is reported once, and synced when access is granted`(code: Int, reason: String) throws {
        let server = try server()
        let refusal = ScriptedAPIServer.Cue.status(code, body: ScriptedAPIServer.status(code, reason, "no"))
        server.cueList(refusal, refusal, refusal, refusal, refusal)
        let follower = try Follower(server)
        #expect(eventually { follower.status.state == .unavailable })
        #expect(follower.becomesRight())
        #expect(follower.observed.unavailable == ["the API server returned \(code) \(reason): no"])
        #expect(server.lists.count == 6)
        #expect(follower.status.state == .synced)
        let named = follower.observed.events.filter { if case .unavailable = $0 { true } else { false } }
        #expect(named.count == 1)
    }

    @Test func `a few refusals while the API server starts do not make a kind unavailable`() throws {
        let server = try server()
        let refusal = ScriptedAPIServer.Cue.status(403, body: ScriptedAPIServer.status(403, "Forbidden", "no RBAC yet"))
        server.cueList(refusal, refusal)
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        #expect(follower.observed.unavailable.isEmpty)
    }

    @Test func `a kind that can be listed but not watched is unavailable`() throws {
        let server = try server()
        let refusal = ScriptedAPIServer.Cue.status(403, body: ScriptedAPIServer.status(403, "Forbidden", "no watch"))
        let follower = try Follower(server) { _, _ in
            server.cueWatch(refusal, refusal, refusal, refusal, refusal, refusal)
        }
        #expect(eventually { follower.status.state == .unavailable })
        #expect(eventually { server.watches.count >= 7 })
        #expect(follower.becomesRight())
        #expect(follower.observed.unavailable == ["the API server returned 403 Forbidden: no watch"])
        // One sync before the refusal and one after access was granted; the lists in between do not count.
        #expect(eventually { follower.observed.syncs == 2 })
    }

    @Test func `no changes are delivered after a stop`() throws {
        let server = try server()
        let follower = try Follower(server)
        #expect(follower.becomesRight())
        follower.stop()
        let before = follower.observed.objects
        server.set("budget-0", "second")
        #expect(follower.observed.objects == before)
    }
}
