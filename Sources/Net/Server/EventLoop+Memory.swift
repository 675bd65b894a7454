internal import HTTP

/// Requests that wait for memory: while there is none for what they need, nothing more is read of them.
extension EventLoop {
    /// Whether there is memory for the buffer that the next read of a connection needs; it is claimed.
    func mayRead(_ channel: Channel, isNext: Bool = false) -> Bool {
        let needed = bufferSize(for: channel)
        // A large request is one from its beginning, if it announces its size.
        channel.neededMemory = max(needed, channel.connection.expected)
        guard needed > MemoryBudget.free, needed > channel.heldMemory, !channel.hasBodyLane else { return true }
        if shared.memory.claim(needed - channel.heldMemory, for: channel.neededMemory, isNext: isNext) {
            channel.heldMemory = needed
            return true
        }
        channel.hasBodyLane = shared.memory.take(.body)
        return channel.hasBodyLane
    }

    /// Leaves a connection until there is memory for it, or its time is over.
    func awaitMemory(_ channel: Channel) {
        if !channel.awaitsMemory {
            channel.awaitsMemory = true
            shared.memory.startWaiting()
            counters.memoryWaits.add()
            // Memory may have been given back before somebody waited for it: another turn looks again.
            wakeup.signal()
        }
        memoryWaiters.append(channel.token)
        park(channel, [])
    }

    func stopAwaitingMemory(_ channel: Channel) {
        guard channel.awaitsMemory else { return }
        channel.awaitsMemory = false
        shared.memory.stopWaiting()
    }

    /// Goes on with the connections that waited for memory, as far as there is some: in the order in which they came, but
    /// small requests ahead of large ones.
    func retryMemory() {
        guard !memoryWaiters.isEmpty else { return }
        let tokens = memoryWaiters
        memoryWaiters = []
        var isBlocked = false
        for token in tokens {
            guard let channel = channel(token), channel.awaitsMemory else { continue }
            takeScratch()
            let isLarge = channel.neededMemory > MemoryBudget.small
            if isBlocked && isLarge || !goOnWithMemory(channel) {
                memoryWaiters.append(token)
                isBlocked = isBlocked || isLarge
            }
        }
    }

    /// Goes on with a connection that waited for memory; false when there is still none.
    private func goOnWithMemory(_ channel: Channel) -> Bool {
        if channel.waiting != nil { return answerWaiting(channel, isNext: true) }
        guard mayRead(channel, isNext: true) else { return false }
        stopAwaitingMemory(channel)
        serve(channel)
        return true
    }

    /// Claims what a connection's buffer takes, and gives back what it no longer takes.
    func settleMemory(_ channel: Channel) {
        let size = channel.unread?.capacity ?? 0
        if channel.hasBodyLane, size <= MemoryBudget.small {
            channel.hasBodyLane = false
            shared.memory.release(.body)
        }
        // What goes beyond the shared part is the lane's.
        let held = channel.hasBodyLane ? min(size, channel.heldMemory) : size
        guard held != channel.heldMemory else { return }
        if held > channel.heldMemory {
            // Few bytes, which came with what was claimed and cannot be left in the socket.
            shared.memory.add(held - channel.heldMemory)
        } else {
            shared.memory.release(channel.heldMemory - held)
        }
        channel.heldMemory = held
    }

    /// Gives back all that a connection holds.
    func releaseMemory(_ channel: Channel) {
        stopAwaitingMemory(channel)
        channel.unread = nil
        settleMemory(channel)
    }
}
