public import AuditLog
public import Evaluation
public import Kubernetes

/// The decisions that change over many recordings: counts, and a limited number of examples.
public struct ReplayTally: Sendable {
    /// One review whose decision or warnings change.
    public struct Example: Sendable {
        /// The kind of change.
        public let turn: Turn
        /// The file.
        public let file: String
        /// The index of the file among all files, and the line.
        let order: (file: Int, line: Int)
        /// The line in the file; nil if the file is one review.
        public let line: Int?
        /// The object's title: `Deployment shop/catalogue`.
        public let object: String
        /// The namespace; empty for cluster-scoped objects.
        public let namespace: String
        /// The team; empty without a label.
        public let team: String
        /// The operation and the user: `CREATE by admin`.
        public let request: String
        /// The findings that change.
        public let changes: [Comparison.Change]
    }

    /// The number of evaluated reviews.
    public private(set) var reviews = 0
    /// The number of reviews without a recorded decision.
    public private(set) var undecided = 0
    /// The number of reviews that are denied now, but were not before.
    public private(set) var newlyDenied = 0
    /// The number of reviews that were denied before, but are not now.
    public private(set) var newlyAllowed = 0
    /// The number of reviews with a new warning, and not newly denied.
    public private(set) var newlyWarned = 0
    /// The number of reviews without a warning that they had before, and not denied.
    public private(set) var noLongerWarned = 0
    /// The number of reviews that were recorded in another mode.
    public private(set) var otherMode = 0
    /// The number of inputs that could not be read.
    public var unreadable = 0
    /// The counts of an audit log; nil for recordings.
    public var log: LogSummary?
    /// The changes by rule.
    public private(set) var rules: [String: Row] = [:]
    /// The changes by namespace; empty for cluster-scoped objects.
    public private(set) var namespaces: [String: Share] = [:]
    /// The changes by team; empty without a label.
    public private(set) var teams: [String: Share] = [:]
    /// The changes by user.
    public private(set) var users: [String: Share] = [:]
    /// All reviews with a recorded decision.
    public private(set) var all = Period()
    /// The decisions by hour of recording, counted from 1970.
    private var hours: [Int64: Period] = [:]
    /// The first examples of each rule and kind of change.
    private var kept: [Kept: [Example]] = [:]

    private struct Kept: Hashable {
        let turn: Turn
        let rule: String
    }

    /// The largest number of examples for each rule and kind of change.
    static let maximumExamples = 3
    /// The largest number of names that are counted separately.
    static let maximumNames = 10_000
    /// The name of the others.
    static let others = "(others)"

    /// Creates an empty tally.
    public init() {}

    /// The location of a review.
    public struct Place: Sendable {
        /// The file.
        public let file: String
        let order: Int
        /// The line; nil for the whole file.
        public let line: Int?

        /// Creates a location.
        public init(file: String, order: Int, line: Int?) {
            self.file = file
            self.order = order
            self.line = line
        }

        /// The location as text: `recordings.jsonl:23`.
        public var text: String { file + (line.map { ":\($0)" } ?? "") }
    }

    /// Counts a review without a recorded decision.
    public mutating func add(undecided decision: Decision) {
        reviews += 1
        undecided += 1
        for entry in decision.notEvaluated { rules[entry.rule.id, default: Row()].notEvaluated += 1 }
    }

    /// Counts a review.
    public mutating func add(
        _ comparison: Comparison, of review: AdmissionReview, _ decision: Decision, of team: String,
        recorded time: Timestamp?, isOtherMode: Bool, at place: Place
    ) {
        add(
            comparison, by: Names(of: review, team: team), decision, recorded: time, isOtherMode: isOtherMode, at: place
        )
    }

    /// Counts a review whose names are shown as given.
    public mutating func add(
        _ comparison: Comparison, by names: Names, _ decision: Decision, recorded time: Timestamp?,
        isOtherMode: Bool = false, doubted: [String] = [], at place: Place
    ) {
        for rule in Set(doubted) { rules[rule, default: Row()].doubted += 1 }
        reviews += 1
        all.add(comparison)
        if let hour = time.map({ $0.seconds / 3600 }), hours[hour] != nil || hours.count < ReplayTally.maximumNames {
            hours[hour, default: Period()].add(comparison)
        }
        if isOtherMode { otherMode += 1 }
        for entry in decision.notEvaluated { rules[entry.rule.id, default: Row()].notEvaluated += 1 }
        for rule in comparison.notReplayable { rules[rule, default: Row()].notReplayable += 1 }
        guard !comparison.changes.isEmpty || comparison.before != comparison.now else { return }
        for (rule, changes) in Dictionary(grouping: comparison.changes, by: \.rule) { count(changes, of: rule) }
        var share = Share(comparison)
        // The decision is unknown.
        if !doubted.isEmpty { share.warned = 0 }
        newlyDenied += share.denied
        newlyAllowed += share.allowed
        newlyWarned += share.warned
        noLongerWarned += share.unwarned
        guard let turn = share.turn else { return }
        ReplayTally.count(share, under: names.namespace, in: &namespaces)
        ReplayTally.count(share, under: names.team, in: &teams)
        ReplayTally.count(share, under: names.user, in: &users)
        keep(comparison, turn, names, at: place)
    }

    private mutating func count(_ changes: [Comparison.Change], of rule: String) {
        var row = rules[rule] ?? Row()
        if changes.contains(where: { $0.now == .deny }) {
            row.denies += 1
        } else if changes.contains(where: { $0.before == .deny }) {
            row.deniesNoMore += 1
        }
        if changes.contains(where: { $0.now == .warn && $0.before == nil }) { row.warns += 1 }
        if changes.contains(where: { $0.before == .warn && $0.now == nil }) { row.warnsNoMore += 1 }
        rules[rule] = row
    }

    private static func count(_ share: Share, under name: String, in shares: inout [String: Share]) {
        let name = shares[name] != nil || shares.count < maximumNames ? name : others
        shares[name] = (shares[name] ?? Share()) + share
    }

    /// The decisions over time, by day, or by hour if the recordings span at most two days.
    ///
    /// Periods are named `2026-11-23` or `2026-11-23T12`, the oldest first; periods without reviews are omitted.
    public var trend: [(name: String, period: Period)] {
        guard let first = hours.keys.min(), let last = hours.keys.max() else { return [] }
        let length = last - first < 48 ? 13 : 10
        var periods: [String: Period] = [:]
        for (hour, period) in hours {
            let name = String(Timestamp(seconds: hour * 3600).description.prefix(length))
            periods[name] = (periods[name] ?? Period()) + period
        }
        return periods.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: Examples

    /// The examples in the order of their locations, each once.
    public var examples: [Example] {
        var seen: Set<String> = []
        return kept.values.joined().sorted { $0.order < $1.order }.filter {
            seen.insert("\($0.order)").inserted
        }
    }

    private mutating func keep(
        _ comparison: Comparison, _ turn: Turn, _ names: Names, at place: Place
    ) {
        let changes = comparison.changes.filter(turn.isMade(by:))
        let order = (file: place.order, line: place.line ?? 0)
        var example: Example?
        for key in Set(changes.map { Kept(turn: turn, rule: $0.rule) }) {
            if let last = kept[key]?.last, kept[key]?.count == ReplayTally.maximumExamples, last.order < order {
                continue
            }
            let made =
                example
                ?? Example(
                    turn: turn, file: place.file, order: order, line: place.line, object: names.object,
                    namespace: names.namespace, team: names.team, request: names.request, changes: changes)
            example = made
            insert(made, under: key)
        }
    }

    private mutating func insert(_ example: Example, under key: Kept) {
        var examples = kept[key] ?? []
        examples.append(example)
        examples.sort { $0.order < $1.order }
        kept[key] = Array(examples.prefix(ReplayTally.maximumExamples))
    }

    /// The number of reviews with a kind of change.
    public subscript(turn: Turn) -> Int {
        switch turn {
        case .newlyDenied: newlyDenied
        case .newlyAllowed: newlyAllowed
        case .newlyWarned: newlyWarned
        case .noLongerWarned: noLongerWarned
        }
    }

    // MARK: Sum

    /// Adds another thread's tally.
    public static func += (left: inout ReplayTally, right: ReplayTally) {
        left.reviews += right.reviews
        left.undecided += right.undecided
        left.newlyDenied += right.newlyDenied
        left.newlyAllowed += right.newlyAllowed
        left.newlyWarned += right.newlyWarned
        left.noLongerWarned += right.noLongerWarned
        left.otherMode += right.otherMode
        left.unreadable += right.unreadable
        left.all = left.all + right.all
        if let log = right.log { left.log = (left.log ?? LogSummary()) + log }
        left.hours.merge(right.hours) { $0 + $1 }
        left.rules.merge(right.rules) { $0 + $1 }
        left.namespaces.merge(right.namespaces) { $0 + $1 }
        left.teams.merge(right.teams) { $0 + $1 }
        left.users.merge(right.users) { $0 + $1 }
        for (key, examples) in right.kept { for example in examples { left.insert(example, under: key) } }
    }
}
