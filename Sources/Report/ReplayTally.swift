public import Evaluation
public import Kubernetes

/// What is decided differently now, over many recordings: counts and a few examples, however many there are.
public struct ReplayTally: Sendable {
    /// One review that comes to something else.
    public struct Example: Sendable {
        /// What.
        public let turn: Turn
        /// The file, its place among all files, and the line in it.
        public let file: String
        let order: (file: Int, line: Int)
        /// The line in the file; nil where the file is one review.
        public let line: Int?
        /// What it is about: `Deployment shop/catalogue`.
        public let object: String
        /// The namespace; empty for what belongs to the cluster.
        public let namespace: String
        /// Whose it is; empty where nothing says so.
        public let team: String
        /// What was asked, and by whom: `CREATE by admin`.
        public let request: String
        /// The findings that make the difference.
        public let changes: [Comparison.Change]
    }

    /// How many reviews were judged.
    public private(set) var reviews = 0
    /// How many of them had no decision to compare with.
    public private(set) var undecided = 0
    /// How many are refused only now.
    public private(set) var newlyDenied = 0
    /// How many were refused and are not any more.
    public private(set) var newlyAllowed = 0
    /// How many have a warning that they had not.
    public private(set) var newlyWarned = 0
    /// How many have lost a warning, and are not refused instead.
    public private(set) var noLongerWarned = 0
    /// How many were recorded in another mode than the one of now.
    public private(set) var otherMode = 0
    /// How many inputs could not be read.
    public var unreadable = 0
    /// By rule.
    public private(set) var rules: [String: Row] = [:]
    /// By namespace; empty for what belongs to the cluster.
    public private(set) var namespaces: [String: Share] = [:]
    /// By team; empty for what no label says it of.
    public private(set) var teams: [String: Share] = [:]
    /// By user.
    public private(set) var users: [String: Share] = [:]
    /// All that have a decision to compare with.
    public private(set) var all = Period()
    /// By the hour that they were recorded in, counted from 1970.
    private var hours: [Int64: Period] = [:]
    /// The first of them.
    private var kept: [Kept: [Example]] = [:]

    private struct Kept: Hashable {
        let turn: Turn
        let rule: String
    }

    /// How many examples of a rule are shown of each turn.
    static let maximumExamples = 3
    /// How many names are counted apart; the rest is one.
    static let maximumNames = 10_000
    /// What the rest is called.
    static let others = "(others)"

    /// Creates a tally of nothing.
    public init() {}

    /// Where a review was found.
    public struct Place: Sendable {
        let file: String
        let order: Int
        let line: Int?

        /// Names a place.
        public init(file: String, order: Int, line: Int?) {
            self.file = file
            self.order = order
            self.line = line
        }

        /// The place for people: `recordings.jsonl:23`.
        public var text: String { file + (line.map { ":\($0)" } ?? "") }
    }

    /// Counts a review that has no recorded decision.
    public mutating func add(undecided verdict: Verdict) {
        reviews += 1
        undecided += 1
        for entry in verdict.notEvaluated { rules[entry.rule.id, default: Row()].notEvaluated += 1 }
    }

    /// Counts a review.
    public mutating func add(
        _ comparison: Comparison, of review: AdmissionReview, _ verdict: Verdict, of team: String,
        recorded time: Timestamp?, isOtherMode: Bool, at place: Place
    ) {
        reviews += 1
        all.add(comparison)
        if let hour = time.map({ $0.seconds / 3600 }), hours[hour] != nil || hours.count < ReplayTally.maximumNames {
            hours[hour, default: Period()].add(comparison)
        }
        if isOtherMode { otherMode += 1 }
        for entry in verdict.notEvaluated { rules[entry.rule.id, default: Row()].notEvaluated += 1 }
        for rule in comparison.notReplayable { rules[rule, default: Row()].notReplayable += 1 }
        guard !comparison.changes.isEmpty || comparison.before != comparison.now else { return }
        for (rule, changes) in Dictionary(grouping: comparison.changes, by: \.rule) { count(changes, of: rule) }
        let share = Share(comparison)
        newlyDenied += share.denied
        newlyAllowed += share.allowed
        newlyWarned += share.warned
        noLongerWarned += share.unwarned
        guard let turn = share.turn else { return }
        ReplayTally.count(share, under: review.namespace ?? "", in: &namespaces)
        ReplayTally.count(share, under: team, in: &teams)
        ReplayTally.count(share, under: SecretMask.masked(review.user.name), in: &users)
        keep(comparison, turn, of: review, team, at: place)
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

    /// What came of the reviews over time, by day, or by hour where they are of two days at most.
    ///
    /// Periods are named as `2026-11-23` and `2026-11-23T12`, the oldest first; those without reviews are left out.
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

    /// The examples in the order of their places, each once.
    public var examples: [Example] {
        var seen: Set<String> = []
        return kept.values.joined().sorted { $0.order < $1.order }.filter {
            seen.insert("\($0.order)").inserted
        }
    }

    private mutating func keep(
        _ comparison: Comparison, _ turn: Turn, of review: AdmissionReview, _ team: String, at place: Place
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
                    turn: turn, file: place.file, order: order, line: place.line, object: review.shownTitle,
                    namespace: review.namespace ?? "", team: team,
                    request: review.shownRequest, changes: changes)
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

    /// How many reviews take a turn.
    public subscript(turn: Turn) -> Int {
        switch turn {
        case .newlyDenied: newlyDenied
        case .newlyAllowed: newlyAllowed
        case .newlyWarned: newlyWarned
        case .noLongerWarned: noLongerWarned
        }
    }

    // MARK: Several

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
        left.hours.merge(right.hours) { $0 + $1 }
        left.rules.merge(right.rules) { $0 + $1 }
        left.namespaces.merge(right.namespaces) { $0 + $1 }
        left.teams.merge(right.teams) { $0 + $1 }
        left.users.merge(right.users) { $0 + $1 }
        for (key, examples) in right.kept { for example in examples { left.insert(example, under: key) } }
    }
}
