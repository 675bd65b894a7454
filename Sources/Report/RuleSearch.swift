public import Evaluation
import Kubernetes

/// Finds the rules that a word is about.
public enum RuleSearch {
    /// The maximum number of rules that are found.
    private static let maximum = 8

    /// Returns the rules that mention a word: those with the word in their id first, then in their title, in the names of
    /// their kinds, and in their requirements.
    public static func rules(for word: String, in rules: [Rule]) -> [Rule] {
        // A plural finds the singular, too.
        let lower = word.lowercased()
        let word = lower.hasSuffix("s") ? String(lower.dropLast()) : lower
        guard word.count > 2 else { return [] }
        let texts: [(Rule) -> String] = [
            { $0.id }, { $0.title },
            { ($0.scope.kinds.kinds + $0.relatedObjects).map { "\($0.name) \($0.plural)" }.joined(separator: " ") },
            { ([$0.rationale] + $0.clauses.map(\.demand)).joined(separator: " ") },
        ]
        var found: [Rule] = []
        for text in texts {
            for rule in rules where !found.contains(where: { $0 === rule }) {
                let text = text(rule).lowercased()
                if text.indices.contains(where: { text[$0...].hasPrefix(word) }) { found.append(rule) }
            }
        }
        return Array(found.prefix(maximum))
    }
}
