import JSON
public import Kubernetes

/// What a replay says of one recording: the decision of then and the one of now, and what makes the difference.
public struct Comparison: Sendable {
    /// A finding that does something else now.
    public struct Change: Sendable {
        /// The rule.
        public let rule: String
        /// Where, for people.
        public let path: String
        /// What it did; nil when it was not there.
        public let before: Judgement.Effect?
        /// What it does; nil when it is not there.
        public let now: Judgement.Effect?
        /// What is wrong; empty where the finding is gone.
        public let message: String
    }

    /// What came of the request.
    public let before: Verdict.Decision
    /// What comes of it now; what cannot be replayed is as it was.
    public let now: Verdict.Decision
    /// The findings that do something else.
    public let changes: [Change]
    /// The rules that read what was redacted, or that look up what was not recorded: what they said then counts.
    public let notReplayable: [String]

    /// Whether it is refused only now.
    public var isNewlyDenied: Bool { before != .deny && now == .deny }
    /// Whether it was refused and is not any more.
    public var isNewlyAllowed: Bool { before == .deny && now != .deny }
}

extension Comparison {
    /// Lays what a review comes to now beside what it came to when it was recorded.
    ///
    /// - Parameters:
    ///   - verdict: What it comes to now.
    ///   - recording: What it came to.
    ///   - review: The review, its secrets replaced.
    ///   - settings: The settings of now.
    public init(
        _ verdict: Verdict, with recording: Recording, of review: AdmissionReview, _ settings: Settings
    ) {
        before = recording.decision
        guard !recording.findings.isEmpty || !verdict.judgements.isEmpty else {
            now = verdict.decision
            (changes, notReplayable) = ([], [])
            return
        }
        let then = Entries(recording)
        let today = Entries(verdict)
        let object = (review.operation == .delete ? review.oldObject : review.object)
        var (changes, stuck): ([Change], [String]) = ([], [])
        var effects: [Judgement.Effect] = []
        for key in today.order + then.order.filter({ today.entries[$0] == nil }) {
            let (old, new) = (then.entries[key], today.entries[key])
            guard old?.effect != new?.effect, let place = (new ?? old)?.place else {
                if let new { effects.append(new.effect) }
                continue
            }
            // With the rule off, or the request passed over, no text of it was read.
            let isAsked =
                verdict.passedOver == nil && settings.catalogue[key.rule].map { settings.level(of: $0) } != .off
            let isUnknown = new == nil && verdict.notEvaluated.contains { $0.rule.id == key.rule }
            if isUnknown || isAsked && object?.isRedacted(at: place) ?? false {
                if !stuck.contains(key.rule) { stuck.append(key.rule) }
                if let old { effects.append(old.effect) }
                continue
            }
            changes.append(
                Change(
                    rule: key.rule, path: key.path, before: old?.effect, now: new?.effect, message: new?.message ?? ""))
            if let new { effects.append(new.effect) }
        }
        self.changes = changes
        notReplayable = stuck
        now =
            effects.contains(.deny)
            ? .deny : effects.contains(.warn) || !verdict.notices.isEmpty ? .warn : .allow
    }

    /// Findings by rule and place; of several at one place the gravest.
    private struct Entries {
        struct Key: Hashable {
            let rule: String
            let path: String

            init(rule: String, path: String) {
                self.rule = rule
                self.path = Redaction.unmarked(path)
            }
        }

        struct Entry {
            let effect: Judgement.Effect
            let place: Pointer
            let message: String
        }

        var entries: [Key: Entry] = [:]
        var order: [Key] = []

        init(_ recording: Recording) {
            for finding in recording.findings {
                add(Key(rule: finding.rule, path: finding.path), finding.effect, finding.place, "")
            }
        }

        init(_ verdict: Verdict) {
            for judgement in verdict.judgements {
                add(
                    Key(rule: judgement.rule.id, path: judgement.path), judgement.effect, judgement.finding.place,
                    judgement.finding.message)
            }
        }

        private mutating func add(
            _ key: Key, _ effect: Judgement.Effect, _ place: Pointer, _ message: String
        ) {
            if let known = entries[key], known.effect.severity >= effect.severity { return }
            if entries[key] == nil { order.append(key) }
            entries[key] = Entry(effect: effect, place: place, message: message)
        }
    }
}
