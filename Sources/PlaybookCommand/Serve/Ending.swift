import Net
import Synchronization

/// The deadline of the shutdown, and whether threads have exceeded it.
final class Ending: Sendable {
    private struct State {
        var deadline: Instant?
        var hasLeftThreads = false
    }

    private let timeout: Duration
    private let state = Mutex(State())

    /// - Parameter timeout: The time from ``begin()`` to the deadline.
    init(within timeout: Duration) { self.timeout = timeout }

    /// Starts the shutdown.
    func begin() { _ = deadline }

    /// The time by which all threads must have ended; the first use starts the shutdown if ``begin()`` was not called.
    var deadline: Instant {
        state.withLock { state in
            let deadline = state.deadline ?? Instant.now + timeout
            state.deadline = deadline
            return deadline
        }
    }

    /// Records whether a thread has ended.
    func note(_ hasEnded: Bool) { if !hasEnded { state.withLock { $0.hasLeftThreads = true } } }

    /// True if a thread has not ended by the deadline.
    var hasLeftThreads: Bool { state.withLock { $0.hasLeftThreads } }
}
