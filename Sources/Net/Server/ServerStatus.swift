internal import Synchronization

/// The phase and counters of a running server, readable from any thread.
public final class ServerStatus: Sendable {
    /// The phases of a server, in their order.
    public enum Phase: UInt8, Comparable, Sendable {
        /// Its ports are open, but no requests are answered yet.
        case starting
        /// All requests are answered.
        case serving
        /// The shutdown has started: all requests are answered as before, so that clients have time to stop sending them.
        case draining
        /// Each response closes its connection.
        case closing
        /// No requests are answered anymore.
        case stopped

        /// True if the first phase comes earlier.
        public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    private let current = Atomic<UInt8>(Phase.starting.rawValue)
    let openConnections = Atomic<Int>(0)
    let loops: [LoopCounters]
    /// The memory of all requests.
    public let memory: MemoryBudget

    init(loopCount: Int, memory: MemoryBudget) {
        self.memory = memory
        loops = (0..<loopCount).map { _ in LoopCounters() }
    }

    /// The current phase.
    public var phase: Phase { Phase(rawValue: current.load(ordering: .acquiring)) ?? .stopped }

    /// True if the server is shutting down; readiness probes then fail.
    public var isDraining: Bool { phase >= .draining }

    /// The sums of all loops' counters.
    public var counts: Counts {
        var counts = Counts()
        for loop in loops { loop.add(to: &counts) }
        return counts
    }

    /// The durations of unfinished iterations that have taken longer than a limit, one per loop.
    ///
    /// A loop that waits for events is not in an iteration.
    ///
    /// - Parameter limit: The limit.
    /// - Returns: The durations, in the order of the loops.
    public func stalls(longerThan limit: Duration) -> [Duration] {
        let now = Instant.now
        return loops.compactMap { $0.iterations.age(at: now) }.filter { $0 > limit }
    }

    /// Advances to a later phase; returns false if it is not later.
    @discardableResult
    func advance(to phase: Phase) -> Bool {
        current.max(phase.rawValue, ordering: .acquiringAndReleasing).oldValue < phase.rawValue
    }
}
