import Evaluation

/// Rules' answers as lines for people: what passed, what was not asked, and why.
enum AnswerReport {
    /// A line for each answer that is not a finding, the words aligned.
    static func lines(_ answers: [RuleAnswer]) -> [String] {
        let width = answers.map(\.rule.id.count).max() ?? 0
        return answers.compactMap { answer in
            let (word, reason): (String, String)
            switch answer.outcome {
            case .found: return nil
            case .passed: (word, reason) = ("passed", "")
            case .off: (word, reason) = ("off", "")
            case .notAsked(let why): (word, reason) = ("not asked", why)
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
