public import Evaluation
import JSON
public import Kubernetes

/// Evaluates the requests of a log as a server in enforce mode would have, and separates what the log leaves open.
///
/// One value must be used by one thread at a time.
public struct LogJudge {
    /// The counts of the evaluated requests.
    public private(set) var summary = LogSummary()
    private let settings: Settings
    private let judge: Judge
    private let document = Document()

    /// The result of an evaluation.
    public struct Result {
        /// The request; like its values, it must not be kept.
        public let review: AdmissionReview
        /// All findings; those of ``certain`` are known to apply.
        public let verdict: Verdict
        /// The findings that apply for certain, with their effect in enforce mode.
        public let certain: [(judgement: Judgement, effect: Judgement.Effect)]
        /// The ids of the rules whose findings are in doubt.
        public let doubted: [String]
        /// The time of the request.
        public let time: Timestamp
    }

    /// Creates an empty value; decisions are those of enforce mode.
    public init(_ settings: Settings) {
        // Dry-run mode shows which denials the fixes would have prevented, and which accounts are not trusted.
        self.settings = settings.overridden(mode: .dryRun)
        judge = Judge(self.settings)
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
        let (verdict, claim) = verdict(on: review, of: request, in: context)
        guard verdict.passedOver == nil else {
            outcome.isSkipped = true
            return outcome
        }
        var certain: [(Judgement, Judgement.Effect)] = []
        var doubted: [String] = []
        for judgement in verdict.judgements {
            let effect: Judgement.Effect = judgement.leniency == .dryRun ? .deny : judgement.effect
            if effect != .exempt, let doubt = doubt(about: judgement, effect, request, claim) {
                doubted.append(judgement.rule.id)
                if outcome.doubt == nil || effect == .deny { outcome.doubt = doubt }
                if doubt == .operatorClaim { outcome.account = claim }
            } else {
                certain.append((judgement, effect))
                if effect == .deny { outcome.isDenied = true }
                if effect == .warn { outcome.isWarned = true }
            }
        }
        // A denial is certain, whatever else is not known.
        if outcome.isDenied { (outcome.doubt, outcome.account) = (nil, nil) }
        if !request.isRefused {
            body(Result(review: review, verdict: verdict, certain: certain, doubted: doubted, time: request.time))
        }
        return outcome
    }

    /// Returns the reason why it is not known whether a finding has its effect; nil if it is certain.
    private func doubt(
        about judgement: Judgement, _ effect: Judgement.Effect, _ request: LoggedRequest, _ claim: String?
    ) -> LogSummary.Doubt? {
        if request.hasUnknownPast { return .past }
        if !request.hasGivenRelatedObjects, judgement.finding.absent != nil || judgement.finding.awaitsRelatedObject {
            return .relatedObject
        }
        if judgement.leniency == .unchecked { return .revision }
        return effect == .deny && claim != nil ? .operatorClaim : nil
    }

    /// Returns the decision, with the lookups answered from the log, and the account whose claim the log cannot answer.
    private func verdict(
        on review: AdmissionReview, of request: LoggedRequest, in context: Context
    ) -> (Verdict, unansweredClaim: String?) {
        var answers: [LookupAnswer] = []
        var claim: String?
        var verdict = judge.verdict(on: review, in: context)
        // Answers can lead to further lookups, as on a server.
        for _ in 0..<3 where !verdict.lookups.isEmpty {
            for lookup in verdict.lookups {
                let answer = request.answer(to: lookup, settings)
                if case .claim(let asked, nil) = answer { claim = asked.account }
                answers.append(answer)
            }
            verdict = judge.verdict(on: review, in: context.answering(answers))
        }
        return (verdict, claim)
    }
}

extension LoggedRequest {
    /// Returns the answer that the log has for a lookup.
    fileprivate func answer(to lookup: Lookup, _ settings: Settings) -> LookupAnswer {
        switch lookup {
        case .absence(let absence):
            let isKnown = hasGivenRelatedObjects || absence.kind == .namespace
            return .absence(absence, found: isKnown ? related : nil)
        case .claim(let claim): return .claim(claim, operators[claim])
        // Without a cluster, default trusted controllers are trusted.
        case .served(let kind): return .served(kind, true)
        case .templates(let query):
            guard revisions.kind == query.holder, !revisions.objects.isEmpty else {
                return LookupAnswer(unanswered: lookup)
            }
            let names = settings.catalogue.annotations
            let templates = revisions.objects.compactMap { bytes -> PastTemplate? in
                guard let document = try? Document(parsing: bytes) else { return nil }
                return withExtendedLifetime(document) { PastTemplate(document.root, query.holder, names) }
            }
            return .templates(query, templates)
        }
    }
}
