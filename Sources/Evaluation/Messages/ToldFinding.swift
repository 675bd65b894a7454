/// A finding as people are told of it: with the other rules that found the same fault.
///
/// Only texts are merged. Each rule decides for itself, and reports for programs have every finding.
struct ToldFinding {
    /// The most severe of the findings.
    let judgement: Judgement
    /// Its place among the verdict's.
    let offset: Int
    /// The other rules, in catalogue order.
    var others: [Rule] = []
    /// The finding whose suggested change is shown, and its place: the leading one's, if it has one, else that of another rule.
    var suggestion: (offset: Int, judgement: Judgement)

    init(_ judgement: Judgement, at offset: Int) {
        self.judgement = judgement
        self.offset = offset
        suggestion = (offset, judgement)
    }

    /// The ids of all rules, the leading one first.
    var ids: String { ([judgement.rule] + others).map(\.id).joined(separator: ", ") }
}

extension Verdict {
    /// The findings that are not exempt, each fault once, in their order.
    var told: [ToldFinding] {
        var told: [ToldFinding] = []
        var places: [String: Int] = [:]
        for (offset, judgement) in judgements.enumerated() where judgement.effect != .exempt {
            guard let key = judgement.faultKey else {
                told.append(ToldFinding(judgement, at: offset))
                continue
            }
            guard let place = places[key] else {
                places[key] = told.count
                told.append(ToldFinding(judgement, at: offset))
                continue
            }
            var leader = told[place]
            if judgement.effect.severity > leader.judgement.effect.severity {
                var other = ToldFinding(judgement, at: offset)
                other.others = [leader.judgement.rule] + leader.others
                if judgement.finding.edits.isEmpty { other.suggestion = leader.suggestion }
                leader = other
            } else if leader.judgement.rule !== judgement.rule,
                !leader.others.contains(where: { $0 === judgement.rule })
            {
                leader.others.append(judgement.rule)
                if leader.suggestion.judgement.finding.edits.isEmpty { leader.suggestion = (offset, judgement) }
            }
            told[place] = leader
        }
        return told
    }
}

extension Judgement {
    /// What findings of one fault have in common; nil for a finding that stands alone.
    fileprivate var faultKey: String? {
        switch rule.fault {
        case .image: "image \(path)"
        case .credential: "credential \(path)"
        // One finding is about the user, the other one about the container's settings.
        case .identity: "identity \(path.prefix { $0 != "]" })"
        case .namespace, nil: nil
        }
    }
}
