internal import Synchronization

/// Messages from any thread to one event loop, which each message wakes.
///
/// The lock is held to add a message or to remove all, never while one is handled.
final class MessageQueue<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let wakeup: Wakeup
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - wakeup: The wakeup of the loop.
    ///   - limit: The largest number of messages.
    init(waking wakeup: Wakeup, limit: Int = .max) {
        self.wakeup = wakeup
        self.limit = limit
    }

    /// True if the queue was closed.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Adds a message; returns false if the queue is closed or full.
    @discardableResult
    func send(_ message: Message) -> Bool {
        let isAdded = state.withLock { state in
            guard !state.isClosed, state.messages.count < limit else { return false }
            state.messages.append(message)
            return true
        }
        if isAdded { wakeup.signal() }
        return isAdded
    }

    /// Removes and returns all messages, the oldest first.
    func removeAll() -> [Message] {
        state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    /// Closes the queue and wakes the loop.
    func close() {
        state.withLock { $0.isClosed = true }
        wakeup.signal()
    }
}
