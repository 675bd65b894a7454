import HTTP
import Testing

@Suite struct ResponseParserTests {
    static let list = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"

    private func parse(_ text: String, answersHead: Bool = false) -> ParsedResponse {
        ResponseParser.parse(Array(text.utf8).span, answersHead: answersHead)
    }

    @Test(arguments: [
        (list, ResponseHead(status: 200, mediaType: .json, framing: .length(5))),
        ("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", ResponseHead(status: 200)),
        ("HTTP/1.1 201\r\ncontent-length:\t7 \r\n\r\n", ResponseHead(status: 201, framing: .length(7))),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n",
            ResponseHead(status: 200, framing: .chunked, closes: true)
        ),
        // RFC 9112 6.3: without a length or chunks, the body ends when the connection closes.
        (
            "HTTP/1.1 500 Oh no \u{e9}\r\nContent-Type: text/plain\r\n\r\n",
            ResponseHead(status: 500, mediaType: .other, framing: .connection, closes: true)
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", ResponseHead(status: 200, framing: .length(1), closes: true)),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
            ResponseHead(status: 200, framing: .length(1))
        ),
        // RFC 9110 15.3.5, 15.4.5: responses with these codes have no body, even with a Content-Length.
        ("HTTP/1.1 204 No Content\r\n\r\n", ResponseHead(status: 204)),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", ResponseHead(status: 304)),
        (
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
            ResponseHead(status: 429, retryAfter: 3)
        ),
        // A date is also allowed (RFC 9110 10.2.3), but API servers do not send it, so it is ignored.
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
            ResponseHead(status: 503)
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", ResponseHead(status: 100)),
        (
            "HTTP/1.1 200 OK\r\nWarning: 299 - \"first\"\r\nwarning: 299 - \"second\"\r\nContent-Length: 0\r\n\r\n",
            ResponseHead(status: 200, warnings: ["299 - \"first\"", "299 - \"second\""])
        ),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n", ResponseHead(status: 200)),
    ])
    func `a head is parsed, and every beginning of it is incomplete`(_ text: String, _ expected: ResponseHead) {
        let bytes = Array(text.utf8)
        #expect(parse(text + "rest") == .head(expected, length: bytes.count))
        for count in 0..<bytes.count {
            let beginning = Array(bytes[..<count])
            #expect(ResponseParser.parse(beginning.span) == .incomplete, "\(count) bytes")
        }
    }

    @Test func `a response to HEAD has no body, even with a Content-Length`() {
        #expect(
            parse(Self.list, answersHead: true)
                == .head(ResponseHead(status: 200, mediaType: .json), length: Self.list.utf8.count))
    }

    @Test(arguments: [
        ("HTTP/2.0 200 OK\r\n\r\n", "a response must begin with HTTP/1.1"),
        ("HTTP/1.2 200 OK\r\n\r\n", "a response must begin with HTTP/1.1"),
        ("http/1.1 200 OK\r\n\r\n", "a response must begin with HTTP/1.1"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", "a response must begin with HTTP/1.1"),
        ("{\"kind\":", "a response must begin with HTTP/1.1"),
        ("HTTP/1.1\t200 OK\r\n\r\n", "a space must follow the version"),
        ("HTTP/1.1 99 Low\r\n\r\n", "a status must be a number from 100 to 599"),
        ("HTTP/1.1 600 High\r\n\r\n", "a status must be a number from 100 to 599"),
        ("HTTP/1.1 abc\r\n\r\n", "a status must be a number from 100 to 599"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "a space must follow the status"),
        ("HTTP/1.1 200 OK\n\n", "a line must end with CR LF"),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", "a line must end with CR LF"),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", "a header value has a control character"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "a header name must be followed by a colon"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "a header must not be folded over several lines"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "Content-Length must not occur twice"
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length must be a number that fits into 64 bits"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "Content-Length must be a number that fits into 64 bits"
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Content-Length and Transfer-Encoding must not occur together"
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "only Transfer-Encoding: chunked is supported"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding must not occur twice"
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 does not support Transfer-Encoding"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "unsupported Content-Encoding"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "the server switches protocols without a request"),
    ])
    func `a malformed response is rejected`(_ text: String, _ message: String) {
        #expect(parse(text) == .invalid(MalformedResponse(message)))
    }

    @Test func `a head without an end is rejected at 64 KiB`() {
        let endless = "HTTP/1.1 200 OK\r\n" + String(repeating: "Warning: 299 - a\r\n", count: 4000)
        #expect(parse(endless) == .invalid(MalformedResponse("the response headers are larger than 65536 bytes")))
    }
}

@Suite struct ResponseReaderTests {
    /// The result of reading a response that arrives in pieces of a given size.
    struct Outcome: Equatable {
        var status: Int?
        var body = ""
        var hasEnded = false
        var error: String?
        /// The number of bytes left for the next response.
        var left = 0
    }

    private func read(_ text: String, pieces: Int, thenEnds: Bool = false) -> Outcome {
        var outcome = Outcome()
        var reader = ResponseReader()
        var unread: [UInt8] = []
        func deliver(_ piece: ResponseReader.Piece) {
            switch piece {
            case .head(let head): outcome.status = head.status
            case .body(let range): outcome.body += String(decoding: unread[range], as: UTF8.self)
            case .end: outcome.hasEnded = true
            }
        }
        do throws(MalformedResponse) {
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty, !reader.isDone {
                unread += rest.prefix(pieces)
                rest = rest.dropFirst(pieces)
                let consumed = try reader.read(unread.span, deliver)
                unread.removeFirst(consumed)
            }
            outcome.left = unread.count + rest.count
            if thenEnds { try reader.end(deliver) }
        } catch {
            outcome.error = error.message
        }
        return outcome
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `bodies with every framing are read in pieces of any size`(pieces: Int) {
        #expect(
            read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", pieces: pieces)
                == Outcome(status: 200, body: "hello", hasEnded: true, left: 4))
        #expect(
            read(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n",
                pieces: pieces)
                == Outcome(status: 200, body: "hello", hasEnded: true))
        #expect(
            read("HTTP/1.1 200 OK\r\n\r\nhello", pieces: pieces, thenEnds: true)
                == Outcome(status: 200, body: "hello", hasEnded: true))
        #expect(
            read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", pieces: pieces)
                == Outcome(status: 204, hasEnded: true))
    }

    @Test(arguments: [
        ("", "the connection ended before the response"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "the connection ended before the response"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "the connection ended within the response"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
            "the connection ended within the response"
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "the connection ended within the response"
        ),
    ])
    func `a response that is cut short is an error`(_ text: String, _ message: String) {
        let outcome = read(text, pieces: 1000, thenEnds: true)
        #expect(outcome.error == message)
        #expect(!outcome.hasEnded)
    }

    @Test func `a malformed chunk size is an error`() {
        let outcome = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", pieces: 1000)
        #expect(outcome.error == "a chunk size must be hexadecimal")
    }

    @Test func `too many interim responses are an error`() {
        let outcome = read(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 20), pieces: 1000)
        #expect(outcome.error == "too many interim responses")
    }
}

@Suite struct OutgoingRequestTests {
    private func encode(_ request: OutgoingRequest) throws(MalformedRequest) -> String {
        var bytes: [UInt8] = []
        try Encoder.append(request, host: "api.test:6443", to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `a request is encoded`() throws {
        #expect(
            try encode(OutgoingRequest(.get, "/api?limit=500", headers: [("Accept", "application/json")]))
                == "GET /api?limit=500 HTTP/1.1\r\nHost: api.test:6443\r\nAccept: application/json\r\n\r\n")
        #expect(
            try encode(OutgoingRequest(.put, "/api", body: Array("{}".utf8)))
                == "PUT /api HTTP/1.1\r\nHost: api.test:6443\r\nContent-Length: 2\r\n\r\n{}")
        #expect(
            try encode(OutgoingRequest(.post, "/api"))
                == "POST /api HTTP/1.1\r\nHost: api.test:6443\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func `invalid characters in a request are rejected, and the error contains no secret`() {
        for target in ["/a b", "/a\r\nX: y", "api", "", "/\u{e9}"] {
            #expect(throws: MalformedRequest.target) { try encode(OutgoingRequest(.get, target)) }
        }
        let error = #expect(throws: MalformedRequest.self) {
            try encode(OutgoingRequest(.get, "/", headers: [("Authorization", "Bearer s3cret\nX-Remote-User: root")]))
        }
        #expect(error?.description == "the request header Authorization has a character that is not allowed")
        #expect(throws: MalformedRequest.header("header")) {
            try encode(OutgoingRequest(.get, "/", headers: [("A: b\r\nC", "d")]))
        }
    }
}
