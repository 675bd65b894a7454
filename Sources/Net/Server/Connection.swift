internal import HTTP

/// The limits of a connection, in the units of the loop.
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

/// A whole request at the front of a connection's buffer.
struct ReceivedRequest: Equatable {
    let request: Request
    /// The body's place in the buffer.
    let body: Range<Int>
    /// The bytes of the buffer that the request takes up.
    let length: Int
    /// The time of the request's first byte.
    let began: Instant
}

/// A request whose response depends on a delivery or on memory.
struct DeferredRequest: Equatable {
    let received: ReceivedRequest
    /// The encoded responses to the requests before it.
    let responses: [UInt8]
    /// Whether its delivery has come, so that only memory is missing.
    var isDelivered = false
}

/// The state of one connection: events go in, the next step comes out.
///
/// It makes no system calls and reads no clock.
///
///     handshaking ──> idle ──> reading ──> answering ──> waiting
///                      ^                       │            │
///                      └───────────────────────┴────────────┤
///                                                           v
///                                closed <── lingering <── ending
///
/// A request that arrives whole is never `reading`. A refused one goes from `reading` to `ending`, a refused handshake to
/// `lingering`. `awaitingMemory` and `writing` interrupt a phase, which goes on after them. Every phase can end in `closed`.
struct Connection {
    enum Phase: Equatable {
        case handshaking
        /// No part of a request has been received.
        case idle
        /// A part of a request has been received.
        case reading(began: Instant, deadline: Instant)
        /// A whole request has been received, and its response is being made.
        case answering(ReceivedRequest)
        /// The response depends on a delivery from another thread.
        case waiting(DeferredRequest)
        /// A phase cannot go on until memory is available.
        indirect case awaitingMemory(Phase)
        /// The last response is queued, and no further request is read.
        case ending(Ending)
        /// The client has not taken all queued responses; a phase follows.
        indirect case writing(then: Phase)
        /// The last response is sent, and so many received bytes are discarded until the client closes.
        case lingering(remaining: Int)
        case closed
    }

    /// The end of a connection after its last response.
    enum Ending {
        case linger
        case close
    }

    /// The action that follows from received bytes.
    enum Step {
        case wait
        /// Send the interim response, then pass the bytes again.
        case sendContinue
        /// Answer the request, then remove it from the buffer.
        case answer(ReceivedRequest)
        /// Answer with the error; it is the connection's last response.
        case refuse(HTTPError)
    }

    /// The action after all queued responses are sent.
    enum Next: Equatable {
        case read
        case linger
        case close
    }

    /// The action at the deadline.
    enum Expiry: Equatable {
        /// Answer with the error, and count the time limit.
        case refuse(HTTPError, TimedOutPhase?)
        case close(TimedOutPhase?)
    }

    private(set) var phase: Phase
    /// The time to call `expire`, for the present phase.
    private(set) var deadline: Instant
    private let limits: ConnectionLimits
    private var reader: RequestReader

    init(isSecure: Bool, limits: ConnectionLimits, at now: Instant) {
        self.limits = limits
        reader = RequestReader(maxBody: limits.maxBody, keptBody: limits.keptBody)
        phase = isSecure ? .handshaking : .idle
        deadline = now + (isSecure ? limits.handshake : limits.idle)
    }

    /// The size of the message being read, as far as it is known; 0 when it is not.
    var expected: Int { reader.expected }

    /// Whether received bytes are read as requests.
    var isReading: Bool {
        switch phase {
        case .idle, .reading: true
        default: false
        }
    }

    /// Whether the connection cannot go on without memory.
    var awaitsMemory: Bool {
        if case .awaitingMemory = phase { true } else { false }
    }

    /// The request whose response depends on a delivery or on memory.
    var deferred: DeferredRequest? {
        switch phase {
        case .waiting(let deferred), .awaitingMemory(.waiting(let deferred)): deferred
        default: nil
        }
    }

    mutating func finishHandshake(at now: Instant) {
        phase = .idle
        deadline = now + limits.idle
    }

    /// Ends the connection after a handshake that failed with an alert, which the client shall receive.
    mutating func refuseHandshake(at now: Instant) {
        phase = .ending(.linger)
        _ = finishWriting(at: now)
    }

    /// Reads the bytes that are not consumed yet.
    mutating func receive(_ buffer: ByteBuffer, at now: Instant) -> Step {
        let began: Instant
        switch phase {
        case .idle where buffer.count > 0: began = now
        case .reading(let start, _): began = start
        default: return .wait
        }
        switch reader.read(buffer) {
        case .incomplete:
            keepReading(since: began)
            return .wait
        case .awaitsContinue:
            keepReading(since: began)
            return .sendContinue
        case .request(let request, let body, let length):
            let received = ReceivedRequest(request: request, body: body, length: length, began: began)
            phase = .answering(received)
            return .answer(received)
        case .invalid(let error):
            phase = .ending(.linger)
            return .refuse(error)
        }
    }

    private mutating func keepReading(since began: Instant) {
        deadline = end(of: reader.head, from: began)
        phase = .reading(began: began, deadline: deadline)
    }

    /// The deadline of the response to a request.
    private func end(of head: RequestHead?, from began: Instant) -> Instant {
        let end = began + limits.request
        // The client does not wait longer than its own timeout.
        guard let timeout = head?.timeout else { return end }
        return min(end, began + Instant.Span(timeout))
    }

    /// Finishes a request that is answered, and returns whether its response is the connection's last.
    ///
    /// A request that was already received is answered before the server closes the connection.
    mutating func finish(_ received: ReceivedRequest, serverCloses: Bool, moreIsHere: Bool) -> Bool {
        if received.request.head.closes {
            phase = .ending(.close)
        } else if serverCloses, !moreIsHere {
            phase = .ending(.linger)
        } else {
            phase = .idle
            return false
        }
        return true
    }

    /// Defers the response to the request being answered; `responses` to the requests before it are kept with it.
    mutating func deferResponse(after responses: [UInt8], at now: Instant) {
        guard case .answering(let received) = phase else { return }
        phase = .waiting(DeferredRequest(received: received, responses: responses))
        awaitDelivery(at: now)
    }

    /// Begins the time for a delivery.
    mutating func awaitDelivery(at now: Instant) {
        deadline = now + limits.request
    }

    /// Notes that the delivery for the deferred request has come.
    mutating func receiveDelivery() {
        guard var deferred else { return }
        deferred.isDelivered = true
        phase = awaitsMemory ? .awaitingMemory(.waiting(deferred)) : .waiting(deferred)
    }

    /// Interrupts the phase until there is memory.
    mutating func awaitMemory() {
        if case .waiting(let deferred) = phase {
            deadline = end(of: deferred.received.request.head, from: deferred.received.began)
        }
        phase = .awaitingMemory(phase)
    }

    /// Goes on with the phase that was interrupted.
    mutating func stopAwaitingMemory() {
        if case .awaitingMemory(let interrupted) = phase { phase = interrupted }
    }

    /// Interrupts the phase until the client has taken the queued responses.
    mutating func block(at now: Instant) {
        if case .writing = phase { return }
        phase = .writing(then: phase)
        deadline = now + limits.write
    }

    /// Goes on after all queued responses are sent.
    mutating func finishWriting(at now: Instant) -> Next {
        if case .writing(let next) = phase { phase = next }
        switch phase {
        case .reading(_, let end): deadline = end
        case .ending(.linger):
            phase = .lingering(remaining: limits.maxBody)
            deadline = now + limits.linger
            return .linger
        case .ending(.close):
            phase = .closed
            return .close
        default:
            phase = .idle
            deadline = now + limits.idle
        }
        return .read
    }

    /// Counts discarded bytes.
    mutating func discard(_ count: Int) {
        guard case .lingering(let remaining) = phase else { return }
        phase = count < remaining ? .lingering(remaining: remaining - count) : .closed
    }

    mutating func close() { phase = .closed }

    /// Ends the phase whose deadline has passed.
    mutating func expire() -> Expiry {
        switch phase {
        case .handshaking: return .close(.handshake)
        case .idle: return .close(.idle)
        case .writing: return .close(.write)
        case .answering, .ending, .lingering, .closed: return .close(nil)
        case .reading: return refuse(408, "the request did not arrive in time", .request)
        case .waiting: return refuse(503, "what the answer depends on did not come in time", .request)
        case .awaitingMemory:
            return refuse(503, "other requests hold all memory that there is for requests", nil, retryAfter: 1)
        }
    }

    private mutating func refuse(
        _ status: Int, _ message: String, _ timedOut: TimedOutPhase?, retryAfter: Int? = nil
    ) -> Expiry {
        phase = .ending(.linger)
        return .refuse(HTTPError(status: status, message: message, retryAfter: retryAfter), timedOut)
    }
}
