import Foundation
import HTTP
import Net
import Synchronization
import Testing

/// The limit on open connections, and the connection that is closed for a new one.
@Suite struct ConnectionLimitTests {
    private func server(_ limit: Int) throws -> RunningServer {
        try RunningServer {
            $0.loops = 1
            $0.maxConnections = limit
        }
    }

    private func isServed(_ client: Client) throws -> Bool {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return try client.reply().status == 200
    }

    @Test func `the oldest unfinished handshake is closed before any idle connection`() throws {
        let server = try server(4)
        let idle = try server.secureClient()
        #expect(try isServed(idle))
        let older = try Client(port: server.securePort)
        #expect(eventually { server.status.counts.accepted == 2 })
        let newer = try Client(port: server.securePort)
        #expect(eventually { server.status.counts.accepted == 3 })
        // This handshake is complete, although it began last.
        let finished = try server.secureClient()
        #expect(try isServed(finished))
        let next = try server.secureClient()
        #expect(try isServed(next))
        #expect(try older.isCut())
        #expect(server.status.counts.evictions == [.handshake: 1, .idle: 0, .transfer: 0])
        let last = try server.secureClient()
        #expect(try isServed(last))
        #expect(try newer.isCut())
        for client in [idle, finished, next, last] { #expect(try isServed(client)) }
        #expect(server.status.counts.evictions == [.handshake: 2, .idle: 0, .transfer: 0])
    }

    @Test func `received bytes do not change the age of a handshake`() throws {
        let server = try server(2)
        let older = try Client(port: server.securePort)
        #expect(eventually { server.status.counts.accepted == 1 })
        let newer = try Client(port: server.securePort)
        #expect(eventually { server.status.counts.accepted == 2 })
        try older.send(Array(Client.hello().prefix(100)))
        #expect(try isServed(server.secureClient()))
        #expect(try older.isCut())
        try newer.send(Client.hello())
        #expect(try !newer.receive().isEmpty)
    }

    @Test func `without handshakes, the connection that was idle longest is closed`() throws {
        let server = try server(3)
        let clients = try [server.secureClient(), server.plainClient(), server.secureClient()]
        for client in clients { #expect(try isServed(client)) }
        // The first connection is the most recently used one.
        #expect(try isServed(clients[0]))
        let next = try server.plainClient()
        #expect(try isServed(next))
        #expect(try clients[1].isCut())
        for client in [clients[2], clients[0], next] { #expect(try isServed(client)) }
        #expect(server.status.counts.evictions == [.handshake: 0, .idle: 1, .transfer: 0])
    }

    @Test func `without idle connections, the oldest incomplete request is closed`() throws {
        let server = try server(2)
        let half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1"
        let older = try server.plainClient()
        try older.send(half)
        #expect(eventually { server.status.counts.bytesReceived == UInt64(half.utf8.count) })
        let newer = try server.secureClient()
        try newer.send(half)
        #expect(eventually { server.status.counts.bytesReceived == UInt64(2 * half.utf8.count) })
        let next = try server.secureClient()
        #expect(try isServed(next))
        #expect(try older.isCut())
        try newer.send("2")
        #expect(try newer.reply().body == "POST / 2")
        #expect(server.status.counts.evictions == [.handshake: 0, .idle: 0, .transfer: 1])
    }

    @Test(arguments: [true, false])
    func `a connection with a received request does not count as idle`(isFirst: Bool) throws {
        let gate = DispatchSemaphore(value: 0)
        let held = Atomic<Bool>(false)
        let server = try RunningServer(
            {
                $0.loops = 1
                $0.maxConnections = 2
            },
            answering: { request, body, listener in
                if request.head.path == "/hold" {
                    held.store(true, ordering: .relaxed)
                    gate.wait()
                }
                return RunningServer.describe(request, body, listener)
            })
        let (client, holder) = try (server.plainClient(), server.plainClient())
        for client in [client, holder] { #expect(try isServed(client)) }
        try holder.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { held.load(ordering: .relaxed) })
        // The event loop finds the request and the new connection in the same turn.
        let request = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        if isFirst { try client.send(request) }
        let next = try server.plainClient()
        if !isFirst { try client.send(request) }
        gate.signal()
        #expect(try holder.reply().body == "GET /hold 0")
        #expect(try client.reply().body == "GET /1 0")
        #expect(try holder.isCut())
        for client in [client, next] { #expect(try isServed(client)) }
    }

    @Test func `if all connections have received requests, the oldest connection is closed`() throws {
        let gate = DispatchSemaphore(value: 0)
        let held = Atomic<Bool>(false)
        let server = try RunningServer(
            {
                $0.loops = 1
                $0.maxConnections = 3
                $0.joinTimeout = .seconds(1)
            },
            answering: { request, body, listener in
                if request.head.path == "/hold" {
                    held.store(true, ordering: .relaxed)
                    gate.wait()
                }
                return RunningServer.describe(request, body, listener)
            })
        let clients = try [server.plainClient(), server.plainClient(), server.plainClient()]
        for client in clients { #expect(try isServed(client)) }
        try clients[2].send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { held.load(ordering: .relaxed) })
        // The event loop finds the new connection before the requests.
        let next = try server.plainClient()
        for client in clients { try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n") }
        gate.signal()
        #expect(try isServed(next))
        #expect(try clients[0].isCut())
        #expect(try clients[2].reply().body == "GET /hold 0")
        for client in clients.dropFirst() { #expect(try client.reply().body == "GET /1 0") }
        #expect(server.status.counts.evictions == [.handshake: 0, .idle: 0, .transfer: 1])
    }

    @Test func `connections with requests in progress stay open, and new connections wait`() throws {
        let waiting = Mutex<[(Deliveries<String>, Ticket)]>([])
        let server = try RunningServer(
            {
                $0.loops = 1
                $0.maxConnections = 2
            },
            responder: { context in
                let deliveries = Deliveries<String>(to: context.notifier)
                return Responder(
                    respond: { request, body, listener, ticket in
                        guard request.head.path == "/later" else {
                            return RunningServer.describe(request, body, listener)
                        }
                        waiting.withLock { $0.append((deliveries, ticket)) }
                        return nil
                    },
                    resume: { _, _ in Response(status: 200, contentType: "text/plain", body: Array("later".utf8)) })
            })
        let patient = try [server.secureClient(), server.plainClient()]
        for client in patient { try client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n") }
        #expect(eventually { waiting.withLock { $0.count } == 2 })
        let next = try server.plainClient()
        try next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        usleep(100_000)
        #expect(server.status.counts.accepted == 2)
        for (deliveries, ticket) in waiting.withLock({ $0 }) { deliveries.deliver("now", for: ticket) }
        for client in patient { #expect(try client.reply().body == "later") }
        #expect(try next.reply().status == 200)
        #expect(server.status.counts.evictions == [.handshake: 0, .idle: 1, .transfer: 0])
    }

    @Test(arguments: [1, 2])
    func `a continuous flow of silent connections does not block other clients`(loops: Int) throws {
        let server = try RunningServer {
            $0.loops = loops
            $0.maxConnections = 8
        }
        var silent: [Client] = []
        for _ in 0..<20 {
            for _ in 0..<10 { silent.append(try Client(port: server.securePort)) }
            #expect(try isServed(server.secureClient()))
            #expect(server.status.counts.active <= 8)
        }
        #expect(server.status.counts.evictions[.transfer] == 0)
        withExtendedLifetime(silent) { #expect(eventually { server.status.counts.accepted == 220 }) }
        #expect(server.status.counts.timeouts[.handshake] == 0)
    }

    @Test func `evictions are reported once per interval`() throws {
        let server = try RunningServer {
            $0.loops = 1
            $0.maxConnections = 2
            $0.certificateInterval = .milliseconds(10)
            $0.evictionReportInterval = .seconds(3600)
        }
        func evictions() -> [String] { server.reported.filter { $0.hasPrefix("connectionsEvicted") } }
        var silent = try (0..<3).map { _ in try Client(port: server.securePort) }
        #expect(eventually { !evictions().isEmpty })
        #expect(evictions() == ["connectionsEvicted([Net.Eviction.handshake: 1])"])
        for _ in 0..<20 { silent.append(try Client(port: server.securePort)) }
        withExtendedLifetime(silent) { #expect(eventually { server.status.counts.evictions[.handshake] == 21 }) }
        usleep(100_000)
        #expect(evictions().count == 1)
    }

    @Test func `many short connections are all served`() throws {
        let server = try RunningServer {
            $0.loops = 2
            $0.maxConnections = 20
        }
        for _ in 0..<20 {
            let clients = try (0..<9).map { _ in try server.plainClient() }
            for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }
            for client in clients { #expect(try client.reply().status == 200) }
            #expect(eventually { server.status.counts.active == 0 })
        }
        #expect(server.status.counts.accepted == 180)
    }
}

/// A listener with a separate event loop, beside the shared event loops.
@Suite struct OwnLoopTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let probe: @Sendable (LoopContext) -> Responder = { context in
        Responder { _, _, _ in
            let isStalled = !context.status.stalls(longerThan: .milliseconds(50)).isEmpty
            return Response(
                status: 200, contentType: "text/plain", body: Array((isStalled ? "stalled" : "turning").utf8))
        }
    }

    private func ask(_ client: Client) throws -> String {
        try client.send(Self.get)
        return try client.reply().body
    }

    @Test func `a separate event loop answers while the shared ones are busy, and detects stalled ones`() throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try RunningServer(
            { $0.loops = 2 },
            answering: { request, body, listener in
                gate.wait()
                return RunningServer.describe(request, body, listener)
            }, ownResponder: Self.probe)
        let probe = try server.plainClient()
        // Idle for longer than a turn's limit: an event loop that waits for events is not stalled.
        usleep(100_000)
        #expect(try ask(probe) == "turning")
        let held = try (0..<2).map { _ in try server.secureClient() }
        for client in held { try client.send(Self.get) }
        #expect(try eventually { try ask(probe) == "stalled" })
        #expect(try ask(server.plainClient()) == "stalled")
        for _ in held { gate.signal() }
        for client in held { #expect(try client.reply().body == "GET / 0") }
        #expect(try eventually { try ask(probe) == "turning" })
    }

    @Test func `a separate event loop has its own connection limit`() throws {
        let server = try RunningServer(
            {
                $0.maxConnections = 1
                $0.maxOwnConnections = 2
            }, ownResponder: Self.probe)
        let review = try server.secureClient()
        var silent: [Client] = []
        for _ in 0..<20 { silent.append(try server.plainClient()) }
        #expect(try ask(server.plainClient()) == "turning")
        #expect(try ask(review) == "GET / 0")
        withExtendedLifetime(silent) { #expect(eventually { server.status.counts.accepted == 22 }) }
    }

    @Test func `a separate event loop answers until the shared ones end, and does not delay the shutdown`() throws {
        let server = try RunningServer(
            {
                $0.shutdownDelay = .zero
                $0.shutdownTimeout = .seconds(3600)
            }, ownResponder: Self.probe)
        let probe = try server.plainClient()
        let review = try server.secureClient()
        #expect(try ask(review) == "GET / 0")
        server.server.drain()
        #expect(eventually { server.status.phase == .closing })
        let late = try server.plainClient()
        try late.send(Self.get)
        let reply = try late.reply()
        #expect(reply.body == "turning" && reply.headers["connection"] == "close")
        #expect(try ask(review) == "GET / 0")
        server.waitForEnd()
        #expect(try probe.isCut())
    }
}
