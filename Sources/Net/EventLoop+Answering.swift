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
    var response: Response?
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
        for index in arrivals.indices { arrivals[index].response = respond(to: arrivals[index]) }
        for (index, arrival) in arrivals.enumerated() {
            takeScratch(of: index)
            arrival.channel.hasArrival = false
            guard finish(arrival, with: arrival.response), answer(arrival.channel, from: arrival.buffer) else {
                continue
            }
            pause(arrival.channel)
        }
        arrivals.removeAll(keepingCapacity: true)
    }

    private func respond(to arrival: Arrival) -> Response? {
        // The request lies in the buffer, which is not touched before the responder returns.
        let bytes = UnsafeBufferPointer(rebasing: arrival.buffer.bytes[arrival.body])
        let channel = arrival.channel
        return responder.respond(
            arrival.request, bytes.span, channel.listener.id, Ticket(token: channel.token))
    }

    /// Puts the response among those under way and takes the request away; false when its answer comes later.
    private func finish(_ arrival: Arrival, with response: Response?) -> Bool {
        let channel = arrival.channel
        let buffer = arrival.buffer
        if let response {
            let moreIsHere = buffer.count > arrival.length || channel.hasPending
            append(response, to: arrival.request, channel, moreIsHere: moreIsHere)
        } else {
            channel.waiting = (arrival.request, out)
            out = []
            channel.connection.await(at: now)
        }
        buffer.consume(arrival.length)
        if response == nil { park(channel, []) }
        return response != nil
    }

    private func append(_ response: Response, to request: Request, _ channel: Channel, moreIsHere: Bool) {
        let isWithdrawn = channel.isWithdrawn
        let closes = channel.connection.closes(
            after: request, serverCloses: isWithdrawn || shared.status.phase >= .closing,
            moreIsHere: moreIsHere && !isWithdrawn)
        Encoder.append(response, closing: closes, omittingBody: request.head.method == .head, to: &out)
        counters.requests.add()
    }

    /// Answers a request that waited.
    func resume(_ ticket: Ticket, with message: any Sendable) {
        let response = responder.resume(ticket, message)
        // The client may be gone, or was told that it took too long.
        guard let channel = channel(ticket.token), channel.connection.phase == .waiting,
            let (request, responses) = channel.waiting
        else { return }
        takeScratch()
        channel.waiting = nil
        channel.connection.finishWaiting()
        out = responses
        let hasMore = channel.unread.map { $0.count > 0 } ?? false || channel.hasPending
        append(response, to: request, channel, moreIsHere: hasMore)
        guard send(channel) else { return }
        goOn(channel)
    }

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
        switch channel.connection.expire() {
        case .refuse(let error):
            counters.countTimeout(.request)
            refuse(error, channel)
            _ = send(channel)
        case .close(let phase):
            if let phase { counters.countTimeout(phase) }
            if phase == .handshake { counters.countFailure(.timeout) }
            if phase == .idle { channel.sayGoodbye() }
            close(channel)
        }
    }
}
