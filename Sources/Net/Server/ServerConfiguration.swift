/// The sizes and times of a server.
public struct ServerConfiguration: Equatable, Sendable {
    /// The number of serving threads, each with an event loop.
    public var loops = 1
    /// The maximum number of open connections, divided among the loops; a new one replaces an unused one (``Eviction``) or waits
    /// in the backlog.
    public var maxConnections = 4096
    /// The maximum number of open connections of each listener with a separate loop.
    public var maxOwnConnections = 128
    /// The largest request body that is kept whole, in bytes.
    public var maxBody = 16 << 20
    /// The part that is kept of a larger body, in bytes.
    public var keptBody = 64 << 10
    /// The memory for bodies and evaluations of all requests, in bytes.
    public var memory = 128 << 20
    /// The memory of an evaluation for each byte of the body, in bytes.
    public var evaluationPerByte = 0
    /// The largest memory of an evaluation, in bytes.
    public var largestEvaluation = 0
    /// The time from a request's first byte to its last.
    public var requestTimeout = Duration.seconds(10)
    /// The time for a client to receive a response.
    public var writeTimeout = Duration.seconds(10)
    /// The time between requests on one connection.
    public var idleTimeout = Duration.seconds(120)
    /// The time for the TLS handshake, from the connection's acceptance.
    public var handshakeTimeout = Duration.seconds(3)
    /// The time to wait for a client to read the response that ends its connection.
    public var lingerTimeout = Duration.seconds(3)
    /// The time from the start of the shutdown until responses close their connections.
    public var shutdownDelay = Duration.seconds(5)
    /// The time from the start of the shutdown until the server stops, even with open connections.
    public var shutdownTimeout = Duration.seconds(20)
    /// The time for the loops' threads to end after that.
    public var joinTimeout = Duration.seconds(30)
    /// The time between two reloads of the certificate files.
    public var certificateInterval = Duration.seconds(5)
    /// The time between two reports of connections that were closed for new ones.
    public var evictionReportInterval = Duration.seconds(60)
    /// True if SIGTERM and SIGINT end the server and SIGHUP reloads its certificates.
    ///
    /// The signals are blocked in the thread that creates the server, and in every thread that it starts later.
    public var handlesSignals = true

    /// Creates the default configuration.
    public init() {}

    /// The minimum memory for the largest request together with small ones, in bytes.
    public var leastMemory: Int { maxBody + MemoryBudget.overhead + largestEvaluation + 8 << 20 }
}
