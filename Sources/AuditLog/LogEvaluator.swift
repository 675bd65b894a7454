public import Evaluation
import JSON
public import Kubernetes

/// Evaluates the requests of a log as a server in enforce mode would have, and separates what the log leaves open.
///
/// One value must be used by one thread at a time.
public struct LogEvaluator {
    /// The counts of the evaluated requests.
    public private(set) var summary = LogSummary()
    private let settings: Settings
    private let evaluator: Evaluator
    private let document = Document()

    /// The result of an evaluation.
    public struct Result {
        /// The request; like its values, it must not be kept.
        public let review: AdmissionReview
        /// All findings; those of ``certain`` are known to apply.
        public let decision: Decision
        /// The findings that apply for certain, with their effect in enforce mode.
        public let certain: [(decided: DecidedFinding, effect: DecidedFinding.Effect)]
        /// The ids of the rules whose findings are in doubt.
        public let doubted: [String]
        /// The time of the request.
        public let time: Timestamp
    }

    /// Creates an empty value; decisions are those of enforce mode.
    public init(_ settings: Settings) {
        // Dry-run mode shows which denials the fixes would have prevented, and which accounts are not trusted.
        self.settings = settings.overridden(mode: .dryRun)
        evaluator = Evaluator(self.settings)
    }

    /// Evaluates a request and calls a function with the result, unless the server would have skipped the request.
    public mutating func evaluate(_ request: LoggedRequest, _ body: (Result) -> Void) {
        let outcome = try? document.read(request.bytes.span, AdmissionReview.options) { root -> Outcome? in
            guard let review = try? AdmissionReview(root) else { return nil }
            return self.outcome(of: request, review, body)
        }
        if let outcome {
            count(outcome, of: request)
        } else {
            summary.obstacles[.malformed, default: 0] += 1
        }
    }

    private struct Outcome {
        var isSkipped = false
        var isDenied = false
        var isWarned = false
        /// The reason why the decision is not known; nil if it is.
        var doubt: LogSummary.Doubt?
        var account: String?
    }

    private mutating func count(_ outcome: Outcome, of request: LoggedRequest) {
        if outcome.isSkipped {
            summary.skipped += 1
        } else if request.isRefused {
            summary.refused += 1
            if outcome.isDenied { summary.refusedAndDenied += 1 }
        } else {
            summary.evaluated += 1
            if let doubt = outcome.doubt {
                summary.unknown[doubt, default: 0] += 1
            } else if outcome.isWarned, !outcome.isDenied {
                summary.warned += 1
            }
            if let account = outcome.account { summary.count(account: account) }
        }
    }

    private func outcome(
        of request: LoggedRequest, _ review: AdmissionReview, _ body: (Result) -> Void
    ) -> Outcome {
        var outcome = Outcome()
        let context = Context(
            settings: settings, relatedObjects: request.related, now: request.time, source: .recording)
        let logged = loggedDecision(on: review, of: request, in: context)
        let decision = logged.decision
        guard decision.skipReason == nil else {
            outcome.isSkipped = true
            return outcome
        }
        var certain: [(DecidedFinding, DecidedFinding.Effect)] = []
        var doubted: [String] = []
        for decided in decision.findings {
            let effect = decided.effectInEnforceMode
            if effect != .exempt, let doubt = doubt(about: decided, effect, request, logged) {
                doubted.append(decided.rule.id)
                if outcome.doubt == nil || effect == .deny { outcome.doubt = doubt }
                if doubt == .operatorClaim { outcome.account = logged.account }
            } else {
                certain.append((decided, effect))
                if effect == .deny { outcome.isDenied = true }
                if effect == .warn { outcome.isWarned = true }
            }
        }
        // A denial is certain, even if other facts are unknown.
        if outcome.isDenied { (outcome.doubt, outcome.account) = (nil, nil) }
        if !request.isRefused {
            body(Result(review: review, decision: decision, certain: certain, doubted: doubted, time: request.time))
        }
        return outcome
    }

    /// Returns the reason why it is not known whether a finding has its effect; nil if it is certain.
    private func doubt(
        about decided: DecidedFinding, _ effect: DecidedFinding.Effect, _ request: LoggedRequest,
        _ logged: LoggedDecision
    ) -> LogSummary.Doubt? {
        if request.hasUnknownPast { return .past }
        if !request.hasGivenRelatedObjects, decided.finding.absent != nil || decided.finding.awaitsRelatedObject {
            return .relatedObject
        }
        guard effect == .deny, let open = logged.open, !logged.denied.contains(decided.key) else { return nil }
        return open
    }

    // MARK: Lookups

    /// A decision, with the lookups answered from the log.
    private struct LoggedDecision {
        /// The decision if the open lookups have the answer that is worst for the requester.
        var decision: Decision
        /// The lookup that the log does not answer; nil if there is none.
        var open: LogSummary.Doubt?
        /// The findings that deny with each possible answer, by key.
        var denied: Set<String> = []
        /// The account whose claim the log does not answer.
        var account: String?

        /// Notes a lookup that the log does not answer.
        mutating func note(_ lookup: Lookup) {
            switch lookup {
            case .absence, .served: break
            case .claim(let claim): (open, account) = (.operatorClaim, claim.account)
            case .templates(let query): if open == nil { open = query.source == .orphans ? .orphan : .revision }
            }
        }
    }

    private func loggedDecision(
        on review: AdmissionReview, of request: LoggedRequest, in context: Context
    ) -> LoggedDecision {
        var logged = LoggedDecision(decision: evaluator.decision(on: review, in: context))
        var (worst, best): ([LookupAnswer], [LookupAnswer]) = ([], [])
        // Answers can lead to further lookups, as on a server.
        for _ in 0..<3 where !logged.decision.lookups.isEmpty {
            for lookup in logged.decision.lookups {
                let answer = request.answer(to: lookup, review, settings)
                worst.append(answer.worst)
                best.append(answer.best ?? answer.worst)
                if answer.best != nil { logged.note(lookup) }
            }
            logged.decision = evaluator.decision(on: review, in: context.answering(worst))
        }
        // If the log has shown the template, other templates are not needed.
        if case .recorded(_?) = logged.decision.pastTemplate, logged.account == nil { logged.open = nil }
        if logged.open != nil {
            let other = evaluator.decision(on: review, in: context.answering(best))
            logged.denied = Set(other.findings.filter { $0.effectInEnforceMode == .deny }.map(\.key))
        }
        return logged
    }
}

extension DecidedFinding {
    /// The effect in enforce mode.
    fileprivate var effectInEnforceMode: Effect { leniency == .dryRun ? .deny : effect }
}

extension LoggedRequest {
    /// Returns the answer of the log to a lookup; `best` is nil if the answer is certain, and else the answer that would be best
    /// for the requester.
    fileprivate func answer(
        to lookup: Lookup, _ review: AdmissionReview, _ settings: Settings
    ) -> (worst: LookupAnswer, best: LookupAnswer?) {
        switch lookup {
        case .absence(let absence):
            // Missing objects are counted by finding.
            let isKnown = hasGivenRelatedObjects || absence.kind == .namespace
            return (.absence(absence, found: isKnown ? related : nil), nil)
        case .claim(let claim):
            guard let isOperator = operators[claim] else { return (.claim(claim, false), .claim(claim, true)) }
            return (.claim(claim, isOperator), nil)
        // Without a cluster, default trusted controllers are trusted.
        case .served(let kind): return (.served(kind, true), nil)
        case .templates(let query):
            let names = settings.catalogue.annotations
            let known = query.holder == revisions.kind ? revisions.objects : []
            let templates = known.compactMap { bytes -> PastTemplate? in
                guard let document = try? Document(parsing: bytes) else { return nil }
                return withExtendedLifetime(document) { PastTemplate(document.root, query.holder, names) }
            }
            let isWhole = query.holder == revisions.kind && revisions.isWhole
            // The request's own template stands for an earlier one that equals it.
            let own = isWhole ? nil : review.object.flatMap { PastTemplate($0, .replicaSet, names) }
            return (.templates(query, templates), own.map { .templates(query, templates + [$0]) })
        }
    }
}
