internal import Synchronization

/// What a running server lets be seen from any thread: how far it is, and what it has done.
public final class ServerStatus: Sendable {
    /// The stages of a server's life, in their order.
    public enum Phase: UInt8, Comparable, Sendable {
        /// Its ports are open, nobody answers yet.
        case starting
        /// Everything is answered.
        case serving
        /// The end has been announced: everything is answered as before, so that whoever sends requests here can learn
        /// that it should stop.
        case draining
        /// Each response ends its connection.
        case closing
        /// Nothing is answered any more.
        case stopped

        /// Whether one stage comes before another.
        public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    private let current = Atomic<UInt8>(Phase.starting.rawValue)
    let openConnections = Atomic<Int>(0)
    let loops: [LoopCounters]
    /// The memory that requests hold.
    public let memory: MemoryBudget

    init(loopCount: Int, memory: MemoryBudget) {
        self.memory = memory
        loops = (0..<loopCount).map { _ in LoopCounters() }
    }

    /// The stage now.
    public var phase: Phase { Phase(rawValue: current.load(ordering: .acquiring)) ?? .stopped }

    /// Whether the server has been told to end; a readiness probe fails from here on.
    public var isDraining: Bool { phase >= .draining }

    /// The counters of all loops, added up.
    public var counts: Counts {
        var counts = Counts()
        for loop in loops { loop.add(to: &counts) }
        return counts
    }

    /// The ages of the turns that have taken longer than a limit and are not finished, one for each such loop.
    ///
    /// A loop that waits for events is not in a turn, however long it waits.
    ///
    /// - Parameter limit: The time that a turn may take.
    /// - Returns: The ages, in the order of the loops.
    public func stalls(longerThan limit: Duration) -> [Duration] {
        let now = Instant.now
        return loops.compactMap { $0.turns.age(at: now) }.filter { $0 > limit }
    }

    /// Goes on to a later stage; says whether it was one.
    @discardableResult
    func advance(to phase: Phase) -> Bool {
        current.max(phase.rawValue, ordering: .acquiringAndReleasing).oldValue < phase.rawValue
    }
}
