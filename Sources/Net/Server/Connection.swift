internal import HTTP

/// The limits of a connection, in the loop's units.
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

/// A complete request at the front of a connection's buffer.
struct ReceivedRequest: Equatable {
    let request: Request
    /// The range of the body in the buffer.
    let body: Range<Int>
    /// The number of bytes of the request in the buffer.
    let length: Int
    /// The time of the request's first byte.
    let began: Instant
}

/// A request whose response depends on a delivery or on memory.
struct DeferredRequest: Equatable {
    let received: ReceivedRequest
    /// The encoded responses to the requests before it.
    let responses: [UInt8]
    /// True if its delivery has arrived, so that only memory is missing.
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
/// A request that arrives complete is never `reading`. A rejected one goes from `reading` to `ending`, a rejected handshake to
/// `lingering`. `awaitingMemory` and `writing` interrupt a phase, which continues after them. Every phase can end in `closed`.
struct Connection {
    enum Phase: Equatable {
        case handshaking
        /// No part of a request has been received.
        case idle
        /// A part of a request has been received.
        case reading(began: Instant, deadline: Instant)
        /// A complete request has been received, and its response is being created.
        case answering(ReceivedRequest)
        /// The response depends on a delivery from another thread.
        case waiting(DeferredRequest)
        /// A phase cannot continue until memory is available.
        indirect case awaitingMemory(Phase)
        /// The last response is queued, and no further request is read.
        case ending(Ending)
        /// The client has not accepted all queued responses; a phase follows.
        indirect case writing(then: Phase)
        /// The last response is sent, and this many received bytes are discarded until the client closes.
        case lingering(remaining: Int)
        case closed
    }

    /// The end of a connection after its last response.
    enum Ending {
        case linger
        case close
    }

    /// The action for received bytes.
    enum Step {
        case wait
        /// Send the interim response, then pass the bytes again.
        case sendContinue
        /// Answer the request, then remove it from the buffer.
        case answer(ReceivedRequest)
        /// Respond with the error; it is the connection's last response.
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
        /// Respond with the error, and count the time limit.
        case refuse(HTTPError, TimedOutPhase?)
        case close(TimedOutPhase?)
    }

    private(set) var phase: Phase
    /// The time to call `expire` for the current phase.
    private(set) var deadline: Instant
    private let limits: ConnectionLimits
    private var reader: RequestReader

    init(isSecure: Bool, limits: ConnectionLimits, at now: Instant) {
        self.limits = limits
        reader = RequestReader(maxBody: limits.maxBody, keptBody: limits.keptBody)
        phase = isSecure ? .handshaking : .idle
        deadline = now + (isSecure ? limits.handshake : limits.idle)
    }

    /// The size of the message being read, as far as it is known; otherwise 0.
    var expected: Int { reader.expected }

    /// True if received bytes are read as requests.
    var isReading: Bool {
        switch phase {
        case .idle, .reading: true
        default: false
        }
    }

    /// True if the connection cannot continue without memory.
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

    /// Ends the connection after a handshake that failed with an alert, which the client must receive.
    mutating func refuseHandshake(at now: Instant) {
        phase = .ending(.linger)
        _ = finishWriting(at: now)
    }

    /// Reads the bytes that are not consumed.
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
        // The client does not wait longer than its timeout.
        guard let timeout = head?.timeout else { return end }
        return min(end, began + Instant.Span(timeout))
    }

    /// Finishes a request that is answered; returns true if its response is the connection's last.
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

    /// Starts the time limit of a delivery, the first or a further one.
    mutating func awaitDelivery(at now: Instant) {
        if var deferred {
            deferred.isDelivered = false
            phase = .waiting(deferred)
        }
        deadline = now + limits.request
    }

    /// Records that the delivery for the deferred request has arrived.
    mutating func receiveDelivery() {
        guard var deferred else { return }
        deferred.isDelivered = true
        phase = awaitsMemory ? .awaitingMemory(.waiting(deferred)) : .waiting(deferred)
    }

    /// Interrupts the phase until memory is available.
    mutating func awaitMemory() {
        if case .waiting(let deferred) = phase {
            deadline = end(of: deferred.received.request.head, from: deferred.received.began)
        }
        phase = .awaitingMemory(phase)
    }

    /// Continues the phase that was interrupted.
    mutating func stopAwaitingMemory() {
        if case .awaitingMemory(let interrupted) = phase { phase = interrupted }
    }

    /// Interrupts the phase until the client has accepted the queued responses.
    mutating func block(at now: Instant) {
        if case .writing = phase { return }
        phase = .writing(then: phase)
        deadline = now + limits.write
    }

    /// Continues after all queued responses are sent.
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
        case .waiting: return refuse(503, "the data for the response was not ready in time", .request)
        case .awaitingMemory:
            return refuse(503, "the memory for requests is used up", nil, retryAfter: 1)
        }
    }

    private mutating func refuse(
        _ status: Int, _ message: String, _ timedOut: TimedOutPhase?, retryAfter: Int? = nil
    ) -> Expiry {
        phase = .ending(.linger)
        return .refuse(HTTPError(status: status, message: message, retryAfter: retryAfter), timedOut)
    }
}
