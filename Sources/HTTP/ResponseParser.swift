/// How the end of a response's body is found (RFC 9112, section 6.3).
public enum ResponseFraming: Sendable, Equatable {
    /// There is no body.
    case none
    /// It has so many bytes.
    case length(Int)
    /// It comes in chunks.
    case chunked
    /// It ends where the connection does.
    case connection
}

/// A response without its body.
public struct ResponseHead: Sendable, Equatable {
    /// The status code, from 100 to 599.
    public var status: Int
    /// What the body is.
    public var mediaType: MediaType
    /// Where the body ends.
    public var framing: ResponseFraming
    /// Whether the server closes the connection after it.
    public var closes: Bool
    /// How many seconds the server asks to wait before it is called again; a date is not read.
    public var retryAfter: Int?

    /// Creates a head.
    public init(
        status: Int, mediaType: MediaType = .absent, framing: ResponseFraming = .none, closes: Bool = false,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.mediaType = mediaType
        self.framing = framing
        self.closes = closes
        self.retryAfter = retryAfter
    }

    /// Whether it is only announced that a response will come (RFC 9110, section 15.2).
    public var isInterim: Bool { status < 200 }
}

/// Why bytes are no response.
public struct MalformedResponse: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let message: String

    /// Says what is wrong.
    public init(_ message: String) { self.message = message }

    /// What is wrong, as a phrase.
    public var description: String { message }
}

/// What bytes are, as far as they go.
public enum ParsedResponse: Sendable, Equatable {
    /// The head's end has not come yet.
    case incomplete
    /// A head, in the first `length` bytes; the body, if any, follows.
    case head(ResponseHead, length: Int)
    /// No response; the connection cannot be trusted any more.
    case invalid(MalformedResponse)
}

/// Bytes to the head of a response (RFC 9112), as strict as ``RequestParser``: what is misread here is taken for the truth.
public enum ResponseParser {
    /// Reads the head at the beginning of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: Everything that was received and not yet used.
    ///   - answersHead: Whether it answers a HEAD request, so that no body follows whatever the head says.
    ///   - limits: How large it may be.
    /// - Returns: The head, or why there is none.
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
                    return .invalid(MalformedResponse("the response's headers are larger than \(limits.head) bytes"))
                }
                return .incomplete
            }
        }
    }
}

extension HeadReader {
    /// `HTTP/1.1 200 OK`; the phrase may be empty, and the space before it is often missing then.
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

/// A head while it is read, with what must not come twice.
private struct Draft {
    var status = 0
    var isOldVersion = false
    var mediaType = MediaType.absent
    var length: Int?
    var isChunked = false
    var closes = false
    var keepsAlive = false
    var retryAfter: Int?

    mutating func take(
        _ reader: HeadReader, _ bytes: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>
    ) throws(Stop) {
        switch name.count {
        case 10 where reader.matches(bytes, name, "connection"):
            let options = reader.connection(bytes, value)
            closes = closes || options.closes
            keepsAlive = keepsAlive || options.keepsAlive
        case 11 where reader.matches(bytes, name, "retry-after"): retryAfter = reader.number(bytes, value)
        case 12 where reader.matches(bytes, name, "content-type"): mediaType = reader.mediaType(bytes, value)
        case 14 where reader.matches(bytes, name, "content-length"):
            length = try reader.length(bytes, value, before: length)
        case 16 where reader.matches(bytes, name, "content-encoding"):
            // None was asked for (RFC 9110, section 12.5.3).
            guard reader.matches(bytes, value, "identity") else { throw .malformed("the body is encoded") }
        case 17 where reader.matches(bytes, name, "transfer-encoding"):
            guard !isChunked else { throw .malformed("Transfer-Encoding must not come twice") }
            guard reader.matches(bytes, value, "chunked") else {
                throw .malformed("only 'Transfer-Encoding: chunked' is understood")
            }
            isChunked = true
        default: break
        }
    }

    /// RFC 9112, section 6.3, in its order.
    func finished(answersHead: Bool) throws(Stop) -> ResponseHead {
        guard status != 101 else { throw .malformed("the server changes protocols without being asked") }
        if isChunked, length != nil {
            throw .malformed("Content-Length and Transfer-Encoding must not come together")
        }
        if isChunked, isOldVersion { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
        let hasNoBody = answersHead || status < 200 || status == 204 || status == 304
        let framing: ResponseFraming =
            hasNoBody
            ? .none : isChunked ? .chunked : length.map { $0 == 0 ? .none : .length($0) } ?? .connection
        return ResponseHead(
            status: status, mediaType: mediaType, framing: framing,
            closes: closes || isOldVersion && !keepsAlive || framing == .connection, retryAfter: retryAfter)
    }
}
