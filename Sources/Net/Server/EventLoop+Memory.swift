internal import HTTP

/// Requests that wait for memory; nothing more is read of them meanwhile.
extension EventLoop {
    /// Claims memory for the buffer that the next read of a connection needs; returns false when there is none.
    func mayRead(_ channel: Channel, isNext: Bool = false) -> Bool {
        let needed = bufferSize(for: channel)
        // A large request is one from its beginning, if it announces its size.
        channel.neededMemory = max(needed, channel.connection.expected)
        guard needed > MemoryBudget.free, needed > channel.heldMemory, !channel.hasBodyLane else { return true }
        if shared.memory.claim(needed - channel.heldMemory, for: channel.neededMemory, isNext: isNext) {
            channel.heldMemory = needed
            return true
        }
        channel.hasBodyLane = shared.memory.acquire(.body)
        return channel.hasBodyLane
    }

    /// Suspends a connection until there is memory for it, or its deadline passes.
    func awaitMemory(_ channel: Channel) {
        guard !channel.connection.awaitsMemory else { return }
        channel.connection.awaitMemory()
        shared.memory.startWaiting()
        counters.memoryWaits.add()
        memoryWaiters.append(channel.token)
        suspend(channel, until: [])
        // Memory may have been released before the connection waited for it: the next iteration tries again.
        wakeup.signal()
    }

    func stopAwaitingMemory(_ channel: Channel) {
        guard channel.connection.awaitsMemory else { return }
        channel.connection.stopAwaitingMemory()
        shared.memory.stopWaiting()
    }

    /// Continues with the connections that wait for memory, as far as there is some: the oldest first, but small requests
    /// before large ones.
    func retryMemory() {
        guard !memoryWaiters.isEmpty else { return }
        let tokens = memoryWaiters
        memoryWaiters = []
        var isBlocked = false
        for token in tokens {
            guard let channel = channels[token], channel.connection.awaitsMemory else { continue }
            selectFreeScratch()
            let isLarge = channel.neededMemory > MemoryBudget.small
            if isBlocked && isLarge || !retryMemory(for: channel) {
                memoryWaiters.append(token)
                isBlocked = isBlocked || isLarge
            }
        }
    }

    /// Continues with a connection that waits for memory; returns false when there is still none.
    private func retryMemory(for channel: Channel) -> Bool {
        if channel.connection.deferred != nil { return answerDeferred(channel, isNext: true) }
        // `serve` needs the buffer that follows from this.
        moveToScratch(channel)
        guard mayRead(channel, isNext: true) else {
            suspend(channel, until: [])
            return false
        }
        stopAwaitingMemory(channel)
        serve(channel)
        return true
    }

    /// Claims the memory that a connection's buffer takes, and releases the memory that it no longer takes.
    func adjustMemory(_ channel: Channel) {
        let size = channel.unread?.capacity ?? 0
        if channel.hasBodyLane, size <= MemoryBudget.small {
            channel.hasBodyLane = false
            shared.memory.release(.body)
        }
        // The lane holds the bytes beyond the shared part.
        let held = channel.hasBodyLane ? min(size, channel.heldMemory) : size
        guard held != channel.heldMemory else { return }
        if held > channel.heldMemory {
            // Few bytes, which came with the claimed ones and cannot be left in the socket.
            shared.memory.add(held - channel.heldMemory)
        } else {
            shared.memory.release(channel.heldMemory - held)
        }
        channel.heldMemory = held
    }

    /// Releases all memory that a connection holds.
    func releaseMemory(_ channel: Channel) {
        stopAwaitingMemory(channel)
        channel.unread = nil
        adjustMemory(channel)
    }
}
