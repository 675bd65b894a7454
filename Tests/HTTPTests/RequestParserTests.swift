import HTTP
import Testing

@Suite struct RequestParserTests {
    static let post =
        "POST /validate?timeout=10s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"

    private func parse(_ text: String) -> Parsed { RequestParser.parse(Array(text.utf8).span) }

    private func head(_ text: String) throws -> RequestHead {
        guard case .head(let head, let length) = parse(text) else {
            Issue.record("\(parse(text))")
            throw HTTPError(status: 0, message: "not a head")
        }
        #expect(length == text.utf8.count)
        return head
    }

    @Test func `the head of a review request is parsed`() throws {
        let head = try head(Self.post)
        #expect(
            head
                == RequestHead(
                    method: .post, path: "/validate", query: "timeout=10s", mediaType: .json, framing: .length(5)))
        #expect(head.timeout == .seconds(10))
    }

    @Test(arguments: [
        post, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET /a HTTP/1.1\r\nhost:\ta \r\nX: \u{e9}\r\n\r\n",
        "POST /v HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: a, Close\r\n\r\n",
        "GET http://a:8443/readyz?verbose HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func `every beginning of a head is incomplete`(_ text: String) {
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count {
            let beginning = Array(bytes[..<count])
            #expect(RequestParser.parse(beginning.span) == .incomplete, "\(count) bytes")
        }
        guard case .head = RequestParser.parse(bytes.span) else {
            Issue.record("\(RequestParser.parse(bytes.span))")
            return
        }
    }

    @Test func `bytes after a head are not consumed`() {
        guard case .head(_, let length) = parse(Self.post + "{}...") else {
            Issue.record("no head")
            return
        }
        #expect(length == Self.post.utf8.count)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400), ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400), ("G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: coffee\r\n\r\n", 417),
        // The end of a body must be specified once and in one way.
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ])
    func `heads that other parsers might read differently are rejected`(_ text: String, _ status: Int) {
        guard case .invalid(let error) = parse(text) else {
            Issue.record("\(parse(text))")
            return
        }
        #expect(error.status == status, "\(error.message)")
        #expect(!error.message.isEmpty)
    }

    @Test func `a head that is too large is rejected before its end arrives`() {
        let header = "X: " + String(repeating: "a", count: 1000) + "\r\n"
        let large = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: header, count: 17)
        for text in [
            large, large + "\r\n", String(repeating: "A", count: 17_000),
            "GET /" + String(repeating: "a", count: 17_000),
        ] {
            guard case .invalid(let error) = parse(text) else {
                Issue.record("\(parse(text))")
                continue
            }
            #expect(error.status == 431)
        }
    }

    @Test(arguments: [
        ("HTTP/1.1", "", false), ("HTTP/1.1", "Connection: close\r\n", true),
        ("HTTP/1.1", "Connection: keep-alive, CLOSE\r\n", true),
        ("HTTP/1.1", "Connection: closed\r\n", false), ("HTTP/1.0", "", true),
        ("HTTP/1.0", "Connection: keep-alive\r\n", false),
    ])
    func `a connection stays open by default`(_ version: String, _ header: String, _ closes: Bool) throws {
        #expect(try head("GET / \(version)\r\nHost: a\r\n\(header)\r\n").closes == closes)
    }

    @Test(arguments: [
        ("application/json", MediaType.json), ("Application/JSON; charset=utf-8", .json),
        ("application/json ;a=b", .json),
        ("application/jsonp", .other), ("text/json", .other), ("application/x-www-form-urlencoded", .other),
    ])
    func `a media type is compared without its parameters`(_ text: String, _ type: MediaType) throws {
        #expect(try head("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \(text)\r\n\r\n").mediaType == type)
    }

    @Test(arguments: [
        ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("post", .other), ("PUT", .other), ("PATCHWORK", .other),
    ])
    func `methods are case-sensitive`(_ name: String, _ method: Method) throws {
        #expect(try head("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    }

    @Test(
        arguments: [
            ("10s", Duration.seconds(10)), ("1m30s", .seconds(90)), ("1.5s", .milliseconds(1500)),
            ("300ms", .milliseconds(300)), ("2h", .seconds(7200)),
            ("", nil), ("10", nil), ("s", nil), ("-1s", nil), ("1x", nil), ("1e400s", nil), ("99999999999999h", nil),
        ] as [(String, Duration?)])
    func `the timeout parameter has Go's duration format`(_ text: String, _ duration: Duration?) throws {
        #expect(try head("GET /?a=b&timeout=\(text) HTTP/1.1\r\nHost: a\r\n\r\n").timeout == duration)
    }

    @Test func `mutated heads are parsed or rejected without a crash`() {
        let seed: UInt64 = 20_261_125
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let bytes = Array(Self.post.utf8)
        for _ in 0..<20_000 {
            var copy = bytes
            for _ in 0...random(3) { copy[random(copy.count)] = UInt8(random(256)) }
            if case .head(_, let length) = RequestParser.parse(copy.span) {
                #expect(length <= copy.count, "seed \(seed)")
            }
        }
    }
}

@Suite struct ChunkedDecoderTests {
    private func decode(_ pieces: [[UInt8]]) -> (body: [UInt8], left: [UInt8], state: ChunkedDecoder.State) {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        var state = ChunkedDecoder.State.more
        for (index, piece) in pieces.enumerated() {
            let (consumed, next) = decoder.decode(piece.span) { body += piece[$0] }
            state = next
            if next != .more { return (body, Array(piece[consumed...]) + pieces[(index + 1)...].joined(), next) }
            #expect(consumed == piece.count)
        }
        return (body, [], state)
    }

    static let whole = "4;a=b\r\nWiki\r\n10\r\npedia in chunks.\r\n0\r\nTrailer: x\r\n\r\nNEXT"

    @Test func `a chunked body is decoded for every split of the input`() {
        let bytes = Array(Self.whole.utf8)
        for cut in 0...bytes.count {
            let (body, left, state) = decode([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(String(decoding: body, as: UTF8.self) == "Wikipedia in chunks.", "cut at \(cut)")
            #expect(state == .done)
            #expect(String(decoding: left, as: UTF8.self) == "NEXT")
        }
        #expect(decode(bytes.map { [$0] }).body == decode([bytes]).body)
    }

    @Test(arguments: [
        "x\r\n", "\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", "1\rx", "1\r\nab", "1\r\na\n",
        "1\r\na\rx", "1;a\u{1}\r\n",
        "fffffffffffffffff\r\n", "0\r\nA: b\n\r\n", "0\r\n\rx", ";a\r\n",
    ])
    func `chunks that other parsers might read differently are rejected`(_ text: String) {
        guard case .invalid = decode([Array(text.utf8)]).state else {
            Issue.record("\(text.debugDescription) was read")
            return
        }
    }

    @Test func `chunk extensions and trailers are limited in size`() {
        let long = String(repeating: "a", count: 5000)
        for text in [
            "1;\(long)\r\n", "0\r\n\(long)",
            String(repeating: "1;\(String(repeating: "b", count: 500))\r\na\r\n", count: 10),
        ] {
            guard case .invalid(let error) = decode([Array(text.utf8)]).state else {
                Issue.record("\(text.prefix(10)) was read")
                continue
            }
            #expect(error.status == 431)
        }
    }
}

@Suite struct EncoderTests {
    @Test func `responses are encoded as HTTP requires`() {
        var bytes: [UInt8] = []
        Encoder.append(Response(status: 200, body: Array("{}".utf8)), closing: false, omittingBody: false, to: &bytes)
        Encoder.append(
            Response(HTTPError(status: 405, message: "no"), headers: [("Allow", "POST")]), closing: true,
            omittingBody: true, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\
                HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 15\r\nAllow: POST\r\nConnection: close\r\n\r\n
                """)
    }

    @Test func `an error message with special characters is valid JSON`() {
        let response = Response(HTTPError(status: 400, message: "a \"b\" \\ \n\u{1}"))
        #expect(String(decoding: response.body, as: UTF8.self) == "{\"error\":\"a \\\"b\\\" \\\\   \"}\n")
    }
}
