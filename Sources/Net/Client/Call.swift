internal import HTTP

/// A call in progress.
public final class Call {
    let client: Client
    let times: CallTimes
    /// True if the request can be sent twice.
    let isRepeatable: Bool
    private var handler: CallHandler?
    /// The serialized request.
    var bytes: [UInt8] = []
    var limit: Alarm?
    /// The connection that makes the call.
    var connection: ClientConnection?

    init(client: Client, times: CallTimes, isRepeatable: Bool, _ handler: CallHandler) {
        self.client = client
        self.times = times
        self.isRepeatable = isRepeatable
        self.handler = handler
    }

    /// Cancels the call: its handler is not called again, and its connection is closed.
    public func cancel() {
        handler = nil
        finish(.cancelled)
    }

    var hasEnded: Bool { handler == nil }

    func deliver(_ head: ResponseHead) {
        handler?.head(head)
    }

    func deliver(_ body: Span<UInt8>) {
        handler?.body(body)
    }

    /// Ends the call with an error that occurred before it started, after the caller has received the call.
    func fail(_ error: CallError) {
        client.loop.after(.zero) { [self] in finish(error) }
    }

    /// Ends the call; after an error its connection is closed, since its next bytes are unknown.
    func finish(_ error: CallError?) {
        let handler = handler
        self.handler = nil
        limit?.cancel()
        limit = nil
        let connection = connection
        self.connection = nil
        if error != nil { connection?.close() }
        handler?.end(error)
    }
}
