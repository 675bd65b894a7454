import Evaluation
import JSON

/// A report as text: a line for each finding, grouped by object with the most severe first, and the counts.
///
/// It keeps the text of objects, not the objects, since recordings can contain many.
public struct TextReport: Sendable {
    private let isColored: Bool
    private let isVerbose: Bool
    private let namesFiles: Bool
    private let program: String
    private var blocks: [Block] = []
    private var tally: [String: (rule: Rule, counts: [DecidedFinding.Effect: Int])] = [:]
    private var documentation = ""
    private var hasHints = false
    private var shown = ShownFindings()
    /// The ids of rules with findings that `playbook fix` can remove.
    private var fixable: Set<String> = []
    private var hasAnswers = false
    /// True if a finding suggests a PodDisruptionBudget that `playbook fix` can add.
    private var lacksBudgets = false

    /// The text of an object.
    private struct Block {
        let severity: Int
        let isThirdParty: Bool
        let text: String
    }

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - isColored: True for a terminal: colors, and links from rules to their documentation.
    ///   - isVerbose: True to show source lines, suggested changes, and objects without findings.
    ///   - namesFiles: False for objects of a cluster, which have no file.
    ///   - program: The name of the program in the commands that it suggests.
    public init(isColored: Bool, isVerbose: Bool = false, namesFiles: Bool = true, program: String = "playbook") {
        self.program = program
        self.isColored = isColored
        self.isVerbose = isVerbose
        self.namesFiles = namesFiles
    }

    /// Adds an object; without findings or notes, only a verbose report shows it.
    public mutating func add(_ object: ReportedObject) {
        let decision = object.decision
        guard isVerbose || !decision.findings.isEmpty || !decision.notices.isEmpty else { return }
        let findings = shown.next(object)
        // Each rule counts with its own effect.
        let counted = findings.map(\.finding.decided) + findings.flatMap(\.others)
        for decided in counted { count(decided.rule, decided.effect, 1) }
        guard isVerbose || !findings.isEmpty || !decision.further.isEmpty || !decision.notices.isEmpty else { return }
        blocks.append(
            Block(severity: object.severity, isThirdParty: decision.isThirdParty, text: block(object, findings)))
        for further in decision.further { count(further.rule, further.effect, further.count) }
        if documentation.isEmpty { documentation = decision.documentation }
        // A fix of a rendered object needs the source of the value.
        for finding in object.findings where object.root == nil || finding.region != nil {
            guard finding.decided.effect != .exempt else { continue }
            if finding.decided.finding.isFixable { fixable.insert(finding.decided.rule.id) }
            lacksBudgets = lacksBudgets || finding.decided.finding.addsBudget
        }
        hasHints = hasHints || decision.findings.contains { $0.leniency == .hint }
        hasAnswers = hasAnswers || !object.answers.isEmpty
    }

    private mutating func count(_ rule: Rule, _ effect: DecidedFinding.Effect, _ number: Int) {
        tally[rule.id, default: (rule, [:])].counts[effect, default: 0] += number
    }

    /// Returns the report as lines, each with a line feed.
    public func text(_ summary: Summary) -> String {
        // Sorting is not stable.
        let order = blocks.indices.sorted { (blocks[$1].severity, $0) < (blocks[$0].severity, $1) }
        var text = order.filter { !blocks[$0].isThirdParty }.map { blocks[$0].text }.joined()
        let others = order.filter { blocks[$0].isThirdParty }
        if !others.isEmpty {
            // A verbose block ends with an empty line.
            if !text.isEmpty, !isVerbose { text += "\n" }
            text += paint(thirdPartyTitle, .bold) + "\n" + others.map { blocks[$0].text }.joined()
        }
        text += totals()
        if !text.isEmpty { text += "\n" }
        return text + TextReport.summary(summary) + advice(summary)
    }

    // MARK: Objects

    private func block(_ object: ReportedObject, _ lines: [ShownFinding]) -> String {
        let decision = object.decision
        let documentation = decision.documentation
        let outcome =
            object.isDenied
            ? paint("DENIED", .red)
            : decision.findings.contains { $0.effect == .warn } || !decision.notices.isEmpty
                ? paint("allowed with warnings", .yellow) : paint("allowed", .green)
        let findings = lines.map(\.finding)
        // Fields of a review have no place in its file.
        let hasPlaces = findings.contains { $0.region != nil }
        let place = oneLine(object.file) + (object.line.map { ":\($0)" } ?? "")
        let parts =
            [paint(oneLine(object.title), .bold), oneLine(object.request), outcome]
            + (hasPlaces || !namesFiles ? [] : [paint(place, .dim)])
        var text = parts.filter { !$0.isEmpty }.joined(separator: " · ") + "\n"
        if let reason = decision.skipReason { text += "  skipped: \(oneLine(reason))\n" }
        let places = findings.map { hasPlaces ? oneLine(object.file) + $0.position : "" }
        let width = places.map(displayWidth).max() ?? 0
        let ruleWidth = (findings.map(\.decided.rule) + decision.further.map(\.rule)).map(\.id.count).max() ?? 0
        func line(_ place: String, _ effect: DecidedFinding.Effect, _ rule: Rule, _ message: String) -> String {
            let place = width == 0 ? "" : paint(padded(place, width), .dim) + "  "
            let gap = String(repeating: " ", count: ruleWidth - rule.id.count)
            return "  \(place)\(word(effect))  \(link(rule, documentation))\(gap)  \(oneLine(message))\n"
        }
        for (shown, place) in zip(lines, places) {
            let (finding, decided) = (shown.finding, shown.finding.decided)
            let note =
                (decided.note ?? decided.leniency?.rawValue ?? decided.exemption?.reason).map { " (\($0))" } ?? ""
            text += line(
                place, decided.effect, decided.rule, finding.sentence + decided.remark + note + shown.othersText)
            guard isVerbose else { continue }
            if let region = finding.region { text += excerpt(region) }
            text += change(shown.suggestion)
        }
        for further in decision.further {
            text += line("", further.effect, further.rule, "\(counted(further.count, "more finding")), not listed")
        }
        if object.repeated > 0 {
            text += "  \(counted(object.repeated, "finding")) as above, also in \(oneLine(object.root ?? ""))\n"
        }
        for notice in decision.notices { text += "  note    \(oneLine(notice))\n" }
        for entry in decision.notEvaluated where isVerbose && object.answers.isEmpty {
            text += "  -       \(entry.rule.id) not evaluated: \(oneLine(entry.reason))\n"
        }
        for line in AnswerReport.lines(object.answers) { text += paint("  \(oneLine(line))", .dim) + "\n" }
        return text + (isVerbose ? "\n" : "")
    }

    private func word(_ effect: DecidedFinding.Effect) -> String {
        switch effect {
        case .deny: paint("deny  ", .red)
        case .warn: paint("warn  ", .yellow)
        case .exempt: paint("exempt", .dim)
        }
    }

    private func change(_ decided: DecidedFinding) -> String {
        guard decided.effect != .exempt else { return "" }
        // Splitting bytes is faster, and reports can have thousands of findings.
        var text = ""
        for line in decided.change.block.utf8.split(separator: UInt8(ascii: "\n")) {
            text += paint("      " + oneLine(String(Substring(line))), .dim)
            text += "\n"
        }
        return text
    }

    /// Returns the source line with the field underlined.
    private func excerpt(_ region: Region) -> String {
        let number = "\(region.start.line)"
        let bar = paint("|", .dim)
        let shown = region.excerpt.unicodeScalars
        let start = shown.prefix(region.marked.lowerBound).endIndex
        let end = shown[start...].prefix(region.marked.count).endIndex
        let before = String(repeating: " ", count: displayWidth(of: String(shown[..<start])))
        // The marked range can be empty at the end of a line.
        let marks = String(repeating: "^", count: max(1, displayWidth(of: String(shown[start..<end]))))
        return """
                  \(paint(number, .dim)) \(bar) \(region.excerpt)
                  \(String(repeating: " ", count: number.count)) \(bar) \(before)\(paint(marks, .yellow))

            """
    }

    // MARK: Counts

    /// Returns a table of the findings by rule and level, the rules with the most denials first.
    private func totals() -> String {
        guard !tally.isEmpty else { return "" }
        let rows = rows
        let effects = effects
        let width = max(5, rows.map(\.rule.id.count).max() ?? 0)
        func line(_ name: String, _ length: Int, _ cells: [String]) -> String {
            let gap = String(repeating: " ", count: width - length)
            let columns = cells.map { String(repeating: " ", count: max(1, 8 - $0.count)) + $0 }
            return "\(name)\(gap)\(columns.joined())\n"
        }
        var text = (isVerbose ? "" : "\n") + paint(line("rule", 4, effects.map(\.rawValue)), .bold)
        for row in rows {
            let cells = row.cells.map { $0 == 0 ? "-" : "\($0)" }
            text += line(link(row.rule, documentation), row.rule.id.count, cells)
        }
        guard rows.count > 1 else { return text }
        let sums = effects.indices.map { index in rows.reduce(0) { $0 + $1.cells[index] } }
        return text + line("total", 5, sums.map(String.init))
    }

    /// The effects of the findings, the most severe first.
    private var effects: [DecidedFinding.Effect] {
        [.deny, .warn, .exempt].filter { effect in
            effect != .exempt || tally.values.contains { $0.counts[effect] != nil }
        }
    }

    /// The number of findings of each rule by effect, the rules with the most denials first.
    private var rows: [(rule: Rule, cells: [Int])] {
        let effects = effects
        return tally.values.map { entry in (entry.rule, effects.map { entry.counts[$0] ?? 0 }) }.sorted {
            $0.cells == $1.cells ? $0.rule.id < $1.rule.id : $1.cells.lexicographicallyPrecedes($0.cells)
        }
    }

    /// Returns lines that explain words of the findings, and say what to do next.
    private func advice(_ summary: Summary) -> String {
        guard let first = rows.first?.rule.id, !hasAnswers else { return "" }
        let hint = hasHints ? "(hint) marks a warning that never denies\n" : ""
        guard summary.noun == .object, summary.files > 0 else {
            guard !isVerbose else { return hint }
            return hint + "Use --verbose for source lines and suggestions, and `\(program) explain RULE` for a rule.\n"
        }
        var steps: [(command: String, effect: String)] = []
        if !isVerbose { steps.append(("\(program) check --verbose PATH", "show source lines and suggested changes")) }
        steps.append(("\(program) explain \(first)", "describe a rule"))
        if !fixable.isEmpty {
            let ids = rows.map(\.rule.id).filter(fixable.contains)
            let shown = ids.prefix(3).joined(separator: ", ") + (ids.count > 3 ? ", …" : "")
            steps.append(("\(program) fix --diff PATH", "show safe fixes: \(shown)"))
        }
        if lacksBudgets {
            steps.append(
                ("\(program) fix --diff --add-companions PATH", "show the PodDisruptionBudgets that are missing"))
        }
        if summary.denied > 0, summary.baseline == nil, !summary.isBaselineWritten {
            steps.append(
                ("\(program) check --write-baseline FILE PATH", "accept these findings, to report only new ones"))
        }
        let width = steps.map(\.command.count).max() ?? 0
        let lines = steps.map { "  \(padded($0.command, width))  \($0.effect)\n" }
        let meaning = summary.denied > 0 ? "A cluster that enforces the rules rejects denied objects. " : ""
        return "\(hint)\n\(meaning)Next steps:\n\(lines.joined())"
    }

    /// Returns the summary.
    public static func summary(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let files = summary.files > 0 ? " in \(counted(summary.files, "file"))" : ""
        var text =
            summary.evaluated == 0
            ? "\(summary.nothingFound)\(files)"
            : "\(counted(summary.evaluated, noun))\(files): \(summary.denied) denied, \(summary.warned) with warnings, \(summary.allowed) allowed"
        if !summary.unreadable.isEmpty { text += "; \(counted(summary.unreadable.count, "input")) could not be read" }
        text += summary.remarks.map { "\n\($0)" }.joined()
        text += summary.notEvaluatedSentences().map { "\nn\($0.dropFirst())" }.joined()
        text += summary.settingsFiles.map { "\nsettings read from \(oneLine($0))" }.joined()
        return text + "\n" + (summary.baseline.map(ratchet) ?? "")
    }

    /// Returns the comparison with the baseline, with each entry that no longer occurs.
    private static func ratchet(_ baseline: Baseline.Outcome) -> String {
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
        isColored && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Returns the id of a rule; on a terminal, as a hyperlink (OSC 8) to its documentation.
    private func link(_ rule: Rule, _ documentation: String) -> String {
        guard isColored, documentation.hasPrefix("https://") || documentation.hasPrefix("http://") else {
            return rule.id
        }
        return "\u{1B}]8;;\(oneLine(documentation))#\(rule.id)\u{1B}\\\(rule.id)\u{1B}]8;;\u{1B}\\"
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - displayWidth(of: text)))
    }
}

extension LocatedFinding {
    /// The line and column after the file's name: `:5:3`.
    fileprivate var position: String {
        (line.map { ":\($0)" } ?? "") + (region.map { ":\($0.start.column)" } ?? "")
    }
}

extension ReportedObject {
    /// The order of objects in a report; the most severe has the largest number.
    fileprivate var severity: Int {
        isDenied ? 3 : decision.findings.contains { $0.effect == .warn } ? 2 : findings.isEmpty ? 0 : 1
    }
}

extension Finding {
    /// True if it suggests a PodDisruptionBudget that does not exist.
    fileprivate var addsBudget: Bool { !isReplacement && relatedObject?["kind"] == "PodDisruptionBudget" }
}
