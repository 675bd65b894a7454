internal import HTTP

/// A request that is answered together with the others of its iteration.
struct Arrival {
    let channel: Channel
    /// The scratch buffer or the connection's buffer; the request is at its front.
    let buffer: ByteBuffer
    let received: ReceivedRequest
    var answer = Answer.later
}

/// The result of passing a request to the responder.
enum Answer {
    case now(Response)
    /// The response depends on a delivery.
    case later
    /// The memory to evaluate the request is not available.
    case lacksMemory
}

/// Answers requests.
///
/// Each function stores its result in the connection's phase: a connection that can continue `isReading`.
extension EventLoop {
    /// Answers every complete request in the buffer and sends the responses in one write; with `together`, the first one is
    /// answered with the others of the iteration.
    func answer(_ channel: Channel, from buffer: ByteBuffer, together: Bool = false) {
        while true {
            switch channel.connection.receive(buffer, at: now) {
            case .wait:
                return send(channel)
            case .sendContinue:
                out += Encoder.continue
                send(channel)
            case .answer(let received):
                let arrival = Arrival(channel: channel, buffer: buffer, received: received)
                guard !together else {
                    evictions.remove(channel.slot)
                    return arrivals.append(arrival)
                }
                finish(arrival, with: respond(to: received, in: buffer, channel))
                // A client that sends many requests at once must receive the responses as well.
                if out.count > 64 * 1024 { send(channel) }
            case .refuse(let error):
                refuse(error, channel)
            }
        }
    }

    /// Answers the requests of this iteration: first each is evaluated, then all responses are sent.
    func answerArrivals() {
        for index in arrivals.indices {
            let arrival = arrivals[index]
            arrivals[index].answer = respond(to: arrival.received, in: arrival.buffer, arrival.channel)
        }
        for (index, arrival) in arrivals.enumerated() {
            selectScratch(ofArrival: index)
            finish(arrival, with: arrival.answer)
            answer(arrival.channel, from: arrival.buffer)
            if arrival.channel.connection.isReading { deferToNextIteration(arrival.channel) }
        }
        arrivals.removeAll(keepingCapacity: true)
    }

    /// Calls the responder for a request in a buffer.
    private func respond(
        to received: ReceivedRequest, in buffer: ByteBuffer, _ channel: Channel, isDelivered: Bool = false,
        isNext: Bool = false
    ) -> Answer {
        let size = received.body.count
        channel.neededMemory = size
        guard let memory = shared.memory.claimEvaluation(of: size, isNext: isNext) else { return .lacksMemory }
        defer { shared.memory.release(memory) }
        // The request is in the buffer, which does not change before the responder returns.
        let bytes = UnsafeBufferPointer(rebasing: buffer.bytes[received.body])
        let ticket = Ticket(token: channel.token)
        let response =
            isDelivered
            ? responder.resume(ticket, bytes.span)
            : responder.respond(received.request, bytes.span, channel.listener.id, ticket)
        return response.map { .now($0) } ?? .later
    }

    /// Queues the response and removes the request from its buffer, or defers the response.
    private func finish(_ arrival: Arrival, with answer: Answer) {
        let (channel, length) = (arrival.channel, arrival.received.length)
        if case .now(let response) = answer {
            let moreIsHere = arrival.buffer.count > length || channel.hasPending
            append(response, to: arrival.received, channel, moreIsHere: moreIsHere)
            return arrival.buffer.consume(length)
        }
        channel.connection.deferResponse(after: out, at: now)
        out = []
        if case .later = answer { suspend(channel, until: []) } else { awaitMemory(channel) }
    }

    private func append(
        _ response: Response, to received: ReceivedRequest, _ channel: Channel, moreIsHere: Bool
    ) {
        let isWithdrawn = channel.isWithdrawn
        let closes = channel.connection.finish(
            received, serverCloses: isWithdrawn || shared.status.phase >= .closing,
            moreIsHere: moreIsHere && !isWithdrawn)
        Encoder.append(response, closing: closes, omittingBody: received.request.head.method == .head, to: &out)
        counters.requests.add()
    }

    /// Answers a request whose delivery has arrived.
    func resume(_ ticket: Ticket) {
        // The client may have disconnected, or its request has timed out.
        guard let channel = channels[ticket.token], channel.connection.deferred != nil else {
            return responder.forget(ticket)
        }
        selectFreeScratch()
        channel.connection.receiveDelivery()
        if !answerDeferred(channel) { awaitMemory(channel) }
    }

    /// Makes the responder drop a deferred request that ends between its delivery and its response.
    func forgetDelivery(to channel: Channel) {
        if channel.connection.deferred?.isDelivered ?? false { responder.forget(Ticket(token: channel.token)) }
    }

    /// Answers a deferred request; returns false if memory is missing.
    func answerDeferred(_ channel: Channel, isNext: Bool = false) -> Bool {
        guard let deferred = channel.connection.deferred, let buffer = channel.unread else { return true }
        let answer = respond(
            to: deferred.received, in: buffer, channel, isDelivered: deferred.isDelivered, isNext: isNext)
        if case .lacksMemory = answer { return false }
        stopAwaitingMemory(channel)
        guard case .now(let response) = answer else {
            channel.connection.awaitDelivery(at: now)
            suspend(channel, until: [])
            return true
        }
        out = deferred.responses
        buffer.consume(deferred.received.length)
        append(response, to: deferred.received, channel, moreIsHere: buffer.count > 0 || channel.hasPending)
        send(channel)
        continueReading(channel)
        return true
    }

    private func refuse(_ error: HTTPError, _ channel: Channel) {
        Encoder.append(Response(error), closing: true, omittingBody: false, to: &out)
        counters.requests.add()
        counters.countRefusal(error.status)
    }

    /// Sends the queued responses.
    private func send(_ channel: Channel) {
        guard !out.isEmpty else { return }
        let outcome = channel.send(out)
        counters.bytesSent.add(out.count)
        out.removeAll(keepingCapacity: out.capacity <= 256 * 1024)
        finishSending(channel, outcome)
    }

    /// Sends the responses that the client did not accept before.
    func continueSending(_ channel: Channel) {
        finishSending(channel, channel.sendUnsent())
        continueReading(channel)
    }

    /// Continues reading from a connection whose responses are sent.
    private func continueReading(_ channel: Channel) {
        // epoll does not report requests that arrived with the one whose response was not accepted.
        if channel.connection.isReading, let own = channel.unread { answer(channel, from: own) }
        guard channel.connection.isReading else { return }
        channel.hasPending ? serve(channel) : suspend(channel, until: .readable)
    }

    private func finishSending(_ channel: Channel, _ outcome: Transfer) {
        switch outcome {
        case .bytes: break
        case .wantsWrite, .wantsRead:
            channel.connection.block(at: now)
            return suspend(channel, until: outcome == .wantsWrite ? .writable : .readable)
        case .end, .failed:
            return close(channel)
        }
        switch channel.connection.finishWriting(at: now) {
        case .read: break
        case .linger:
            linger(after: channel)
        case .close:
            channel.sendCloseNotify()
            close(channel)
        }
    }

    func expire(_ channel: Channel) {
        selectFreeScratch()
        forgetDelivery(to: channel)
        let responses = channel.connection.deferred?.responses ?? []
        let awaitedMemory = channel.connection.awaitsMemory
        let expiry = channel.connection.expire()
        if awaitedMemory { shared.memory.stopWaiting() }
        releaseMemory(channel)
        switch expiry {
        case .refuse(let error, let phase):
            if let phase { counters.countTimeout(phase) }
            out = responses
            refuse(error, channel)
            send(channel)
        case .close(let phase):
            if let phase { counters.countTimeout(phase) }
            if phase == .handshake { counters.countFailure(.timeout) }
            if phase == .idle { channel.sendCloseNotify() }
            close(channel)
        }
    }
}
