internal import Synchronization

/// How long the turns of event loops took, since the start.
///
/// A turn is what a loop does between two waits. Whatever comes meanwhile lies there until the next one, so a turn's length
/// is what one connection can cost the others: the loop's lag.
public struct Turns: Equatable, Sendable {
    /// The longest turn that each class takes in; the last class, which has none, takes in all others.
    public static let bounds: [Duration] = [
        .microseconds(100), .milliseconds(1), .milliseconds(10), .milliseconds(50), .milliseconds(100),
        .milliseconds(500), .seconds(1),
    ]

    /// How many turns there were of each class.
    public fileprivate(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// How long all of them took together.
    public fileprivate(set) var total = Duration.zero

    /// Creates those of a server that has not started.
    public init() {}

    /// How many turns were longer than one of the bounds.
    public func count(longerThan bound: Duration) -> UInt64 {
        zip(Turns.bounds + [nil], counts).reduce(0) { sum, entry in
            entry.0.map { $0 <= bound } ?? false ? sum : sum + entry.1
        }
    }
}

/// The turns of one loop, counted by it and read by any thread.
///
/// Clocks are read through the vDSO: a turn costs no system call more.
struct TurnCounters: ~Copyable, Sendable {
    private let classes = InlineArray<8, Counter> { _ in Counter() }
    private let nanoseconds = Counter()
    /// When the turn began that is not over yet, in nanoseconds of the monotonic clock; 0 while the loop waits for events.
    private let beginning = Atomic<Int64>(0)

    private static let bounds = Turns.bounds.map(Instant.Span.init)

    /// Notes that a turn begins.
    func begin(at start: Instant) { beginning.store(start.nanoseconds, ordering: .relaxed) }

    /// How long the turn under way has taken; nil while the loop waits for events.
    func age(at now: Instant) -> Duration? {
        let start = beginning.load(ordering: .relaxed)
        return start == 0 ? nil : now - Instant(nanoseconds: start)
    }

    /// Counts a turn that is over.
    func end(from start: Instant, to end: Instant) {
        beginning.store(0, ordering: .relaxed)
        let span = Instant.Span(nanoseconds: end.nanoseconds &- start.nanoseconds)
        nanoseconds.add(Int(span.nanoseconds))
        classes[TurnCounters.bounds.firstIndex { span <= $0 } ?? TurnCounters.bounds.count].add()
    }

    func add(to turns: inout Turns) {
        for index in turns.counts.indices { turns.counts[index] += classes[index].current }
        turns.total += .nanoseconds(Int64(clamping: nanoseconds.current))
    }
}
