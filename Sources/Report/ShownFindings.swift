import Evaluation

/// A finding as people read it, with the findings of other rules about the same fault.
struct ShownFinding {
    let finding: LocatedFinding
    /// Findings of other rules about the same fault.
    var others: [DecidedFinding] = []
    /// The finding whose suggestion is shown.
    let suggestion: DecidedFinding

    /// The other rules and their messages about the field, in parentheses after the message.
    var othersText: String {
        let texts = others.map { other in
            other.rule.id + (other.addition(to: finding.decided).map { ": \($0)" } ?? "")
        }
        return texts.isEmpty ? "" : " (also \(texts.joined(separator: ", ")))"
    }
}

/// Selects the findings that reports for people show: each fault of an object once, and a namespace's once for all its objects.
///
/// Text, Markdown and annotations show them. Reports for programs and the HTML page list every finding.
struct ShownFindings {
    /// The findings about a namespace that are already shown for another object in it.
    private var ofNamespaces: Set<String> = []

    /// Returns the findings of the next object that are shown, the most severe first.
    mutating func next(_ object: ReportedObject) -> [ShownFinding] {
        var merged: [Int: MergedFinding] = [:]
        for finding in object.decision.merged { merged[finding.offset] = finding }
        var shown: [ShownFinding] = []
        for (offset, finding) in object.findings.enumerated() {
            let decided = finding.decided
            if decided.effect == .exempt {
                shown.append(ShownFinding(finding: finding, suggestion: decided))
            } else if let found = merged[offset] {
                let key = "\(decided.rule.id) \(object.decision.subject.namespace) \(finding.sentence)"
                if decided.rule.isAboutNamespace, !ofNamespaces.insert(key).inserted { continue }
                shown.append(
                    ShownFinding(finding: finding, others: found.others, suggestion: found.suggestion.decided))
            }
        }
        // Sorting is not stable.
        return shown.enumerated().sorted {
            ($1.element.finding.decided.effect.severity, $0.offset)
                < ($0.element.finding.decided.effect.severity, $1.offset)
        }.map(\.element)
    }
}

extension DecidedFinding.Effect {
    /// The order of findings of an object; the most severe has the largest number.
    fileprivate var severity: Int {
        switch self {
        case .deny: 2
        case .warn: 1
        case .exempt: 0
        }
    }
}
