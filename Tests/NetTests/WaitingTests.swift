import Foundation
import HTTP
import Net
import Synchronization
import Testing

/// Requests whose responses depend on a later delivery from another thread.
@Suite struct WaitingTests {
    /// The waiting requests, to which a test delivers messages.
    private final class Waiting: Sendable {
        private let entries = Mutex<[(deliveries: Deliveries<String>, ticket: Ticket)]>([])
        let forgotten = Atomic<Int>(0)

        var count: Int { entries.withLock { $0.count } }
        var forgottenCount: Int { forgotten.load(ordering: .relaxed) }

        func add(_ deliveries: Deliveries<String>, _ ticket: Ticket) {
            entries.withLock { $0.append((deliveries, ticket)) }
        }

        /// Delivers a message to the request that has waited longest.
        func deliver(_ message: String) {
            guard let entry = entries.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return }
            entry.deliveries.deliver(message, for: entry.ticket)
        }
    }

    /// A server that answers `/now` immediately, and every other path with the delivered message.
    private func server(
        _ waiting: Waiting, _ adjust: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> RunningServer {
        try RunningServer(
            {
                $0.loops = 1
                adjust(&$0)
            },
            responder: { context in
                let deliveries = Deliveries<String>(to: context.notifier)
                return Responder(
                    respond: { request, _, _, ticket in
                        guard request.head.path != "/now" else { return text("now") }
                        waiting.add(deliveries, ticket)
                        return nil
                    },
                    resume: { ticket, _ in text("later: \(deliveries.remove(for: ticket) ?? "")") },
                    forget: { ticket in
                        deliveries.remove(for: ticket)
                        waiting.forgotten.add(1, ordering: .relaxed)
                    })
            })
    }

    @Test func `other requests are answered while one waits`() throws {
        let waiting = Waiting()
        let server = try server(waiting)
        for (patient, other) in try [
            (server.plainClient(), server.plainClient()), (server.secureClient(), server.secureClient()),
        ] {
            try patient.send(get("/later"))
            #expect(eventually { waiting.count == 1 })
            try other.send(get("/now"))
            #expect(try other.reply().body == "now")
            waiting.deliver("a")
            #expect(try patient.reply().body == "later: a")
            try patient.send(get("/now"))
            #expect(try patient.reply().body == "now")
        }
    }

    @Test func `responses keep the order of their requests`() throws {
        let waiting = Waiting()
        let server = try server(waiting)
        let client = try server.plainClient()
        try client.send(get("/now") + get("/1") + get("/now") + get("/2") + get("/now"))
        #expect(eventually { waiting.count == 1 })
        waiting.deliver("1")
        #expect(eventually { waiting.count == 1 })
        waiting.deliver("2")
        for expected in ["now", "later: 1", "now", "later: 2", "now"] {
            #expect(try client.reply().body == expected)
        }
    }

    @Test func `a request that arrives while another one waits is answered after it`() throws {
        let waiting = Waiting()
        let server = try server(waiting)
        let client = try server.secureClient()
        try client.send(get("/1"))
        #expect(eventually { waiting.count == 1 })
        try client.send(get("/now"))
        waiting.deliver("1")
        #expect(try client.reply().body == "later: 1")
        #expect(try client.reply().body == "now")
    }

    @Test func `a client that disconnects while it waits does not affect other clients`() throws {
        let waiting = Waiting()
        let server = try server(waiting)
        do {
            let client = try server.plainClient()
            try client.send(get("/1"))
            #expect(eventually { waiting.count == 1 })
        }
        waiting.deliver("no receiver")
        #expect(eventually { server.status.counts.active == 0 })
        let other = try server.plainClient()
        try other.send(get("/now"))
        #expect(try other.reply().body == "now")
    }

    @Test func `a connection that waits is not treated as one with unread bytes`() throws {
        let waiting = Waiting()
        let gate = DispatchSemaphore(value: 0)
        let held = Atomic<Int>(0)
        let server = try RunningServer(
            { $0.loops = 1 },
            responder: { context in
                let deliveries = Deliveries<String>(to: context.notifier)
                return Responder(
                    respond: { request, _, _, ticket in
                        switch request.head.path {
                        case "/hold":
                            held.add(1, ordering: .relaxed)
                            gate.wait()
                        case "/later":
                            waiting.add(deliveries, ticket)
                            return nil
                        default: break
                        }
                        return text("now")
                    },
                    resume: { ticket, _ in text("later: \(deliveries.remove(for: ticket) ?? "")") })
            })
        let client = try server.secureClient()
        let withPodSpec = try [server.plainClient(), server.plainClient()]
        // Together with the client's, as many connections as are answered in one batch.
        let others = try (0..<15).map { _ in try server.plainClient() }
        for request in ["/1", "/2"] {
            try client.send(get(request))
            #expect(try client.reply().body == "now")
        }
        try withPodSpec[0].send(get("/hold"))
        #expect(eventually { held.load(ordering: .relaxed) == 1 })
        // Each request is a separate TLS record: when the first is answered, libssl holds the second.
        for path in ["/now", "/later"] { try client.send(get(path)) }
        try withPodSpec[1].send(get("/hold"))
        gate.signal()
        #expect(eventually { held.load(ordering: .relaxed) == 2 })
        // The socket also has unread bytes.
        try client.send(get("/now"))
        for other in others { try other.send(get("/now")) }
        gate.signal()
        #expect(eventually { waiting.count == 1 })
        for other in withPodSpec + others { #expect(try other.reply().body == "now") }
        waiting.deliver("a")
        for expected in ["now", "later: a", "now"] { #expect(try client.reply().body == expected) }
    }

    @Test func `a request can wait for several deliveries`() throws {
        let waiting = Waiting()
        let server = try RunningServer(
            { $0.loops = 1 },
            responder: { context in
                let deliveries = Deliveries<String>(to: context.notifier)
                return Responder(
                    respond: { _, _, _, ticket in
                        waiting.add(deliveries, ticket)
                        return nil
                    },
                    resume: { ticket, _ in
                        guard let message = deliveries.remove(for: ticket), message != "more" else {
                            waiting.add(deliveries, ticket)
                            return nil
                        }
                        return text("later: \(message)")
                    },
                    forget: { ticket in
                        deliveries.remove(for: ticket)
                        waiting.forgotten.add(1, ordering: .relaxed)
                    })
            })
        for client in try [server.plainClient(), server.secureClient()] {
            try client.send(get("/1") + get("/2"))
            for (path, rounds) in [("1", 3), ("2", 1)] {
                for _ in 0..<rounds {
                    #expect(eventually { waiting.count == 1 })
                    waiting.deliver("more")
                }
                #expect(eventually { waiting.count == 1 })
                waiting.deliver(path)
                #expect(try client.reply().body == "later: \(path)")
            }
        }
        // The client disconnects between two deliveries.
        do {
            let client = try server.plainClient()
            try client.send(get("/3"))
            #expect(eventually { waiting.count == 1 })
            waiting.deliver("more")
            #expect(eventually { waiting.count == 1 })
        }
        waiting.deliver("3")
        #expect(eventually { server.status.counts.active == 0 })
    }

    @Test func `a request that waits too long gets 503`() throws {
        let waiting = Waiting()
        let server = try server(waiting) { $0.requestTimeout = .milliseconds(200) }
        let client = try server.plainClient()
        try client.send(get("/1"))
        #expect(try client.reply().status == 503)
        waiting.deliver("too late")
        #expect(eventually { waiting.forgottenCount == 1 })
        let other = try server.plainClient()
        try other.send(get("/now"))
        #expect(try other.reply().body == "now")
    }

    @Test func `a waiting request is answered before the server stops`() throws {
        let waiting = Waiting()
        let server = try server(waiting) { $0.shutdownDelay = .zero }
        do {
            let client = try server.secureClient()
            try client.send(get("/1"))
            #expect(eventually { waiting.count == 1 })
            server.server.drain()
            #expect(eventually { server.status.phase == .closing })
            waiting.deliver("last")
            let reply = try client.reply()
            #expect(reply.body == "later: last")
            #expect(reply.headers["connection"] == "close")
        }
        server.waitForEnd()
    }
}

private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

private func text(_ text: String) -> Response {
    Response(status: 200, contentType: "text/plain", body: Array(text.utf8))
}
