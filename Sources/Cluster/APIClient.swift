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
            access, loop: loop, interval: options.credentialsInterval, pluginLimit: options.pluginLimit)
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
                var headers = [("Accept", "application/json"), ("User-Agent", options.userAgent)]
                if !request.body.isEmpty { headers.append(("Content-Type", request.contentType)) }
                if let token = current.token { headers.append(("Authorization", "Bearer \(token)")) }
                let outgoing = OutgoingRequest(
                    request.verb, access.basePath + request.target, headers: headers, body: request.body)
                begun(.success(client.send(outgoing, times: times, handler)))
            }
        }
    }

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

/// A call of the API server under way, with all its attempts.
public final class APICall {
    private let client: APIClient
    private let request: APIRequest
    private let end: Instant
    private var completion: ((Result<APIResponse, APIError>) -> Void)?
    private var attempts = 0
    private var backoff: Backoff
    private var hasRenewed = false
    private var call: Call?
    private var alarm: Alarm?
    private var head: ResponseHead?
    private var body: [UInt8] = []

    fileprivate init(
        client: APIClient, _ request: APIRequest, _ completion: @escaping (Result<APIResponse, APIError>) -> Void
    ) {
        self.client = client
        self.request = request
        self.completion = completion
        backoff = client.options.backoff
        end = Instant.now + request.limit
    }

    /// Takes the call back: nothing more is told of it.
    public func cancel() {
        completion = nil
        alarm?.cancel()
        alarm = nil
        call?.cancel()
        call = nil
    }

    fileprivate func begin() {
        // Not before the maker of the call knows it.
        alarm = client.loop.after(.zero) { [self] in attempt() }
    }

    private func attempt() {
        alarm = nil
        attempts += 1
        head = nil
        body = []
        var times = client.options.times
        times.whole = end - Instant.now
        client.dispatch(
            request, times: times,
            CallHandler(
                head: { [self] in head = $0 },
                body: { [self] in take($0) },
                end: { [self] in ended($0) }),
            begun: { [self] result in
                switch result {
                case .success(let call):
                    guard completion != nil else { return call.cancel() }
                    self.call = call
                case .failure(let error): finish(.failure(error))
                }
            })
    }

    private func take(_ bytes: Span<UInt8>) {
        guard body.count + bytes.count <= request.maximumResponse else {
            call?.cancel()
            call = nil
            return finish(.failure(.tooLarge(maximum: request.maximumResponse)))
        }
        append(bytes, to: &body)
    }

    private func ended(_ error: CallError?) {
        call = nil
        if let error { return failed(.transport(error)) }
        guard let head else { return failed(.malformed("it has no head")) }
        guard 200...299 ~= head.status else {
            let after = head.retryAfter.map { Duration.seconds($0) }
            return failed(
                .status(APIStatus(code: head.status, retryAfter: after, body: body, client.document)))
        }
        finish(.success(APIResponse(status: head.status, body: body)))
    }

    private func failed(_ error: APIError) {
        client.note(error)
        guard attempts < request.attempts, let delay = delay(after: error), Instant.now + delay < end else {
            return finish(.failure(error))
        }
        alarm = client.loop.after(delay) { [self] in attempt() }
    }

    /// How long to wait before the next attempt; nil when there is none.
    private func delay(after error: APIError) -> Duration? {
        switch error {
        // Nothing was done, and the next attempt shows what is read anew: a token that was replaced, another authority.
        case .status(let status) where status.code == 401: return renewed
        case .transport(.untrusted): return renewed
        case .status(let status):
            guard error.isTransient else { return nil }
            let asked = status.retryAfter.map { min($0, client.options.longestRetryAfter) }
            // 429 says that nothing was done, and so does an API server that says when to come again.
            guard request.verb == .get || status.code == 429 || asked != nil else { return nil }
            let chance = client.options.chance()
            return asked.map { Backoff.stretched($0, chance, by: 0.25) } ?? backoff.wait(chance)
        case .transport where error.isTransient:
            return request.verb == .get ? backoff.wait(client.options.chance()) : nil
        default: return nil
        }
    }

    private var renewed: Duration? {
        guard !hasRenewed else { return nil }
        hasRenewed = true
        return .zero
    }

    private func finish(_ result: Result<APIResponse, APIError>) {
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}
