internal import HTTP
internal import JSON
public import Net

/// The options for API server calls.
public struct APIOptions: Sendable {
    /// The time limits of the parts of a call; each request sets the limit of the whole call.
    public var times = CallTimes()
    /// The waits between attempts.
    public var backoff = Backoff()
    /// The longest accepted Retry-After.
    public var longestRetryAfter = Duration.seconds(60)
    /// The maximum age of a token or CA read from a file.
    public var credentialsInterval = Duration.seconds(60)
    /// The time limit of a credential plugin.
    public var pluginLimit = Duration.seconds(30)
    /// The maximum number of connections.
    public var maxConnections = 32
    /// The User-Agent header.
    public var userAgent = "playbook"
    /// A random number from 0 to 1.
    public var chance: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Creates the default options.
    public init() {}
}

/// A successful response.
public struct APIResponse: Sendable {
    /// The HTTP status code, from 200 to 299.
    public let status: Int
    /// The body, as JSON.
    public let body: [UInt8]
    /// The values of the Warning headers, such as `299 - "text"`.
    public let warnings: [String]
}

/// An API server client that authenticates and retries transient failures.
///
/// Used only on the thread of its loop.
public final class APIClient {
    /// The API server's address and credentials.
    public let access: ClusterAccess
    /// The loop whose thread makes the calls.
    public let loop: ClientLoop
    let options: APIOptions
    /// The document that responses are parsed into, one at a time.
    let document = Document()
    private let client: Client
    private let credentials: Credentials

    /// Creates a client; nothing is read or connected yet.
    ///
    /// - Parameters:
    ///   - loop: The loop whose thread makes the calls.
    ///   - access: The API server's address and credentials.
    ///   - options: The options for calls.
    public init(loop: ClientLoop, access: ClusterAccess, options: APIOptions = APIOptions()) {
        self.loop = loop
        self.access = access
        self.options = options
        client = Client(loop: loop, endpoint: access.endpoint, tls: nil, maxConnections: options.maxConnections)
        credentials = Credentials(
            access, loop: loop, interval: options.credentialsInterval, pluginLimit: options.pluginLimit,
            backoff: options.backoff)
    }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - completion: Called once with the result, after this function returns, unless the call is canceled.
    /// - Returns: The call, to cancel it.
    @discardableResult
    public func send(
        _ request: APIRequest, _ completion: @escaping (Result<APIResponse, APIError>) -> Void
    ) -> APICall {
        let call = APICall(client: self, request, completion)
        call.begin()
        return call
    }

    /// Sends a request once, with the current credentials.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - times: The time limits.
    ///   - handler: Handles the response; not called if there are no credentials.
    ///   - begun: Called with the call in progress, or the error that prevented it.
    func dispatch(
        _ request: APIRequest, times: CallTimes, _ handler: CallHandler,
        begun: @escaping (Result<Call, APIError>) -> Void
    ) {
        credentials.current { [self] answer in
            switch answer {
            case .failure(let error): begun(.failure(.credentials(error)))
            case .success(let current):
                client.tls = current.tls
                var headers = [("Accept", request.accept), ("User-Agent", options.userAgent)]
                if !request.body.isEmpty { headers.append(("Content-Type", request.contentType)) }
                if let token = current.token { headers.append(("Authorization", "Bearer \(token)")) }
                let outgoing = OutgoingRequest(
                    request.verb, access.basePath + request.target, headers: headers, body: request.body)
                begun(.success(client.send(outgoing, times: times, handler)))
            }
        }
    }

    /// Returns the time to wait after a Retry-After, at most the longest accepted one.
    func bounded(_ retryAfter: Duration) -> Duration { min(retryAfter, options.longestRetryAfter) }

    /// Discards or re-reads credentials after a failure that they may have caused.
    func note(_ error: APIError) {
        switch error {
        case .status(let status) where status.code == 401: credentials.refuse()
        // With TLS 1.3, a rejected client certificate appears as a lost connection.
        case .transport(.untrusted), .transport(.handshakeFailed), .transport(.lost): credentials.lookAgain()
        default: break
        }
    }
}
