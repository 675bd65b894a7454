internal import HTTP
internal import JSON
internal import Net

/// A watch, from its request to its end: a streaming response with a JSON object in each line.
final class WatchCall {
    enum Change {
        case added, modified, deleted, bookmark
    }

    enum News {
        /// The watch has started.
        case opened
        /// A change; the object is valid only during the call.
        case event(Change, Value, version: String)
        /// The server has ended the watch normally.
        case ended(after: Duration, broughtSomething: Bool)
        /// A line is invalid or too long: its content is lost, so the watch ends.
        case garbled(String)
        case failed(APIError)
    }

    private let client: APIClient
    private let tell: (News) -> Void
    private var lines: LineSplitter
    private var call: Call?
    private var head: ResponseHead?
    private var refusal: [UInt8] = []
    private var opening = Instant.now
    private var broughtSomething = false
    private var isOver = false

    /// The maximum size of a kept error response.
    private static let maximumRefusal = 64 * 1024

    init(client: APIClient, maximumLine: Int, _ tell: @escaping (News) -> Void) {
        self.client = client
        self.tell = tell
        lines = LineSplitter(maximum: maximumLine)
    }

    func begin(_ request: APIRequest, _ times: CallTimes) {
        opening = .now
        client.dispatch(
            request, times: times,
            CallHandler(
                head: { [self] in opened($0) },
                body: { [self] in take($0) },
                end: { [self] in ended($0) }),
            begun: { [self] result in
                switch result {
                case .success(let call): isOver ? call.cancel() : (self.call = call)
                // Later, because the caller does not have the call yet.
                case .failure(let error): client.loop.after(.zero) { [self] in finish(.failed(error)) }
                }
            })
    }

    func cancel() {
        isOver = true
        call?.cancel()
        call = nil
    }

    private func opened(_ head: ResponseHead) {
        self.head = head
        opening = .now
        if head.status == 200 { tell(.opened) }
    }

    private func take(_ bytes: Span<UInt8>) {
        guard !isOver else { return }
        guard head?.status == 200 else {
            if refusal.count < WatchCall.maximumRefusal { append(bytes, to: &refusal) }
            return
        }
        // A copy: the handler may end the call.
        var lines = lines
        self.lines = LineSplitter(maximum: 0)
        do throws(LineSplitter.TooLong) {
            try lines.split(bytes) { line in
                take(line: line)
                return !isOver
            }
        } catch {
            finish(.garbled("a line of the watch is longer than \(error.maximum) bytes"))
        }
        self.lines = lines
    }

    private func take(line: Span<UInt8>) {
        do throws(ParseError) {
            try client.document.read(line, .watchEvents) { take(event: $0) }
        } catch {
            finish(.garbled("a line of the watch is not JSON: \(error)"))
        }
    }

    private func take(event: Value) {
        guard let object = event["object"], object.kind == .object, let type = event["type"] else {
            return finish(.garbled("a line of the watch is not an event"))
        }
        if type.equals("ERROR") { return take(error: object) }
        let change: Change? =
            type.equals("ADDED")
            ? .added
            : type.equals("MODIFIED")
                ? .modified : type.equals("DELETED") ? .deleted : type.equals("BOOKMARK") ? .bookmark : nil
        guard let change, let version = object["metadata"]?["resourceVersion"]?.string, !version.isEmpty else {
            return finish(.garbled("a line of the watch is not an event"))
        }
        broughtSomething = true
        tell(.event(change, object, version: version))
    }

    private func take(error object: Value) {
        guard let status = APIStatus(object) else {
            return finish(.garbled("a line of the watch is an error without a status"))
        }
        // A watch that fails by itself ends with such a line too; only 410 requires a new list.
        finish(status.code == 410 ? .failed(.status(status)) : .garbled("the watch ended with \(status)"))
    }

    private func ended(_ error: CallError?) {
        call = nil
        guard !isOver else { return }
        switch error {
        case nil: break
        // No events for a long time, or a server that did not end the watch: a new watch shows if the server is reachable.
        case .timedOut(_, .silence) where head != nil, .timedOut(_, .whole) where head != nil:
            return finish(.ended(after: Instant.now - opening, broughtSomething: broughtSomething))
        case .some(let error): return finish(.failed(.transport(error)))
        }
        guard let head, head.status == 200 else {
            let after = head?.retryAfter.map { Duration.seconds($0) }
            let status = APIStatus(code: head?.status ?? 0, retryAfter: after, body: refusal, client.document)
            return finish(.failed(.status(status)))
        }
        // An incomplete line is dropped; its event is sent again.
        finish(.ended(after: Instant.now - opening, broughtSomething: broughtSomething))
    }

    private func finish(_ news: News) {
        guard !isOver else { return }
        cancel()
        tell(news)
    }
}
