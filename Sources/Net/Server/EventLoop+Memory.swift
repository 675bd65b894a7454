internal import HTTP

/// The purpose for which a connection waits for memory, in the order in which connections continue.
///
/// The connections with one need wait for each other, but not for those with another: a request that holds the lane of bodies
/// must not wait behind the bodies that wait for this lane.
enum MemoryNeed: Int, CaseIterable {
    case evaluation
    case smallBody
    case largeBody

    init(of channel: Channel) {
        if channel.connection.deferred != nil {
            self = .evaluation
        } else {
            self = channel.neededMemory <= MemoryBudget.small ? .smallBody : .largeBody
        }
    }
}

/// Requests that wait for memory; nothing more of them is read meanwhile.
extension EventLoop {
    /// Claims memory for the buffer that a connection's next read needs; returns false if there is none.
    func mayRead(_ channel: Channel, isNext: Bool = false) -> Bool {
        let needed = bufferSize(for: channel)
        // A request that announces a large size is large from the start.
        channel.neededMemory = max(needed, channel.connection.expected)
        guard needed > MemoryBudget.free, needed > channel.heldMemory, !channel.hasBodyLane else { return true }
        if shared.memory.claim(needed - channel.heldMemory, for: channel.neededMemory, isNext: isNext) {
            channel.heldMemory = needed
            return true
        }
        channel.hasBodyLane = shared.memory.acquire(.body)
        return channel.hasBodyLane
    }

    /// Suspends a connection until memory is available for it, or its deadline passes.
    func awaitMemory(_ channel: Channel) {
        guard !channel.connection.awaitsMemory else { return }
        channel.connection.awaitMemory()
        shared.memory.startWaiting()
        counters.memoryWaits.add()
        channel.memoryNeed = MemoryNeed(of: channel)
        memoryWaiters[channel.memoryNeed.rawValue].append(channel.token)
        suspend(channel, until: [])
        // Memory may have been released before the connection waited for it, so the next iteration tries again.
        wakeup.signal()
    }

    func stopAwaitingMemory(_ channel: Channel) {
        guard channel.connection.awaitsMemory else { return }
        channel.connection.stopAwaitingMemory()
        shared.memory.stopWaiting()
    }

    /// Continues the connections that wait for memory, the oldest first, as far as memory is available for each need.
    func retryMemory() {
        for need in MemoryNeed.allCases {
            // A connection that waits again is tried in the next iteration.
            let count = memoryWaiters[need.rawValue].count
            var continued = 0
            while continued < count, retryMemory(memoryWaiters[need.rawValue][continued], need) { continued += 1 }
            memoryWaiters[need.rawValue].removeFirst(continued)
        }
    }

    /// Continues a connection unless it no longer waits; returns false if memory is still missing.
    private func retryMemory(_ token: UInt64, _ need: MemoryNeed) -> Bool {
        guard let channel = channels[token], channel.connection.awaitsMemory, channel.memoryNeed == need else {
            return true
        }
        selectFreeScratch()
        return retryMemory(for: channel)
    }

    /// Continues a connection that waits for memory; returns false if it is still missing.
    private func retryMemory(for channel: Channel) -> Bool {
        if channel.connection.deferred != nil { return answerDeferred(channel, isNext: true) }
        // `serve` needs the buffer that results from this.
        moveToScratch(channel)
        guard mayRead(channel, isNext: true) else {
            suspend(channel, until: [])
            return false
        }
        stopAwaitingMemory(channel)
        serve(channel)
        return true
    }

    /// Claims the memory that a connection's buffer takes, and releases the rest.
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
            // A few bytes, which arrived with the claimed ones and cannot stay in the socket.
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
