/// The error of a request that cannot be processed, with its HTTP status.
public struct HTTPError: Error, Equatable, Sendable {
    /// The HTTP status.
    public let status: Int
    /// The problem, for the client's developer.
    public let message: String
    /// The seconds after which the client may retry; nil if a retry would not help.
    public let retryAfter: Int?

    /// Creates an error.
    public init(status: Int, message: String, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
    }

    static func malformed(_ message: String) -> HTTPError { HTTPError(status: 400, message: message) }
}

/// The size limits of a message.
public struct Limits: Sendable {
    /// The first line and all headers, in bytes.
    public var head = 16 << 10

    /// Creates the limits for requests.
    public init() {}

    /// The limits for responses: an API server adds its own headers, and a warning for each problem of a request.
    public static let responses: Limits = {
        var limits = Limits()
        limits.head = 64 << 10
        return limits
    }()
}
