import Evaluation
import JSON

/// Verdicts as workflow commands, which GitHub Actions shows as annotations beside the lines of a pull request.
public enum GitHubReport {
    /// A line a finding, and one that sums up.
    public static func text(_ objects: [JudgedObject], _ summary: Summary) -> String {
        var text = ""
        for object in objects {
            for finding in object.findings { text += command(finding, of: object) }
        }
        for input in summary.unreadable { text += command(input) }
        return text + TextReport(isColored: false).summary(summary)
    }

    private static func command(_ input: UnreadableInput) -> String {
        var properties = input.name == "-" ? [] : ["file=\(property(input.name))"]
        if let line = input.line { properties.append("line=\(line)") }
        if let column = input.column { properties.append("col=\(column)") }
        properties.append("title=\(property("\(input.name) could not be read"))")
        return "::error \(properties.joined(separator: ","))::\(data(input.reason))\n"
    }

    private static func command(_ finding: LocatedFinding, of object: JudgedObject) -> String {
        let judgement = finding.judgement
        let name =
            switch judgement.effect {
            case .deny: "error"
            case .warn: "warning"
            case .exempt: "notice"
            }
        var properties: [String] = []
        if object.file != "-" { properties.append("file=\(property(object.file))") }
        if let region = finding.region {
            properties += ["line=\(region.start.line)", "endLine=\(region.end.line)"]
            // Columns are taken for a single line only.
            if region.start.line == region.end.line {
                properties += ["col=\(region.start.column)", "endColumn=\(region.end.column)"]
            }
        } else if let line = finding.line {
            properties.append("line=\(line)")
        }
        properties.append("title=\(property("\(judgement.rule.id): \(object.title)"))")
        let note = finding.excuse.map { " (\($0))" } ?? ""
        let remedy = judgement.effect == .exempt || judgement.remedy.block.isEmpty ? "" : "\n\(judgement.remedy.block)"
        return "::\(name) \(properties.joined(separator: ","))::\(data(finding.sentence + note + remedy))\n"
    }

    /// A text without what would end the command; a percent sign begins an escape.
    private static func data(_ text: String) -> String { escaped(text, ["%", "\r", "\n"]) }

    /// A text without what would end the property either.
    private static func property(_ text: String) -> String { escaped(text, ["%", "\r", "\n", ":", ","]) }

    private static func escaped(_ text: String, _ marks: Set<Unicode.Scalar>) -> String {
        // By scalars: a carriage return and a line feed are one character.
        text.unicodeScalars.map { scalar in
            guard marks.contains(scalar) else { return oneLine(String(scalar)) }
            return "%" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16, uppercase: true)
        }.joined()
    }
}
