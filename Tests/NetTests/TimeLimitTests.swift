import Foundation
import HTTP
import Net
import Testing

@Suite struct TimeLimitTests {
    @Test func `a connection without a handshake is closed`() throws {
        let server = try RunningServer { $0.handshakeTimeout = .milliseconds(100) }
        let client = try Client(port: server.securePort)
        #expect(try client.isAtEnd())
        #expect(server.status.counts.timeouts[.handshake] == 1)
        #expect(server.status.counts.handshakeFailures[.timeout] == 1)
    }

    @Test func `a connection with a handshake that is too slow is closed`() throws {
        let server = try RunningServer { $0.handshakeTimeout = .milliseconds(200) }
        let client = try Client(port: server.securePort)
        // The beginning of a ClientHello of 512 bytes; the rest does not arrive in time.
        for byte: UInt8 in [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03] {
            try client.send([byte])
            usleep(5000)
        }
        #expect(try client.isCut())
        #expect(server.status.counts.timeouts[.handshake] == 1)
    }

    @Test func `an idle connection is closed without a response`() throws {
        let server = try RunningServer { $0.idleTimeout = .milliseconds(100) }
        for client in try [server.plainClient(), server.secureClient()] { #expect(try client.isAtEnd()) }
        let used = try server.secureClient()
        try used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try used.reply().status == 200)
        #expect(try used.isAtEnd())
        #expect(server.status.counts.timeouts[.idle] == 3)
        #expect(server.status.counts.timeouts[.request] == 0)
    }

    @Test(arguments: [
        "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc",
    ])
    func `a request that does not arrive in time is answered 408`(text: String) throws {
        let server = try RunningServer {
            $0.requestTimeout = .milliseconds(100)
            $0.maxBody = 100_000
        }
        for client in try [server.plainClient(), server.secureClient()] {
            try client.send(text)
            let reply = try client.reply()
            #expect(reply.status == 408)
            #expect(reply.headers["connection"] == "close")
            #expect(try client.isAtEnd())
        }
        #expect(server.status.counts.timeouts[.request] == 2)
        #expect(server.status.counts.refusals == [408: 2])
    }

    @Test func `occasional bytes do not extend a request's deadline`() throws {
        let server = try RunningServer { $0.requestTimeout = .milliseconds(300) }
        let client = try server.secureClient()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        // Continues until the server has answered; the pauses between bytes are far below the timeout.
        var sent = 0
        while server.status.counts.timeouts[.request] == 0, sent < 1000 {
            try client.send("x")
            sent += 1
            usleep(10_000)
        }
        #expect(try client.reply().status == 408)
        #expect(sent < 1000)
    }

    @Test func `the timeout parameter of a request sets its deadline`() throws {
        let server = try RunningServer { $0.requestTimeout = .seconds(3600) }
        let client = try server.secureClient()
        try client.send("POST /validate?timeout=100ms HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        #expect(try client.reply().status == 408)
    }

    @Test func `the connection of a client that does not read its response is closed`() throws {
        let server = try RunningServer(
            { $0.writeTimeout = .milliseconds(200) },
            answering: { _, _, _ in Response(status: 200, body: [UInt8](repeating: 0x61, count: 32 << 20)) })
        let clients = try [server.plainClient(receiveBuffer: 4096), server.secureClient()]
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        // An optimized build would otherwise deallocate and close the clients after their last use.
        withExtendedLifetime(clients) {
            #expect(eventually { server.status.counts.timeouts[.write] == 2 })
            #expect(eventually { server.status.counts.active == 0 })
        }
    }

    @Test func `the connection of a client that sends after an error response is closed`() throws {
        let server = try RunningServer { $0.lingerTimeout = .milliseconds(200) }
        let client = try server.plainClient()
        try client.send("no request\r\n\r\n")
        #expect(try client.reply().status == 400)
        #expect(throws: ClientError.self) {
            for _ in 0..<1000 {
                try client.send("more")
                usleep(10_000)
            }
        }
        #expect(eventually { server.status.counts.active == 0 })
    }
}
