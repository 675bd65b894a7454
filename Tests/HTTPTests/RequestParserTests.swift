import HTTP
import Testing

@Suite struct RequestParserTests {
    static let post =
        "POST /validate?timeout=10s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"

    @Test func `a review's head is read`() {
        let bytes = Array(Self.post.utf8)
        let head = RequestHead(
            method: .post, path: "/validate", query: "timeout=10s", mediaType: .json, framing: .length(5),
            expectsContinue: false, closes: false)
        #expect(RequestParser.parse(bytes.span) == .head(head, length: bytes.count))
        #expect(head.timeout == .seconds(10))
    }

    @Test func `every beginning of a head is incomplete`() {
        let bytes = Array(Self.post.utf8)
        for count in 0..<bytes.count {
            let beginning = Array(bytes[..<count])
            #expect(RequestParser.parse(beginning.span) == .incomplete, "\(count) bytes")
        }
    }
}
