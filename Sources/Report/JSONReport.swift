public import Evaluation
import JSON
import Kubernetes

/// A report as one JSON object: `findings` and `summary`.
public enum JSONReport {
    /// Returns the report.
    public static func text(_ objects: [ReportedObject], _ summary: Summary) -> String {
        let report: Literal = [
            "findings": .array(objects.flatMap { object in object.findings.map { finding($0, of: object) } }),
            "summary": .object(members(of: summary)),
        ]
        return report.json + "\n"
    }

    static func members(of summary: Summary) -> [Literal.Member] {
        var members: [Literal.Member] = [
            .init("\(summary.noun.rawValue)s", number(summary.evaluated)), .init("denied", number(summary.denied)),
            .init("warned", number(summary.warned)), .init("unreadable", number(summary.unreadable.count)),
        ]
        if summary.noun == .object {
            members += [.init("files", number(summary.files)), .init("foreign", number(summary.foreign))]
            if summary.skippedFiles > 0 { members.append(.init("skippedFiles", number(summary.skippedFiles))) }
            if !summary.notCovered.isEmpty { members.append(.init("notCovered", counts(summary.notCovered))) }
            if !summary.skipped.isEmpty { members.append(.init("skipped", counts(summary.skipped))) }
            if !summary.notRendered.isEmpty {
                let roots = summary.notRendered.map { path, reason -> Literal in
                    ["path": .string(path), "reason": .string(reason)]
                }
                members.append(.init("notRendered", .array(roots)))
            }
        }
        var notEvaluated: [(rule: String, count: Int)] = []
        for entry in summary.notEvaluated {
            if let index = notEvaluated.firstIndex(where: { $0.rule == entry.rule }) {
                notEvaluated[index].count += entry.count
            } else {
                notEvaluated.append((entry.rule, entry.count))
            }
        }
        members += [
            .init("unreadableInputs", .array(summary.unreadable.map(unreadable))),
            .init("notEvaluated", .object(notEvaluated.map { .init($0.rule, number($0.count)) })),
        ]
        if !summary.settingsFiles.isEmpty {
            members.append(.init("settingsFiles", .array(summary.settingsFiles.map { .string($0) })))
        }
        if summary.repeated > 0 { members.append(.init("repeated", number(summary.repeated))) }
        if summary.notListed > 0 { members.append(.init("notListed", number(summary.notListed))) }
        if let baseline = summary.baseline {
            members.append(
                .init("baseline", ["known": number(baseline.known), "gone": .array(baseline.gone.map(gone))]))
        }
        return members
    }

    private static func counts(_ counts: [String: Int]) -> Literal {
        .object(counts.sorted { $0.key < $1.key }.map { .init($0.key, number($0.value)) })
    }

    private static func gone(_ entry: Baseline.Entry) -> Literal {
        ["rule": .string(entry.rule), "object": .string(entry.object), "path": .string(entry.path)]
    }

    private static func unreadable(_ input: UnreadableInput) -> Literal {
        [
            "file": .string(input.name), "line": input.line.map(number) ?? .null,
            "column": input.column.map(number) ?? .null, "reason": .string(input.reason),
        ]
    }

    static func finding(_ finding: LocatedFinding, of object: ReportedObject) -> Literal {
        let decided = finding.decided
        var members: [Literal.Member] = [
            .init("rule", .string(decided.rule.id)), .init("clause", .string(decided.finding.clause.name)),
            .init("level", .string(decided.level.rawValue)), .init("effective", .string(decided.effectiveWord)),
            .init("file", .string(object.file)), .init("line", finding.line.map(number) ?? .null),
            .init("column", finding.region.map { number($0.start.column) } ?? .null),
            .init("endLine", finding.region.map { number($0.end.line) } ?? .null),
            .init("endColumn", finding.region.map { number($0.end.column) } ?? .null),
            .init("object", .string(object.title)), .init("path", .string(decided.path)),
            .init("message", .string(finding.sentence)),
            .init("remedy", .string(decided.change.block)),
        ]
        let team = object.decision.subject.team
        if !team.isEmpty { members.append(.init("team", .string(team))) }
        if object.decision.isThirdParty { members.append(.init("thirdParty", .bool(true))) }
        if let root = object.root { members.append(.init("root", .string(root))) }
        if let leniency = decided.leniency { members.append(.init("because", .string(leniency.rawValue))) }
        if let exemption = decided.exemption { members.append(.init("exemption", .string(exemption.reason))) }
        return .object(members)
    }

    private static func number(_ number: Int) -> Literal { .number(String(number)) }
}

/// The list of rules as JSON and as text.
public enum RuleList {
    /// Returns an array with one object for each rule.
    public static func json(_ rules: [Rule], _ settings: Settings) -> String {
        let list = Literal.array(
            rules.map { rule in
                [
                    "id": .string(rule.id), "group": .string(rule.group.rawValue), "title": .string(rule.title),
                    "level": .string(settings.level(of: rule).rawValue), "concern": .string(rule.concern.rawValue),
                    "fixable": .bool(rule.fix != nil),
                    "companions": .array(rule.relatedObjects.map { .string("\($0.name)") }),
                    "source": .string(rule.section?.rawValue ?? ""),
                    "settings": .array(rule.settings.map { .string($0) }),
                    "clauses": .array(
                        rule.clauses.map { ["name": .string($0.name), "demand": .string($0.demand)] }),
                ]
            })
        return list.json + "\n"
    }

    /// Returns lines with id, level and title, by group.
    public static func text(_ rules: [Rule], _ settings: Settings) -> String {
        let width = rules.map(\.id.count).max() ?? 0
        var text = "  \(padded("rule", width))  level  fix  requirement\n"
        for group in Group.allCases {
            let members = rules.filter { $0.group == group }
            guard !members.isEmpty else { continue }
            text += "\n" + group.rawValue + "\n"
            for rule in members {
                let level = settings.level(of: rule).rawValue
                text +=
                    "  \(padded(rule.id, width))  \(padded(level, 5))  \(rule.fix == nil ? "   " : "fix")  \(rule.title)\n"
            }
        }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
