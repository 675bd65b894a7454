internal import HTTP
internal import Net

/// An API server call in progress, including its retries.
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

    init(
        client: APIClient, _ request: APIRequest, _ completion: @escaping (Result<APIResponse, APIError>) -> Void
    ) {
        self.client = client
        self.request = request
        self.completion = completion
        backoff = client.options.backoff
        end = Instant.now + request.limit
    }

    /// Cancels the call; its completion is not called.
    public func cancel() {
        completion = nil
        alarm?.cancel()
        alarm = nil
        call?.cancel()
        call = nil
    }

    func begin() {
        // Later, because the caller does not have the call yet.
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
        guard let head else { return failed(.malformed("response has no head")) }
        guard 200...299 ~= head.status else {
            let after = head.retryAfter.map { Duration.seconds($0) }
            return failed(
                .status(APIStatus(code: head.status, retryAfter: after, body: body, client.document)))
        }
        finish(.success(APIResponse(status: head.status, body: body, warnings: head.warnings)))
    }

    private func failed(_ error: APIError) {
        client.note(error)
        guard attempts < request.attempts, let delay = delay(after: error), Instant.now + delay < end else {
            return finish(.failure(error))
        }
        alarm = client.loop.after(delay) { [self] in attempt() }
    }

    /// The wait before the next attempt; nil if there is none.
    private func delay(after error: APIError) -> Duration? {
        switch error {
        // Nothing was done. The next attempt reads replaced tokens and CAs again.
        case .status(let status) where status.code == 401: return renewed
        case .transport(.untrusted): return renewed
        case .status(let status):
            guard error.isTransient else { return nil }
            let asked = status.retryAfter.map { client.bounded($0) }
            // With 429 or Retry-After, the API server has not processed the request.
            guard request.verb == .get || status.code == 429 || asked != nil else { return nil }
            let chance = client.options.chance()
            return asked.map { backoff.wait(atLeast: $0, chance) } ?? backoff.wait(chance)
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
