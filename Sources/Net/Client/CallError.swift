public import HTTP

/// The error of a call to another server.
public enum CallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The part of a call that exceeded its time.
    public enum Stage: String, Sendable {
        /// The connection, with its handshake.
        case connecting = "connecting"
        /// The request.
        case sending = "sending the request"
        /// The head of the response.
        case response = "waiting for the response"
        /// The next bytes of the response.
        case silence = "waiting for more of the response"
        /// The whole call.
        case whole = "the call"
    }

    /// The host's name has no address; with the resolver's reason.
    case cannotResolve(String, reason: String)
    /// Connecting to every address failed; with the last error.
    case cannotConnect(SystemError)
    /// The server's certificate is not trusted; with libssl's reason.
    case untrusted(Endpoint, reason: String)
    /// The handshake failed for another reason.
    case handshakeFailed(Endpoint, reason: String)
    /// A part of the call took too long.
    case timedOut(Endpoint, Stage)
    /// The connection was lost before the end of the response.
    case lost(Endpoint, reason: String)
    /// The response is malformed.
    case malformedResponse(Endpoint, MalformedResponse)
    /// The request is malformed.
    case malformedRequest(MalformedRequest)
    /// All connections are in use.
    case busy
    /// The call was cancelled, or the loop has ended.
    case cancelled

    /// The error with its place and reason.
    public var description: String {
        switch self {
        case .cannotResolve(let host, let reason): "cannot resolve \(host): \(reason)"
        case .cannotConnect(let error): "\(error)"
        case .untrusted(let endpoint, let reason): "the certificate of \(endpoint) is not trusted: \(reason)"
        case .handshakeFailed(let endpoint, let reason): "TLS handshake with \(endpoint) failed: \(reason)"
        case .timedOut(let endpoint, let stage): "\(endpoint): timed out (\(stage.rawValue))"
        case .lost(let endpoint, let reason): "lost the connection to \(endpoint): \(reason)"
        case .malformedResponse(let endpoint, let error): "invalid HTTP response from \(endpoint): \(error)"
        case .malformedRequest(let error): "\(error)"
        case .busy: "too many concurrent calls"
        case .cancelled: "the call was cancelled"
        }
    }
}

/// The time limits of a call.
public struct CallTimes: Sendable {
    /// The time to connect to one address and finish the handshake.
    public var connect = Duration.seconds(10)
    /// The time to send the request, and then the time until the response begins.
    public var response = Duration.seconds(30)
    /// The time from one part of the response to the next.
    public var silence = Duration.seconds(30)
    /// The time of the whole call; nil for a call without an end, such as a watch.
    public var whole: Duration? = .seconds(60)

    /// Creates the default limits.
    public init() {}
}

/// Handles a response as it arrives, on the loop's thread.
public struct CallHandler {
    /// Handles the head.
    public var head: (ResponseHead) -> Void
    /// Handles a part of the body, which is the connection's memory and valid until the closure returns.
    public var body: (Span<UInt8>) -> Void
    /// Handles the end of the call; the error is nil when the response is complete.
    public var end: (CallError?) -> Void

    /// Creates a handler.
    public init(
        head: @escaping (ResponseHead) -> Void, body: @escaping (Span<UInt8>) -> Void,
        end: @escaping (CallError?) -> Void
    ) {
        self.head = head
        self.body = body
        self.end = end
    }
}
