internal import HTTP

extension EventLoop {
    /// Performs the step of a connection's phase; the operation shows which event occurred.
    func advance(_ channel: Channel) {
        if case .answering = channel.connection.phase { return }
        selectFreeScratch()
        switch channel.connection.phase {
        case .handshaking: continueHandshake(channel)
        case .idle, .reading: serve(channel)
        case .writing: continueSending(channel)
        case .lingering: linger(channel)
        // No event is requested in these phases: the socket has failed.
        case .waiting, .awaitingMemory: close(channel)
        case .answering, .ending, .closed: close(channel)
        }
    }

    private func continueHandshake(_ channel: Channel) {
        guard channel.hasFirstRecord(using: scratch.vacant) else { return awaitEvent(channel, .readable) }
        switch channel.handshake(with: channel.listener.certificates?.context) {
        case .done where channel.isWithdrawn:
            counters.countFailure(.clientCertificate)
            close(channel)
        case .done:
            counters.handshakes.add()
            channel.connection.finishHandshake(at: now)
            // The first request may have arrived with the end of the handshake.
            channel.hasPending ? serve(channel) : awaitEvent(channel, .readable)
        case .wantsRead: awaitEvent(channel, .readable)
        case .wantsWrite: awaitEvent(channel, .writable)
        case .failed(let reason):
            counters.countFailure(reason)
            guard reason.isAnswered else { return close(channel) }
            channel.connection.refuseHandshake(at: now)
            linger(after: channel)
        }
    }

    /// Reads until a request is complete, or no bytes are left to read.
    func serve(_ channel: Channel) {
        moveToScratch(channel)
        for _ in 0..<LoopMembers<Channel>.maxReads {
            guard mayRead(channel) else { return awaitMemory(channel) }
            guard let buffer = readBuffer(for: channel) else { return close(channel) }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.vacant.prefix(EventLoop.readSize))
            switch channel.read(into: room) {
            case .bytes(let count):
                buffer.commit(count)
                counters.bytesReceived.add(count)
            case .wantsRead: return suspend(channel, until: .readable)
            case .wantsWrite: return suspend(channel, until: .writable)
            case .end, .failed: return close(channel)
            }
            answer(channel, from: buffer, together: true)
            guard channel.connection.isReading else { return }
            // epoll is level-triggered: it reports bytes in the socket again, but not those in OpenSSL.
            if channel.connection.phase == .idle, !channel.hasPending { return suspend(channel, until: .readable) }
        }
        deferToNextIteration(channel)
    }

    /// Suspends a connection until its next event, or the next iteration if OpenSSL holds bytes of it.
    func deferToNextIteration(_ channel: Channel) {
        suspend(channel, until: .readable)
        if channel.hasPending { channels.addUnfinished(channel.token) }
    }

    /// Moves a few unread bytes to the scratch buffer: a client that sends one byte at a time then holds only these and not the
    /// room for a whole request.
    func moveToScratch(_ channel: Channel) {
        guard let own = channel.unread, own.count <= 4096, scratch.append(own) else { return }
        channel.unread = nil
    }

    /// The buffer to read into: the connection's buffer if it has one, otherwise the scratch buffer while it has room; nil if
    /// memory is missing.
    private func readBuffer(for channel: Channel) -> ByteBuffer? {
        if channel.unread == nil {
            if scratch.room > 0 { return scratch }
            guard moveToOwnBuffer(channel) else { return nil }
        }
        guard let own = channel.unread else { return nil }
        return own.reserve(room(channel, after: own.count), expected: channel.connection.expected) ? own : nil
    }

    /// The room for the next read of a connection with this many bytes.
    private func room(_ channel: Channel, after count: Int) -> Int {
        let rest = channel.connection.expected - count
        return rest > 0 ? min(rest, EventLoop.readSize) : EventLoop.readSize
    }

    /// The size of the connection's buffer after the next read, or after its bytes are moved there.
    func bufferSize(for channel: Channel) -> Int {
        let expected = channel.connection.expected
        if channel.unread == nil, scratch.room > 0 {
            return max(scratch.count + EventLoop.readSize, min(expected, EventLoop.scratchSize))
        }
        let (count, capacity) = channel.unread.map { ($0.count, $0.capacity) } ?? (scratch.count, scratch.count)
        return ByteBuffer.size(of: count, in: capacity, reserving: room(channel, after: count), expected: expected)
    }

    /// Moves the bytes of the scratch buffer to the connection's buffer; returns false if memory is missing.
    private func moveToOwnBuffer(_ channel: Channel) -> Bool {
        guard let own = ByteBuffer(capacity: scratch.count), own.append(scratch) else { return false }
        scratch.reset()
        channel.unread = own
        return true
    }

    func linger(after channel: Channel) {
        channel.finishWriting()
        channel.unread = nil
        awaitEvent(channel, .readable)
    }

    /// Discards further bytes of the client: closing now would reset the connection, and the client could lose the last response
    /// (RFC 9112 9.6).
    private func linger(_ channel: Channel) {
        while case .lingering = channel.connection.phase {
            switch channel.discard(using: scratch.vacant) {
            case .bytes(let count): channel.connection.discard(count)
            case .wantsRead: return awaitEvent(channel, .readable)
            case .wantsWrite, .end, .failed: return close(channel)
            }
        }
        close(channel)
    }

    /// Moves the connection's bytes out of the scratch buffer and waits for its next event.
    func suspend(_ channel: Channel, until interest: Interest) {
        if let own = channel.unread {
            if own.count == 0 {
                channel.unread = nil
            } else if own.count <= EventLoop.readSize, own.capacity > MemoryBudget.small {
                // The beginning of the request after a large one.
                shrink(own, of: channel)
            }
        } else if scratch.count > 0, !moveToOwnBuffer(channel) {
            return close(channel)
        }
        awaitEvent(channel, interest)
    }

    private func shrink(_ buffer: ByteBuffer, of channel: Channel) {
        guard let smaller = ByteBuffer(capacity: buffer.count), smaller.append(buffer) else { return }
        channel.unread = smaller
    }

    /// Records the deadline of a connection's phase, and if the connection can be closed for a new one.
    func updateDeadline(of channel: Channel) {
        let (slot, deadline) = (channel.slot, channel.connection.deadline)
        channels.setDeadline(channel.token, to: deadline)
        if let reason = Eviction(channel.connection.phase) {
            evictions.place(slot, reason, deadline: deadline)
        } else {
            evictions.remove(slot)
        }
    }

    private func awaitEvent(_ channel: Channel, _ interest: Interest) {
        adjustMemory(channel)
        updateDeadline(of: channel)
        guard channel.interest != interest else { return }
        channel.interest = interest
        poll.change(channel.socket.number, to: interest, token: channel.token)
    }
}
