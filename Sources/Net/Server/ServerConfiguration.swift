/// The sizes and times of a server.
public struct ServerConfiguration: Equatable, Sendable {
    /// How many threads serve; each has a loop of its own.
    public var loops = 1
    /// The connections that are open at the same time, divided among the loops; a new one takes the place of one that does
    /// nothing (``Eviction``), or waits in the backlog.
    public var maxConnections = 4096
    /// The connections that are open at the same time on each listener with a loop of its own.
    public var maxOwnConnections = 128
    /// The largest request body that is kept whole; of a larger one only the beginning is.
    public var maxBody = 16 << 20
    /// How much is kept of a body that is larger than that.
    public var keptBody = 64 << 10
    /// The memory that all requests may hold together, in bytes: bodies, and what it takes to answer them.
    public var memory = 128 << 20
    /// The memory that it takes to answer a request, for each byte of its body.
    public var evaluationPerByte = 0
    /// The memory that it takes to answer a request, at most.
    public var largestEvaluation = 0
    /// The time from a request's first byte to its last.
    public var requestTimeout = Duration.seconds(10)
    /// The time that a client may take to receive a response.
    public var writeTimeout = Duration.seconds(10)
    /// The time between requests on one connection.
    public var idleTimeout = Duration.seconds(120)
    /// The time for the TLS handshake, from the connection's acceptance.
    public var handshakeTimeout = Duration.seconds(3)
    /// The time to wait for a client to read the response that ends its connection.
    public var lingerTimeout = Duration.seconds(3)
    /// The time from the announcement of the end until responses begin to end their connections.
    public var shutdownDelay = Duration.seconds(5)
    /// The time from the announcement of the end until the server stops, whoever is still connected.
    public var shutdownTimeout = Duration.seconds(20)
    /// The time that the loops' threads get to end after that.
    public var joinTimeout = Duration.seconds(30)
    /// The time between two looks at the certificate files.
    public var certificateInterval = Duration.seconds(5)
    /// The time between two reports of connections that were closed for new ones.
    public var evictionReportInterval = Duration.seconds(60)
    /// Whether SIGTERM and SIGINT end the server and SIGHUP reloads its certificates.
    ///
    /// The signals are blocked in the thread that creates the server, and in every thread started from it afterwards.
    public var handlesSignals = true

    /// The defaults.
    public init() {}

    /// The least memory with which the largest request can be answered, and small ones beside it.
    public var leastMemory: Int { maxBody + MemoryBudget.overhead + largestEvaluation + 8 << 20 }
}
