import JSON
import Kubernetes

/// Which findings the object had already before the request.
///
/// A rule is run on the old object when it finds something in the new one, and once more when it cannot read a field of that.
final class Ratchet {
    private let before: Subject?
    private let subject: Subject
    private let context: Context
    private let exemptions: Exemptions
    private let past: PastState?
    /// The rule that was run on the old object last, and its keys: findings of one rule come together.
    private var latest: (rule: Rule, keys: FindingKeys)?

    /// Whether the pods, or where there are none all of the object, are as they were, for what of them cannot be read.
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

    /// Returns true if the old object has the same finding, evaluated today, and was not under an exemption then.
    ///
    /// - Parameters:
    ///   - key: The finding's key, made only where there is a past to compare it with.
    ///   - excess: How far a number is from what is allowed.
    ///   - rule: The finding's rule.
    ///   - steps: The steps that are left to the request, of which the old object takes its own.
    /// - Returns: True if the finding is existing.
    func has(_ key: () -> FindingKey, _ excess: Double?, of rule: Rule, _ steps: inout Int) -> Bool {
        guard let before else { return false }
        if latest?.rule !== rule { latest = (rule, evaluate(rule, on: before, exemptFrom: rule, &steps)) }
        guard latest?.keys.isEmpty == false else { return false }
        return latest?.keys.have(key(), excess) ?? false
    }

    /// Returns true if the old object had a finding of the rule that was run on it last.
    func had(_ key: () -> FindingKey) -> Bool {
        guard latest?.keys.isEmpty == false else { return false }
        return latest?.keys.have(key(), nil) ?? false
    }

    /// Returns true if the rule's finding in the old object was that the same thing is not set at all, and now it is set but is not enough.
    ///
    /// In rules of concern security a value that is itself forbidden is a choice, and new.
    func hadUnset(at field: Field, of rule: Rule) -> Bool {
        guard rule.concern != .security, field.isPresent, latest?.rule === rule else { return false }
        return latest?.keys.hadUnset(in: subject.ownerKeys(of: field)) ?? false
    }

    /// Returns true if a field is part of a pod template that was admitted before and was not exempt from the rule then.
    func isInPastTemplate(_ field: Field, of rule: Rule) -> Bool {
        guard let past, past.contains(field) else { return false }
        return !past.isExempt(from: rule, context.settings.catalogue) && !exemptions.cover(rule)
    }

    /// Returns true if a rule ended at the same field of the old object, which was not under an exemption from ``Rule/schema`` then.
    ///
    /// - Parameters:
    ///   - finding: The finding about the field.
    ///   - rule: The rule that cannot read it.
    ///   - steps: The steps that are left to the request, of which the old object takes its own.
    /// - Returns: True if the finding is existing.
    func hasUnreadable(_ finding: Finding, of rule: Rule, _ steps: inout Int) -> Bool {
        // What cannot be read may have anything put beside it.
        guard let before, leavesRestAlone else { return false }
        var keys = evaluate(rule, on: before, exemptFrom: .schema, &steps)
        return keys.have(FindingKey(ofType: finding, in: subject), nil)
    }

    /// The keys of what a rule finds in the old object; none where that was under an exemption from the rule `exempting`.
    private func evaluate(
        _ rule: Rule, on before: Subject, exemptFrom exempting: Rule, _ steps: inout Int
    ) -> FindingKeys {
        // A finalizer or a label is no new decision on what an exemption that has ended leaves behind: it waits for the next one.
        // What cannot be looked into makes nothing existing.
        guard !before.isTooWide, !rule.scope.isLongRunningOnly || before.isLongRunning,
            subject.changesOnlyMetadata || !exemptions.coveredBefore(exempting, before)
        else { return FindingKeys() }
        let collector = FindingCollector(keysOf: before, context, steps: steps)
        // Findings from before an unknown related object are certain. Once the budget is used up the rule denies in any case.
        if let check = rule.check(of: before.ruledKind) {
            _ = collector.run(check, onlyLongRunning: rule.scope.isLongRunningOnly)
        }
        steps = collector.steps
        return collector.past
    }
}
