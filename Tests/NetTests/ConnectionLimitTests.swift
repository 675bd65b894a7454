import Foundation
import HTTP
import Net
import Testing

/// The most connections that may be open.
@Suite struct ConnectionLimitTests {
    @Test func `connections past the limit wait until one ends`() throws {
        let server = try RunningServer {
            $0.loops = 1
            $0.maxConnections = 2
        }
        var first: Client? = try server.plainClient()
        try first?.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try first?.reply().status == 200)
        let second = try server.plainClient()
        let third = try server.plainClient()
        try third.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 0..<50 {
            try second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try second.reply().body == "GET /2 0")
        }
        #expect(server.status.counts.accepted == 2)
        first = nil
        #expect(try third.reply().body == "GET /3 0")
        #expect(server.status.counts.accepted == 3)
    }

    @Test func `many connections come and go`() throws {
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

/// A listener with a loop of its own, beside loops that others share.
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

    @Test func `it answers while the other loops are at work, and sees one that stalls`() throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try RunningServer(
            { $0.loops = 2 },
            answering: { request, body, listener in
                gate.wait()
                return RunningServer.describe(request, body, listener)
            }, ownResponder: Self.probe)
        let probe = try server.plainClient()
        // Nothing happens for longer than a turn may take: a loop that waits for events is not stalled.
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

    @Test func `its connections do not count with those of the others`() throws {
        let server = try RunningServer({ $0.maxConnections = 1 }, ownResponder: Self.probe)
        let review = try server.secureClient()
        let probes = try (0..<5).map { _ in try server.plainClient() }
        for probe in probes { #expect(try ask(probe) == "turning") }
        #expect(try ask(review) == "GET / 0")
    }

    @Test func `it answers until the others have ended, and its connections delay nothing`() throws {
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
