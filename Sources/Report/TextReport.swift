import Evaluation
import JSON

/// A report as text: an aligned block for each object, and a summary.
public struct TextReport: Sendable {
    private let isColored: Bool

    /// Creates a report.
    public init(isColored: Bool) { self.isColored = isColored }

    /// Returns the block of an object; empty if there are no findings or notes.
    ///
    /// - Parameters:
    ///   - object: The evaluated object.
    ///   - showsAll: True to include objects without findings.
    /// - Returns: Lines, each with a line feed.
    public func block(_ object: JudgedObject, showsAll: Bool) -> String {
        let verdict = object.verdict
        let hasMore = !verdict.judgements.isEmpty || !verdict.notices.isEmpty
        guard hasMore || showsAll else { return "" }
        let outcome =
            verdict.isDenied
            ? paint("DENIED", .red) : verdict.warnings.isEmpty ? paint("allowed", .green) : paint("WARNED", .yellow)
        let request = object.request.isEmpty ? "" : "\(oneLine(object.request)) · "
        var text = "\(paint(oneLine(object.title), .bold)) · \(request)\(outcome)\n"
        text += paint("  \(oneLine(object.file))\(object.line.map { ":\($0)" } ?? "")", .dim) + "\n"
        if let reason = verdict.passedOver { text += "  skipped: \(oneLine(reason))\n" }
        let width = verdict.judgements.map(\.rule.id.count).max() ?? 0
        let gutter = object.findings.compactMap(\.region).map { "\($0.start.line)".count }.max() ?? 0
        for finding in object.findings {
            text += entry(finding, finding.region == nil ? width : 0)
            if let region = finding.region { text += excerpt(region, in: object.file, gutter) }
            text += remedy(finding.judgement)
        }
        for further in verdict.further {
            text +=
                "  \(word(further.effect)) \(further.rule.id): \(counted(further.count, "more finding")), not listed\n"
        }
        for notice in verdict.notices { text += "  note   \(oneLine(notice))\n" }
        for entry in verdict.notEvaluated where showsAll && object.answers.isEmpty {
            text += "  -      \(entry.rule.id) not evaluated: \(oneLine(entry.reason))\n"
        }
        for line in AnswerReport.lines(object.answers) { text += paint("  \(oneLine(line))", .dim) + "\n" }
        return text + "\n"
    }

    private func entry(_ finding: LocatedFinding, _ width: Int) -> String {
        let judgement = finding.judgement
        let word = word(judgement.effect)
        let rule = judgement.rule.id + String(repeating: " ", count: max(0, width - judgement.rule.id.count))
        let note = finding.reasonText.map { " (\($0))" } ?? ""
        return "  \(word) \(rule)  \(oneLine(finding.sentence + note))\n"
    }

    private func word(_ effect: Judgement.Effect) -> String {
        switch effect {
        case .deny: paint("deny  ", .red)
        case .warn: paint("warn  ", .yellow)
        case .exempt: paint("exempt", .dim)
        }
    }

    private func remedy(_ judgement: Judgement) -> String {
        guard judgement.effect != .exempt else { return "" }
        // Splitting bytes is faster, and reports can have thousands of findings.
        var text = ""
        for line in judgement.remedy.block.utf8.split(separator: UInt8(ascii: "\n")) {
            text += paint("           " + oneLine(String(Substring(line))), .dim)
            text += "\n"
        }
        return text
    }

    /// Returns the location in the form that editors and terminals link, and the line with the field underlined.
    private func excerpt(_ region: Region, in file: String, _ gutter: Int) -> String {
        let number = "\(region.start.line)"
        let margin = String(repeating: " ", count: 11 + gutter - number.count)
        let bar = paint("|", .dim)
        let shown = region.excerpt.unicodeScalars
        let start = shown.prefix(region.marked.lowerBound).endIndex
        let end = shown[start...].prefix(region.marked.count).endIndex
        let before = String(repeating: " ", count: displayWidth(of: String(shown[..<start])))
        // The marked range can be empty at the end of a line.
        let marks = String(repeating: "^", count: max(1, displayWidth(of: String(shown[start..<end]))))
        return """
                     \(paint("--> \(oneLine(file)):\(number):\(region.start.column)", .dim))
            \(margin)\(paint(number, .dim)) \(bar) \(region.excerpt)
            \(String(repeating: " ", count: 11 + gutter)) \(bar) \(before)\(paint(marks, .yellow))

            """
    }

    /// Returns the summary.
    public func summary(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let files = summary.files > 0 ? " in \(counted(summary.files, "file"))" : ""
        var text =
            summary.judged == 0
            ? "\(summary.nothingFound)\(files)"
            : "\(counted(summary.judged, noun))\(files): \(summary.denied) denied, \(summary.warned) with warnings, \(summary.allowed) allowed"
        if !summary.unreadable.isEmpty { text += "; \(counted(summary.unreadable.count, "input")) could not be read" }
        text += summary.remarks.map { "\n\($0)" }.joined()
        text += summary.notEvaluatedSentences().map { "\nn\($0.dropFirst())" }.joined()
        return text + "\n" + (summary.baseline.map(ratchet) ?? "")
    }

    /// Returns the comparison with the baseline, with each entry that no longer occurs.
    private func ratchet(_ baseline: Baseline.Outcome) -> String {
        var text = ""
        if baseline.known > 0 { text += "\(baseline.knownText)\n" }
        guard !baseline.gone.isEmpty else { return text }
        text += "\(baseline.goneText)\n"
        return text + baseline.gone.map { "  \(oneLine("\($0)"))\n" }.joined()
    }

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

extension Exemption {
    /// The reason and the end date.
    fileprivate var words: String { until.map { "\(reason), until \($0)" } ?? reason }
}
