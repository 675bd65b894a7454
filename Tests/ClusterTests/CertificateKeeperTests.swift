import Cluster
import Foundation
import Net
import Synchronization
import Testing

/// Replicas that manage their certificate, against an API server that detects conflicting updates.
@Suite struct CertificateKeeperTests {
    /// A clock that tests advance.
    private final class Clock: Sendable {
        private let offset = Mutex<Int64>(0)
        func advance(by seconds: Int64) { offset.withLock { $0 += seconds } }
        var now: Int64 { Int64(Date().timeIntervalSince1970) + offset.withLock { $0 } }
    }

    private final class Replica: Sendable {
        let certificates = Certificates(awaitedFrom: "the Secret playbook/playbook-certificates", clientCAs: nil)
        private let observed = Observed()
        private let keeper: CertificateKeeper
        private let folder: TestFolder

        private final class Observed: Sendable {
            let events = Mutex<[CertificateKeeperEvent]>([])
        }

        init(
            _ server: ObjectAPIServer, _ clock: Clock = Clock(), longestRetryAfter: Duration = .milliseconds(50)
        ) throws {
            folder = try TestFolder()
            // Identifies the replica.
            try folder.write("token", UUID().uuidString)
            try folder.write("ca.crt", TestAuthorities.cluster.keyPair.certificate)
            var options = CertificateKeeperOptions(namespace: "playbook", life: .seconds(CertificateKeeperTests.life))
            options.longestInterval = .milliseconds(10)
            options.backoff = Backoff(first: .milliseconds(2), longest: .milliseconds(10))
            options.api = Follower.apiOptions
            options.api.longestRetryAfter = longestRetryAfter
            options.now = { clock.now }
            keeper = try CertificateKeeper(
                certificates,
                try ClusterAccess.inCluster(
                    environment: ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"],
                    serviceAccount: folder.path),
                options: options, report: { [observed] event in observed.events.withLock { $0.append(event) } })
        }

        deinit { keeper.stop() }

        var problem: String? { keeper.problem }
        var events: [String] { observed.events.withLock { $0.map { "\($0)" } } }
        var changes: [CertificateChange] {
            observed.events.withLock { events in
                events.compactMap { if case .stored(let change) = $0 { change } else { nil } }
            }
        }
        var serial: String? { certificates.current?.serial }
    }

    private static let life: Int64 = 90 * 86_400

    private func serial(_ certificate: String?) -> String? {
        (try? CertificateDescription.certificates(inPEM: Array((certificate ?? "").utf8)))?.first?.serial
    }

    /// Returns true if all replicas serve the Secret's certificate and every webhook trusts only its CA.
    private func isSettled(_ server: ObjectAPIServer, _ replicas: Replica...) -> Bool {
        let data = server.data
        guard let authority = data["ca.crt"], !authority.isEmpty else { return false }
        return server.bundles.count == 3 && server.bundles.allSatisfy { $0 == authority }
            && replicas.allSatisfy { $0.serial != nil && $0.serial == serial(data["tls.crt"]) }
    }

    @Test func `the first replica creates a certificate, and the webhook configurations trust it`() throws {
        let server = try ObjectAPIServer()
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) })
        let data = server.data
        #expect(Set(data.keys) == ["ca.crt", "tls.crt", "tls.key"])
        let certificate = try #require(replica.certificates.current)
        #expect(
            certificate.dnsNames == [
                "playbook", "playbook.playbook", "playbook.playbook.svc", "playbook.playbook.svc.cluster.local",
            ])
        #expect(certificate.keyType == "EC P-256")
        #expect(!certificate.isCA)
        let pair = KeyPair(certificate: data["tls.crt"] ?? "", privateKey: data["tls.key"] ?? "")
        #expect(try pair.checked(signedBy: data["ca.crt"] ?? "") == certificate)
        #expect(replica.changes == [.made])
        // Other fields of the objects are unchanged.
        #expect(server.object(ObjectAPIServer.secret)?["type"] as? String == "t")
        let registration = try #require(server.object(ObjectAPIServer.registrations[0]))
        #expect((registration["metadata"] as? [String: Any])?["labels"] as? [String: String] == ["a": "b"])
        let webhook = try #require((registration["webhooks"] as? [[String: Any]])?.first)
        #expect(webhook["timeoutSeconds"] as? Int == 3)
    }

    @Test(arguments: [true, false])
    func `replicas that start at the same time agree on one CA`(secretIsThere: Bool) throws {
        let server = try ObjectAPIServer()
        if !secretIsThere { server.delete(ObjectAPIServer.secret) }
        let (first, second, third) = (try Replica(server), try Replica(server), try Replica(server))
        #expect(eventually { isSettled(server, first, second, third) })
        #expect((first.changes + second.changes + third.changes).filter { $0 == .made }.count == 1)
    }

    @Test func `conflicting updates are retried`() throws {
        let server = try ObjectAPIServer()
        server.race(6)
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) })
        #expect(replica.problem == nil)
    }

    @Test func `an unavailable API server at start-up is retried and reported once`() throws {
        let server = try ObjectAPIServer()
        server.setDown(true)
        let replica = try Replica(server)
        #expect(eventually { replica.problem != nil })
        #expect(replica.certificates.current == nil)
        server.setDown(false)
        #expect(eventually { isSettled(server, replica) && replica.problem == nil })
        #expect(replica.events.count { $0.hasPrefix("troubled") } == 1)
        #expect(replica.events.last == "recovered")
    }

    @Test func `a Status with retryAfterSeconds delays requests and is reported once`() throws {
        let server = try ObjectAPIServer()
        server.refuse(
            "GET", ObjectAPIServer.registrations[0], 429,
            #"{"kind":"Status","code":429,"message":"too many requests","details":{"retryAfterSeconds":30}}"#)
        let replica = try Replica(server, longestRetryAfter: .seconds(60))
        #expect(eventually { replica.problem?.contains("too many requests") ?? false })
        // Enough time for about 100 attempts if it did not wait.
        usleep(500_000)
        #expect(server.secretReads.isEmpty)
        #expect(replica.events.count == 1)
    }

    @Test func `alternating errors are reported once each`() throws {
        let server = try ObjectAPIServer()
        server.refuse("GET", ObjectAPIServer.secret, 403, 400, 403, 400, 403, 400)
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) && replica.problem == nil })
        let troubles = replica.events.filter { $0.hasPrefix("troubled") }
        #expect(troubles.count == 2, "\(troubles)")
    }

    @Test(arguments: [
        #"{"tls.key":"AAAA","tls.crt":"!","ca.crt":7}"#, #"{"tls.crt":null}"#, "[]", "{}", #"{"tls.key":"LS0t"}"#,
    ])
    func `an invalid Secret is replaced at start-up`(data: String) throws {
        let server = try ObjectAPIServer()
        server.put(ObjectAPIServer.secret, #"{"metadata":{"name":"playbook-certificates"},"data":\#(data)}"#)
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) })
        #expect(Set(server.data.keys) == ["ca.crt", "tls.crt", "tls.key"])
    }

    @Test(arguments: [true, false])
    func `a deleted or invalid Secret is restored with the current certificate, which is then renewed`(
        isDeleted: Bool
    ) throws {
        let server = try ObjectAPIServer()
        let clock = Clock()
        let (first, second) = (try Replica(server, clock), try Replica(server, clock))
        #expect(eventually { isSettled(server, first, second) })
        let before = try #require(first.serial)
        if isDeleted {
            server.delete(ObjectAPIServer.secret)
        } else {
            server.put(
                ObjectAPIServer.secret,
                #"{"metadata":{"name":"playbook-certificates"},"data":{"tls.crt":"AAAA","tls.key":"AAAA"}}"#)
        }
        #expect(eventually { server.data["next.ca.crt"] != nil && serial(server.data["tls.crt"]) == before })
        #expect(eventually { server.bundles.allSatisfy { $0.contains(server.data["next.ca.crt"] ?? "?") } })
        #expect(first.serial == before && second.serial == before)
        #expect(isLookedAt(server))
        clock.advance(by: 3600)
        #expect(eventually { first.serial != before && second.serial == first.serial })
    }

    @Test(arguments: ["", "LS0t", "AAAA"])
    func `an empty or invalid caBundle is restored`(bundle: String) throws {
        let server = try ObjectAPIServer()
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) })
        for path in ObjectAPIServer.registrations {
            server.put(
                path,
                #"{"metadata":{"name":"playbook"},"webhooks":[{"clientConfig":{"caBundle":"\#(bundle)"}},{}]}"#)
        }
        let authority = try #require(server.data["ca.crt"])
        #expect(eventually { server.bundles.count == 4 && server.bundles.allSatisfy { $0 == authority } })
        #expect(replica.changes == [.made])
    }

    @Test func `the certificate in use is trusted at all times during a renewal`() throws {
        let server = try ObjectAPIServer()
        let clock = Clock()
        let (first, second) = (try Replica(server, clock), try Replica(server, clock))
        #expect(eventually { isSettled(server, first, second) })
        let (before, old) = (try #require(first.serial), try #require(server.data["ca.crt"]))
        clock.advance(by: Self.life / 3 * 2 - 60)
        #expect(isLookedAt(server))
        #expect(server.data["next.ca.crt"] == nil)

        clock.advance(by: 120)
        #expect(eventually { server.data["next.ca.crt"] != nil })
        let new = try #require(server.data["next.ca.crt"])
        #expect(eventually { server.bundles.allSatisfy { $0 == old + new } })
        #expect(first.serial == before && second.serial == before)
        #expect(server.data["ca.crt"] == old)

        #expect(isLookedAt(server))
        clock.advance(by: 130)
        #expect(eventually { isServed(first, with: server.data) && isServed(second, with: server.data) })
        #expect(server.data["ca.crt"] == new)
        #expect(server.data["previous.ca.crt"] == old)
        #expect(server.bundles.allSatisfy { $0.contains(old) && $0.contains(new) })
        #expect(first.serial != before)

        #expect(isLookedAt(server))
        clock.advance(by: 3700)
        #expect(eventually { isSettled(server, first, second) })
        #expect(server.data["previous.ca.crt"] == nil)
        let changes = first.changes + second.changes
        #expect(changes.count { $0 == .made } == 1)
        #expect(changes.count { $0 == .staged } == 1)
        #expect(changes.count { $0 == .promoted } == 1)
        #expect(changes.count { $0 == .retired } == 1)
    }

    /// Returns true after every replica has read the Secret at least twice more.
    private func isLookedAt(_ server: ObjectAPIServer) -> Bool {
        let before = server.secretReads
        return eventually { server.secretReads.allSatisfy { $1 > before[$0, default: 0] + 2 } }
    }

    private func isServed(_ replica: Replica, with data: [String: String]) -> Bool {
        data["next.ca.crt"] == nil && replica.serial == serial(data["tls.crt"])
    }

    @Test func `other CAs in a webhook configuration stay trusted for a limited time`() throws {
        let server = try ObjectAPIServer()
        let clock = Clock()
        let theirs = TestAuthorities.other.keyPair.certificate
        let bundle = Data(theirs.utf8).base64EncodedString()
        server.put(
            ObjectAPIServer.registrations[1],
            #"{"metadata":{"name":"playbook"},"webhooks":[{"clientConfig":{"caBundle":"\#(bundle)"}}]}"#)
        let replica = try Replica(server, clock)
        #expect(eventually { server.bundles.allSatisfy { $0 == (server.data["ca.crt"] ?? "?") + theirs } })
        #expect(isLookedAt(server))
        clock.advance(by: 3700)
        #expect(eventually { isSettled(server, replica) })
    }

    @Test func `a replica that cannot read webhook configurations still serves and reports the error`() throws {
        let server = try ObjectAPIServer()
        server.refuse("GET", ObjectAPIServer.registrations[0], 403, 403, 403, 403, 403, 403)
        let replica = try Replica(server)
        #expect(eventually { replica.problem?.contains("validatingwebhookconfigurations") ?? false })
        #expect(replica.serial != nil)
        #expect(eventually { isSettled(server, replica) && replica.problem == nil })
    }

    @Test func `private keys in error responses are not reported`() throws {
        let server = try ObjectAPIServer()
        server.refuse("PUT", ObjectAPIServer.secret, 400, 422, 500)
        server.refuse("GET", ObjectAPIServer.secret, 500)
        let replica = try Replica(server)
        #expect(eventually { isSettled(server, replica) && replica.problem == nil })
        let events = replica.events
        #expect(events.contains { $0.contains("writing Secret playbook/playbook-certificates") })
        #expect(!events.contains { $0.contains("PRIVATE KEY") || $0.contains("tls.key") })
    }
}
