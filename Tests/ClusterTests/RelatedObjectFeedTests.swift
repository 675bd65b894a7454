import Cluster
import Evaluation
import Foundation
import Kubernetes
import Net
import Rules
import Synchronization
import Testing

/// The objects that the feed publishes and looks up, against an API server with scripted faults.
@Suite struct RelatedObjectFeedTests {
    private static let kind = ResourceKind.podDisruptionBudget
    private let absence = Absence(RelatedObjectFeedTests.kind, in: "default")

    /// A feed of PodDisruptionBudgets, with the objects that it published last.
    private final class Feed: Sendable {
        let server: ScriptedAPIServer
        let feed: RelatedObjectFeed
        private let folder: TestFolder
        private let latest: Latest

        private final class Latest: Sendable {
            let relatedObjects = Mutex<RelatedObjects?>(nil)
            let events = Mutex<[RelatedObjectEvent]>([])
        }

        init(
            _ server: ScriptedAPIServer, kinds: ResourceKinds = ResourceKinds(RelatedObjectFeedTests.kind),
            _ options: ReflectorOptions = Follower.options
        ) throws {
            self.server = server
            folder = try TestFolder()
            let latest = Latest()
            self.latest = latest
            feed = try RelatedObjectFeed(
                try folder.access(to: server.port), of: .playbook,
                kinds: kinds, options: options,
                publish: { relatedObjects in latest.relatedObjects.withLock { $0 = relatedObjects } },
                report: { event in latest.events.withLock { $0.append(event) } })
        }

        /// The kinds in each reported problem.
        var troubles: [[APIResource]] {
            latest.events.withLock { $0.compactMap { if case .troubled(let kinds, _) = $0 { kinds } else { nil } } }
        }
        var recoveries: [[APIResource]] {
            latest.events.withLock { $0.compactMap { if case .recovered(let kinds) = $0 { kinds } else { nil } } }
        }

        deinit { feed.stop() }

        /// The names of the known PodDisruptionBudgets; nil if they are unknown.
        var names: [String]? { latest.relatedObjects.withLock { try? $0?.budgets(in: "default").map(\.name) } }

        /// Looks up the absences and waits for the results.
        func confirm(_ absences: [Absence], within limit: Duration = .seconds(5)) -> [LookupAnswer] {
            let answer = Answer()
            feed.ask(absences.map { .absence($0) }, within: limit) { answer.set($0) }
            return answer.wait()
        }
    }

    /// A result that another thread delivers.
    private final class Answer: Sendable {
        private let value = Mutex<[LookupAnswer]?>(nil)
        private let semaphore = DispatchSemaphore(value: 0)

        func set(_ confirmations: [LookupAnswer]) {
            value.withLock { $0 = confirmations }
            semaphore.signal()
        }

        func wait() -> [LookupAnswer] {
            _ = semaphore.wait(timeout: .now() + 10)
            return value.withLock { $0 } ?? []
        }
    }

    private func names(_ confirmation: LookupAnswer?) -> [String]? {
        confirmation?.found.flatMap { try? $0.budgets(in: "default").map(\.name) }
    }

    @Test func `created, changed and deleted objects are published`() throws {
        let server = try ScriptedAPIServer()
        server.set("b", "1")
        server.set("a", "1")
        let feed = try Feed(server)
        #expect(eventually { feed.names == ["a", "b"] })
        server.set("c", "1")
        server.remove("a")
        #expect(eventually { feed.names == ["b", "c"] })
        server.restart(version: 7, objects: ["d": "1"])
        #expect(eventually { feed.names == ["d"] })
    }

    @Test func `kinds that fail together are reported together once, and so is their recovery`() throws {
        let server = try ScriptedAPIServer()
        let kinds = ResourceKinds(.podDisruptionBudget, .namespace, .service, .deployment)
        var options = Follower.options
        options.steadyWatch = .seconds(3)
        let feed = try Feed(server, kinds: kinds, options)
        func watches() -> Int { server.requests.count { $0.query["watch"] == "1" } }
        #expect(eventually { watches() == 4 })
        for round in 1...10 {
            server.dropConnections()
            #expect(eventually { watches() >= 4 * (round + 1) })
        }
        #expect(eventually { feed.recoveries.count == 1 })
        #expect(feed.troubles.map(Set.init) == [Set(kinds.kinds.map { APIResource($0) })])
        #expect(feed.recoveries.map(Set.init) == feed.troubles.map(Set.init))
    }

    @Test func `no lookups are sent until Retry-After has passed`() throws {
        let server = try ScriptedAPIServer()
        let feed = try Feed(server)
        #expect(eventually { feed.feed.hasSynced })
        server.cueOther(.status(429, headers: "Retry-After: 30\r\n"))
        for _ in 0..<50 { #expect(feed.confirm([absence]).allSatisfy { $0.found == nil }) }
        #expect(server.absenceChecker.count == 1)
        #expect(feed.feed.confirmations.failures == 50)
    }

    @Test func `a lookup with enough time is sent after Retry-After has passed`() throws {
        let server = try ScriptedAPIServer()
        server.set("a", "1")
        let feed = try Feed(server)
        #expect(eventually { feed.feed.hasSynced })
        server.cueOther(.status(429, headers: "Retry-After: 1\r\n"))
        #expect(names(feed.confirm([absence]).first) == nil)
        #expect(names(feed.confirm([absence], within: .seconds(60)).first) == ["a"])
        #expect(server.absenceChecker.count == 2)
    }

    @Test func `the feed reports that it has synced only after it has published the objects`() throws {
        let server = try ScriptedAPIServer()
        server.set("a", "1")
        let feed = try Feed(server)
        #expect(eventually { feed.feed.hasSynced })
        #expect(feed.names == ["a"])
    }

    @Test func `a refused kind is unknown until access is granted`() throws {
        let server = try ScriptedAPIServer()
        server.cueList(.status(403), .status(403), .status(403), .status(403))
        let feed = try Feed(server)
        #expect(eventually { feed.feed.statuses.allSatisfy { $0.status.state == .unavailable } })
        #expect(eventually { feed.names == [] })
        #expect(eventually { feed.feed.hasSynced })
    }

    @Test func `a kind that can be listed but not watched stays unknown`() throws {
        let server = try ScriptedAPIServer()
        server.set("a", "1")
        for _ in 0..<40 { server.cueWatch(.status(403)) }
        let feed = try Feed(server)
        #expect(eventually { feed.feed.statuses.allSatisfy { $0.status.state == .unavailable } && feed.names == nil })
        // The kind is listed again from time to time, but a list without a watch to update it is not used.
        let lists = server.lists.count
        #expect(eventually { server.lists.count >= lists + 4 })
        #expect(feed.names == nil)
        #expect(eventually { feed.names == ["a"] })
    }

    @Test func `a lookup finds an object that the watch has not delivered`() throws {
        let server = try ScriptedAPIServer()
        server.cueWatch(.silence)
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] && !server.watches.isEmpty })
        server.set("late", "1")
        let confirmations = feed.confirm([absence])
        #expect(names(confirmations.first) == ["late"])
        #expect(feed.names == [])
    }

    @Test func `identical lookups share one request in flight and one that is pending`() throws {
        let server = try ScriptedAPIServer()
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] })
        let answers = (0..<50).map { _ in Answer() }
        for answer in answers { feed.feed.ask([.absence(absence)], within: .seconds(5)) { answer.set($0) } }
        for answer in answers { #expect(names(answer.wait().first) == []) }
        // The number of requests depends on the round trips, not on the number of lookups.
        #expect(server.absenceChecker.count < 25 && feed.feed.confirmations.requests == server.absenceChecker.count)
    }

    @Test func `a lookup does not use the response to a request sent before it`() throws {
        let server = try ScriptedAPIServer()
        server.cueWatch(.silence)
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] && !server.watches.isEmpty })
        #expect(names(feed.confirm([absence]).first) == [])
        server.set("late", "1")
        #expect(names(feed.confirm([absence]).first) == ["late"])
        // The first request is in flight when the object is created; the second lookup must not get its result.
        let (first, second) = (Answer(), Answer())
        server.cueOther(.stall)
        feed.feed.ask([.absence(absence)], within: .seconds(1)) { first.set($0) }
        #expect(eventually { server.absenceChecker.count == 3 })
        server.set("later", "1")
        feed.feed.ask([.absence(absence)], within: .seconds(5)) { second.set($0) }
        #expect(names(second.wait().first) == ["late", "later"])
        #expect(first.wait().first?.found == nil)
    }

    @Test func `a lookup without a response in time has no result`() throws {
        let server = try ScriptedAPIServer()
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] })
        server.cueOther(.stall)
        let confirmations = feed.confirm([absence], within: .milliseconds(100))
        #expect(confirmations.map(\.absence) == [absence])
        #expect(confirmations.first?.found == nil)
        #expect(feed.feed.confirmations.failures == 1)
    }

    @Test func `no request is sent for a lookup that timed out while it was queued`() throws {
        let server = try ScriptedAPIServer()
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] })
        server.cueOther(.stall, .stall, .stall, .stall)
        let stalled = (0..<4).map { _ in Answer() }
        for (index, answer) in stalled.enumerated() {
            let absence = Absence(Self.kind, in: "stalled-\(index)")
            feed.feed.ask([.absence(absence)], within: .seconds(2)) { answer.set($0) }
        }
        // All request slots are in use: these lookups wait in the queue, and the first one times out.
        #expect(feed.confirm([Absence(Self.kind, in: "late")], within: .milliseconds(50)).first?.found == nil)
        #expect(names(feed.confirm([absence], within: .seconds(8)).first) == [])
        #expect(server.requests.allSatisfy { !$0.path.contains("/late/") })
        for answer in stalled { #expect(answer.wait().first?.found == nil) }
    }

    @Test(arguments: [500, 403])
    func `a lookup that fails has no result`(_ status: Int) throws {
        let server = try ScriptedAPIServer()
        let feed = try Feed(server)
        #expect(eventually { feed.names == [] })
        server.cueOther(.status(status))
        #expect(feed.confirm([absence]).first?.found == nil)
        // The failure is not cached.
        #expect(names(feed.confirm([absence]).first) == [])
    }

    @Test func `each lookup has a separate result`() throws {
        let server = try ScriptedAPIServer()
        server.set("a", "1")
        let feed = try Feed(server)
        #expect(eventually { feed.names == ["a"] })
        let other = Absence(RelatedObjectFeedTests.kind, in: "elsewhere")
        let confirmations = feed.confirm([absence, other])
        #expect(confirmations.map(\.absence) == [absence, other])
        #expect(names(confirmations.first) == ["a"])
        // The response for that path is not a list.
        #expect(confirmations.last?.found == nil)
    }

    // MARK: Kinds that are installed later

    /// With one refusal, the kind counts as unavailable; with 100, it is still requested after increasing delays.
    @Test(arguments: [1, 100])
    func `a kind is watched as soon as its CustomResourceDefinition is installed`(refusals: Int) throws {
        let isInstalled = Mutex(false)
        let refused = Mutex(0)
        let early = Mutex(2)
        let group = "/apis/keda.sh/v1alpha1/scaledobjects"
        let port = try TLSPort(TestAuthorities.cluster.pair()) { peer in
            while let request = peer.request() {
                let isOurs = request.path == group
                // The kind is served a moment after its definition.
                let isServed =
                    !isOurs
                    || isInstalled.withLock { $0 }
                        && early.withLock {
                            $0 -= 1; return $0 < 0
                        }
                guard isServed else {
                    refused.withLock { $0 += 1 }
                    guard peer.answer(404, ScriptedAPIServer.status(404, "NotFound", "no such kind")) else { return }
                    continue
                }
                guard request.query["watch"] == "1" else {
                    let items =
                        isOurs
                        ? #"[{"metadata":{"name":"web","namespace":"shop"},"spec":{"scaleTargetRef":{"name":"web"}}}]"#
                        : "[]"
                    guard peer.answer(200, #"{"metadata":{"resourceVersion":"5"},"items":\#(items)}"#) else { return }
                    continue
                }
                peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                var isReported = isOurs
                while peer.chunk(ScriptedAPIServer.bookmark(6) + "\n") {
                    if !isReported, isInstalled.withLock({ $0 }) {
                        let object = #"{"metadata":{"name":"scaledobjects.keda.sh","resourceVersion":"7"}}"#
                        peer.chunk(#"{"type":"ADDED","object":\#(object)}"# + "\n")
                        isReported = true
                    }
                    Thread.sleep(forTimeInterval: 0.01)
                }
                return
            }
        }
        defer { withExtendedLifetime(port) {} }
        var options = ReflectorOptions()
        options.refusalsThatCount = refusals
        options.refusedInterval = .seconds(3600)
        options.backoff = Backoff(first: .seconds(3600), longest: .seconds(3600))
        let folder = try TestFolder()
        let known = Mutex(false)
        let feed = try RelatedObjectFeed(
            try folder.access(to: port.port), of: .playbook, kinds: ResourceKinds(.scaledObject), options: options,
            publish: { relatedObjects in
                let isKnown = relatedObjects.knows(.scaledObject, in: "shop")
                known.withLock { $0 = isKnown }
            }, report: { _ in })
        defer { feed.stop() }
        #expect(eventually { refused.withLock { $0 } == 1 })
        #expect(!known.withLock { $0 })
        isInstalled.withLock { $0 = true }
        #expect(eventually { known.withLock { $0 } })
    }
}

extension LookupAnswer {
    /// The objects that were found; nil if there was no result.
    fileprivate var found: RelatedObjects? { if case .absence(_, let found) = self { found } else { nil } }

    /// The kind and namespace that were looked up.
    fileprivate var absence: Absence? { if case .absence(let absence, _) = self { absence } else { nil } }
}
