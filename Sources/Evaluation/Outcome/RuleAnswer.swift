public import Kubernetes

/// The result of one rule for a request, with the reason if it has no findings.
public struct RuleAnswer: Sendable {
    /// The result of a rule.
    public enum Outcome: Sendable {
        /// The rule is off.
        case off
        /// The rule does not apply, with the reason.
        case notAsked(String)
        /// The rule was not evaluated, with the reason.
        case notEvaluated(String)
        /// The rule has no findings.
        case passed
        /// The rule has findings.
        case found([DecidedFinding])
    }

    /// The rule.
    public let rule: Rule
    /// The result of the rule.
    public let outcome: Outcome
}

extension Decision {
    /// Returns the result of each rule for the request, to explain the decision.
    ///
    /// The decision contains the findings; the reasons why other rules do not apply are determined here, so that requests do
    /// not pay for it.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - context: The context of the decision.
    ///   - rules: The rules, in the order of the results.
    /// - Returns: One result per rule.
    public func answers(
        to review: AdmissionReview, in context: Context, rules: [Rule]? = nil
    ) -> [RuleAnswer] {
        let object = review.operation == .delete ? review.oldObject : review.object
        let subject = object.map { Subject(review, $0, in: context) }
        let change = subject.map { Change(of: $0) }
        return (rules ?? context.settings.catalogue.reported).map { rule in
            RuleAnswer(rule: rule, outcome: outcome(of: rule, subject, change, review, context))
        }
    }

    private func outcome(
        of rule: Rule, _ subject: Subject?, _ change: Change?, _ review: AdmissionReview, _ context: Context
    ) -> RuleAnswer.Outcome {
        if context.settings.level(of: rule) == .off { return .off }
        if let reason = rule.scope.reasonNotToAsk(about: review, subject?.ruledKind ?? review.kind) ?? skipReason {
            return .notAsked(reason)
        }
        if subject?.isPassed(by: rule) ?? false { return .notAsked("the controller of this kind sets these fields") }
        if rule.scope.isLongRunningOnly, subject?.isLongRunning == false {
            return .notAsked("it applies to long-running workloads only")
        }
        if change == .metadata, !rule.scope.readsMetadata, let subject,
            !Exemptions(of: subject, in: context).isLifted(from: rule)
        {
            return .notAsked("the fields that it reads have not changed")
        }
        if !context.settings.includesSystem, context.settings.isSystem(namespace: review.namespace ?? ""),
            !rule.scope.reachesSystemNamespaces
        {
            return .notAsked("it does not apply in system namespaces")
        }
        if let entry = (notEvaluated + unreadable).first(where: { $0.rule.id == rule.id }) {
            return .notEvaluated(entry.reason)
        }
        let found = findings.filter { $0.rule.id == rule.id }
        return found.isEmpty ? .passed : .found(found)
    }
}

extension Scope {
    /// Returns the reason why the rule does not apply to a request's kind, operation or subresource; nil if it applies.
    fileprivate func reasonNotToAsk(about review: AdmissionReview, _ kind: ResourceKind) -> String? {
        if !kinds.contains(kind) { return "it does not apply to \(review.kindName)" }
        if !operations.contains(review.operation) { return "it does not apply to \(review.operation.name)" }
        guard !subresources.contains(review.subresource) else { return nil }
        return review.subresourceName.isEmpty
            ? "it applies to subresources only" : "it does not apply to the subresource \(review.subresourceName)"
    }
}
