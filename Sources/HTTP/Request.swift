/// The supported methods.
public enum Method: Sendable, Equatable {
    case get, head, post, other
}

/// The media type of a request's body.
public enum MediaType: Sendable, Equatable {
    /// No Content-Type header.
    case absent
    /// `application/json`, with any parameters.
    case json
    /// Any other media type.
    case other
}

/// The way in which the end of a body is determined (RFC 9112, section 6).
public enum Framing: Sendable, Equatable {
    /// No body.
    case none
    /// A number of bytes.
    case length(Int)
    /// Chunks.
    case chunked
}

/// A request without its body.
public struct RequestHead: Sendable, Equatable {
    /// The method.
    public var method: Method
    /// The path, as sent: `/validate`.
    public var path: String
    /// The text after the question mark; empty if there is none.
    public var query: String
    /// The media type of the body.
    public var mediaType: MediaType
    /// The framing of the body.
    public var framing: Framing
    /// True if the client waits for `100 Continue` before it sends the body.
    public var expectsContinue: Bool
    /// True if the client closes the connection after the response.
    public var closes: Bool

    /// Creates a head.
    public init(
        method: Method, path: String, query: String = "", mediaType: MediaType = .absent, framing: Framing = .none,
        expectsContinue: Bool = false, closes: Bool = false
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.mediaType = mediaType
        self.framing = framing
        self.expectsContinue = expectsContinue
        self.closes = closes
    }

    /// The client's timeout, from `?timeout=10s`; nil if it is missing or malformed.
    public var timeout: Duration? { parameter("timeout").flatMap { Duration(goSyntax: $0) } }

    /// The value of a query parameter; empty if it has none; nil if the parameter is missing.
    public func parameter(_ name: String) -> Substring? {
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair[0] == name { return pair.count > 1 ? pair[1] : "" }
        }
        return nil
    }
}

/// A request; its body is passed separately.
public struct Request: Sendable, Equatable {
    /// The request without its body.
    public var head: RequestHead
    /// True if the body was larger than allowed and only its beginning was kept.
    public var isBodyTruncated: Bool

    /// Creates a request.
    public init(head: RequestHead, isBodyTruncated: Bool = false) {
        self.head = head
        self.isBodyTruncated = isBodyTruncated
    }
}

extension Duration {
    /// Reads a duration in Go's syntax: `10s`, `1m30s`, `1.5s`, `300ms`.
    init?(goSyntax text: Substring) {
        let units: [(name: String, nanoseconds: Double)] = [
            ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12),
        ]
        var rest = text
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let value = Double(number), let unit = units.first(where: { $0.name == name }) else { return nil }
            total += value * unit.nanoseconds
        }
        guard total.isFinite, total >= 0, total < 1e15 else { return nil }
        self = .nanoseconds(Int64(total))
    }
}
