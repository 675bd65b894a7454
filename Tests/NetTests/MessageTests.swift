import Foundation
import HTTP
import Net
import Synchronization
import Testing

@Suite struct MessageTests {
    @Test func `a connection answers one request after another`() throws {
        let server = try RunningServer()
        for client in try [server.plainClient(), server.secureClient()] {
            for round in 1...3 {
                try client.send("GET /\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
                let reply = try client.reply()
                #expect(reply.status == 200)
                #expect(reply.body == "GET /\(round) 0")
                #expect(reply.headers["connection"] == nil)
            }
        }
        #expect(server.server.status.counts.requests == 6)
        #expect(server.server.status.counts.accepted == 2)
    }

    @Test func `pipelined requests are answered in order`() throws {
        let server = try RunningServer()
        let client = try server.secureClient()
        let requests = (0..<100).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }
        try client.send(requests.joined())
        for index in 0..<100 { #expect(try client.reply().body == "POST /\(index) 3") }
    }

    @Test func `each of many concurrent requests gets its response`() throws {
        let server = try RunningServer({ $0.loops = 1 }) { request, body, listener in
            // Meanwhile, all other requests arrive: more than the server answers in one batch.
            if request.head.path == "/first" { usleep(100_000) }
            return RunningServer.describe(request, body, listener)
        }
        let clients = try (0..<40).map { try $0 % 2 == 0 ? server.plainClient() : server.secureClient() }
        func request(_ path: String, _ size: Int) -> String {
            "POST /\(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size)
        }
        let sizes = [0, 9_000, 60_000, 200_000]
        let first = try server.secureClient()
        try first.send(request("first", 1))
        for (index, client) in clients.enumerated() {
            let text = request("\(index)", sizes[index % 4])
            // Every third client sends two requests and the beginning of another.
            try client.send(index % 3 == 0 ? text + request("\(index)/again", 5) + "GET /\(index)/la" : text)
        }
        #expect(try first.reply().body == "POST /first 1")
        for (index, client) in clients.enumerated() {
            #expect(try client.reply().body == "POST /\(index) \(sizes[index % 4])")
            guard index % 3 == 0 else { continue }
            #expect(try client.reply().body == "POST /\(index)/again 5")
            try client.send("st HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().body == "GET /\(index)/last 0")
        }
    }

    @Test func `clients that send continuously do not delay another client`() throws {
        let gate = DispatchSemaphore(value: 0)
        let answered = Atomic<Int>(0)
        let meanwhile = Atomic<Int>(-1)
        let interrupt = Mutex<(@Sendable () -> Void)?>(nil)
        let server = try RunningServer({ $0.loops = 1 }) { request, body, listener in
            switch request.head.path {
            case "/hold": gate.wait()
            case "/late": meanwhile.store(answered.load(ordering: .relaxed) - 8000, ordering: .relaxed)
            default: if answered.add(1, ordering: .relaxed).newValue == 8000 { interrupt.withLock { $0?() } }
            }
            return RunningServer.describe(request, body, listener)
        }
        let busy = try (0..<16).map { _ in try server.secureClient() }
        let late = Mutex(try server.plainClient())
        interrupt.withLock { $0 = { late.withLock { try? $0.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n") } } }
        let holder = try server.plainClient()
        try holder.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        // Each request is a separate TLS record, and there are more records than libssl reads at once.
        let request = "GET /busy HTTP/1.1\r\nHost: a\r\nPadding: \(String(repeating: "x", count: 100))\r\n\r\n"
        for client in busy { for _ in 0..<1000 { try client.send(request) } }
        gate.signal()
        #expect(eventually { meanwhile.load(ordering: .relaxed) >= 0 })
        #expect(try late.withLock { try $0.reply() }.body == "GET /late 0")
        // At most three rounds: the current one, the one that reads the late request, and the one that answers it.
        #expect(meanwhile.load(ordering: .relaxed) <= 3 * 2 * busy.count)
        interrupt.withLock { $0 = nil }
    }

    @Test func `the request after a partly received one is not lost`() throws {
        let server = try RunningServer()
        let client = try server.plainClient()
        let text = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        for byte in text.utf8 { try client.send([byte]) }
        #expect(try client.reply().body == "POST /1 3")
        #expect(try client.reply().body == "GET /2 0")
    }

    @Test(arguments: [0, 1, 1000, 16 * 1024, 130 * 1024, 3 << 20])
    func `a body of any size is received completely`(size: Int) throws {
        let server = try RunningServer(answering: { request, body, _ in
            var sum = 0
            for index in body.indices { sum = (sum &* 31 &+ Int(body[index])) & 0xFFFF_FFFF }
            return Response(status: 200, contentType: "text/plain", body: Array("\(body.count) \(sum)".utf8))
        })
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let sum = body.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF_FFFF }
        for client in try [server.plainClient(), server.secureClient()] {
            for _ in 0..<2 {
                try client.send(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n".utf8) + body)
                #expect(try client.reply().body == "\(size) \(sum)")
            }
        }
    }

    @Test func `a chunked body is assembled`() throws {
        let server = try RunningServer(answering: { _, body, _ in
            var copy: [UInt8] = []
            for index in body.indices { copy.append(body[index]) }
            return Response(status: 200, contentType: "text/plain", body: copy)
        })
        let client = try server.plainClient()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let text = head + "5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nTrailer: z\r\n\r\n"
        try client.send(text + head + "1\r\n!\r\n0\r\n\r\n")
        #expect(try client.reply().body == "hello world")
        #expect(try client.reply().body == "!")
        for byte in text.utf8 { try client.send([byte]) }
        #expect(try client.reply().body == "hello world")
    }

    @Test func `a client that expects 100 Continue gets it`() throws {
        let server = try RunningServer()
        let client = try server.secureClient()
        for framing in ["Content-Length: 4", "Transfer-Encoding: chunked"] {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
            #expect(try client.reply().status == 100)
            try client.send(framing.hasPrefix("C") ? "1234" : "4\r\n1234\r\n0\r\n\r\n")
            #expect(try client.reply().body == "POST / 4")
        }
    }

    @Test func `a client that sends its body without waiting gets no 100 Continue`() throws {
        let server = try RunningServer()
        let client = try server.plainClient()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n1234")
        #expect(try client.reply().status == 200)
    }

    @Test(arguments: ["Content-Length: 300000", "Transfer-Encoding: chunked"])
    func `only the beginning of a body that is too large is kept`(framing: String) throws {
        let server = try RunningServer { $0.maxBody = 100_000 }
        let body = String(repeating: "x", count: 300_000)
        let message = framing.hasPrefix("C") ? body : "493e0\r\n\(body)\r\n0\r\n\r\n"
        for client in try [server.plainClient(), server.secureClient()] {
            for _ in 0..<2 {
                try client.send("POST /big HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n\(message)")
                let reply = try client.reply()
                #expect(reply.body == "POST /big 65536 truncated")
                #expect(reply.headers["connection"] == nil)
            }
            try client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().body == "GET /next 0")
        }
    }

    @Test(arguments: ["Content-Length: 300000", "Transfer-Encoding: chunked"])
    func `a request pipelined after a body that is too large is answered`(framing: String) throws {
        let server = try RunningServer { $0.maxBody = 100_000 }
        let body = String(repeating: "x", count: 300_000)
        let message = framing.hasPrefix("C") ? body : "493e0\r\n\(body)\r\n0\r\n\r\n"
        for client in try [server.plainClient(), server.secureClient()] {
            try client.send(
                "POST /big HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n\(message)"
                    + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().body == "POST /big 65536 truncated")
            #expect(try client.reply().body == "GET /next 0")
        }
    }

    @Test func `a body of exactly the largest size is kept completely`() throws {
        let server = try RunningServer { $0.maxBody = 100_000 }
        let client = try server.plainClient()
        for (size, expected) in [(100_000, "POST / 100000"), (100_001, "POST / 65536 truncated")] {
            let body = String(repeating: "x", count: size)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)")
            #expect(try client.reply().body == expected)
            try client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
            #expect(try client.reply().body == expected)
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 17000))\r\n\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ])
    func `a malformed request gets an error response, and the connection closes`(text: String, status: Int) throws {
        let server = try RunningServer()
        for client in try [server.plainClient(), server.secureClient()] {
            // Much more than the server reads at once: closing without reading it would reset the connection.
            try client.send(text + String(repeating: "y", count: 300_000))
            let reply = try client.reply()
            #expect(reply.status == status)
            #expect(reply.headers["connection"] == "close")
            #expect(reply.headers["content-type"] == "application/json")
            #expect(reply.body.hasPrefix(#"{"error":""#))
            #expect(try client.isAtEnd())
        }
        #expect(server.server.status.counts.refusals == [status: 2])
    }

    @Test func `requests before a malformed one are answered`() throws {
        let server = try RunningServer()
        let client = try server.plainClient()
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\0")
        #expect(try client.reply().body == "GET /1 0")
        #expect(try client.reply().status == 400)
        #expect(try client.isAtEnd())
    }

    @Test func `a client that asks to close the connection gets its response first`() throws {
        let server = try RunningServer()
        for client in try [server.plainClient(), server.secureClient()] {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try client.reply().headers["connection"] == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test func `HEAD is answered without a body`() throws {
        let server = try RunningServer()
        let client = try server.plainClient()
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.reply(toHead: true).headers["content-length"] == "8")
        #expect(try client.reply().body == "GET / 0")
    }

    @Test func `a client that has closed its side of the stream still gets its response`() throws {
        let server = try RunningServer()
        let client = try server.plainClient()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        #expect(try client.reply().body == "GET / 0")
        #expect(try client.isAtEnd())
    }

    @Test func `a slow reader receives a large response completely`() throws {
        let expected = String(repeating: "0123456789abcdef\n", count: 400_000)
        let server = try RunningServer(answering: { _, _, _ in
            Response(status: 200, contentType: "text/plain", body: Array(expected.utf8))
        })
        for client in try [server.plainClient(receiveBuffer: 4096), server.secureClient()] {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.reply().body == expected)
            #expect(try client.reply().body == expected)
        }
    }

    @Test func `the duration of event loop turns is counted`() throws {
        let server = try RunningServer(
            { $0.loops = 2 },
            answering: { request, body, listener in
                if request.head.path == "/slow" { usleep(60_000) }
                return RunningServer.describe(request, body, listener)
            })
        let client = try server.plainClient()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reply()
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reply()
        #expect(eventually { server.status.counts.iterations.count(longerThan: .milliseconds(50)) >= 1 })
        let iterations = server.status.counts.iterations
        #expect(iterations.counts.reduce(0, +) >= 2)
        #expect(iterations.total >= .milliseconds(60))
    }

    @Test func `each event loop has a separate responder`() throws {
        let server = try RunningServer(
            { $0.loops = 3 },
            responder: { context in
                // Neither shared nor locked: the thread sanitizer reports a violation.
                var count = 0
                return Responder { _, _, listener in
                    count += 1
                    return Response(status: 200, body: Array("\(context.index) \(count) \(listener)".utf8))
                }
            })
        let clients = try (0..<12).map { _ in try server.plainClient() }
        var last: [String: Int] = [:]
        for client in clients + clients {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let words = try client.reply().body.split(separator: " ").map(String.init)
            let count = try #require(Int(words[1]))
            #expect(count == (last[words[0]] ?? 0) + 1)
            #expect(words[2] == "health")
            last[words[0]] = count
        }
        #expect(last.values.reduce(0, +) == 24)
    }
}
