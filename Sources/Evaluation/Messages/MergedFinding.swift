/// A finding as texts for people show it: combined with findings of other rules about the same fault.
///
/// Only texts combine findings. Each rule decides on its own, and reports for programs list every finding.
package struct MergedFinding {
    /// The most severe of the findings.
    package let decided: DecidedFinding
    /// The index of the finding among the decision's findings.
    package let offset: Int
    /// The findings of other rules about the fault.
    package fileprivate(set) var others: [DecidedFinding] = []
    /// The finding whose suggested change is shown, and its index: the most severe finding if it has edits, otherwise one of
    /// another rule.
    package fileprivate(set) var suggestion: (offset: Int, decided: DecidedFinding)

    init(_ decided: DecidedFinding, at offset: Int) {
        self.decided = decided
        self.offset = offset
        suggestion = (offset, decided)
    }

    /// True if the rule is among those that reported the fault.
    func isOf(_ rule: Rule) -> Bool { decided.rule === rule || others.contains { $0.rule === rule } }

    /// The messages of the other findings about the same field, to be shown after its own: `; also has no tag`.
    var addition: String {
        others.compactMap { $0.addition(to: decided) }.map { "; also \($0)" }.joined()
    }

    /// The ids of all rules; the rule of the most severe finding is first.
    var ids: String { ([decided] + others).map(\.rule.id).joined(separator: ", ") }
}

extension Decision {
    /// The findings that are not exempt, in order, each fault once.
    package var merged: [MergedFinding] {
        let faults = sharedFaults
        var merged: [MergedFinding] = []
        var places: [String: Int] = [:]
        for (offset, decided) in findings.enumerated() where decided.effect != .exempt {
            guard let fault = decided.rule.fault, faults.contains(fault), let key = decided.faultKey else {
                merged.append(MergedFinding(decided, at: offset))
                continue
            }
            // Two findings of the same rule are two faults.
            guard let place = places[key], !merged[place].isOf(decided.rule) else {
                if places[key] == nil { places[key] = merged.count }
                merged.append(MergedFinding(decided, at: offset))
                continue
            }
            var leader = merged[place]
            if decided.rank > leader.decided.rank {
                var other = MergedFinding(decided, at: offset)
                other.others = [leader.decided] + leader.others
                if decided.finding.edits.isEmpty, !leader.suggestion.decided.finding.edits.isEmpty {
                    other.suggestion = leader.suggestion
                }
                leader = other
            } else {
                leader.others.append(decided)
                if leader.suggestion.decided.finding.edits.isEmpty, !decided.finding.edits.isEmpty {
                    leader.suggestion = (offset, decided)
                }
            }
            merged[place] = leader
        }
        return merged
    }
}

extension Decision {
    /// The faults that more than one rule reported; no key is built for other faults.
    private var sharedFaults: [Fault] {
        var first: [Fault: Rule] = [:]
        var shared: [Fault] = []
        for rule in findings.map(\.rule) {
            guard let fault = rule.fault else { continue }
            if let other = first[fault], other !== rule, !shared.contains(fault) { shared.append(fault) }
            if first[fault] == nil { first[fault] = rule }
        }
        return shared
    }
}

extension DecidedFinding {
    /// Returns the message, to be shown after that of another finding; nil if their fields differ or their messages are equal.
    package func addition(to shown: DecidedFinding) -> String? {
        path == shown.path && finding.message != shown.finding.message ? finding.message : nil
    }

    /// The order of findings about one fault: a would-be denial is more severe than a warning.
    fileprivate var rank: Int { effect == .warn && leniency == .dryRun ? 2 : effect == .deny ? 3 : 1 }

    /// The key that findings about the same fault share; nil for a finding that is never combined.
    fileprivate var faultKey: String? {
        switch rule.fault {
        case .image: "image \(path)"
        case .credential: "credential \(path)"
        // One finding is about the user, the other about the container's security context.
        case .identity: "identity \(path.prefix { $0 != "]" })"
        case .namespace, nil: nil
        }
    }
}
