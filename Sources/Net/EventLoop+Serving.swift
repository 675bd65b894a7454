internal import HTTP

extension EventLoop {
    /// Does what a connection's phase asks for; whichever event it was, the operation itself tells what is possible.
    func advance(_ channel: Channel) {
        scratch.reset()
        switch channel.connection.phase {
        case .handshaking: shakeHands(channel)
        case .idle, .reading: serve(channel)
        case .writing: goOnSending(channel)
        case .lingering: linger(channel)
        // Nothing is asked of the socket meanwhile: it has failed.
        case .waiting: close(channel)
        case .closed: close(channel)
        }
    }

    private func shakeHands(_ channel: Channel) {
        guard channel.hasFirstRecord(using: scratch.vacant) else { return settle(channel, .readable) }
        switch channel.handshake(with: shared.listeners[channel.listener].certificates?.context) {
        case .done:
            counters.handshakes.add()
            channel.connection.finishHandshake(at: now)
            // The first request may have come along with the end of the handshake.
            channel.hasPending ? serve(channel) : settle(channel, .readable)
        case .wantsRead: settle(channel, .readable)
        case .wantsWrite: settle(channel, .writable)
        case .failed(let reason):
            counters.countFailure(reason)
            guard reason.isAnswered else { return close(channel) }
            channel.connection.refuseHandshake(at: now)
            linger(after: channel)
        }
    }

    /// Reads and answers until nothing whole is left to answer.
    private func serve(_ channel: Channel) {
        takeUp(channel)
        for _ in 0..<EventLoop.turns {
            guard let buffer = roomToRead(channel) else { return close(channel) }
            switch channel.read(into: buffer.vacant) {
            case .bytes(let count):
                buffer.commit(count)
                counters.bytesReceived.add(count)
            case .wantsRead: return park(channel, .readable)
            case .wantsWrite: return park(channel, .writable)
            case .end, .failed: return close(channel)
            }
            guard answer(channel, from: buffer) else { return }
            // Level-triggered: what is still in the socket will be told again, but what is in libssl will not.
            if channel.connection.phase == .idle, !channel.hasPending { return park(channel, .readable) }
        }
        park(channel, .readable)
        if channel.hasPending { unfinished.append(channel.token) }
    }

    /// Brings a small beginning back to the scratch, so that a client that sends a byte at a time holds a few bytes and not
    /// the room for a whole request.
    private func takeUp(_ channel: Channel) {
        guard let own = channel.unread, own.count <= 4096, scratch.append(own) else { return }
        channel.unread = nil
    }

    /// The buffer to read into: the connection's own if it has one, else the scratch while that lasts.
    private func roomToRead(_ channel: Channel) -> ByteBuffer? {
        if channel.unread == nil {
            if scratch.room > 0 { return scratch }
            guard keep(channel) else { return nil }
        }
        guard let own = channel.unread else { return nil }
        let rest = channel.connection.expected - own.count
        let wanted = rest > 0 ? min(rest, EventLoop.piece) : EventLoop.piece
        return own.reserve(wanted, expected: channel.connection.expected) ? own : nil
    }

    /// Moves what the scratch holds to a buffer of the connection's own.
    private func keep(_ channel: Channel) -> Bool {
        guard let own = ByteBuffer(capacity: scratch.count), own.append(scratch) else { return false }
        scratch.reset()
        channel.unread = own
        return true
    }

    /// Answers every whole request in the buffer and sends the responses in one write.
    ///
    /// False when the connection is closed, or waits for something other than bytes to read.
    private func answer(_ channel: Channel, from buffer: ByteBuffer) -> Bool {
        while true {
            switch channel.connection.receive(buffer, at: now) {
            case .wait:
                return out.isEmpty || send(channel)
            case .sendContinue:
                out += Encoder.continue
                guard send(channel) else { return false }
            case .answer(let request, let body, let length):
                let isAnswered = answer(request, body: body, of: length, channel, from: buffer)
                buffer.consume(length)
                guard isAnswered else {
                    park(channel, [])
                    return false
                }
                // A client that sends many requests at once must take the responses as well.
                if out.count > 64 * 1024, !send(channel) { return false }
            case .refuse(let error):
                refuse(error, channel)
            }
        }
    }

    /// Answers a request; false when its answer comes later.
    private func answer(
        _ request: Request, body: Range<Int>, of length: Int, _ channel: Channel, from buffer: ByteBuffer
    ) -> Bool {
        // The request lies in the buffer, which is not touched before the responder returns.
        let bytes = UnsafeBufferPointer(rebasing: buffer.bytes[body])
        let listener = shared.listeners[channel.listener].id
        guard let response = responder.respond(request, bytes.span, listener, Ticket(token: channel.token)) else {
            channel.waiting = (request, out)
            out = []
            channel.connection.await(at: now)
            return false
        }
        append(response, to: request, channel, moreIsHere: buffer.count > length || channel.hasPending)
        return true
    }

    private func append(_ response: Response, to request: Request, _ channel: Channel, moreIsHere: Bool) {
        let closes = channel.connection.closes(
            after: request, serverCloses: shared.status.phase >= .closing, moreIsHere: moreIsHere)
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
        scratch.reset()
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

    private func goOnSending(_ channel: Channel) {
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

    private func linger(after channel: Channel) {
        channel.finishWriting()
        channel.unread = nil
        channel.lingerBudget = limits.maxBody
        settle(channel, .readable)
    }

    /// Throws away what the client still sends: closing now would reset the connection, and take away the last response
    /// before the client has read it (RFC 9112 9.6).
    private func linger(_ channel: Channel) {
        while channel.lingerBudget > 0 {
            switch channel.discard(using: scratch.vacant) {
            case .bytes(let count): channel.lingerBudget -= count
            case .wantsRead: return settle(channel, .readable)
            case .wantsWrite, .end, .failed: return close(channel)
            }
        }
        close(channel)
    }

    func expire(_ channel: Channel) {
        scratch.reset()
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

    /// Waits for the next event, with nothing of this connection left in the loop's scratch.
    private func park(_ channel: Channel, _ interest: Interest) {
        if let own = channel.unread {
            if own.count == 0 { channel.unread = nil }
        } else if scratch.count > 0, !keep(channel) {
            return close(channel)
        }
        settle(channel, interest)
    }

    private func settle(_ channel: Channel, _ interest: Interest) {
        timers.set(channel.slot, to: channel.connection.deadline)
        guard channel.interest != interest else { return }
        channel.interest = interest
        poll.change(channel.socket.number, to: interest, token: channel.token)
    }
}
