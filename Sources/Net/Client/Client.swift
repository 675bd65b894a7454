public import HTTP

/// Calls one server: opens connections as they are needed, and uses them again.
///
/// It belongs to a loop and is used on that loop's thread only.
public final class Client {
    /// The server.
    public let endpoint: Endpoint
    /// How connections are secured; nil speaks plain HTTP.
    ///
    /// A change closes idle connections and holds for new ones.
    public var tls: ClientTLS? {
        didSet { if tls !== oldValue { closeIdle() } }
    }
    let loop: ClientLoop
    private let maxConnections: Int
    /// How long a connection is kept without a call.
    let idleTime: Duration
    private var idle: [ClientConnection] = []
    private var open: [ObjectIdentifier: ClientConnection] = [:]

    /// Prepares for calls; none is made yet.
    ///
    /// - Parameters:
    ///   - loop: Whose thread makes them.
    ///   - endpoint: The server.
    ///   - tls: How connections are secured; nil speaks plain HTTP.
    ///   - maxConnections: How many there may be at a time; a call beyond that fails at once.
    ///   - idleTime: How long a connection is kept without a call.
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
    /// Nothing is told before this returns. A GET that meets a kept connection's end is sent once more on a new one; nothing
    /// else is ever sent twice.
    ///
    /// - Parameters:
    ///   - request: What to send.
    ///   - times: How long its parts may take.
    ///   - handler: What is done with the response.
    /// - Returns: A way to take it back.
    @discardableResult
    public func send(_ request: OutgoingRequest, times: CallTimes = CallTimes(), _ handler: CallHandler) -> Call {
        let call = Call(client: self, times: times, isRepeatable: request.verb == .get, handler)
        do throws(MalformedRequest) {
            // Port 443 is left out, as everybody does; some proxies know their hosts without it only.
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

    /// Closes every connection that waits for a call.
    public func closeIdle() {
        for connection in idle { connection.close() }
    }

    func dispatch(_ call: Call, onNewConnection: Bool) {
        if !onNewConnection, let connection = idle.popLast() {
            connection.take(call)
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

    func keep(_ connection: ClientConnection) {
        idle.append(connection)
    }

    func forget(_ connection: ClientConnection) {
        open[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
    }
}
