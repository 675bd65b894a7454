public import Kubernetes

/// The counts of a run over an audit log, including the kinds that it hides.
public struct LogSummary: Sendable {
    /// The reasons why a write is not evaluated although its object was logged, or should have been.
    public enum Obstacle: String, Sendable, CaseIterable {
        /// The API server removed the object because the event was too large.
        case truncated
        /// The event has no object of the expected kind.
        case noObject = "no-object"
        /// A patch was refused: only the patch was logged, not the object.
        case refusedPatch = "refused-patch"
        /// The deleted object is not in the log.
        case deletedObject = "deleted-object"
        /// A request deleted many objects.
        case deleteCollection = "delete-collection"
        /// The request cannot be read.
        case malformed
    }

    /// The reasons why it is not certain that a finding would deny or warn.
    public enum Doubt: String, Sendable, CaseIterable {
        /// The log does not have the object before the update: the violation is new or existing.
        case past = "new-or-existing"
        /// Another object might exist that the log does not show.
        case relatedObject = "related-object"
        /// An earlier revision that the log does not show might have the same pod template.
        case revision
        /// A revision that a deleted StatefulSet has left might have the same pod template.
        case orphan = "orphaned-revision"
        /// The requester might be the operator of the object's owner.
        case operatorClaim = "operator"
    }

    /// The kinds that were logged without objects, with the number of writes.
    public struct HiddenKind: Sendable {
        /// The number of writes.
        public internal(set) var writes = 0
        /// The ids of the rules that evaluate objects of the kind or read them as related objects.
        public internal(set) var rules: [String] = []
    }

    /// The number of events; each is in one of the counts of reads, events that are not covered, failures, duplicates, hidden,
    /// not evaluable, skipped, refused and evaluated writes.
    public internal(set) var events = 0
    /// The number of events that changed no object: reads, and the start of requests.
    public internal(set) var reads = 0
    /// The number of writes of kinds and subresources that no rule reads.
    public internal(set) var notCovered = 0
    /// The number of writes that failed, such as conflicts.
    public internal(set) var failed = 0
    /// The number of events that were in the log before.
    public internal(set) var duplicates = 0
    /// The number of writes that are older than the known state of their object.
    public internal(set) var outOfOrder = 0
    /// The number of lines, or events in a line, that are not complete JSON.
    public internal(set) var damagedLines = 0
    /// The number of lines that are no audit events.
    public internal(set) var foreignLines = 0
    /// The states of objects that were dropped because of the limit on memory.
    public internal(set) var droppedStates = 0
    /// The status updates that were not used to recognize operators because of the limit on memory.
    public internal(set) var droppedStatusUpdates = 0
    /// The kinds that were logged without objects, by their title.
    public internal(set) var hidden: [String: HiddenKind] = [:]
    /// The writes that could not be evaluated, by reason.
    public internal(set) var obstacles: [Obstacle: Int] = [:]
    /// The number of evaluated writes.
    public internal(set) var evaluated = 0
    /// The number of evaluated writes that would only get warnings.
    public internal(set) var warned = 0
    /// The number of writes that the server skips, such as those of workload controllers.
    public internal(set) var skipped = 0
    /// The number of evaluated requests that something else had refused.
    public internal(set) var refused = 0
    /// The number of these that would be denied.
    public internal(set) var refusedAndDenied = 0
    /// The evaluated writes whose decision is not known, by reason.
    public internal(set) var unknown: [Doubt: Int] = [:]
    /// The service accounts that would be denied unless they are operators, with the number of writes.
    public internal(set) var accounts: [String: Int] = [:]
    /// The time of the first event.
    public internal(set) var start: Timestamp?
    /// The time of the last event.
    public internal(set) var end: Timestamp?

    /// The largest number of names that are counted separately.
    static let maximumNames = 10_000

    /// Creates empty counts.
    public init() {}

    mutating func hide(_ entry: LogKinds.Entry) {
        hidden[entry.title, default: HiddenKind(rules: entry.rules)].writes += 1
    }

    mutating func count(account: String) {
        guard accounts[account] != nil || accounts.count < LogSummary.maximumNames else { return }
        accounts[account, default: 0] += 1
    }

    mutating func note(_ time: Timestamp) {
        start = start.map { min($0, time) } ?? time
        end = end.map { max($0, time) } ?? time
    }

    /// The number of writes whose objects the log hides.
    public var notVisible: Int { hidden.values.reduce(0) { $0 + $1.writes } }

    /// The number of writes that could not be evaluated.
    public var notEvaluable: Int { obstacles.values.reduce(0, +) }

    /// The number of evaluated writes whose decision is not known.
    public var undecided: Int { unknown.values.reduce(0, +) }

    /// Returns the counts with the names of service accounts replaced.
    public func renamed(_ name: (String) -> String) -> LogSummary {
        var copy = self
        copy.accounts = Dictionary(accounts.map { (name($0.key), $0.value) }, uniquingKeysWith: +)
        return copy
    }

    /// Returns the sum of two counts.
    public static func + (one: LogSummary, right: LogSummary) -> LogSummary {
        var left = one
        left.events += right.events
        left.reads += right.reads
        left.notCovered += right.notCovered
        left.failed += right.failed
        left.duplicates += right.duplicates
        left.outOfOrder += right.outOfOrder
        left.damagedLines += right.damagedLines
        left.foreignLines += right.foreignLines
        left.droppedStates += right.droppedStates
        left.droppedStatusUpdates += right.droppedStatusUpdates
        left.hidden.merge(right.hidden) { HiddenKind(writes: $0.writes + $1.writes, rules: $0.rules) }
        left.obstacles.merge(right.obstacles, uniquingKeysWith: +)
        left.evaluated += right.evaluated
        left.warned += right.warned
        left.skipped += right.skipped
        left.refused += right.refused
        left.refusedAndDenied += right.refusedAndDenied
        left.unknown.merge(right.unknown, uniquingKeysWith: +)
        left.accounts.merge(right.accounts, uniquingKeysWith: +)
        for time in [right.start, right.end].compactMap(\.self) { left.note(time) }
        return left
    }
}
