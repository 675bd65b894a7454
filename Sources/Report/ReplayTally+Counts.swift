import Evaluation

// What is counted over many reviews: of a rule, of somebody, and of a time.
extension ReplayTally {
    /// How the findings of a rule changed, in reviews.
    public struct Row: Sendable {
        /// It refuses them, and did not.
        public internal(set) var denies = 0
        /// It refused them, and does not.
        public internal(set) var deniesNoMore = 0
        /// It warns of them, and said nothing before.
        public internal(set) var warns = 0
        /// It warned of them, and says nothing now.
        public internal(set) var warnsNoMore = 0
        /// What it says depends on what was redacted or not recorded.
        public internal(set) var notReplayable = 0
        /// It had no answer.
        public internal(set) var notEvaluated = 0
    }

    /// How many reviews of somebody, or somewhere, come to something else.
    public struct Share: Sendable {
        /// Refused only now.
        public internal(set) var denied = 0
        /// Refused then and not now.
        public internal(set) var allowed = 0
        /// With a warning that they had not.
        public internal(set) var warned = 0
        /// Without a warning that they had, and not refused instead.
        public internal(set) var unwarned = 0
    }

    /// What a review comes to that it did not, the gravest first.
    public enum Turn: String, Sendable, CaseIterable {
        case newlyDenied = "newly-denied"
        case newlyAllowed = "newly-allowed"
        case newlyWarned = "newly-warned"
        case noLongerWarned = "no-longer-warned"
    }

    /// What came of the reviews of a time, then and now.
    public struct Period: Sendable, Equatable {
        /// How many were recorded.
        public internal(set) var reviews = 0
        /// How many were refused.
        public internal(set) var deniedBefore = 0
        /// How many are refused now.
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
    /// Whether a change of a finding is one that makes the turn.
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
    /// What one review comes to: a decision, and the warnings that come or go beside it.
    init(_ comparison: Comparison) {
        self.init()
        denied = comparison.isNewlyDenied ? 1 : 0
        allowed = comparison.isNewlyAllowed ? 1 : 0
        warned = comparison.changes.contains(where: ReplayTally.Turn.newlyWarned.isMade(by:)) ? 1 : 0
        let isUnwarned = comparison.changes.contains(where: ReplayTally.Turn.noLongerWarned.isMade(by:))
        unwarned = isUnwarned && !comparison.isNewlyDenied ? 1 : 0
    }

    /// The gravest of it.
    var turn: ReplayTally.Turn? { ReplayTally.Turn.allCases.first { self[$0] > 0 } }

    /// How many take a turn.
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
