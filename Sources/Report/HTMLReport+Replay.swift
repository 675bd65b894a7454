import AuditLog
import Evaluation
import JSON
import Rules

extension HTMLReport {
    /// Returns the report of a replay: the decisions that change, and the denials over time before and now.
    ///
    /// - Parameters:
    ///   - tally: The counts and examples.
    ///   - documentation: The URL of the rules' documentation; empty for none.
    ///   - run: The run that created it.
    /// - Returns: A page.
    public static func text(_ tally: ReplayTally, documentation: String, _ run: RunDetails) -> String {
        page(
            title: tally.log.map { "\(tally.newlyDenied) of \(counted($0.evaluated, "write")) would be denied" }
                ?? "\(tally.newlyDenied) of \(counted(tally.reviews, "review")) newly denied",
            [
                tally.log.map(hidden) ?? "", headline(tally), tally.log.map(read) ?? "", trend(tally), tables(tally),
                tally.examples.isEmpty
                    ? nothing("Examples")
                    : list(
                        "Examples", effects: ["deny", "warn", "exempt", silent], because: "Before",
                        note:
                            "At most \(ReplayTally.maximumExamples) \(tally.noun)s are shown for each rule and kind of change."
                    ),
            ], data(tally, documentation), run)
    }

    /// The effect of a rule without a finding.
    private static let silent = "none"

    /// The decisions on the writes of an audit log.
    private static func headline(_ tally: ReplayTally, _ log: LogSummary) -> String {
        let allowed = log.evaluated - tally.newlyDenied - log.undecided
        let parts = [
            Part("deny", tally.newlyDenied, "would be denied"), Part("warn", log.undecided, "unknown"),
            Part("warn", log.warned, "would get warnings"),
            Part("ok", allowed - log.warned, "without findings"),
        ]
        let notes = ReplayReport.notes(tally).map { "<p>\($0).</p>" }.joined(separator: "\n")
        guard log.evaluated > 0 else { return header("–", "no writes to evaluate", parts, notes) }
        return header(
            "\(allowed * 100 / log.evaluated) %", "of \(counted(log.evaluated, "write")) would be allowed", parts, notes
        )
    }

    private static func headline(_ tally: ReplayTally) -> String {
        if let log = tally.log { return headline(tally, log) }
        let all = tally.all
        func share(_ denied: Int) -> String { "\((all.reviews - denied) * 100 / max(1, all.reviews)) %" }
        let parts = [
            Part("deny", tally.newlyDenied, "newly denied"),
            Part("same deny", all.deniedNow - tally.newlyDenied, "denied as before"),
            Part("ok", tally.newlyAllowed, "newly allowed"),
            Part("same ok", all.reviews - all.deniedNow - tally.newlyAllowed, "allowed as before"),
        ]
        let warnings = [
            (tally.newlyWarned, "with new warnings"), (tally.noLongerWarned, "with warnings gone"),
        ].filter { $0.0 > 0 }.map { "\(counted($0.0, "review")) \($0.1)" }
        let notes = (warnings + ReplayReport.notes(tally)).map { "<p>\($0).</p>" }.joined(separator: "\n")
        guard all.reviews > 0 else { return header("–", "no recorded decisions to compare with", parts, notes) }
        return header(share(all.deniedNow), "allowed now, \(share(all.deniedBefore)) before", parts, notes)
    }

    // MARK: Over time

    /// The largest number of columns; more would be too thin to see.
    private static let maximumColumns = 60

    private static func trend(_ tally: ReplayTally) -> String {
        let all = tally.trend
        let periods = all.suffix(maximumColumns)
        guard periods.count > 1, let first = periods.first?.name, let last = periods.last?.name else { return "" }
        let most = max(1, periods.map { max($0.period.deniedBefore, $0.period.deniedNow) }.max() ?? 1)
        // Only days can be so many: recordings of more than two days are counted by day.
        let part = "<p>The last \(periods.count) of \(all.count) days with \(tally.noun)s.</p>"
        var (columns, rows) = ("", "")
        // An audit log has no earlier decisions of this server.
        let hasPast = tally.log == nil
        let now = hasPast ? "now" : "would be denied"
        let legend =
            (hasPast ? "<span><i class=\"then\"></i> before</span> " : "") + "<span><i class=\"now\"></i> \(now)</span>"
        let heads = ["\(tally.noun)s"] + (hasPast ? ["before"] : []) + [now]
        let headCells = heads.map { "<th scope=\"col\">\($0.prefix(1).uppercased() + $0.dropFirst())</th>" }.joined()
        for (name, period) in periods {
            let counts = (hasPast ? [("then", "before", period.deniedBefore)] : []) + [("now", now, period.deniedNow)]
            let bars = counts.map { "<i class=\"\($0.0)\" style=\"height:\($0.2 * 100 / most)%\"></i>" }.joined()
            let title = counts.map { "\($0.2) \($0.1)" }.joined(separator: ", ")
            columns += "<span title=\"\(time(name)): \(title)\">\(bars)</span>"
            let cells = ([period.reviews] + counts.map(\.2)).map { "<td>\($0)</td>" }.joined()
            rows += "<tr><th scope=\"row\">\(time(name))</th>\(cells)</tr>\n"
        }
        return """
            <section class="trend"><h2>Denied over time</h2>\(periods.count < all.count ? part : "")
            <p class="legend">\(legend) <span class="dim">at most \(most)</span></p>
            <div class="chart" aria-hidden="true">\(columns)</div>
            <p class="ends dim"><span>\(time(first))</span><span>\(time(last))</span></p>
            <details><summary>Figures</summary>
            <div class="tables"><table><thead><tr><th scope="col">Time (UTC)</th>\(headCells)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div></details></section>
            """
    }

    private static func time(_ name: String) -> String {
        guard let hour = name.firstIndex(of: "T") else { return name }
        return "\(name[..<hour]) \(name[name.index(after: hour)...]):00"
    }

    // MARK: Tables

    private static func tables(_ tally: ReplayTally) -> String {
        let examples = tally.examples
        let sections = [
            table("Rule", ReplayReport.rules(tally), filter: "rule", Set(examples.flatMap { $0.changes.map(\.rule) })),
            table(
                "Namespace", ReplayReport.shares(tally.namespaces, tally), filter: "namespace",
                Set(examples.map(\.namespace))),
            tally.teams.keys.contains { !$0.isEmpty }
                ? table(
                    "Team", ReplayReport.shares(tally.teams, tally), filter: "team",
                    Set(examples.map(\.team))) : "",
            table("User", ReplayReport.shares(tally.users, tally)),
        ]
        return "<div class=\"tables\">\n\(sections.joined(separator: "\n"))\n</div>"
    }

    private static func table(
        _ title: String, _ counts: (columns: [String], rows: [(name: String, values: [Int])]), filter: String? = nil,
        _ names: Set<String>? = nil
    ) -> String {
        table(title, counts.columns, counts.rows, filter: filter, names)
    }

    // MARK: Examples

    private static func data(_ tally: ReplayTally, _ documentation: String) -> Literal {
        // Newly denied reviews come first.
        let examples = ReplayReport.examples(tally).flatMap(\.examples)
        // A rule that no longer exists has no title.
        var rules: [(id: String, title: String)] = []
        var indices: [String: Int] = [:]
        var findings: [Literal] = []
        for (object, example) in examples.enumerated() {
            for change in example.changes {
                let index = indices[change.rule] ?? rules.count
                let rule = Catalogue.playbook[change.rule]
                if index == rules.count {
                    indices[change.rule] = index
                    rules.append((change.rule, rule?.title ?? ""))
                }
                let message = rule == nil ? "(this rule no longer exists)" : change.message
                let text = message.isEmpty ? change.path : "\(change.path) \(message)"
                findings.append([
                    .number("\(index)"), .number("\(object)"), .string(change.now?.rawValue ?? silent),
                    .string(tally.log == nil ? "\(change.before?.rawValue ?? silent) before" : ""), line(text),
                    .number("\(example.line ?? 0)"), 0, "", "",
                ])
            }
        }
        let objects = examples.map { example -> Literal in
            [
                line(example.object), line(example.namespace), line(example.file), line(example.request),
                line(example.team),
            ]
        }
        return data(rules, objects, findings, documentation: documentation)
    }
}
