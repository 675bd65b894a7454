import Foundation
import HTTP
import Net
import Synchronization
import Testing

@Suite struct DrainTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `requests are answered as usual while the server drains`() throws {
        let server = try RunningServer { $0.shutdownDelay = .seconds(3600) }
        let client = try server.secureClient()
        #expect(!server.status.isDraining)
        server.server.drain()
        #expect(server.status.isDraining)
        for client in try [client, client, server.secureClient(), server.plainClient()] {
            try client.send(Self.get)
            let reply = try client.reply()
            #expect(reply.status == 200)
            #expect(reply.headers["connection"] == nil)
        }
    }

    @Test func `while the server closes, each connection ends after its next response`() throws {
        let server = try RunningServer {
            $0.shutdownDelay = .zero
            $0.shutdownTimeout = .seconds(3600)
        }
        let idle = try server.secureClient()
        let half = try server.plainClient()
        try half.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        #expect(eventually { server.status.counts.handshakes == 1 && server.status.counts.bytesReceived > 0 })
        server.server.drain()
        #expect(eventually { server.status.phase == .closing })
        let late = try server.secureClient()
        try half.send("2")
        for client in [idle, late] { try client.send(Self.get) }
        for client in [half, late, idle] {
            let reply = try client.reply()
            #expect(reply.status == 200)
            #expect(reply.headers["connection"] == "close")
            #expect(try client.isAtEnd())
        }
        server.waitForEnd()
        #expect(server.status.phase == .stopped)
        #expect(throws: ClientError.cannotConnect(ECONNREFUSED)) { try server.plainClient() }
    }

    @Test func `all requests that were already received are answered`() throws {
        // The first request's responder starts the shutdown while the others of the same write are queued.
        let begin = Mutex<(@Sendable () -> Void)?>(nil)
        let server = try RunningServer(
            { $0.shutdownDelay = .zero },
            answering: { request, body, listener in
                if request.head.path == "/1" { begin.withLock { $0 }?() }
                return RunningServer.describe(request, body, listener)
            })
        let running = server.server
        begin.withLock {
            $0 = {
                running.drain()
                _ = eventually { running.status.phase == .closing }
            }
        }
        let client = try server.secureClient()
        try client.send((1...5).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for index in 1...5 {
            let reply = try client.reply()
            #expect(reply.body == "GET /\(index) 0")
            #expect(reply.headers["connection"] == (index == 5 ? "close" : nil))
        }
        #expect(try client.isAtEnd())
        begin.withLock { $0 = nil }
    }

    @Test func `a connection without requests stays open until the shutdown timeout`() throws {
        let server = try RunningServer {
            $0.shutdownDelay = .zero
            $0.shutdownTimeout = .milliseconds(300)
        }
        let client = try server.secureClient()
        #expect(eventually { server.status.counts.handshakes == 1 })
        server.server.drain()
        #expect(try client.isAtEnd())
        server.waitForEnd()
        #expect(server.status.phase == .stopped)
        #expect(server.status.counts.active == 0)
    }

    @Test func `a server without connections stops immediately`() throws {
        let server = try RunningServer {
            $0.loops = 2
            $0.shutdownDelay = .zero
            $0.shutdownTimeout = .seconds(3600)
        }
        #expect(eventually { server.status.phase == .serving })
        server.server.drain()
        server.waitForEnd()
        let phases = ["serving", "draining", "closing", "stopped"].map { "phase(Net.ServerStatus.Phase.\($0))" }
        #expect(server.reported.suffix(4) == phases)
    }

    @Test func `a stop closes all connections`() throws {
        let server = try RunningServer { $0.loops = 2 }
        let clients = try [server.secureClient(), server.plainClient()]
        #expect(eventually { server.status.counts.accepted == 2 })
        server.server.stop()
        server.waitForEnd()
        for client in clients { #expect(try client.isAtEnd()) }
    }

    @Test func `clients with and without pauses lose no requests during a shutdown`() throws {
        let server = try RunningServer {
            $0.loops = 2
            $0.shutdownDelay = .milliseconds(500)
            $0.shutdownTimeout = .seconds(20)
        }
        let answered = Atomic<Int>(0)
        let lost = Mailbox()
        let done = DispatchGroup()
        for number in 0..<8 {
            // Half of them never pause; the others pause for up to a second, past the start of the shutdown.
            let pause: UInt32 = number < 4 ? 0 : 100_000 * UInt32(2 * number - 7)
            done.enter()
            Foundation.Thread.detachNewThread { [server] in
                defer { done.leave() }
                do {
                    let client = number % 2 == 0 ? try server.secureClient() : try server.plainClient()
                    while true {
                        try client.send("POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
                        let reply = try client.reply()
                        guard reply.body == "POST /\(number) 4" else { throw ClientError.malformed(reply.body) }
                        answered.add(1, ordering: .relaxed)
                        if reply.headers["connection"] == "close" { return }
                        if pause > 0 { usleep(pause) }
                    }
                } catch {
                    lost.append("client \(number): \(error)")
                }
            }
        }
        #expect(eventually { answered.load(ordering: .relaxed) > 100 })
        server.server.drain()
        done.wait()
        server.waitForEnd()
        #expect(lost.all == [])
        #expect(server.status.counts.requests == UInt64(answered.load(ordering: .relaxed)))
    }
}
