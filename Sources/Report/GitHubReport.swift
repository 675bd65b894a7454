import Evaluation
import JSON

/// Findings as workflow commands, which GitHub Actions shows as annotations in a pull request.
public enum GitHubReport {
    /// Returns a line for each finding, and the summary.
    public static func text(_ objects: [ReportedObject], _ summary: Summary) -> String {
        var text = ""
        var shown = ShownFindings()
        for object in objects {
            for finding in shown.next(object) { text += command(finding, of: object) }
        }
        for input in summary.unreadable { text += command(input) }
        return text + TextReport.summary(summary)
    }

    private static func command(_ input: UnreadableInput) -> String {
        var properties = input.name == "-" ? [] : ["file=\(property(withoutDot(input.name)))"]
        if let line = input.line { properties.append("line=\(line)") }
        if let column = input.column { properties.append("col=\(column)") }
        properties.append("title=\(property("\(input.name) could not be read"))")
        return "::error \(properties.joined(separator: ","))::\(data(input.reason))\n"
    }

    private static func command(_ shown: ShownFinding, of object: ReportedObject) -> String {
        let (finding, decided) = (shown.finding, shown.finding.decided)
        let name =
            switch decided.effect {
            case .deny: "error"
            case .warn: "warning"
            case .exempt: "notice"
            }
        var properties: [String] = []
        if object.file != "-" { properties.append("file=\(property(withoutDot(object.file)))") }
        if let region = finding.region {
            properties += ["line=\(region.start.line)", "endLine=\(region.end.line)"]
            // GitHub accepts columns for a single line only.
            if region.start.line == region.end.line {
                properties += ["col=\(region.start.column)", "endColumn=\(region.end.column)"]
            }
        } else if let line = finding.line {
            properties.append("line=\(line)")
        }
        properties.append("title=\(property("\(decided.rule.id): \(object.title)"))")
        let note = finding.reasonText.map { " (\($0))" } ?? ""
        let suggestion = shown.suggestion.change.block
        let change = decided.effect == .exempt || suggestion.isEmpty ? "" : "\n\(suggestion)"
        return
            "::\(name) \(properties.joined(separator: ","))::\(data(finding.sentence + note + shown.othersText + change))\n"
    }

    /// Escapes the message of a command: line ends and percent signs.
    private static func data(_ text: String) -> String { escaped(text, ["%", "\r", "\n"]) }

    /// Escapes a property of a command, where `:` and `,` are separators too.
    private static func property(_ text: String) -> String { escaped(text, ["%", "\r", "\n", ":", ","]) }

    private static func escaped(_ text: String, _ marks: Set<Unicode.Scalar>) -> String {
        // By scalars: a carriage return and a line feed are one character.
        text.unicodeScalars.map { scalar in
            guard marks.contains(scalar) else { return oneLine(String(scalar)) }
            return "%" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16, uppercase: true)
        }.joined()
    }
}
