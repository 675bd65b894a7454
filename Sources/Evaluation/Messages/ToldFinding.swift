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
                told.append(ToldFinding(judgement: judgement, offset: offset))
                continue
            }
            guard let place = places[key] else {
                places[key] = told.count
                told.append(ToldFinding(judgement: judgement, offset: offset))
                continue
            }
            let leader = told[place]
            if judgement.effect.severity > leader.judgement.effect.severity {
                let others = [leader.judgement.rule] + leader.others
                told[place] = ToldFinding(judgement: judgement, offset: offset, others: others)
            } else if leader.judgement.rule !== judgement.rule,
                !leader.others.contains(where: { $0 === judgement.rule })
            {
                told[place].others.append(judgement.rule)
            }
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
