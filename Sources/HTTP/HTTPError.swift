/// A request that cannot be answered as one, and the status that it deserves.
public struct HTTPError: Error, Equatable, Sendable {
    /// The status code.
    public let status: Int
    /// What is wrong, for whoever wrote the client.
    public let message: String
    /// After how many seconds the client may try again; nil when that would not help.
    public let retryAfter: Int?

    /// Creates an error.
    public init(status: Int, message: String, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
    }

    static func malformed(_ message: String) -> HTTPError { HTTPError(status: 400, message: message) }
}

/// How large the parts of a message may be.
public struct Limits: Sendable {
    /// The first line and all headers, in bytes.
    public var head = 16 << 10

    /// Creates the limits for requests.
    public init() {}

    /// The limits for responses: an API server adds headers of its own, and a warning for each of a request's mistakes.
    public static let responses: Limits = {
        var limits = Limits()
        limits.head = 64 << 10
        return limits
    }()
}
