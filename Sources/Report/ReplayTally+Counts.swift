import Evaluation

// The counts over many reviews: by rule, by name, and by time.
extension ReplayTally {
    /// The changes of a rule's findings, in numbers of reviews.
    public struct Row: Sendable {
        /// The rule denies now, and did not.
        public internal(set) var denies = 0
        /// The rule denied, and no longer does.
        public internal(set) var deniesNoMore = 0
        /// The rule warns now, and had no finding before.
        public internal(set) var warns = 0
        /// The rule warned, and has no finding now.
        public internal(set) var warnsNoMore = 0
        /// The result depends on a value that was redacted or not recorded.
        public internal(set) var notReplayable = 0
        /// The rule was not evaluated.
        public internal(set) var notEvaluated = 0
        /// The rule has a finding, but the audit log does not show whether it would deny or warn.
        public internal(set) var doubted = 0
    }

    /// The numbers of reviews of a user, namespace or team whose decision changes.
    public struct Share: Sendable {
        /// Denied now, but not before.
        public internal(set) var denied = 0
        /// Denied before, but not now.
        public internal(set) var allowed = 0
        /// With a new warning, and not newly denied.
        public internal(set) var warned = 0
        /// Without a warning that they had before, and not denied.
        public internal(set) var unwarned = 0
    }

    /// The kinds of change, the most severe first.
    public enum Turn: String, Sendable, CaseIterable {
        case newlyDenied = "newly-denied"
        case newlyAllowed = "newly-allowed"
        case newlyWarned = "newly-warned"
        case noLongerWarned = "no-longer-warned"
    }

    /// The decisions on the reviews of a period, before and now.
    public struct Period: Sendable, Equatable {
        /// The number of recorded reviews.
        public internal(set) var reviews = 0
        /// The number of reviews that were denied.
        public internal(set) var deniedBefore = 0
        /// The number of reviews that are denied now.
        public internal(set) var deniedNow = 0
    }
}

extension ReplayTally.Row {
    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.denies += right.denies
        sum.deniesNoMore += right.deniesNoMore
        sum.warns += right.warns
        sum.warnsNoMore += right.warnsNoMore
        sum.notReplayable += right.notReplayable
        sum.notEvaluated += right.notEvaluated
        sum.doubted += right.doubted
        return sum
    }
}

extension ReplayTally.Period {
    mutating func add(_ comparison: Comparison) {
        reviews += 1
        if comparison.before == .deny { deniedBefore += 1 }
        if comparison.now == .deny { deniedNow += 1 }
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.reviews += right.reviews
        sum.deniedBefore += right.deniedBefore
        sum.deniedNow += right.deniedNow
        return sum
    }
}

extension ReplayTally.Turn {
    /// Returns true if a change of a finding belongs to this kind of change.
    func isMade(by change: Comparison.Change) -> Bool {
        switch self {
        case .newlyDenied: change.now == .deny
        case .newlyAllowed: change.before == .deny
        case .newlyWarned: change.now == .warn && change.before == nil
        case .noLongerWarned: change.before == .warn && change.now == nil
        }
    }
}

extension ReplayTally.Share {
    /// The changes of one review: of its decision and its warnings.
    init(_ comparison: Comparison) {
        self.init()
        denied = comparison.isNewlyDenied ? 1 : 0
        allowed = comparison.isNewlyAllowed ? 1 : 0
        let isWarned = comparison.changes.contains(where: ReplayTally.Turn.newlyWarned.isMade(by:))
        warned = isWarned && !comparison.isNewlyDenied ? 1 : 0
        let isUnwarned = comparison.changes.contains(where: ReplayTally.Turn.noLongerWarned.isMade(by:))
        unwarned = isUnwarned && !comparison.isNewlyDenied ? 1 : 0
    }

    /// The most severe kind of change.
    var turn: ReplayTally.Turn? { ReplayTally.Turn.allCases.first { self[$0] > 0 } }

    /// The number of reviews with this kind of change.
    subscript(turn: ReplayTally.Turn) -> Int {
        switch turn {
        case .newlyDenied: denied
        case .newlyAllowed: allowed
        case .newlyWarned: warned
        case .noLongerWarned: unwarned
        }
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.denied += right.denied
        sum.allowed += right.allowed
        sum.warned += right.warned
        sum.unwarned += right.unwarned
        return sum
    }
}
