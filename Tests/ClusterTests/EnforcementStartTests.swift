import Cluster
import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import Synchronization
import TestSupport
import Testing

/// The annotation with the time at which enforcement began in a cluster.
@Suite struct EnforcementStartTests {
    private static let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/playbook"
    private let now = Timestamp(seconds: 1_795_435_200)

    private final class Events: Sendable {
        let all = Mutex<[RelatedObjectEvent]>([])
        let since = Mutex<Timestamp?>(nil)
    }

    /// Starts a feed and returns its first event about the start of enforcement.
    private func start(_ server: RightsAPIServer) throws -> (RelatedObjectEvent?, Events) {
        let (folder, events) = (try TestFolder(), Events())
        let feed = try RelatedObjectFeed(
            try folder.access(to: server.port), of: .playbook, kinds: [],
            enforcement: EnforcementAnnotation(on: "playbook", named: "playbook.superinc.com/enforced-since", now: now),
            publish: { relatedObjects in events.since.withLock { $0 = relatedObjects.enforcedSince } },
            report: { event in events.all.withLock { $0.append(event) } })
        defer { feed.stop() }
        _ = eventually { events.all.withLock { !$0.isEmpty } }
        let first = events.all.withLock { $0.first }
        if case .enforced(let since)? = first { #expect(eventually { events.since.withLock { $0 == since } }) }
        return (first, events)
    }

    private func configuration(_ annotations: String) -> String {
        #"{"metadata":{"name":"playbook","resourceVersion":"7","annotations":\#(annotations)}}"#
    }

    @Test(arguments: [
        ("2026-10-01", Timestamp(seconds: 1_790_812_800)), ("2026-10-01T12:00:00Z", Timestamp(seconds: 1_790_856_000)),
    ])
    func `an existing annotation is read`(_ text: String, _ since: Timestamp) throws {
        let server = try RightsAPIServer()
        server.put(Self.path, configuration(#"{"playbook.superinc.com/enforced-since":"\#(text)"}"#))
        #expect(try start(server).0 == .enforced(since: since))
        #expect(server.patch.isEmpty)
    }

    @Test(arguments: ["null", "{}", #"{"playbook.superinc.com/owner":"team"}"#])
    func `a missing annotation is added with the resource version that was read`(_ annotations: String) throws {
        let server = try RightsAPIServer()
        server.put(Self.path, configuration(annotations))
        #expect(try start(server).0 == .enforced(since: now))
        let patch = try Literal(parsing: Array(server.patch.utf8))
        #expect(
            patch == [
                "metadata": [
                    "resourceVersion": "7",
                    "annotations": ["playbook.superinc.com/enforced-since": "2026-11-23T12:00:00Z"],
                ]
            ])
    }

    @Test func `a conflict with another replica is retried`() throws {
        let server = try RightsAPIServer()
        server.put(Self.path, configuration("{}"))
        server.refusePatches(409, 401, 503)
        #expect(try start(server).0 == .enforced(since: now))
        #expect(server.requests.filter { $0 == "GET \(Self.path)" }.count == 4)
    }

    @Test func `without the webhook configuration or permission to write it, the time is unknown`() throws {
        let server = try RightsAPIServer()
        guard case .enforcementUnknown = try start(server).0 else {
            Issue.record("no configuration, and a time")
            return
        }
        server.put(Self.path, configuration("{}"))
        server.refusePatches(403)
        guard case .enforcementUnknown = try start(server).0 else {
            Issue.record("no right, and a time")
            return
        }
    }

    @Test func `an annotation that is not a time is reported and not overwritten`() throws {
        let server = try RightsAPIServer()
        server.put(Self.path, configuration(#"{"playbook.superinc.com/enforced-since":"last week"}"#))
        guard case .enforcementUnknown(let reason) = try start(server).0 else {
            Issue.record("a time")
            return
        }
        #expect(reason.contains("playbook.superinc.com/enforced-since"))
        #expect(server.patch.isEmpty)
    }
}
