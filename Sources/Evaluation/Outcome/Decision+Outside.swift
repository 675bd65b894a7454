// Changes to decisions about files, which have exemptions and baselines outside of the objects.
extension Decision {
    /// Returns the decision with findings exempt for a reason outside of the object, such as a comment.
    ///
    /// - Parameter reason: Returns the reason of a finding's exemption; nil if it is not exempt.
    /// - Returns: The decision.
    public func exempting(_ reason: (DecidedFinding) -> String?) -> Decision {
        var copy = self
        copy.findings = findings.map { decided in
            guard decided.effect != .exempt, let reason = reason(decided) else { return decided }
            let exemption = Exemption(
                origin: .comment, rules: [decided.rule.id], reason: SecretMask.masked(reason), until: nil)
            return DecidedFinding(
                rule: decided.rule, finding: decided.finding, path: decided.path, change: decided.change,
                level: decided.level, effect: .exempt, leniency: nil, exemption: exemption)
        }
        return copy
    }

    /// Returns the decision without findings that are not reported, such as those of a baseline.
    public func leavingOut(_ isKnown: (DecidedFinding) -> Bool) -> Decision {
        var copy = self
        copy.findings.removeAll(where: isKnown)
        return copy
    }
}
