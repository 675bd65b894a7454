import JSON
import Kubernetes

/// Which findings the object had already before the request.
///
/// The old object is judged once by each rule that finds something in the new one, and by no other.
final class Ratchet {
    /// Where a finding is, with names instead of indexes, and what was chosen there.
    ///
    /// What was chosen tells elements without a name apart, so that one which is put before the others makes none of them new.
    private struct Key: Hashable {
        let path: String
        let choice: String?

        init(_ finding: Finding, in subject: Subject, at path: String? = nil) {
            choice = finding.chosen
            self.path = choice == nil ? path ?? subject.path(finding.place) : subject.pathWithoutIndexes(finding.place)
        }
    }

    private let subject: Subject
    private let before: Subject?
    private let context: Context
    private let exemptions: Exemptions
    /// What each rule asked so far says about the old object, by its id: how far each number was from what is allowed.
    private var old: [String: [Key: Double?]] = [:]

    /// Whether the pods are as they were, for what of them cannot be read.
    private lazy var leavesPodsAlone: Bool = {
        guard let before, let place = subject.templatePointer else { return true }
        guard let mine = subject.object[at: place], let theirs = before.object[at: place] else { return false }
        return mine.isSame(as: theirs)
    }()

    init(_ subject: Subject, _ context: Context, _ exemptions: Exemptions) {
        self.subject = subject
        before = context.settings.isRatchetOn ? subject.before : nil
        self.context = context
        self.exemptions = exemptions
    }

    /// Whether the old object has the same finding, judged today, and was not under an exemption then.
    func has(_ finding: Finding, of rule: Rule, at path: String) -> Bool {
        // What cannot be read may have anything put beside it.
        guard let before, finding.clause != .malformed || leavesPodsAlone else { return false }
        let known: [Key: Double?]
        if let asked = old[rule.id] {
            known = asked
        } else {
            known = findings(of: rule, in: before)
            old[rule.id] = known
        }
        guard let furthest = known[Key(finding, in: subject, at: path)] else { return false }
        // A number must be at least as near to what is allowed as it was.
        guard let excess = finding.excess else { return true }
        return furthest.map { excess <= $0 } ?? false
    }

    private func findings(of rule: Rule, in before: Subject) -> [Key: Double?] {
        // A finalizer or a label is no new decision on what an exemption that has ended leaves behind: it waits for the next one.
        guard !rule.scope.isLongRunningOnly || before.isLongRunning,
            subject.changesOnlyMetadata || !exemptions.coveredBefore(rule, before),
            let findings = try? before.findings(of: rule.check, context)
        else { return [:] }
        return Dictionary(
            findings.map { (Key($0, in: before), $0.excess) },
            uniquingKeysWith: { first, second in
                guard let first, let second else { return first ?? second }
                return max(first, second)
            })
    }
}
