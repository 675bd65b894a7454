import AuditLog
import Evaluation
import JSON
import Rules

/// The report of a replay as text and as JSON: the decisions that change.
public struct ReplayReport: Sendable {
    private let isColored: Bool

    /// Creates a report.
    public init(isColored: Bool) { self.isColored = isColored }

    /// Returns the report as text: the counts, examples, and tables.
    public func text(_ tally: ReplayTally) -> String {
        var text =
            if let log = tally.log { logText(tally, log) } else {
                paint(headline(tally), tally.newlyDenied > 0 ? "31" : "32") + "\n"
            }
        text += ReplayReport.notes(tally).map { "\($0)\n" }.joined()
        for (turn, examples) in ReplayReport.examples(tally) {
            let all = tally[turn]
            let part = examples.count < all ? ": \(examples.count) of \(counted(all, tally.noun)) shown" : ""
            text +=
                "\n\(paint(ReplayReport.title(turn, tally), "1"))\(part)\n" + examples.map { block($0, tally) }.joined()
        }
        for part in ReplayReport.tables(tally) { text += table(part) }
        return text
    }

    private func headline(_ tally: ReplayTally) -> String {
        guard tally.reviews > 0 else { return "no reviews found" }
        return
            "\(counted(tally.reviews, "review")): \(tally.newlyDenied) newly denied, \(tally.newlyAllowed) newly allowed, "
            + "\(tally.newlyWarned) with new warnings, \(tally.noLongerWarned) with warnings gone"
    }

    /// The notes about the counts, one sentence each.
    static func notes(_ tally: ReplayTally) -> [String] {
        [
            (
                tally.undecided, "review",
                "had no recorded decision to compare with; `playbook review` shows their decisions"
            ),
            (tally.otherMode, "review", "were recorded in a mode other than that of the replay (--mode)"),
            (tally.unreadable, "input", "could not be read"),
        ].filter { $0.0 > 0 }.map { "\(counted($0.0, $0.1)) \($0.2)" }
    }

    private func block(_ example: ReplayTally.Example, _ tally: ReplayTally) -> String {
        var text = "  \(oneLine("\(example.object) · \(example.request)"))\n"
        text += paint("    \(oneLine(example.file))\(example.line.map { ":\($0)" } ?? "")", "2") + "\n"
        for change in example.changes {
            let message = change.message.isEmpty ? "" : " \(change.message)"
            text += "    \(oneLine("\(change.rule) \(ReplayReport.words(change, tally)): \(change.path)\(message)"))\n"
        }
        return text
    }

    static func words(_ change: Comparison.Change, _ tally: ReplayTally) -> String {
        if tally.log != nil {
            return change.now == .deny ? "would deny" : change.now == .exempt ? "would be exempt" : "would warn"
        }
        let now =
            switch change.now {
            case .deny: "denies now"
            case .warn: "warns now"
            case .exempt: "is exempt now"
            case nil: Catalogue.playbook[change.rule] == nil ? "no longer exists" : "has no finding now"
            }
        switch change.before {
        case .deny: return now + ", denied before"
        case .warn: return now + ", warned before"
        case .exempt: return now + ", was exempt before"
        case nil: return now
        }
    }

    // MARK: Tables

    /// A table of counts by name.
    struct Table {
        typealias Row = (name: String, values: [Int])

        let title: String
        let columns: [String]
        let rows: [Row]

        /// The largest number of rows to list; all rules are listed.
        var most: Int { title == "rule" ? rows.count : 20 }

        /// Returns the sums of the rows after this number of rows; nil if there are none.
        func rest(behind count: Int) -> Row? {
            let rest = rows.dropFirst(count)
            let sums = columns.indices.map { index in rest.reduce(0) { $0 + $1.values[index] } }
            return rest.isEmpty ? nil : ("\(rest.count) more", sums)
        }
    }

    /// Returns the tables by rule, namespace, team and user.
    static func tables(_ tally: ReplayTally) -> [Table] {
        let (columns, rows) = rules(tally)
        let tables = [
            Table(title: "rule", columns: columns, rows: rows),
            shares(tally.namespaces, "namespace", tally),
            tally.teams.keys.contains { !$0.isEmpty } ? shares(tally.teams, "team", tally) : nil,
            shares(tally.users, "user", tally),
        ]
        return tables.compactMap(\.self).filter { !$0.rows.isEmpty }
    }

    private static func shares(
        _ shares: [String: ReplayTally.Share], _ title: String, _ tally: ReplayTally
    ) -> Table {
        let (columns, rows) = self.shares(shares, tally)
        return Table(title: title, columns: columns, rows: rows.map { (orNone($0.name), $0.values) })
    }

    /// Returns the examples by kind of change, without empty kinds.
    static func examples(_ tally: ReplayTally) -> [(turn: ReplayTally.Turn, examples: [ReplayTally.Example])] {
        let all = Dictionary(grouping: tally.examples, by: \.turn)
        return ReplayTally.Turn.allCases.compactMap { turn in all[turn].map { (turn, $0) } }
    }

    /// Returns the title of a kind of change.
    static func title(_ turn: ReplayTally.Turn, _ tally: ReplayTally) -> String {
        switch turn {
        case .newlyDenied where tally.log != nil: "Would be denied"
        case .newlyWarned where tally.log != nil: "Would get warnings"
        case .newlyDenied: "Newly denied"
        case .newlyAllowed: "Newly allowed"
        case .newlyWarned: "New warnings"
        case .noLongerWarned: "Warnings gone"
        }
    }

    /// Returns the changes by rule, without empty columns.
    static func rules(_ tally: ReplayTally) -> (columns: [String], rows: [(name: String, values: [Int])]) {
        let columns: [(title: String, value: (ReplayTally.Row) -> Int)] = [
            (tally.log == nil ? "denies now" : "would deny", \.denies), ("no longer denies", \.deniesNoMore),
            (tally.log == nil ? "warns now" : "would warn", \.warns), ("unknown", \.doubted),
            ("no longer warns", \.warnsNoMore),
            ("not replayable", \.notReplayable), ("not evaluated", \.notEvaluated),
        ]
        let shown = columns.filter { column in tally.rules.values.contains { column.value($0) > 0 } }
        let rows = order(tally.rules).filter { row in shown.contains { $0.value(row.value) > 0 } }
        return (shown.map(\.title), rows.map { row in (row.key, shown.map { $0.value(row.value) }) })
    }

    /// Returns the changes by name, sorted by new denials, without empty columns of warnings.
    static func shares(
        _ shares: [String: ReplayTally.Share], _ tally: ReplayTally
    ) -> (columns: [String], rows: [(name: String, values: [Int])]) {
        let turns = ReplayTally.Turn.allCases.filter { turn in
            turn == .newlyDenied || turn == .newlyAllowed && tally.log == nil || shares.values.contains { $0[turn] > 0 }
        }
        let rows = shares.map { share in (name: share.key, values: turns.map { share.value[$0] }) }.sorted {
            ($1.values[0], $1.values.reduce(0, +), $0.name) < ($0.values[0], $0.values.reduce(0, +), $1.name)
        }
        return (turns.map { title($0, tally).lowercased() }, rows)
    }

    private func table(_ table: Table) -> String {
        let (title, columns) = (table.title, table.columns)
        let rows = (table.rows.prefix(table.most) + [table.rest(behind: table.most)].compactMap(\.self)).map {
            (name: oneLine($0.name), values: $0.values)
        }
        let width = max(title.count, rows.map { displayWidth(of: $0.name) }.max() ?? 0)
        func line(_ name: String, _ values: [String]) -> String {
            let cells = zip(columns, values).map { column, value in
                String(repeating: " ", count: max(0, max(column.count, 7) - value.count)) + value
            }
            let space = String(repeating: " ", count: width - displayWidth(of: name))
            return "  \(name)\(space)  \(cells.joined(separator: "  "))\n"
        }
        return "\n" + paint(line(title, columns), "1")
            + rows.map { line($0.name, $0.values.map { $0 == 0 ? "-" : String($0) }) }.joined()
    }

    /// Returns the rules in the order of the catalogue, followed by those that no longer exist.
    static func order(_ rules: [String: ReplayTally.Row]) -> [(key: String, value: ReplayTally.Row)] {
        let known = Catalogue.playbook.reported.map(\.id)
        let gone = rules.keys.filter { !known.contains($0) }.sorted()
        return (known + gone).compactMap { id in rules[id].map { (id, $0) } }
    }

    func paint(_ text: String, _ style: String) -> String {
        guard isColored else { return text }
        let end = text.hasSuffix("\n") ? "\n" : ""
        return "\u{1B}[\(style)m\(text.dropLast(end.count))\u{1B}[0m\(end)"
    }

    // MARK: JSON

    /// Returns the report as one JSON object.
    public static func json(_ tally: ReplayTally) -> String {
        func shares(_ shares: [String: ReplayTally.Share], _ name: String) -> Literal {
            .array(
                shares.sorted { $0.key < $1.key }.map {
                    [
                        name: .string($0.key), "newlyDenied": number($0.value.denied),
                        "newlyAllowed": number($0.value.allowed), "newlyWarned": number($0.value.warned),
                        "noLongerWarned": number($0.value.unwarned),
                    ]
                })
        }
        var report: [Literal.Member] = tally.log.map { [.init("log", AuditLogReport.json($0))] } ?? []
        let rest: Literal = [
            "summary": [
                "reviews": number(tally.reviews), "newlyDenied": number(tally.newlyDenied),
                "newlyAllowed": number(tally.newlyAllowed), "newlyWarned": number(tally.newlyWarned),
                "noLongerWarned": number(tally.noLongerWarned), "withoutDecision": number(tally.undecided),
                "otherMode": number(tally.otherMode), "unreadable": number(tally.unreadable),
            ],
            "rules": .array(order(tally.rules).map { rule($0.key, $0.value) }),
            "namespaces": shares(tally.namespaces, "namespace"),
            "teams": shares(tally.teams, "team"),
            "users": shares(tally.users, "user"),
            "trend": .array(
                tally.trend.map {
                    [
                        "time": .string($0.name), "reviews": number($0.period.reviews),
                        "deniedBefore": number($0.period.deniedBefore), "deniedNow": number($0.period.deniedNow),
                    ]
                }),
            "examples": .array(tally.examples.map(example)),
        ]
        report += rest.members
        return Literal.object(report).json + "\n"
    }

    private static func rule(_ id: String, _ row: ReplayTally.Row) -> Literal {
        [
            "rule": .string(id), "denies": number(row.denies), "deniesNoMore": number(row.deniesNoMore),
            "warns": number(row.warns), "warnsNoMore": number(row.warnsNoMore),
            "notReplayable": number(row.notReplayable), "notEvaluated": number(row.notEvaluated),
            "unknown": number(row.doubted),
        ]
    }

    private static func example(_ example: ReplayTally.Example) -> Literal {
        [
            "change": .string(example.turn.rawValue), "file": .string(example.file),
            "line": example.line.map(number) ?? .null, "object": .string(example.object),
            "request": .string(example.request),
            "findings": .array(
                example.changes.map { change in
                    [
                        "rule": .string(change.rule), "path": .string(change.path),
                        "before": change.before.map { .string($0.rawValue) } ?? .null,
                        "now": change.now.map { .string($0.rawValue) } ?? .null, "message": .string(change.message),
                    ]
                }),
        ]
    }

    private static func number(_ number: Int) -> Literal { .number(String(number)) }
}
