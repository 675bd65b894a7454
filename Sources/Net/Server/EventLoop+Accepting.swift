internal import Glibc

/// A listening socket as one loop sees it: open, or closed for a while.
struct Gate {
    let listener: BoundListener
    var isOpen = false
    /// When to try again, if it was closed for want of resources.
    var closedUntil: Instant?

    init(listener: BoundListener) {
        self.listener = listener
    }
}

extension EventLoop {
    /// Connections taken at one event: few, so that the other loops get their share of a burst.
    private static let handful = 4

    func open(gate index: Int) {
        guard !gates[index].isOpen else { return }
        gates[index].closedUntil = nil
        gates[index].isOpen = poll.add(
            gates[index].listener.socket.number, [.readable, .exclusive], token: Token.gate(index: index))
    }

    private func shut(gate index: Int, until: Instant? = nil) {
        guard gates[index].isOpen else { return }
        poll.remove(gates[index].listener.socket.number)
        gates[index].isOpen = false
        gates[index].closedUntil = until
    }

    func accept(through index: Int) {
        let listener = gates[index].listener
        for _ in 0..<EventLoop.handful {
            // Connections that find no room stay in the backlog, for the other loops or until there is room.
            guard hasRoom else { return shut(gate: index) }
            switch Descriptor.accept(from: listener.socket.number) {
            case .connection(let socket):
                makeRoom()
                add(socket, listener: listener)
            case .none:
                return
            case .exhausted(let error):
                shared.report(.cannotAccept(listener: listener.name, error))
                return shut(gate: index, until: now + Instant.Span(.seconds(1)))
            }
        }
    }

    /// Whether one more connection can be open, maybe in the place of another.
    private var hasRoom: Bool { openCount < plan.maxConnections || evictions.next != nil }

    /// Closes a connection for a new one if no more can be open.
    private func makeRoom() {
        guard openCount >= plan.maxConnections else { return }
        while let (slot, reason) = evictions.next, let channel = channels[slot] {
            // A request that has arrived and has not been read yet is not lost: the connection is no longer idle.
            if channel.connection.phase == .idle, channel.hasReceived {
                evictions.place(slot, .transfer, deadline: channel.connection.deadline)
                continue
            }
            counters.countEviction(reason)
            channel.sayGoodbye()
            return close(channel)
        }
    }

    /// Opens the gates that were shut, as soon as there is reason to.
    func reopenGates() {
        for index in gates.indices where !gates[index].isOpen {
            if let until = gates[index].closedUntil, until > now { continue }
            if hasRoom { open(gate: index) }
        }
    }
}
