import Net
import Synchronization

/// By when the program must have ended, and whether its threads have.
final class Ending: Sendable {
    private struct State {
        var deadline: Instant?
        var hasLeftThreads = false
    }

    private let timeout: Duration
    private let state = Mutex(State())

    /// - Parameter timeout: The time from the announcement of the end to the end.
    init(within timeout: Duration) { self.timeout = timeout }

    /// Announces the end.
    func begin() { _ = deadline }

    /// By when everything must have ended; without an announcement the time runs from here.
    var deadline: Instant {
        state.withLock { state in
            let deadline = state.deadline ?? Instant.now + timeout
            state.deadline = deadline
            return deadline
        }
    }

    /// Takes in whether a thread has ended.
    func note(_ hasEnded: Bool) { if !hasEnded { state.withLock { $0.hasLeftThreads = true } } }

    /// Whether a thread hangs in a call of the system, or is still at work.
    var hasLeftThreads: Bool { state.withLock { $0.hasLeftThreads } }
}
