internal import Glibc

/// The state of a listening socket in one loop: watched, or paused.
struct ListenerSlot {
    let listener: BoundListener
    var isWatched = false
    /// The end of a pause after the system ran out of resources; nil for a pause until connections are closed.
    var pausedUntil: Instant?

    init(listener: BoundListener) {
        self.listener = listener
    }
}

extension EventLoop {
    /// The number of connections accepted at one event; a small number leaves other loops their share of a burst.
    private static let acceptBatch = 4

    func startAccepting(from index: Int) {
        guard !listeners[index].isWatched else { return }
        listeners[index].pausedUntil = nil
        listeners[index].isWatched = poll.add(
            listeners[index].listener.socket.number, [.readable, .exclusive], token: Token.listener(index: index))
    }

    private func pauseAccepting(from index: Int, until: Instant? = nil) {
        guard listeners[index].isWatched else { return }
        poll.remove(listeners[index].listener.socket.number)
        listeners[index].isWatched = false
        listeners[index].pausedUntil = until
    }

    func accept(from index: Int) {
        let listener = listeners[index].listener
        for _ in 0..<EventLoop.acceptBatch {
            // Connections without room stay in the backlog, for the other loops or until there is room.
            guard hasRoom else { return pauseAccepting(from: index) }
            switch Descriptor.accept(from: listener.socket.number) {
            case .connection(let socket):
                makeRoom()
                add(socket, listener: listener)
            case .none:
                return
            case .exhausted(let error):
                shared.report(.cannotAccept(listener: listener.name, error))
                return pauseAccepting(from: index, until: now + Instant.Span(.seconds(1)))
            }
        }
    }

    /// True if one more connection can be open, after another is closed if necessary.
    private var hasRoom: Bool { channels.count < plan.maxConnections || evictions.next != nil }

    /// Closes a connection for a new one if no more can be open.
    private func makeRoom() {
        guard channels.count >= plan.maxConnections else { return }
        while let (slot, reason) = evictions.next, let channel = channels[slot: slot] {
            // A request that has arrived but has not been read is kept: the connection is no longer idle.
            if reason == .idle, channel.connection.phase == .idle, channel.hasReceived {
                evictions.place(slot, .transfer, deadline: channel.connection.deadline)
                continue
            }
            counters.countEviction(reason)
            channel.sendCloseNotify()
            return close(channel)
        }
    }

    /// Watches the listeners again whose pause has ended.
    func resumeAccepting() {
        for index in listeners.indices where !listeners[index].isWatched {
            if let until = listeners[index].pausedUntil, until > now { continue }
            if hasRoom { startAccepting(from: index) }
        }
    }
}
