internal import HTTP

extension EventLoop {
    /// Does what a connection's phase asks for; whichever event it was, the operation itself tells what is possible.
    func advance(_ channel: Channel) {
        guard !channel.hasArrival else { return }
        // Nothing is asked of the socket while it waits for memory: it has failed.
        guard !channel.awaitsMemory else { return close(channel) }
        takeScratch()
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
        switch channel.handshake(with: channel.listener.certificates?.context) {
        case .done where channel.isWithdrawn:
            counters.countFailure(.clientCertificate)
            close(channel)
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

    /// Reads until a request is whole, or nothing is left to read.
    func serve(_ channel: Channel) {
        takeUp(channel)
        for _ in 0..<EventLoop.turns {
            guard mayRead(channel) else { return awaitMemory(channel) }
            guard let buffer = roomToRead(channel) else { return close(channel) }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.vacant.prefix(EventLoop.piece))
            switch channel.read(into: room) {
            case .bytes(let count):
                buffer.commit(count)
                counters.bytesReceived.add(count)
            case .wantsRead: return park(channel, .readable)
            case .wantsWrite: return park(channel, .writable)
            case .end, .failed: return close(channel)
            }
            guard answer(channel, from: buffer, together: true) else { return }
            // Level-triggered: what is still in the socket will be told again, but what is in libssl will not.
            if channel.connection.phase == .idle, !channel.hasPending { return park(channel, .readable) }
        }
        pause(channel)
    }

    /// Leaves a connection to the next turn, of which epoll may not tell.
    func pause(_ channel: Channel) {
        park(channel, .readable)
        if channel.hasPending { unfinished.insert(channel.token) }
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
        return own.reserve(wanted(channel, after: own.count), expected: channel.connection.expected) ? own : nil
    }

    /// How much room is made for the next read of a connection that has so many bytes.
    private func wanted(_ channel: Channel, after count: Int) -> Int {
        let rest = channel.connection.expected - count
        return rest > 0 ? min(rest, EventLoop.piece) : EventLoop.piece
    }

    /// How large the connection's own buffer gets by the next read, or would if its bytes were moved there.
    func bufferSize(for channel: Channel) -> Int {
        let expected = channel.connection.expected
        if channel.unread == nil, scratch.room > 0 {
            return max(scratch.count + EventLoop.piece, min(expected, EventLoop.scratchSize))
        }
        let (count, capacity) = channel.unread.map { ($0.count, $0.capacity) } ?? (scratch.count, scratch.count)
        return ByteBuffer.size(of: count, in: capacity, reserving: wanted(channel, after: count), expected: expected)
    }

    /// Moves what the scratch holds to a buffer of the connection's own.
    private func keep(_ channel: Channel) -> Bool {
        guard let own = ByteBuffer(capacity: scratch.count), own.append(scratch) else { return false }
        scratch.reset()
        channel.unread = own
        return true
    }

    func linger(after channel: Channel) {
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

    /// Waits for the next event, with nothing of this connection left in the loop's scratch.
    func park(_ channel: Channel, _ interest: Interest) {
        if let own = channel.unread {
            if own.count == 0 {
                channel.unread = nil
            } else if own.count <= EventLoop.piece, own.capacity > MemoryBudget.small {
                // The beginning of the request after a large one.
                shrink(own, of: channel)
            }
        } else if scratch.count > 0, !keep(channel) {
            return close(channel)
        }
        settle(channel, interest)
    }

    private func shrink(_ buffer: ByteBuffer, of channel: Channel) {
        guard let smaller = ByteBuffer(capacity: buffer.count), smaller.append(buffer) else { return }
        channel.unread = smaller
    }

    /// Notes when the phase of a connection ends, and whether the connection may be closed for a new one.
    func note(_ channel: Channel) {
        let (slot, deadline) = (channel.slot, channel.connection.deadline)
        timers.set(slot, to: deadline)
        if let reason = Eviction(channel.connection.phase) {
            evictions.place(slot, reason, deadline: deadline)
        } else {
            evictions.remove(slot)
        }
    }

    private func settle(_ channel: Channel, _ interest: Interest) {
        settleMemory(channel)
        note(channel)
        guard channel.interest != interest else { return }
        channel.interest = interest
        poll.change(channel.socket.number, to: interest, token: channel.token)
    }
}
