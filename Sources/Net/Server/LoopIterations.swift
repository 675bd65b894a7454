internal import Synchronization

/// The durations of event loops' iterations since the start.
///
/// An iteration is the work between two waits for events. Events that arrive meanwhile wait for the next one, so its duration is
/// the delay that one connection can cause for the others: the loop's lag.
public struct LoopIterations: Equatable, Sendable {
    /// The longest duration of each class but the last, which has no limit.
    public static let bounds: [Duration] = [
        .microseconds(100), .milliseconds(1), .milliseconds(10), .milliseconds(50), .milliseconds(100),
        .milliseconds(500), .seconds(1),
    ]

    /// The number of iterations of each class.
    public fileprivate(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// The sum of all durations.
    public fileprivate(set) var total = Duration.zero

    /// Creates the durations of a server that has not started.
    public init() {}

    /// The number of iterations longer than one of the bounds.
    public func count(longerThan bound: Duration) -> UInt64 {
        zip(LoopIterations.bounds + [nil], counts).reduce(0) { sum, entry in
            entry.0.map { $0 <= bound } ?? false ? sum : sum + entry.1
        }
    }
}

/// The iterations of one loop, counted by it and read by any thread.
///
/// Clocks are read through the vDSO, without a system call.
struct IterationCounters: ~Copyable, Sendable {
    private let classes = InlineArray<8, Counter> { _ in Counter() }
    private let nanoseconds = Counter()
    /// The start of the current iteration, in nanoseconds of the monotonic clock; 0 while the loop waits for events.
    private let beginning = Atomic<Int64>(0)

    private static let bounds = LoopIterations.bounds.map(Instant.Span.init)

    /// Records the start of an iteration.
    func begin(at start: Instant) { beginning.store(start.nanoseconds, ordering: .relaxed) }

    /// The duration of the current iteration so far; nil while the loop waits for events.
    func age(at now: Instant) -> Duration? {
        let start = beginning.load(ordering: .relaxed)
        return start == 0 ? nil : now - Instant(nanoseconds: start)
    }

    /// Counts a finished iteration.
    func end(from start: Instant, to end: Instant) {
        beginning.store(0, ordering: .relaxed)
        let span = Instant.Span(nanoseconds: end.nanoseconds &- start.nanoseconds)
        nanoseconds.add(Int(span.nanoseconds))
        classes[IterationCounters.bounds.firstIndex { span <= $0 } ?? IterationCounters.bounds.count].add()
    }

    func add(to iterations: inout LoopIterations) {
        for index in iterations.counts.indices { iterations.counts[index] += classes[index].current }
        iterations.total += .nanoseconds(Int64(clamping: nanoseconds.current))
    }
}
