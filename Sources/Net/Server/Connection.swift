internal import HTTP

/// What a connection may take, in the units of the loop.
struct ConnectionLimits {
    let maxBody: Int
    let keptBody: Int
    let request: Instant.Span
    let write: Instant.Span
    let idle: Instant.Span
    let handshake: Instant.Span
    let linger: Instant.Span

    init(_ configuration: ServerConfiguration) {
        maxBody = configuration.maxBody
        keptBody = configuration.keptBody
        request = Instant.Span(configuration.requestTimeout)
        write = Instant.Span(configuration.writeTimeout)
        idle = Instant.Span(configuration.idleTimeout)
        handshake = Instant.Span(configuration.handshakeTimeout)
        linger = Instant.Span(configuration.lingerTimeout)
    }
}

/// One connection's state: events go in, what to do comes out.
///
/// It calls nothing of the system and reads no clock.
///
///     handshaking ──> idle ──> reading ──> (answer) ──> writing ──> idle
///                      ^          │           │  ^         ├──────> lingering ──> closed
///                      └──────────┘          waiting       └──────> closed
struct Connection {
    enum Phase: Equatable {
        case handshaking
        /// Between requests.
        case idle
        /// Some bytes of a request are there.
        case reading
        /// A request waits for its answer.
        case waiting
        /// A response waits for the client to take it.
        case writing
        /// The last response is sent; what still comes is thrown away until the client has seen it.
        case lingering
        case closed
    }

    /// What to do about the bytes received.
    enum Step {
        case wait
        /// Send the interim response, then hand in the bytes again.
        case sendContinue
        /// Answer the request whose body lies at `body`, then take `length` bytes away.
        case answer(Request, body: Range<Int>, length: Int)
        /// Answer with the error; it is the connection's last response.
        case refuse(HTTPError)
    }

    /// What to do when everything that was to be sent is sent.
    enum Next: Equatable {
        case read
        case linger
        case close
    }

    /// What to do when the deadline has come.
    enum Expiry: Equatable {
        case refuse(HTTPError)
        case close(TimedOutPhase?)
    }

    private(set) var phase: Phase
    /// When to call `expire`; it holds for the phase.
    private(set) var deadline: Instant
    private let limits: ConnectionLimits
    private var reader: RequestReader
    /// When the request that is being read began, and the deadline that it has.
    private var began: Instant?
    private var requestDeadline: Instant
    /// When the request that was handed out last began.
    private var handedOutBegan: Instant
    private var afterwards = Next.read

    init(isSecure: Bool, limits: ConnectionLimits, at now: Instant) {
        self.limits = limits
        reader = RequestReader(maxBody: limits.maxBody, keptBody: limits.keptBody)
        phase = isSecure ? .handshaking : .idle
        deadline = now + (isSecure ? limits.handshake : limits.idle)
        requestDeadline = .distantFuture
        handedOutBegan = now
    }

    /// The size that the message being read will have, as far as that is known.
    var expected: Int { reader.expected }

    /// Whether it takes bytes of requests.
    var isReading: Bool { phase == .idle || phase == .reading }

    /// Whether the response under way is the last one.
    var isEnding: Bool { afterwards != .read }

    mutating func finishHandshake(at now: Instant) {
        phase = .idle
        deadline = now + limits.idle
    }

    /// The handshake ended with an alert of ours, which the client is to read.
    mutating func refuseHandshake(at now: Instant) {
        phase = .lingering
        deadline = now + limits.linger
    }

    /// Looks at all bytes that are not consumed yet.
    mutating func receive(_ buffer: ByteBuffer, at now: Instant) -> Step {
        guard isReading, !isEnding, buffer.count > 0 || began != nil else { return .wait }
        let step = reader.read(buffer)
        switch step {
        case .incomplete:
            keepReading(at: now)
            return .wait
        case .awaitsContinue:
            keepReading(at: now)
            return .sendContinue
        case .request(let request, let body, let length):
            handedOutBegan = began ?? now
            began = nil
            return .answer(request, body: body, length: length)
        case .invalid(let error):
            began = nil
            return .refuse(error)
        }
    }

    private mutating func keepReading(at now: Instant) {
        phase = .reading
        let start = began ?? now
        began = start
        requestDeadline = end(of: reader.head, from: start)
        deadline = requestDeadline
    }

    /// When a request that began at a time should be answered.
    private func end(of head: RequestHead?, from start: Instant) -> Instant {
        let end = start + limits.request
        // The client's own deadline: past it nobody waits for the answer.
        guard let timeout = head?.timeout else { return end }
        return min(end, start + Instant.Span(timeout))
    }

    /// The answer to the request that was just handed out comes later.
    mutating func await(at now: Instant) {
        phase = .waiting
        deadline = now + limits.request
    }

    /// The request that was just handed out waits until there is memory to answer it.
    mutating func awaitMemory(for request: Request) {
        phase = .waiting
        deadline = end(of: request.head, from: handedOutBegan)
    }

    /// The answer has come.
    mutating func finishWaiting() { phase = .reading }

    /// Decides whether the response to a request is the last one, and says so.
    ///
    /// A request that is here already is answered before the connection ends: its sender could not have known.
    mutating func closes(after request: Request, serverCloses: Bool, moreIsHere: Bool) -> Bool {
        if request.head.closes {
            afterwards = .close
        } else if serverCloses, !moreIsHere {
            afterwards = .linger
        }
        return isEnding
    }

    /// The response under way is the last one, whatever its request said.
    mutating func endAfterResponse() {
        afterwards = .linger
    }

    /// The client does not take the response as fast as it is sent.
    mutating func block(at now: Instant) {
        guard phase != .writing else { return }
        phase = .writing
        deadline = now + limits.write
    }

    /// Everything that was to be sent is sent.
    mutating func finishWriting(at now: Instant) -> Next {
        switch afterwards {
        case .read:
            phase = began == nil ? .idle : .reading
            deadline = began == nil ? now + limits.idle : requestDeadline
        case .linger:
            phase = .lingering
            deadline = now + limits.linger
        case .close:
            phase = .closed
        }
        return afterwards
    }

    /// The deadline has come.
    mutating func expire() -> Expiry {
        switch phase {
        case .reading:
            began = nil
            afterwards = .linger
            return .refuse(HTTPError(status: 408, message: "the request did not arrive in time"))
        case .waiting:
            afterwards = .linger
            return .refuse(HTTPError(status: 503, message: "what the answer depends on did not come in time"))
        case .handshaking: return .close(.handshake)
        case .idle: return .close(.idle)
        case .writing: return .close(.write)
        case .lingering, .closed: return .close(nil)
        }
    }
}
