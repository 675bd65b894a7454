public import Kubernetes

/// What one rule has to say to a request, and where that is nothing, why.
public struct RuleAnswer: Sendable {
    /// What comes of asking a rule.
    public enum Outcome: Sendable {
        /// It is switched off.
        case off
        /// It is not asked about such a request: why.
        case notAsked(String)
        /// It had no answer: why.
        case notEvaluated(String)
        /// It has nothing to say against the object.
        case passed
        /// It has: what, and what became of it.
        case found([Judgement])
    }

    /// The rule.
    public let rule: Rule
    /// What comes of asking it.
    public let outcome: Outcome
}

extension Verdict {
    /// Every rule's answer to the request that this is the verdict on, for whoever asks why it was let through.
    ///
    /// The verdict knows what rules said; that others were not asked, and why, is found out here again: no request pays for it.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - context: What it was judged with.
    ///   - rules: The rules, in the order of the answers.
    /// - Returns: An answer for each rule.
    public func answers(
        to review: AdmissionReview, in context: Context, rules: [Rule]? = nil
    ) -> [RuleAnswer] {
        let object = review.operation == .delete ? review.oldObject : review.object
        let subject = object.map { Subject(review, $0, in: context) }
        let change = subject.map { Change(of: $0, context.settings.catalogue.annotations) }
        return (rules ?? context.settings.catalogue.reported).map { rule in
            RuleAnswer(rule: rule, outcome: outcome(of: rule, subject, change, review, context))
        }
    }

    private func outcome(
        of rule: Rule, _ subject: Subject?, _ change: Change?, _ review: AdmissionReview, _ context: Context
    ) -> RuleAnswer.Outcome {
        if context.settings.level(of: rule) == .off { return .off }
        if let reason = rule.scope.reasonNotToAsk(about: review, subject?.ruledKind ?? review.kind) ?? passedOver {
            return .notAsked(reason)
        }
        if subject?.isPassed(by: rule) ?? false { return .notAsked("the controller of its kind fills that in") }
        if rule.scope.isLongRunningOnly, subject?.isLongRunning == false {
            return .notAsked("it is about what runs until somebody stops it")
        }
        if change == .metadata, !rule.scope.readsMetadata { return .notAsked("nothing that it reads has changed") }
        if !context.settings.includesSystem, context.settings.isSystem(namespace: review.namespace ?? ""),
            !rule.scope.reachesSystemNamespaces
        {
            return .notAsked("system namespaces are passed over")
        }
        if let entry = (notEvaluated + unreadable).first(where: { $0.rule.id == rule.id }) {
            return .notEvaluated(entry.reason)
        }
        let found = judgements.filter { $0.rule.id == rule.id }
        return found.isEmpty ? .passed : .found(found)
    }
}

extension Scope {
    /// Why a rule of this scope is not asked about a request by its kind, operation and subresource; nil where it is.
    fileprivate func reasonNotToAsk(about review: AdmissionReview, _ kind: ResourceKind) -> String? {
        if !kinds.contains(kind) { return "it is not about \(review.kindName)" }
        if !operations.contains(review.operation) { return "it is not asked on \(review.operation.name)" }
        guard !subresources.contains(review.subresource) else { return nil }
        return review.subresourceName.isEmpty
            ? "it is only asked about subresources" : "it is not asked about the subresource \(review.subresourceName)"
    }
}
