internal import HTTP

/// A request that is whole, and where it lies.
struct Arrival {
    let channel: Channel
    /// The loop's scratch or the connection's own; the request is at its front.
    let buffer: ByteBuffer
    let request: Request
    /// Where in the buffer its body is.
    let body: Range<Int>
    /// How many bytes the request takes up.
    let length: Int
    var answer = Answer.later
}

/// What comes of a request.
enum Answer {
    case now(Response)
    /// It comes with a delivery.
    case later
    /// There is no memory for it now.
    case lacksMemory
}

extension EventLoop {
    /// Answers every whole request in the buffer and sends the responses in one write; with `together`, leaves the first one
    /// to be answered with the others of the turn.
    ///
    /// False when the connection is closed, or waits for something other than bytes to read.
    func answer(_ channel: Channel, from buffer: ByteBuffer, together: Bool = false) -> Bool {
        while true {
            switch channel.connection.receive(buffer, at: now) {
            case .wait:
                return out.isEmpty || send(channel)
            case .sendContinue:
                out += Encoder.continue
                guard send(channel) else { return false }
            case .answer(let request, let body, let length):
                let arrival = Arrival(channel: channel, buffer: buffer, request: request, body: body, length: length)
                guard !together else {
                    add(arrival)
                    return false
                }
                guard finish(arrival, with: respond(to: arrival)) else { return false }
                // A client that sends many requests at once must take the responses as well.
                if out.count > 64 * 1024, !send(channel) { return false }
            case .refuse(let error):
                refuse(error, channel)
            }
        }
    }

    private func add(_ arrival: Arrival) {
        arrival.channel.hasArrival = true
        evictions.remove(arrival.channel.slot)
        arrivals.append(arrival)
        if arrivals.count == EventLoop.batch { answerArrivals() }
    }

    /// Answers what came in this turn: first each is judged, then all responses are sent.
    func answerArrivals() {
        for index in arrivals.indices { arrivals[index].answer = respond(to: arrivals[index]) }
        for (index, arrival) in arrivals.enumerated() {
            takeScratch(of: index)
            arrival.channel.hasArrival = false
            guard finish(arrival, with: arrival.answer), answer(arrival.channel, from: arrival.buffer) else {
                continue
            }
            pause(arrival.channel)
        }
        arrivals.removeAll(keepingCapacity: true)
    }

    private func respond(to arrival: Arrival) -> Answer {
        respond(to: arrival.request, in: arrival.buffer, at: arrival.body, with: nil, arrival.channel, isNext: false)
    }

    /// Has a request answered that lies in a buffer, now that a message was delivered for it if it waited for one.
    private func respond(
        to request: Request, in buffer: ByteBuffer, at body: Range<Int>, with message: (any Sendable)?,
        _ channel: Channel, isNext: Bool
    ) -> Answer {
        channel.neededMemory = body.count
        guard let memory = shared.memory.claimEvaluation(of: body.count, isNext: isNext) else { return .lacksMemory }
        defer { shared.memory.release(memory) }
        // The request lies in the buffer, which is not touched before the responder returns.
        let bytes = UnsafeBufferPointer(rebasing: buffer.bytes[body])
        let ticket = Ticket(token: channel.token)
        if let message { return .now(responder.resume(ticket, message, bytes.span)) }
        let response = responder.respond(request, bytes.span, channel.listener.id, ticket)
        return response.map { .now($0) } ?? .later
    }

    /// Puts the response among those under way and takes the request away; false when its answer comes later.
    private func finish(_ arrival: Arrival, with answer: Answer) -> Bool {
        let channel = arrival.channel
        let buffer = arrival.buffer
        if case .now(let response) = answer {
            let moreIsHere = buffer.count > arrival.length || channel.hasPending
            append(response, to: arrival.request, channel, moreIsHere: moreIsHere)
            buffer.consume(arrival.length)
            return true
        }
        channel.waiting = WaitingRequest(
            request: arrival.request, body: arrival.body, length: arrival.length, responses: out)
        out = []
        leave(channel, for: answer)
        return false
    }

    /// Leaves a request that is not answered yet to what it waits for.
    private func leave(_ channel: Channel, for answer: Answer) {
        if case .later = answer {
            channel.connection.await(at: now)
            park(channel, [])
        } else if let request = channel.waiting?.request {
            channel.connection.awaitMemory(for: request)
            awaitMemory(channel)
        }
    }

    private func append(_ response: Response, to request: Request, _ channel: Channel, moreIsHere: Bool) {
        let isWithdrawn = channel.isWithdrawn
        let closes = channel.connection.closes(
            after: request, serverCloses: isWithdrawn || shared.status.phase >= .closing,
            moreIsHere: moreIsHere && !isWithdrawn)
        Encoder.append(response, closing: closes, omittingBody: request.head.method == .head, to: &out)
        counters.requests.add()
    }

    /// Answers a request that waited for a delivery.
    func resume(_ ticket: Ticket, with message: any Sendable) {
        // The client may be gone, or was told that it took too long.
        guard let channel = channel(ticket.token), channel.connection.phase == .waiting, channel.waiting != nil else {
            return responder.forget(ticket)
        }
        takeScratch()
        channel.waiting?.message = message
        if !answerWaiting(channel) { leave(channel, for: .lacksMemory) }
    }

    /// Answers a request that waited; false when there is no memory for that.
    func answerWaiting(_ channel: Channel, isNext: Bool = false) -> Bool {
        guard let waiting = channel.waiting, let buffer = channel.unread else { return true }
        let answer = respond(
            to: waiting.request, in: buffer, at: waiting.body, with: waiting.message, channel, isNext: isNext)
        if case .lacksMemory = answer { return false }
        stopAwaitingMemory(channel)
        guard case .now(let response) = answer else {
            leave(channel, for: answer)
            return true
        }
        channel.waiting = nil
        channel.connection.finishWaiting()
        out = waiting.responses
        buffer.consume(waiting.length)
        append(response, to: waiting.request, channel, moreIsHere: buffer.count > 0 || channel.hasPending)
        if send(channel) { goOn(channel) }
        return true
    }

    private static let lacksMemory = HTTPError(
        status: 503, message: "other requests hold all memory that there is for requests", retryAfter: 1)

    private func refuse(_ error: HTTPError, _ channel: Channel) {
        channel.connection.endAfterResponse()
        Encoder.append(Response(error), closing: true, omittingBody: false, to: &out)
        counters.requests.add()
        counters.countRefusal(error.status)
    }

    /// Sends what is in `out`; false when the connection is closed, or waits for something other than bytes to read.
    private func send(_ channel: Channel) -> Bool {
        let outcome = channel.send(out)
        counters.bytesSent.add(out.count)
        out.removeAll(keepingCapacity: out.capacity <= 256 * 1024)
        return finishSending(channel, outcome)
    }

    func goOnSending(_ channel: Channel) {
        guard finishSending(channel, channel.sendUnsent()) else { return }
        goOn(channel)
    }

    /// Goes on with a connection whose responses have been sent.
    private func goOn(_ channel: Channel) {
        // Requests may have come with the one whose response was stuck; nothing would tell of them again.
        if let own = channel.unread, !answer(channel, from: own) { return }
        channel.hasPending ? serve(channel) : park(channel, .readable)
    }

    private func finishSending(_ channel: Channel, _ outcome: Transfer) -> Bool {
        switch outcome {
        case .bytes: break
        case .wantsWrite, .wantsRead:
            channel.connection.block(at: now)
            park(channel, outcome == .wantsWrite ? .writable : .readable)
            return false
        case .end, .failed:
            close(channel)
            return false
        }
        switch channel.connection.finishWriting(at: now) {
        case .read: return true
        case .linger:
            linger(after: channel)
        case .close:
            channel.sayGoodbye()
            close(channel)
        }
        return false
    }

    func expire(_ channel: Channel) {
        takeScratch()
        let lackedMemory = channel.awaitsMemory
        releaseMemory(channel)
        switch channel.connection.expire() {
        case .refuse(let error):
            if !lackedMemory { counters.countTimeout(.request) }
            out = channel.waiting?.responses ?? []
            channel.waiting = nil
            refuse(lackedMemory ? EventLoop.lacksMemory : error, channel)
            _ = send(channel)
        case .close(let phase):
            if let phase { counters.countTimeout(phase) }
            if phase == .handshake { counters.countFailure(.timeout) }
            if phase == .idle { channel.sayGoodbye() }
            close(channel)
        }
    }
}
