// Changes to decisions about files, which have exemptions and baselines outside of the objects.
extension Verdict {
    /// Returns the decision with findings exempt for a reason outside of the object, such as a comment.
    ///
    /// - Parameter reason: Returns the reason of a finding's exemption; nil if it is not exempt.
    /// - Returns: The decision.
    public func exempting(_ reason: (Judgement) -> String?) -> Verdict {
        var copy = self
        copy.judgements = judgements.map { judgement in
            guard judgement.effect != .exempt, let reason = reason(judgement) else { return judgement }
            let exemption = Exemption(
                origin: .comment, rules: [judgement.rule.id], reason: SecretMask.masked(reason), until: nil)
            return Judgement(
                rule: judgement.rule, finding: judgement.finding, path: judgement.path, remedy: judgement.remedy,
                level: judgement.level, effect: .exempt, leniency: nil, exemption: exemption)
        }
        return copy
    }

    /// Returns the decision without findings that are not reported, such as those of a baseline.
    public func leavingOut(_ isKnown: (Judgement) -> Bool) -> Verdict {
        var copy = self
        copy.judgements.removeAll(where: isKnown)
        return copy
    }
}
