internal import HTTP
internal import JSON
public import Net

/// How the API server is called.
public struct APIOptions: Sendable {
    /// How long the parts of a call may take; its whole is said by each request.
    public var times = CallTimes()
    /// The waits between attempts.
    public var backoff = Backoff()
    /// The longest that a server may ask us to wait.
    public var longestRetryAfter = Duration.seconds(60)
    /// How old a token or an authority from a file may be.
    public var credentialsInterval = Duration.seconds(60)
    /// How long a credential plugin may take.
    public var pluginLimit = Duration.seconds(30)
    /// How many connections there may be at a time.
    public var maxConnections = 32
    /// What we call ourselves.
    public var userAgent = "playbook"
    /// A number from 0 to 1 at random.
    public var chance: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Creates the usual ones.
    public init() {}
}

/// A response that says yes.
public struct APIResponse: Sendable {
    /// The HTTP status code, from 200 to 299.
    public let status: Int
    /// JSON.
    public let body: [UInt8]
}

/// Calls a cluster's API server, showing what we have to show and trying again what may succeed later.
///
/// It belongs to a loop and is used on that loop's thread only.
public final class APIClient {
    /// Where the API server is.
    public let access: ClusterAccess
    /// Whose thread makes the calls.
    public let loop: ClientLoop
    let options: APIOptions
    /// What responses are read into, one at a time.
    let document = Document()
    private let client: Client
    private let credentials: Credentials

    /// Prepares for calls; nothing is read or connected to yet.
    ///
    /// - Parameters:
    ///   - loop: Whose thread makes them.
    ///   - access: Where the API server is, and what we show there.
    ///   - options: How it is called.
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
    ///   - request: What to ask.
    ///   - completion: Called once, after this returns and unless the call is taken back, with what came of it.
    /// - Returns: A way to take it back.
    @discardableResult
    public func send(
        _ request: APIRequest, _ completion: @escaping (Result<APIResponse, APIError>) -> Void
    ) -> APICall {
        let call = APICall(client: self, request, completion)
        call.begin()
        return call
    }

    /// Sends once, with what we have to show.
    ///
    /// - Parameters:
    ///   - request: What to send.
    ///   - times: How long it may take.
    ///   - handler: What is done with the response; not called where there was nothing to show.
    ///   - begun: Called with the call that is under way, or with why there is none.
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

    /// How long to stay away where the API server has asked for so much.
    func bounded(_ retryAfter: Duration) -> Duration { min(retryAfter, options.longestRetryAfter) }

    /// Learns from a failure: what was refused is not shown again without another look at where it came from.
    func note(_ error: APIError) {
        switch error {
        case .status(let status) where status.code == 401: credentials.refuse()
        // Under TLS 1.3 a refused client certificate shows as a connection that is lost.
        case .transport(.untrusted), .transport(.handshakeFailed), .transport(.lost): credentials.lookAgain()
        default: break
        }
    }
}
