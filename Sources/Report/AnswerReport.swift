import Evaluation

/// The results of rules as lines of text: passed, off, skipped or not evaluated, with the reason.
enum AnswerReport {
    /// Returns an aligned line for each result that is not a finding.
    static func lines(_ answers: [RuleAnswer]) -> [String] {
        let width = answers.map(\.rule.id.count).max() ?? 0
        return answers.compactMap { answer in
            let (word, reason): (String, String)
            switch answer.outcome {
            case .found: return nil
            case .passed: (word, reason) = ("passed", "")
            case .off: (word, reason) = ("off", "")
            case .notAsked(let why): (word, reason) = ("skipped", why)
            case .notEvaluated(let why): (word, reason) = ("not evaluated", why)
            }
            let rule = reason.isEmpty ? answer.rule.id : padded(answer.rule.id, width)
            return "\(padded(word, 13))  \(rule)\(reason.isEmpty ? "" : "  \(reason)")"
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
