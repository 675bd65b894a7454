import HTTP
import Testing

@testable import Net

/// The state machine alone: tests supply bytes and times, and check the decisions.
@Suite struct ConnectionTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private func connection(isSecure: Bool = false) -> Connection {
        Connection(isSecure: isSecure, limits: ConnectionLimits(ServerConfiguration()), at: seconds(0))
    }

    private func seconds(_ value: Double) -> Instant { Instant(nanoseconds: Int64(value * 1e9)) }

    private func buffer(_ text: String) throws -> ByteBuffer {
        let buffer = try #require(ByteBuffer(capacity: 1))
        try add(text, to: buffer)
        return buffer
    }

    private func add(_ text: String, to buffer: ByteBuffer) throws {
        try #require(buffer.reserve(text.utf8.count, expected: 0))
        buffer.vacant.copyBytes(from: text.utf8)
        buffer.commit(text.utf8.count)
    }

    /// Receives one complete request and removes it from the buffer.
    private func received(
        _ connection: inout Connection, _ buffer: ByteBuffer, at now: Instant
    ) throws -> ReceivedRequest {
        guard case .answer(let received) = connection.receive(buffer, at: now) else { throw Unexpected() }
        #expect(connection.phase == .answering(received))
        buffer.consume(received.length)
        return received
    }

    private struct Unexpected: Error {}

    @Test func `a handshake has a separate timeout`() {
        var connection = connection(isSecure: true)
        #expect(connection.phase == .handshaking)
        #expect(connection.deadline == seconds(3))
        connection.finishHandshake(at: seconds(2))
        #expect(connection.phase == .idle)
        #expect(connection.deadline == seconds(122))
        let expiry = connection.expire()
        #expect(expiry == .close(.idle))
    }

    @Test func `a handshake that times out closes the connection`() {
        var connection = connection(isSecure: true)
        let expiry = connection.expire()
        #expect(expiry == .close(.handshake))
    }

    @Test func `a request's timeout starts at its first byte`() throws {
        var connection = connection()
        let bytes = try buffer("GET / HT")
        guard case .wait = connection.receive(bytes, at: seconds(100)) else { throw Unexpected() }
        #expect(connection.phase == .reading(began: seconds(100), deadline: seconds(110)))
        #expect(connection.deadline == seconds(110))
        try add("TP/1.1\r\n", to: bytes)
        guard case .wait = connection.receive(bytes, at: seconds(109)) else { throw Unexpected() }
        #expect(connection.deadline == seconds(110))
        guard case .refuse(let error, .request) = connection.expire() else { throw Unexpected() }
        #expect(error.status == 408)
        #expect(connection.phase == .ending(.linger))
        let next = connection.finishWriting(at: seconds(110))
        #expect(next == .linger)
        #expect(connection.phase == .lingering(remaining: ServerConfiguration().maxBody))
        let expiry = connection.expire()
        #expect(expiry == .close(nil))
    }

    @Test(arguments: [("2s", 2.0), ("30s", 10), ("1500ms", 1.5), ("never", 10)])
    func `a request's timeout only shortens the server's`(timeout: String, expected: Double) throws {
        var connection = connection()
        let bytes = try buffer("POST /?timeout=\(timeout) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
        guard case .wait = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        #expect(connection.deadline == seconds(1 + expected))
    }

    @Test func `the idle timeout starts after a response`() throws {
        var connection = connection()
        let bytes = try buffer(Self.get)
        let request = try received(&connection, bytes, at: seconds(5))
        let closes = connection.finish(request, serverCloses: false, moreIsHere: false)
        #expect(!closes)
        let next = connection.finishWriting(at: seconds(6))
        #expect(next == .read)
        #expect(connection.phase == .idle)
        #expect(connection.deadline == seconds(126))
        guard case .wait = connection.receive(bytes, at: seconds(7)) else { throw Unexpected() }
        #expect(connection.phase == .idle)
    }

    @Test func `a partly received request keeps its deadline while a response is sent`() throws {
        var connection = connection()
        let bytes = try buffer(Self.get + "GET")
        let request = try received(&connection, bytes, at: seconds(5))
        let closes = connection.finish(request, serverCloses: false, moreIsHere: true)
        #expect(!closes)
        guard case .wait = connection.receive(bytes, at: seconds(5)) else { throw Unexpected() }
        connection.block(at: seconds(5))
        #expect(connection.phase == .writing(then: .reading(began: seconds(5), deadline: seconds(15))))
        let next = connection.finishWriting(at: seconds(9))
        #expect(next == .read)
        #expect(connection.phase == .reading(began: seconds(5), deadline: seconds(15)))
        #expect(connection.deadline == seconds(15))
    }

    @Test func `a 100 Continue response does not extend the request's deadline`() throws {
        var connection = connection()
        let bytes = try buffer("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        guard case .sendContinue = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        let next = connection.finishWriting(at: seconds(2))
        #expect(next == .read)
        #expect(connection.phase == .reading(began: seconds(1), deadline: seconds(11)))
        #expect(connection.deadline == seconds(11))
        guard case .wait = connection.receive(bytes, at: seconds(3)) else { throw Unexpected() }
        try add("x", to: bytes)
        _ = try received(&connection, bytes, at: seconds(4))
    }

    @Test func `a response that the client does not read has a timeout`() throws {
        var connection = connection()
        let request = try received(&connection, buffer(Self.get), at: seconds(1))
        _ = connection.finish(request, serverCloses: false, moreIsHere: false)
        connection.block(at: seconds(2))
        connection.block(at: seconds(8))
        #expect(connection.deadline == seconds(12))
        let expiry = connection.expire()
        #expect(expiry == .close(.write))
    }

    @Test func `a deferred request has separate deadlines for its delivery and for memory`() throws {
        var connection = connection()
        let bytes = try buffer("POST /?timeout=4s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        guard case .wait = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        try add("b", to: bytes)
        let request = try received(&connection, bytes, at: seconds(2))
        connection.deferResponse(after: [1], at: seconds(3))
        #expect(connection.phase == .waiting(DeferredRequest(received: request, responses: [1])))
        #expect(connection.deadline == seconds(13))
        connection.receiveDelivery()
        connection.awaitMemory()
        let deferred = DeferredRequest(received: request, responses: [1], isDelivered: true)
        #expect(connection.phase == .awaitingMemory(.waiting(deferred)))
        #expect(connection.deadline == seconds(5))
        connection.stopAwaitingMemory()
        #expect(connection.deferred == deferred)
        let closes = connection.finish(request, serverCloses: false, moreIsHere: false)
        #expect(!closes)
        #expect(connection.phase == .idle)
    }

    @Test func `a connection that waits for memory gets 503 at its deadline and is not counted as a timeout`() throws {
        var connection = connection()
        guard case .wait = connection.receive(try buffer("GET"), at: seconds(1)) else { throw Unexpected() }
        connection.awaitMemory()
        #expect(!connection.isReading)
        #expect(connection.deadline == seconds(11))
        guard case .refuse(let error, nil) = connection.expire() else { throw Unexpected() }
        #expect(error.status == 503 && error.retryAfter == 1)
        #expect(connection.phase == .ending(.linger))
    }

    @Test func `a closing connection discards at most as many bytes as a body can have`() throws {
        var connection = connection()
        let bytes = try buffer("no request\r\n\r\n")
        guard case .refuse = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        let next = connection.finishWriting(at: seconds(1))
        let limit = ServerConfiguration().maxBody
        #expect(next == .linger)
        connection.discard(limit - 1)
        #expect(connection.phase == .lingering(remaining: 1))
        connection.discard(1)
        #expect(connection.phase == .closed)
    }

    @Test(arguments: [
        (false, false, false, Connection.Next.read), (true, false, false, .linger), (true, true, false, .read),
        (false, false, true, .close), (true, true, true, .close),
    ])
    func `a connection closes when the client or the server requests it`(
        serverCloses: Bool, moreIsHere: Bool, clientCloses: Bool, next: Connection.Next
    ) throws {
        var connection = connection()
        let text = clientCloses ? "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" : Self.get
        let bytes = try buffer(text + Self.get)
        let request = try received(&connection, bytes, at: seconds(1))
        let closes = connection.finish(request, serverCloses: serverCloses, moreIsHere: moreIsHere)
        #expect(closes == (next != .read))
        if closes {
            // Bytes after the last request are not answered.
            guard case .wait = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        }
        let outcome = connection.finishWriting(at: seconds(1))
        #expect(outcome == next)
    }

    @Test func `a Content-Length does not reserve memory in advance`() throws {
        var connection = connection()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
        let bytes = try buffer(head)
        guard case .wait = connection.receive(bytes, at: seconds(1)) else { throw Unexpected() }
        #expect(connection.expected == head.utf8.count + 1_000_000)
        // Memory for the next bytes only, not for the whole announced body.
        #expect(bytes.reserve(16 * 1024, expected: connection.expected))
        #expect(bytes.capacity < 40 * 1024)
    }

    @Test(arguments: [
        "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ])
    func `a request can arrive split at any byte`(rest: String) throws {
        let text = Array("POST / HTTP/1.1\r\nHost: a\r\n\(rest)GET".utf8)
        for cut in 0..<text.count {
            var connection = connection()
            let bytes = try buffer(String(decoding: text[..<cut], as: UTF8.self))
            var step = connection.receive(bytes, at: seconds(1))
            if case .wait = step {
                try add(String(decoding: text[cut...], as: UTF8.self), to: bytes)
                step = connection.receive(bytes, at: seconds(2))
            }
            guard case .answer(let received) = step else { throw Unexpected() }
            #expect(received.request.head.method == .post)
            #expect(String(decoding: bytes.bytes[received.body], as: UTF8.self) == "hello", "cut at \(cut)")
            bytes.consume(received.length)
            #expect("GET".hasPrefix(String(decoding: bytes.bytes, as: UTF8.self)))
        }
    }
}
