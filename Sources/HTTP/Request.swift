/// The methods that mean something here.
public enum Method: Sendable, Equatable {
    case get, head, post, other
}

/// What a request says its body is.
public enum MediaType: Sendable, Equatable {
    /// It does not say.
    case absent
    /// `application/json`, with whatever parameters.
    case json
    /// Something else.
    case other
}

/// How the end of a body is found (RFC 9112, section 6).
public enum Framing: Sendable, Equatable {
    /// There is no body.
    case none
    /// It has so many bytes.
    case length(Int)
    /// It comes in chunks.
    case chunked
}

/// A request without its body.
public struct RequestHead: Sendable, Equatable {
    /// The method.
    public var method: Method
    /// The path, as sent: `/validate`.
    public var path: String
    /// What follows the question mark; empty when there is none.
    public var query: String
    /// What the body is.
    public var mediaType: MediaType
    /// Where the body ends.
    public var framing: Framing
    /// Whether the client waits for `100 Continue` before it sends the body.
    public var expectsContinue: Bool
    /// Whether the client closes the connection after the response.
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

    /// The time that the client gives us, from `?timeout=10s`; nil when it says none that can be read.
    public var timeout: Duration? { parameter("timeout").flatMap { Duration(goSyntax: $0) } }

    /// The value of a query parameter; empty when it has none; nil when it is not there.
    public func parameter(_ name: String) -> Substring? {
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair[0] == name { return pair.count > 1 ? pair[1] : "" }
        }
        return nil
    }
}

/// A request, whose body is handed over beside it.
public struct Request: Sendable, Equatable {
    /// The request without its body.
    public var head: RequestHead
    /// Whether the body was larger than allowed, and only its beginning was kept.
    public var isBodyTruncated: Bool

    /// Creates a request.
    public init(head: RequestHead, isBodyTruncated: Bool = false) {
        self.head = head
        self.isBodyTruncated = isBodyTruncated
    }
}

extension Duration {
    /// Reads a duration as Go writes it: `10s`, `1m30s`, `1.5s`, `300ms`.
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
