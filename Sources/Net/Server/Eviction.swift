/// The reason to close a connection for a new one, in the order in which connections are chosen.
public enum Eviction: String, CaseIterable, Sendable {
    /// No other unfinished handshake is older.
    case handshake
    /// No other connection has been idle, or has had its last response, for longer.
    case idle
    /// No other request or response has been in progress for longer.
    case transfer

    /// The reason for a phase; nil while a request is answered, since the connection must not be closed then.
    init?(_ phase: Connection.Phase) {
        switch phase {
        case .handshaking: self = .handshake
        case .idle, .lingering: self = .idle
        case .reading, .writing: self = .transfer
        case .awaitingMemory(let interrupted): self.init(interrupted)
        case .answering, .waiting, .ending, .closed: return nil
        }
    }

    /// The index among all cases.
    var index: Int {
        switch self {
        case .handshake: 0
        case .idle: 1
        case .transfer: 2
        }
    }
}

/// The connections of a loop, by slot, in the order in which they are closed for new ones.
///
/// A doubly linked list for each reason, the oldest entry first: each operation takes constant time.
struct EvictionOrder {
    private struct Entry {
        var reason: Eviction?
        var deadline = Instant.distantFuture
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    private struct List {
        var first: Int32 = -1
        var last: Int32 = -1
    }

    private var entries: [Entry] = []
    private var lists = InlineArray<3, List>(repeating: List())

    /// The connection to close next, and the reason; nil if there is none.
    var next: (slot: Int, reason: Eviction)? {
        for reason in Eviction.allCases where lists[reason.index].first >= 0 {
            return (Int(lists[reason.index].first), reason)
        }
        return nil
    }

    /// Makes a connection the last to be closed for a reason.
    ///
    /// It keeps its place if neither the reason nor the deadline of its phase changes: then it has not been used.
    mutating func place(_ slot: Int, _ reason: Eviction, deadline: Instant) {
        while entries.count <= slot { entries.append(Entry()) }
        guard entries[slot].reason != reason || entries[slot].deadline != deadline else { return }
        remove(slot)
        let last = lists[reason.index].last
        entries[slot] = Entry(reason: reason, deadline: deadline, previous: last)
        if last >= 0 { entries[Int(last)].next = Int32(slot) } else { lists[reason.index].first = Int32(slot) }
        lists[reason.index].last = Int32(slot)
    }

    /// Removes a connection.
    mutating func remove(_ slot: Int) {
        guard slot < entries.count, let reason = entries[slot].reason else { return }
        let (previous, next) = (entries[slot].previous, entries[slot].next)
        if previous >= 0 { entries[Int(previous)].next = next } else { lists[reason.index].first = next }
        if next >= 0 { entries[Int(next)].previous = previous } else { lists[reason.index].last = previous }
        entries[slot].reason = nil
    }
}

/// The times to report evictions: soon after the first one, then once an interval while there are more.
struct EvictionReport {
    private let interval: Instant.Span
    private var reported: [Eviction: UInt64] = [:]
    private var next: Instant?

    init(every interval: Duration) { self.interval = Instant.Span(interval) }

    /// Returns the evictions since the last report; nil if none must be reported.
    mutating func next(_ counts: [Eviction: UInt64], at now: Instant) -> [Eviction: UInt64]? {
        if let next, now < next { return nil }
        var news: [Eviction: UInt64] = [:]
        for (reason, count) in counts where count > reported[reason] ?? 0 {
            news[reason] = count - (reported[reason] ?? 0)
        }
        guard !news.isEmpty else { return nil }
        reported = counts
        next = now + interval
        return news
    }
}
