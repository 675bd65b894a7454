// What is known about findings outside of the request and its cluster: offline, where files are judged.
extension Verdict {
    /// The same with findings exempted that somebody vouches for beside the object, as in a comment.
    ///
    /// - Parameter reason: Why a finding is exempt; nil where it is not.
    /// - Returns: The verdict.
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

    /// The same without findings that are to be told no more, as those of a baseline.
    public func leavingOut(_ isKnown: (Judgement) -> Bool) -> Verdict {
        var copy = self
        copy.judgements.removeAll(where: isKnown)
        return copy
    }
}
