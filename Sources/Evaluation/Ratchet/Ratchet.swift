import JSON
import Kubernetes

/// Decides which violations existed before the request.
///
/// A rule is evaluated on the old object if it has findings about the new one, and again if it cannot read a field of the new
/// one.
final class Ratchet {
    private let before: Subject?
    private let subject: Subject
    private let context: Context
    private let exemptions: Exemptions
    private let past: PastState?
    /// The rule that was last evaluated on the old object, and its keys; the findings of a rule are consecutive.
    private var latest: (rule: Rule, keys: FindingKeys)?

    /// True if the pod template, or the object if it has none, is unchanged, for fields that cannot be read.
    private lazy var leavesRestAlone: Bool = {
        guard let before else { return true }
        guard let place = subject.templatePointer else {
            guard subject.changesOnlyMetadata else { return false }
            let (mine, theirs) = (subject.metadata.value?["annotations"], before.metadata.value?["annotations"])
            return mine.map { mine in theirs.map { mine.isSame(as: $0) } ?? false } ?? (theirs == nil)
        }
        guard let mine = subject.object[at: place], let theirs = before.object[at: place] else { return false }
        return mine.isSame(as: theirs)
    }()

    init(_ subject: Subject, _ context: Context, _ exemptions: Exemptions, _ past: PastState?) {
        self.past = past
        self.subject = subject
        before = context.settings.isRatchetOn ? subject.before : nil
        self.context = context
        self.exemptions = exemptions
    }

    /// Returns true if the old object has the same finding by the current rules and was not exempt from it.
    ///
    /// - Parameters:
    ///   - key: The key of the finding, created only if there is a past state.
    ///   - excess: The distance between a number and the allowed range.
    ///   - rule: The rule of the finding.
    ///   - steps: The remaining steps of the request, which the old object also uses.
    /// - Returns: True if the finding is existing.
    func has(_ key: () -> FindingKey, _ excess: Double?, of rule: Rule, _ steps: inout Int) -> Bool {
        guard let before else { return false }
        if latest?.rule !== rule { latest = (rule, evaluate(rule, on: before, exemptFrom: rule, &steps)) }
        guard latest?.keys.isEmpty == false else { return false }
        return latest?.keys.have(key(), excess) ?? false
    }

    /// Returns true if the old object has a finding of the rule that was last evaluated on it.
    func had(_ key: () -> FindingKey) -> Bool {
        guard latest?.keys.isEmpty == false else { return false }
        return latest?.keys.have(key(), nil) ?? false
    }

    /// Returns true if the old object has the finding that the field, or one that contains it, is unset, and now it is set to an
    /// insufficient value.
    ///
    /// In rules of concern security, a forbidden value is a choice and therefore a new violation.
    func hadUnset(at field: Field, of rule: Rule) -> Bool {
        guard rule.concern != .security, field.isPresent, latest?.rule === rule else { return false }
        return latest?.keys.hadUnset(in: subject.pathKeys(of: field)) ?? false
    }

    /// Returns true if a field is in a pod template that was admitted before and was not exempt from the rule.
    func isInPastTemplate(_ field: Field, of rule: Rule) -> Bool {
        guard let past, past.contains(field) else { return false }
        return !past.isExempt(from: rule, context.settings.catalogue) && !exemptions.cover(rule)
    }

    /// Returns true if a rule stopped at the same field of the old object, which was not exempt from ``Rule/schema``.
    ///
    /// - Parameters:
    ///   - finding: The finding about the field.
    ///   - rule: The rule that cannot read it.
    ///   - steps: The remaining steps of the request, which the old object also uses.
    /// - Returns: True if the finding is existing.
    func hasUnreadable(_ finding: Finding, of rule: Rule, _ steps: inout Int) -> Bool {
        // The rest of an unreadable field can have new violations.
        guard let before, leavesRestAlone else { return false }
        var keys = evaluate(rule, on: before, exemptFrom: .schema, &steps)
        return keys.have(FindingKey(ofType: finding, in: subject), nil)
    }

    /// Returns the keys of a rule's findings in the old object; none if it was exempt from the rule `exempting`.
    private func evaluate(
        _ rule: Rule, on before: Subject, exemptFrom exempting: Rule, _ steps: inout Int
    ) -> FindingKeys {
        // A change of metadata alone keeps the violations of an expired exemption; they are denied with the next change. If the
        // old object is too large, no violation is existing.
        guard !before.isTooWide, !rule.scope.isLongRunningOnly || before.isLongRunning,
            !exemptions.coveredBefore(exempting, before)
                || subject.changesOnlyMetadata && !exemptions.isLifted(from: exempting)
        else { return FindingKeys() }
        // An init container that becomes a main container or a sidecar keeps its violations, except in security rules.
        let collector = FindingCollector(
            keysOf: before, context, steps: steps, promotesInitContainers: rule.concern == .reliability)
        // Findings before an unknown related object are certain. If the steps are used up, the rule denies in any case.
        if let check = rule.check(of: before.ruledKind) {
            _ = collector.run(check, onlyLongRunning: rule.scope.isLongRunningOnly)
        }
        steps = collector.steps
        return collector.past
    }
}
