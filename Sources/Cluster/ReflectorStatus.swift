internal import Net
internal import Synchronization

/// The sync status of a kind, readable from any thread.
public final class ReflectorStatus: Sendable {
    /// The state of the cache.
    public enum State: Int, Sendable {
        /// The first list has not arrived.
        case starting
        /// All objects were known at the last contact.
        case synced
        /// The kind does not exist or must not be read.
        case unavailable
    }

    /// The counts since the start.
    public struct Counts: Equatable, Sendable {
        /// The lists that were started.
        public var lists = 0
        /// The watches that were started.
        public var watches = 0
        /// The changes that were delivered.
        public var events = 0
        /// The lines of watches that could not be used.
        public var refusedLines = 0
        /// The lists and watches that failed.
        public var failures = 0
    }

    private let current = Atomic<Int>(State.starting.rawValue)
    private let contact = Atomic<Int64>(0)
    private let lists = Atomic<Int>(0)
    private let watches = Atomic<Int>(0)
    private let events = Atomic<Int>(0)
    private let refusedLines = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)

    /// Creates the status of a kind that is not followed yet.
    public init() {}

    /// The state of the cache.
    public var state: State { State(rawValue: current.load(ordering: .acquiring)) ?? .starting }

    /// The time since the last response from the API server; nil before the first one.
    public var age: Duration? {
        let last = contact.load(ordering: .relaxed)
        return last == 0 ? nil : max(.zero, .nanoseconds(Instant.now.uptimeNanoseconds - last))
    }

    /// The counts; they are not a consistent snapshot.
    public var counts: Counts {
        Counts(
            lists: lists.load(ordering: .relaxed), watches: watches.load(ordering: .relaxed),
            events: events.load(ordering: .relaxed), refusedLines: refusedLines.load(ordering: .relaxed),
            failures: failures.load(ordering: .relaxed))
    }

    func become(_ state: State) { current.store(state.rawValue, ordering: .releasing) }
    func heard(at now: Instant) { contact.store(now.uptimeNanoseconds, ordering: .relaxed) }
    func countList() { lists.add(1, ordering: .relaxed) }
    func countWatch() { watches.add(1, ordering: .relaxed) }
    func countEvent() { events.add(1, ordering: .relaxed) }
    func countRefusedLine() { refusedLines.add(1, ordering: .relaxed) }
    func countFailure() { failures.add(1, ordering: .relaxed) }
}
