/// The result of parsing the bytes received so far.
public enum Parsed: Sendable, Equatable {
    /// The end of the head has not arrived.
    case incomplete
    /// A head, in the first `length` bytes; the body, if any, follows.
    case head(RequestHead, length: Int)
    /// The bytes are not a request; the connection must be closed.
    case invalid(HTTPError)
}

/// Parses the head of a request (RFC 9112); it is strict, since differences between parsers allow request smuggling.
///
/// A function of all bytes so far. A head that arrives slowly is parsed again each time; its limit of 16 KiB bounds the cost.
public enum RequestParser {
    /// Parses the head at the beginning of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: All received bytes that are not consumed.
    ///   - limits: The size limits.
    /// - Returns: The head, or the reason that there is none.
    public static func parse(_ bytes: Span<UInt8>, limits: Limits = Limits()) -> Parsed {
        do throws(Stop) {
            var reader = HeadReader(count: min(bytes.count, limits.head))
            // One empty line before a request is accepted (RFC 9112, section 2.2).
            if bytes.count > 0, bytes[0] == cr { try reader.endOfLine(bytes) }
            var head = try reader.requestLine(bytes)
            try reader.headers(bytes, &head)
            return .head(head.finished, length: reader.at)
        } catch {
            switch error {
            case .invalid(let error): return .invalid(error)
            case .incomplete:
                guard bytes.count < limits.head else {
                    return .invalid(
                        HTTPError(status: 431, message: "the request headers are larger than \(limits.head) bytes"))
                }
                return .incomplete
            }
        }
    }
}

/// A head that is being parsed, to detect duplicates.
private struct Draft {
    var method = Method.other
    var path = ""
    var query = ""
    var isOldVersion = false
    var mediaType = MediaType.absent
    var length: Int?
    var isChunked = false
    var hosts = 0
    var expectsContinue = false
    var closes = false
    var keepsAlive = false

    var finished: RequestHead {
        RequestHead(
            method: method, path: path, query: query, mediaType: mediaType,
            framing: isChunked ? .chunked : length.map { $0 == 0 ? .none : .length($0) } ?? .none,
            expectsContinue: expectsContinue && !isOldVersion, closes: closes || isOldVersion && !keepsAlive)
    }
}

extension HeadReader {
    // MARK: The request line

    fileprivate mutating func requestLine(_ bytes: Span<UInt8>) throws(Stop) -> Draft {
        var draft = Draft()
        let method = try token(bytes, "the method")
        try expect(UInt8(ascii: " "), bytes, "a space must follow the method")
        // Methods are case-sensitive (RFC 9110, section 9.1).
        if equals(bytes, method, "POST") {
            draft.method = .post
        } else if equals(bytes, method, "GET") {
            draft.method = .get
        } else if equals(bytes, method, "HEAD") {
            draft.method = .head
        }
        try target(bytes, &draft)
        try version(bytes, &draft)
        return draft
    }

    private mutating func target(_ bytes: Span<UInt8>, _ draft: inout Draft) throws(Stop) {
        let start = at
        while at < count, bytes[at] > 0x20, bytes[at] < 0x7F, bytes[at] != UInt8(ascii: "#") { at += 1 }
        guard at < count else { throw .incomplete }
        guard at > start, bytes[at] == UInt8(ascii: " ") else {
            throw .malformed("the request target is missing or has a character that is not allowed")
        }
        var path = start
        if bytes[start] != UInt8(ascii: "/"), !(at == start + 1 && bytes[start] == UInt8(ascii: "*")) {
            path = try absolutePath(bytes, start..<at)
        }
        var question = path
        while question < at, bytes[question] != UInt8(ascii: "?") { question += 1 }
        draft.path = path == question ? "/" : text(bytes, path..<question)
        draft.query = question < at ? text(bytes, question + 1..<at) : ""
        at += 1
    }

    /// The start of the path in `http://host/path` (RFC 9112, section 3.2.2: a server must accept that form too).
    private func absolutePath(_ bytes: Span<UInt8>, _ target: Range<Int>) throws(Stop) -> Int {
        var rest = target
        if hasPrefix(bytes, rest, "http://") {
            rest = rest.lowerBound + 7..<rest.upperBound
        } else if hasPrefix(bytes, rest, "https://") {
            rest = rest.lowerBound + 8..<rest.upperBound
        } else {
            throw .malformed("the request target must be a path")
        }
        let path = rest.first { bytes[$0] == UInt8(ascii: "/") || bytes[$0] == UInt8(ascii: "?") } ?? rest.upperBound
        guard path > rest.lowerBound else { throw .malformed("the request target has no host") }
        return path
    }

    private mutating func version(_ bytes: Span<UInt8>, _ draft: inout Draft) throws(Stop) {
        let start = at
        while at < count, bytes[at] != cr, bytes[at] != lf { at += 1 }
        // A line longer than any version is invalid at once.
        guard at < count || at - start > 8 else { throw .incomplete }
        let line = start..<at
        // The name is case-sensitive (RFC 9112, section 2.3).
        guard line.count == 8, equals(bytes, start..<start + 5, "HTTP/"), isDigit(bytes[start + 5]),
            bytes[start + 6] == UInt8(ascii: "."), isDigit(bytes[start + 7])
        else { throw .malformed("the request line must end with HTTP/1.1") }
        guard bytes[start + 5] == UInt8(ascii: "1"), bytes[start + 7] <= UInt8(ascii: "1") else {
            throw .invalid(HTTPError(status: 505, message: "only HTTP/1.1 and HTTP/1.0 are supported"))
        }
        draft.isOldVersion = bytes[start + 7] == UInt8(ascii: "0")
        try endOfLine(bytes)
    }

    // MARK: Headers

    fileprivate mutating func headers(_ bytes: Span<UInt8>, _ draft: inout Draft) throws(Stop) {
        while let (name, value) = try field(bytes) { try take(bytes, name, value, &draft) }
        if !draft.isOldVersion, draft.hosts != 1 { throw .malformed("there must be exactly one Host header") }
        if draft.isChunked, draft.length != nil {
            throw .malformed("Content-Length and Transfer-Encoding must not occur together")
        }
        if draft.isChunked, draft.isOldVersion { throw .malformed("HTTP/1.0 does not support Transfer-Encoding") }
    }

    private func take(
        _ bytes: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>, _ draft: inout Draft
    ) throws(Stop) {
        // Few names matter; their lengths exclude nearly all others.
        switch name.count {
        case 4 where matches(bytes, name, "host"): draft.hosts += 1
        case 6 where matches(bytes, name, "expect"):
            guard matches(bytes, value, "100-continue") else {
                throw .invalid(HTTPError(status: 417, message: "only Expect: 100-continue is supported"))
            }
            draft.expectsContinue = true
        case 10 where matches(bytes, name, "connection"):
            let options = connection(bytes, value)
            draft.closes = draft.closes || options.closes
            draft.keepsAlive = draft.keepsAlive || options.keepsAlive
        case 12 where matches(bytes, name, "content-type"): draft.mediaType = mediaType(bytes, value)
        case 14 where matches(bytes, name, "content-length"):
            draft.length = try length(bytes, value, before: draft.length)
        case 17 where matches(bytes, name, "transfer-encoding"):
            guard !draft.isChunked else { throw .malformed("Transfer-Encoding must not occur twice") }
            guard matches(bytes, value, "chunked") else {
                throw .invalid(HTTPError(status: 501, message: "only Transfer-Encoding: chunked is supported"))
            }
            draft.isChunked = true
        default: break
        }
    }
}
