import JSON
public import Kubernetes

/// The difference between a recorded decision and the current one.
public struct Comparison: Sendable {
    /// A finding whose effect differs.
    public struct Change: Sendable {
        /// The rule.
        public let rule: String
        /// The readable path.
        public let path: String
        /// The recorded effect; nil if the finding is new.
        public let before: DecidedFinding.Effect?
        /// The current effect; nil if the finding no longer occurs.
        public let now: DecidedFinding.Effect?
        /// The message; empty if the finding no longer occurs.
        public let message: String
    }

    /// The recorded decision.
    public let before: Decision.Outcome
    /// The current decision; findings that cannot be replayed have their recorded effect, in the current mode.
    public let now: Decision.Outcome
    /// The findings whose effect differs.
    public let changes: [Change]
    /// The rules that need a redacted field or a related object that was not recorded; their recorded results are used.
    public let notReplayable: [String]

    /// True if the request is denied now and was not before.
    public var isNewlyDenied: Bool { before != .deny && now == .deny }
    /// True if the request was denied and no longer is.
    public var isNewlyAllowed: Bool { before == .deny && now != .deny }
}

extension Comparison {
    /// Compares the current decision on a review with the recorded one.
    ///
    /// - Parameters:
    ///   - decision: The current decision.
    ///   - recording: The recorded decision.
    ///   - review: The review, with redacted secrets.
    ///   - settings: The current settings.
    public init(
        _ decision: Decision, with recording: Recording, of review: AdmissionReview, _ settings: Settings
    ) {
        before = recording.decision
        guard !recording.findings.isEmpty || !decision.findings.isEmpty else {
            now = decision.outcome
            (changes, notReplayable) = ([], [])
            return
        }
        let then = Entries(recording)
        let today = Entries(decision)
        let object = (review.operation == .delete ? review.oldObject : review.object)
        var (changes, stuck): ([Change], [String]) = ([], [])
        var effects: [DecidedFinding.Effect] = []
        for key in today.order + then.order.filter({ today.entries[$0] == nil }) {
            let (old, new) = (then.entries[key], today.entries[key])
            guard old?.effect != new?.effect, let place = (new ?? old)?.place else {
                if let new { effects.append(new.effect) }
                continue
            }
            // If the rule is off or the request is skipped, the rule read no redacted text.
            let isAsked =
                decision.skipReason == nil && settings.catalogue[key.rule].map { settings.level(of: $0) } != .off
            let isUnknown = new == nil && decision.notEvaluated.contains { $0.rule.id == key.rule }
            if isUnknown || isAsked && object?.isRedacted(at: place) ?? false {
                if !stuck.contains(key.rule) { stuck.append(key.rule) }
                guard let old, let rule = settings.catalogue[key.rule] else { continue }
                let effect = old.effect(at: settings.level(of: rule), in: settings.mode)
                effects.append(effect)
                if effect != old.effect {
                    changes.append(
                        Change(rule: key.rule, path: key.path, before: old.effect, now: effect, message: rule.title))
                }
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
            ? .deny : effects.contains(.warn) || !decision.notices.isEmpty ? .warn : .allow
    }

    /// Compares findings with a request that was allowed without any.
    ///
    /// - Parameters:
    ///   - findings: The findings that apply, with their effects.
    ///   - isNamed: False to replace the path and the message, which contain names of the object, by the title of the rule.
    public init(admitted findings: [(decided: DecidedFinding, effect: DecidedFinding.Effect)], isNamed: Bool = true) {
        before = .allow
        var seen: Set<String> = []
        changes = findings.compactMap { decided, effect in
            let rule = decided.rule
            if !isNamed, !seen.insert(rule.id).inserted { return nil }
            return Change(
                rule: rule.id, path: isNamed ? decided.path : rule.title, before: nil, now: effect,
                message: isNamed ? decided.finding.message : "")
        }
        notReplayable = []
        let effects = findings.map(\.effect)
        now = effects.contains(.deny) ? .deny : effects.contains(.warn) ? .warn : .allow
    }

    /// Findings by rule and path; of several with the same path, the most severe.
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
            let effect: DecidedFinding.Effect
            let place: Pointer
            let message: String
            let wouldDeny: Bool

            /// The effect of a recorded finding at a rule's level, in a mode.
            func effect(at level: Level, in mode: Mode) -> DecidedFinding.Effect {
                guard wouldDeny || effect == .deny else { return effect }
                return mode == .enforce && level == .deny ? .deny : .warn
            }
        }

        var entries: [Key: Entry] = [:]
        var order: [Key] = []

        init(_ recording: Recording) {
            for finding in recording.findings {
                add(
                    Key(rule: finding.rule, path: finding.path),
                    Entry(effect: finding.effect, place: finding.place, message: "", wouldDeny: finding.wouldDeny))
            }
        }

        init(_ decision: Decision) {
            for decided in decision.findings {
                add(
                    Key(rule: decided.rule.id, path: decided.path),
                    Entry(
                        effect: decided.effect, place: decided.finding.place, message: decided.finding.message,
                        wouldDeny: decided.leniency == .dryRun))
            }
        }

        private mutating func add(_ key: Key, _ entry: Entry) {
            if let known = entries[key], known.effect.severity >= entry.effect.severity { return }
            if entries[key] == nil { order.append(key) }
            entries[key] = entry
        }
    }
}
