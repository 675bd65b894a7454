public import HTTP

/// Why a call to another server came to nothing.
public enum CallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was waited for when the time was over.
    public enum Stage: String, Sendable {
        /// The connection, with its handshake.
        case connecting = "connecting"
        /// The server to take the request.
        case sending = "sending the request"
        /// The response's beginning.
        case response = "waiting for the response"
        /// More of the response: the server, or the way to it, fell silent.
        case silence = "waiting for more of the response"
        /// The call as a whole.
        case whole = "the call"
    }

    /// The host's name leads to no address; with the resolver's reason.
    case cannotResolve(String, reason: String)
    /// No address of the host could be connected to; with the last one's error.
    case cannotConnect(SystemError)
    /// The server's certificate is refused; with libssl's reason.
    case untrusted(Endpoint, reason: String)
    /// The handshake failed otherwise.
    case handshakeFailed(Endpoint, reason: String)
    /// The time was over.
    case timedOut(Endpoint, Stage)
    /// The connection broke, before or within the response.
    case lost(Endpoint, reason: String)
    /// What came is no response.
    case malformedResponse(Endpoint, MalformedResponse)
    /// The request could not be sent as it is.
    case malformedRequest(MalformedRequest)
    /// As many connections as there may be are in use.
    case busy
    /// The call was taken back, or the loop has ended.
    case cancelled

    /// What happened, where and why.
    public var description: String {
        switch self {
        case .cannotResolve(let host, let reason): "cannot find \(host): \(reason)"
        case .cannotConnect(let error): "\(error)"
        case .untrusted(let endpoint, let reason): "the certificate of \(endpoint) is not trusted: \(reason)"
        case .handshakeFailed(let endpoint, let reason): "no TLS with \(endpoint): \(reason)"
        case .timedOut(let endpoint, let stage): "\(endpoint): no answer in time (\(stage.rawValue))"
        case .lost(let endpoint, let reason): "lost the connection to \(endpoint): \(reason)"
        case .malformedResponse(let endpoint, let error): "\(endpoint) does not answer in HTTP: \(error)"
        case .malformedRequest(let error): "\(error)"
        case .busy: "too many calls at once"
        case .cancelled: "the call was cancelled"
        }
    }
}

/// How long the parts of a call may take.
public struct CallTimes: Sendable {
    /// Until an address is connected to, and the handshake done; each address of a name has so long.
    public var connect = Duration.seconds(10)
    /// Until the request is sent, and from then until the response begins.
    public var response = Duration.seconds(30)
    /// From one piece of the response to the next.
    public var silence = Duration.seconds(30)
    /// The whole call; nil for one that goes on, such as a watch.
    public var whole: Duration? = .seconds(60)

    /// Creates the usual times.
    public init() {}
}

/// What is done with a response as it arrives; all of it on the loop's thread.
public struct CallHandler {
    /// The head has come.
    public var head: (ResponseHead) -> Void
    /// A piece of the body has come; it lies in the connection's memory, and ends with the call of this closure.
    public var body: (Span<UInt8>) -> Void
    /// The call has ended, and nothing more will be told: whole with nil, else with the reason.
    public var end: (CallError?) -> Void

    /// Puts a handler together.
    public init(
        head: @escaping (ResponseHead) -> Void, body: @escaping (Span<UInt8>) -> Void,
        end: @escaping (CallError?) -> Void
    ) {
        self.head = head
        self.body = body
        self.end = end
    }
}
