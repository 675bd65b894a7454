public import HTTP

/// Calls one server over connections that are opened as needed and reused.
///
/// Used only on the thread of its loop.
public final class Client {
    /// The server that is called.
    public let endpoint: Endpoint
    /// The TLS configuration; nil for plain HTTP.
    ///
    /// A change closes idle connections and applies to new ones.
    public var tls: ClientTLS? {
        didSet { if tls !== oldValue { closeIdle() } }
    }
    let loop: ClientLoop
    private let maxConnections: Int
    /// The time that a connection stays open without a call.
    let idleTime: Duration
    private var idle: [ClientConnection] = []
    private var open: [ObjectIdentifier: ClientConnection] = [:]

    /// Creates a client; no connection is opened yet.
    ///
    /// - Parameters:
    ///   - loop: The loop that makes the calls.
    ///   - endpoint: The server.
    ///   - tls: The TLS configuration; nil for plain HTTP.
    ///   - maxConnections: The maximum number of connections; a call beyond it fails at once.
    ///   - idleTime: The time that a connection stays open without a call.
    public init(
        loop: ClientLoop, endpoint: Endpoint, tls: ClientTLS?, maxConnections: Int = 32,
        idleTime: Duration = .seconds(60)
    ) {
        self.loop = loop
        self.endpoint = endpoint
        self.tls = tls
        self.maxConnections = maxConnections
        self.idleTime = idleTime
    }

    /// Makes a call.
    ///
    /// The handler is not called before this function returns. A GET is retried once on a new connection if an idle one was
    /// closed by the server; no other request is sent twice.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - times: The time limits.
    ///   - handler: Handles the response.
    /// - Returns: The call, which can be cancelled.
    @discardableResult
    public func send(_ request: OutgoingRequest, times: CallTimes = CallTimes(), _ handler: CallHandler) -> Call {
        let call = Call(client: self, times: times, isRepeatable: request.verb == .get, handler)
        do throws(MalformedRequest) {
            // Port 443 is omitted: some proxies recognize their hosts only without it.
            let host = endpoint.port == 443 ? String(endpoint.description.dropLast(4)) : endpoint.description
            try Encoder.append(request, host: host, to: &call.bytes)
        } catch {
            call.fail(.malformedRequest(error))
            return call
        }
        if let whole = times.whole {
            call.limit = loop.after(whole) { [self] in call.finish(.timedOut(endpoint, .whole)) }
        }
        dispatch(call, onNewConnection: false)
        return call
    }

    /// Closes all idle connections.
    public func closeIdle() {
        for connection in idle { connection.close() }
    }

    func dispatch(_ call: Call, onNewConnection: Bool) {
        if !onNewConnection, let connection = idle.popLast() {
            connection.start(call)
        } else if open.count < maxConnections {
            let connection = ClientConnection(client: self)
            open[ObjectIdentifier(connection)] = connection
            connection.open(for: call)
        } else if let connection = idle.popLast() {
            connection.close()
            dispatch(call, onNewConnection: true)
        } else {
            call.fail(.busy)
        }
    }

    func addIdle(_ connection: ClientConnection) {
        idle.append(connection)
    }

    func remove(_ connection: ClientConnection) {
        open[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
    }
}
