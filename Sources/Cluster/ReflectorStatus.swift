internal import Net
internal import Synchronization

/// How far a kind is known, to be looked at from any thread.
public final class ReflectorStatus: Sendable {
    /// What is known.
    public enum State: Int, Sendable {
        /// The first list has not come yet.
        case starting
        /// All objects were known at the last contact.
        case synced
        /// The kind does not exist, or is not for us.
        case unavailable
    }

    /// Counts since the start.
    public struct Counts: Equatable, Sendable {
        /// Lists that were begun.
        public var lists = 0
        /// Watches that were begun.
        public var watches = 0
        /// Changes that were told.
        public var events = 0
        /// Lines of watches that could not be used.
        public var refusedLines = 0
        /// Lists and watches that failed.
        public var failures = 0
    }

    private let current = Atomic<Int>(State.starting.rawValue)
    private let contact = Atomic<Int64>(0)
    private let lists = Atomic<Int>(0)
    private let watches = Atomic<Int>(0)
    private let events = Atomic<Int>(0)
    private let refusedLines = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)

    /// Creates the status of a kind that nobody follows yet.
    public init() {}

    /// What is known.
    public var state: State { State(rawValue: current.load(ordering: .acquiring)) ?? .starting }

    /// How long nothing has come from the API server; nil before anything did.
    public var age: Duration? {
        let last = contact.load(ordering: .relaxed)
        return last == 0 ? nil : max(.zero, .nanoseconds(Instant.now.uptimeNanoseconds - last))
    }

    /// The counts; each is right, but they are not of one moment.
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
