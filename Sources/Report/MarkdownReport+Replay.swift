import AuditLog
import Evaluation

extension MarkdownReport {
    /// Returns the report of a replay: the effect of a change of rules, as a comment on that change.
    ///
    /// - Parameters:
    ///   - tally: The counts and examples.
    ///   - documentation: The URL of the rules' documentation; empty for none.
    /// - Returns: A comment within GitHub's limit.
    public static func text(_ tally: ReplayTally, documentation: String) -> String {
        var text = heading(tally) + "\n" + (tally.log.map { logText(tally, $0) } ?? counts(tally))
        text += ReplayReport.notes(tally).map { "\n\($0).\n" }.joined()
        for table in ReplayReport.tables(tally) { text += self.table(table, documentation) }
        // Room for the end of a fold and for the note about omitted examples.
        var room = limit - text.utf16.count - 200
        var left = 0
        for (turn, examples) in ReplayReport.examples(tally) {
            let all = tally[turn]
            let part =
                examples.count < all ? "\(examples.count) of \(counted(all, tally.noun))" : counted(all, tally.noun)
            let fold = "\n<details><summary>\(ReplayReport.title(turn, tally)): \(part)</summary>\n\n"
            let size = room - fold.utf16.count - closing.utf16.count
            let (entries, rest) = fitting(examples, size: left > 0 ? 0 : size) { entry($0, tally, documentation) }
            left += rest
            guard !entries.isEmpty else { continue }
            text += fold + entries + closing
            room = size - entries.utf16.count
        }
        if left > 0 {
            text += "\n\(counted(left, "example")) not shown: the comment has reached GitHub's size limit.\n"
        }
        return text
    }

    private static func heading(_ tally: ReplayTally) -> String {
        let outcome: String =
            if let log = tally.log {
                tally.newlyDenied > 0
                    ? "❌ \(tally.newlyDenied) of \(counted(log.evaluated, "write")) would be denied"
                    : "\(log.evaluated == 0 || tally.unreadable > 0 ? "⚠️" : "✅") no write would be denied for certain"
            } else if tally.reviews == 0 {
                "⚠️ no reviews found"
            } else if tally.all.reviews == 0 {
                "⚠️ no recorded decisions to compare with"
            } else if tally.newlyDenied > 0 {
                "❌ \(tally.newlyDenied) of \(counted(tally.reviews, "review")) newly denied"
            } else {
                "\(tally.newlyWarned + tally.unreadable > 0 ? "⚠️" : "✅") nothing newly denied"
            }
        return "### playbook replay: \(outcome)\n"
    }

    private static func counts(_ tally: ReplayTally) -> String {
        let turns = ReplayTally.Turn.allCases
        return row(["reviews"] + turns.map { ReplayReport.title($0, tally).lowercased() })
            + row(Array(repeating: "--:", count: turns.count + 1))
            + row(["\(tally.reviews)"] + turns.map { "\(tally[$0])" })
    }

    private static func table(_ table: ReplayReport.Table, _ documentation: String) -> String {
        func line(_ name: String, _ values: [Int]) -> String {
            row([name] + values.map { $0 == 0 ? "" : "\($0)" })
        }
        let isOfRules = table.title == "rule"
        let most = Array(table.rows.prefix(table.most))
        // Four tables leave half of the comment for examples.
        let (rows, left) = fitting(most, size: 8192) { entry in
            // In a table `|` starts a cell even in code.
            let rule = link(entry.name, documentation).split(separator: "|", omittingEmptySubsequences: false)
            return line(isOfRules ? rule.joined(separator: "\\|") : plain(entry.name), entry.values)
        }
        let rest = table.rest(behind: most.count - left).map(line) ?? ""
        return "\n" + row([table.title] + table.columns) + row(["---"] + table.columns.map { _ in "--:" }) + rows + rest
    }

    static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

    private static func entry(_ example: ReplayTally.Example, _ tally: ReplayTally, _ documentation: String) -> String {
        let place = example.file + (example.line.map { ":\($0)" } ?? "")
        let findings = example.changes.map { change in
            "  - \(link(change.rule, documentation)) \(ReplayReport.words(change, tally)): \(code(change.path)) \(plain(change.message))\n"
        }
        return "- **\(plain(example.object))**, \(plain(example.request)) (\(code(place)))\n" + findings.joined()
    }
}
