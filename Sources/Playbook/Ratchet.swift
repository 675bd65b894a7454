import Kubernetes

/// Which findings the object had already before the request.
struct Ratchet {
    private let before: Subject?
    private let context: Context
    private let exemptions: Exemptions

    init(_ subject: Subject, _ context: Context, _ exemptions: Exemptions) {
        before = context.settings.isRatchetOn ? subject.before : nil
        self.context = context
        self.exemptions = exemptions
    }

    /// Whether the old object has the same finding, judged today, and was not under an exemption then.
    func has(_ finding: Finding, of rule: Rule, at path: String) -> Bool {
        guard let before, !rule.scope.isLongRunningOnly || before.isLongRunning,
            !exemptions.coveredBefore(rule, before),
            let findings = try? rule.findings(in: before, context)
        else { return false }
        return findings.contains { old in
            before.path(old.place) == path && old.choice == finding.choice && finding.isNoFurther(than: old)
        }
    }
}

extension Finding {
    /// Whether a number is at least as near to what is allowed as the old one.
    fileprivate func isNoFurther(than old: Finding) -> Bool {
        guard let excess else { return true }
        return old.excess.map { excess <= $0 } ?? false
    }
}
