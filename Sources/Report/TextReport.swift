import Playbook

/// Verdicts as text for people: a block an object, aligned, and a line that sums up.
public struct TextReport: Sendable {
    private let isColored: Bool

    /// Creates a report.
    public init(isColored: Bool) { self.isColored = isColored }

    /// An object's block; empty when there is nothing to say about it.
    ///
    /// - Parameters:
    ///   - object: What was judged.
    ///   - showsAll: Whether objects without findings have a line too.
    /// - Returns: Lines, each with its end.
    public func block(_ object: JudgedObject, showsAll: Bool) -> String {
        let verdict = object.verdict
        let hasMore = !verdict.judgements.isEmpty || !verdict.notices.isEmpty
        guard hasMore || showsAll else { return "" }
        let outcome =
            verdict.isDenied
            ? paint("DENIED", .red) : verdict.warnings.isEmpty ? paint("allowed", .green) : paint("WARNED", .yellow)
        var text = "\(paint(object.title, .bold)) · \(object.request) · \(outcome)\n"
        text += paint("  \(object.file)\(object.line.map { ":\($0)" } ?? "")", .dim) + "\n"
        if let reason = verdict.passedOver { text += "  not judged: \(reason)\n" }
        let width = verdict.judgements.map(\.rule.id.count).max() ?? 0
        for judgement in verdict.judgements { text += entry(judgement, width) }
        for notice in verdict.notices { text += "  note   \(notice)\n" }
        for entry in verdict.notEvaluated where showsAll {
            text += "  -      \(entry.rule.id) not evaluated: \(entry.reason)\n"
        }
        return text + "\n"
    }

    private func entry(_ judgement: Judgement, _ width: Int) -> String {
        let word: String =
            switch judgement.effect {
            case .deny: paint("deny  ", .red)
            case .warn: paint("warn  ", .yellow)
            case .exempt: paint("exempt", .dim)
            }
        let rule = judgement.rule.id + String(repeating: " ", count: max(0, width - judgement.rule.id.count))
        let note = judgement.leniency.map { " (\($0.rawValue))" } ?? judgement.exemption.map { " (\($0.reason))" } ?? ""
        var text = "  \(word) \(rule)  \(judgement.path) \(judgement.finding.message)\(note)\n"
        guard judgement.effect != .exempt else { return text }
        for line in judgement.remedy.block.split(separator: "\n") { text += paint("           \(line)", .dim) + "\n" }
        return text
    }

    /// The last line.
    public func summary(_ summary: Summary) -> String {
        let allowed = summary.reviews - summary.denied - summary.warned
        var text =
            "\(count(summary.reviews, "review")): \(summary.denied) denied, \(summary.warned) with warnings, \(allowed) allowed"
        if summary.unreadable > 0 { text += "; \(count(summary.unreadable, "input")) could not be read" }
        if !summary.notEvaluated.isEmpty {
            let rules = summary.notEvaluated.map { "\($0.rule) (\($0.count))" }.joined(separator: ", ")
            text += "\nnot evaluated, for lack of companions: \(rules)"
        }
        return text + "\n"
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private enum Style: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case bold = "1"
        case dim = "2"
    }

    private func paint(_ text: String, _ style: Style) -> String {
        isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}
