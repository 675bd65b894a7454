/// The way in which the end of a response body is determined (RFC 9112, section 6.3).
public enum ResponseFraming: Sendable, Equatable {
    /// No body.
    case none
    /// A number of bytes.
    case length(Int)
    /// Chunks.
    case chunked
    /// The end of the connection.
    case connection
}

/// A response without its body.
public struct ResponseHead: Sendable, Equatable {
    /// The status code, from 100 to 599.
    public var status: Int
    /// The media type of the body.
    public var mediaType: MediaType
    /// The framing of the body.
    public var framing: ResponseFraming
    /// True if the server closes the connection after the response.
    public var closes: Bool
    /// The seconds of Retry-After; a date is ignored.
    public var retryAfter: Int?
    /// The values of all Warning headers, such as `299 - "text"`.
    public var warnings: [String]

    /// Creates a head.
    public init(
        status: Int, mediaType: MediaType = .absent, framing: ResponseFraming = .none, closes: Bool = false,
        retryAfter: Int? = nil, warnings: [String] = []
    ) {
        self.status = status
        self.mediaType = mediaType
        self.framing = framing
        self.closes = closes
        self.retryAfter = retryAfter
        self.warnings = warnings
    }

    /// True for an interim response (RFC 9110, section 15.2).
    public var isInterim: Bool { status < 200 }
}

/// The error of a malformed response.
public struct MalformedResponse: Error, Equatable, Sendable, CustomStringConvertible {
    /// The problem.
    public let message: String

    /// Creates an error.
    public init(_ message: String) { self.message = message }

    /// The problem, as a phrase.
    public var description: String { message }
}

/// The result of parsing the bytes received so far.
public enum ParsedResponse: Sendable, Equatable {
    /// The end of the head has not arrived.
    case incomplete
    /// A head, in the first `length` bytes; the body, if any, follows.
    case head(ResponseHead, length: Int)
    /// The bytes are not a response; the connection must be closed.
    case invalid(MalformedResponse)
}

/// Parses the head of a response (RFC 9112), as strictly as ``RequestParser``.
public enum ResponseParser {
    /// Parses the head at the beginning of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: All received bytes that are not consumed.
    ///   - answersHead: True if it responds to a HEAD request, so that no body follows.
    ///   - limits: The size limits.
    /// - Returns: The head, or the reason that there is none.
    public static func parse(
        _ bytes: Span<UInt8>, answersHead: Bool = false, limits: Limits = .responses
    ) -> ParsedResponse {
        do throws(Stop) {
            var reader = HeadReader(count: min(bytes.count, limits.head))
            var draft = try reader.statusLine(bytes)
            while let (name, value) = try reader.field(bytes) { try draft.take(reader, bytes, name, value) }
            return .head(try draft.finished(answersHead: answersHead), length: reader.at)
        } catch {
            switch error {
            case .invalid(let error): return .invalid(MalformedResponse(error.message))
            case .incomplete:
                guard bytes.count < limits.head else {
                    return .invalid(MalformedResponse("the response headers are larger than \(limits.head) bytes"))
                }
                return .incomplete
            }
        }
    }
}

extension HeadReader {
    /// `HTTP/1.1 200 OK`; the phrase can be empty, and then the space before it is often missing.
    fileprivate mutating func statusLine(_ bytes: Span<UInt8>) throws(Stop) -> Draft {
        var draft = Draft()
        for expected in "HTTP/1.".utf8 { try expect(expected, bytes, "a response must begin with HTTP/1.1") }
        guard at < count else { throw .incomplete }
        guard bytes[at] == UInt8(ascii: "0") || bytes[at] == UInt8(ascii: "1") else {
            throw .malformed("a response must begin with HTTP/1.1")
        }
        draft.isOldVersion = bytes[at] == UInt8(ascii: "0")
        at += 1
        try expect(UInt8(ascii: " "), bytes, "a space must follow the version")
        let start = at
        while at < count, at < start + 3, isDigit(bytes[at]) { at += 1 }
        guard at < count else { throw .incomplete }
        guard let status = number(bytes, start..<at), 100...599 ~= status else {
            throw .malformed("a status must be a number from 100 to 599")
        }
        draft.status = status
        if bytes[at] != cr {
            try expect(UInt8(ascii: " "), bytes, "a space must follow the status")
            while at < count, bytes[at] >= 0x20 && bytes[at] != 0x7F || bytes[at] == UInt8(ascii: "\t") { at += 1 }
        }
        try endOfLine(bytes)
        return draft
    }
}

/// A head that is being parsed, to detect duplicates.
private struct Draft {
    var status = 0
    var isOldVersion = false
    var mediaType = MediaType.absent
    var length: Int?
    var isChunked = false
    var closes = false
    var keepsAlive = false
    var retryAfter: Int?
    var warnings: [String] = []

    mutating func take(
        _ reader: HeadReader, _ bytes: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>
    ) throws(Stop) {
        switch name.count {
        case 7 where reader.matches(bytes, name, "warning"): warnings.append(reader.text(bytes, value))
        case 10 where reader.matches(bytes, name, "connection"):
            let options = reader.connection(bytes, value)
            closes = closes || options.closes
            keepsAlive = keepsAlive || options.keepsAlive
        case 11 where reader.matches(bytes, name, "retry-after"): retryAfter = reader.number(bytes, value)
        case 12 where reader.matches(bytes, name, "content-type"): mediaType = reader.mediaType(bytes, value)
        case 14 where reader.matches(bytes, name, "content-length"):
            length = try reader.length(bytes, value, before: length)
        case 16 where reader.matches(bytes, name, "content-encoding"):
            // No encoding was requested (RFC 9110, section 12.5.3).
            guard reader.matches(bytes, value, "identity") else { throw .malformed("unsupported Content-Encoding") }
        case 17 where reader.matches(bytes, name, "transfer-encoding"):
            guard !isChunked else { throw .malformed("Transfer-Encoding must not occur twice") }
            guard reader.matches(bytes, value, "chunked") else {
                throw .malformed("only Transfer-Encoding: chunked is supported")
            }
            isChunked = true
        default: break
        }
    }

    /// The rules of RFC 9112, section 6.3, in its order.
    func finished(answersHead: Bool) throws(Stop) -> ResponseHead {
        guard status != 101 else { throw .malformed("the server switches protocols without a request") }
        if isChunked, length != nil {
            throw .malformed("Content-Length and Transfer-Encoding must not occur together")
        }
        if isChunked, isOldVersion { throw .malformed("HTTP/1.0 does not support Transfer-Encoding") }
        let hasNoBody = answersHead || status < 200 || status == 204 || status == 304
        let framing: ResponseFraming =
            hasNoBody
            ? .none : isChunked ? .chunked : length.map { $0 == 0 ? .none : .length($0) } ?? .connection
        return ResponseHead(
            status: status, mediaType: mediaType, framing: framing,
            closes: closes || isOldVersion && !keepsAlive || framing == .connection, retryAfter: retryAfter,
            warnings: warnings)
    }
}
