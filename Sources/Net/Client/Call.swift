internal import HTTP

/// A call under way.
public final class Call {
    let client: Client
    let times: CallTimes
    /// Whether to send it twice does no harm.
    let isRepeatable: Bool
    private var handler: CallHandler?
    /// The request as it is sent.
    var bytes: [UInt8] = []
    var limit: Alarm?
    /// Where it is being made.
    var connection: ClientConnection?

    init(client: Client, times: CallTimes, isRepeatable: Bool, _ handler: CallHandler) {
        self.client = client
        self.times = times
        self.isRepeatable = isRepeatable
        self.handler = handler
    }

    /// Takes the call back: nothing more is told of it, and its connection is closed.
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

    /// Tells of an error that was there before the call began, but not before its maker can know the call.
    func fail(_ error: CallError) {
        client.loop.after(.zero) { [self] in finish(error) }
    }

    /// Ends the call; with an error its connection goes with it, as nobody knows what it would bring next.
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
