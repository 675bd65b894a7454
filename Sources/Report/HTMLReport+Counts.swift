import Evaluation

extension HTMLReport {
    /// The share of allowed objects, and the counts behind it.
    static func headline(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let passed = summary.allowed + summary.warned
        let evaluated = passed + summary.denied
        let score = evaluated == 0 ? "–" : "\(passed * 100 / evaluated) %"
        let parts = [
            Part("deny", summary.denied, "denied"), Part("warn", summary.warned, "allowed with warnings"),
            Part("ok", summary.allowed, "allowed without warnings"),
        ]
        var notes = ""
        if !summary.unreadable.isEmpty {
            let inputs = summary.unreadable.map { "<li>\(markup($0.description))</li>" }.joined(separator: "\n")
            notes +=
                "<details class=\"deny\"><summary>\(counted(summary.unreadable.count, "input")) could not be read</summary><ul>\(inputs)</ul></details>"
        }
        notes += summary.remarks.map { "<p>\(markup($0.prefix(1).uppercased() + $0.dropFirst())).</p>" }.joined()
        notes += summary.notEvaluatedSentences().map { "<p>\(markup($0)).</p>" }.joined()
        notes += summary.settingsFiles.map { "<p>Settings read from \(markup(oneLine($0))).</p>" }.joined()
        if let baseline = summary.baseline { notes += ratchet(baseline) }
        let meaning =
            summary.evaluated == 0 ? summary.nothingFound : "\(passed) of \(counted(evaluated, noun)) allowed"
        return header(score, meaning, parts, notes)
    }

    private static func ratchet(_ baseline: Baseline.Outcome) -> String {
        let known =
            baseline.known == 0 ? "" : "<p>\(baseline.knownText).</p>"
        guard !baseline.gone.isEmpty else { return known }
        let gone = baseline.gone.map { "<li>\(markup("\($0)"))</li>" }.joined(separator: "\n")
        return known
            + "<details><summary>\(baseline.goneText)</summary><ul>\(gone)</ul></details>"
    }

    /// A part of the bar: its CSS class, its count and its label.
    struct Part {
        let style: String
        let count: Int
        let name: String

        init(_ style: String, _ count: Int, _ name: String) {
            (self.style, self.count, self.name) = (style, count, name)
        }
    }

    /// Returns the top of the page.
    ///
    /// - Parameters:
    ///   - score: The main figure.
    ///   - meaning: The text beside it.
    ///   - parts: The parts of the bar, from left to right.
    ///   - notes: The paragraphs below, as HTML.
    /// - Returns: The element.
    static func header(_ score: String, _ meaning: String, _ parts: [Part], _ notes: String) -> String {
        let bar = parts.filter { $0.count > 0 }.map {
            "<span class=\"\($0.style)\" style=\"flex-grow:\($0.count)\"></span>"
        }.joined()
        let counts = parts.map { "<li><b class=\"\($0.style)\">\($0.count)</b> \($0.name)</li>" }.joined()
        return """
            <header>
            <h1>playbook</h1>
            <p class="score"><b>\(score)</b> \(meaning)</p>
            <div class="bar" aria-hidden="true">\(bar)</div>
            <ul class="counts">\(counts)</ul>
            \(notes)
            </header>
            """
    }

    /// The findings that warn now and will deny later.
    static func tomorrow(_ objects: [ReportedObject]) -> String {
        let reasons: [(DecidedFinding.Leniency, String)] = [
            (.dryRun, "when dry-run mode ends"),
            (.grace, "when the grace period for related objects ends"),
            (.namespace, "when the Namespace no longer sets the level to warn"),
        ]
        var items = ""
        for (leniency, text) in reasons {
            let counts = objects.map { object in
                object.findings.count { $0.decided.leniency == leniency }
            }
            let findings = counts.reduce(0, +)
            guard findings > 0 else { continue }
            let number = counted(findings, "finding")
            let place = "in \(counted(counts.count { $0 > 0 }, "object")) \(text)"
            // Screen readers read each button's label alone.
            items +=
                "<li><b>\(number)</b> \(place) <button type=\"button\" data-filter=\"because\" data-value=\"\(leniency.rawValue)\" aria-label=\"Show the \(number) \(place)\">Show</button></li>"
        }
        guard !items.isEmpty else { return "" }
        return
            "<section class=\"tomorrow\"><h2>Denied later</h2><p>These findings warn now and will deny:</p><ul>\(items)</ul></section>"
    }

    // MARK: Counts

    private struct Tally {
        let name: String
        var deny = 0
        var warn = 0
        var exempt = 0
    }

    /// Findings counted by rule, namespace, team and file.
    static func tables(_ objects: [ReportedObject], isOfFiles: Bool) -> String {
        let rules = table("rule", "Rule", tallies(objects) { $1.decided.rule.id })
        let namespaces = table(
            "namespace", "Namespace", tallies(objects) { object, _ in object.decision.subject.shownNamespace })
        let files = isOfFiles ? table("file", "File", tallies(objects) { object, _ in object.file }) : ""
        // Without team labels there is no table of teams.
        let teams =
            objects.contains { !$0.decision.subject.team.isEmpty && !$0.findings.isEmpty }
            ? table("team", "Team", tallies(objects) { object, _ in object.decision.subject.team }) : ""
        return "<div class=\"tables\">\n\(rules)\n\(namespaces)\n\(teams)\n\(files)\n</div>"
    }

    /// Returns findings counted by name, those with most denials first.
    private static func tallies(
        _ objects: [ReportedObject], by name: (ReportedObject, LocatedFinding) -> String
    ) -> [Tally] {
        var tallies: [String: Tally] = [:]
        for object in objects {
            for finding in object.findings {
                let name = name(object, finding)
                var tally = tallies[name] ?? Tally(name: name)
                switch finding.decided.effect {
                case .deny: tally.deny += 1
                case .warn: tally.warn += 1
                case .exempt: tally.exempt += 1
                }
                tallies[name] = tally
            }
        }
        return tallies.values.sorted { left, right in
            (right.deny, right.warn, left.name) < (left.deny, left.warn, right.name)
        }
    }

    private static func table(_ filter: String, _ title: String, _ tallies: [Tally]) -> String {
        table(
            title, ["Deny", "Warn", "Exempt"], tallies.map { ($0.name, [$0.deny, $0.warn, $0.exempt]) },
            filter: filter)
    }

    /// Returns a section with a table of counts.
    ///
    /// - Parameters:
    ///   - title: The heading of the names.
    ///   - columns: The headings of the counts.
    ///   - rows: Names and their counts.
    ///   - filter: The field of the list that a name filters by; nil for none.
    ///   - names: The names that the list contains; nil for all.
    /// - Returns: The section; empty without rows.
    static func table(
        _ title: String, _ columns: [String], _ rows: [(name: String, values: [Int])], filter: String? = nil,
        _ names: Set<String>? = nil
    ) -> String {
        guard !rows.isEmpty else { return "" }
        // The list's filter has all names.
        let shown = 25
        let most = max(1, rows.map { $0.values.reduce(0, +) }.max() ?? 1)
        var lines = ""
        for row in rows.prefix(shown) {
            let text = oneLine(row.name)
            var name = breakable(orNone(text))
            if let filter, names?.contains(row.name) ?? true {
                let value = markup(text, isAttribute: true)
                let tip = "Filter the list by this \(title.lowercased())"
                name =
                    "<button type=\"button\" data-filter=\"\(filter)\" data-value=\"\(value)\" title=\"\(tip)\">\(name)</button>"
            }
            let cells = row.values.map { "<td>\($0)</td>" }.joined()
            let share = row.values.reduce(0, +) * 100 / most
            lines += "<tr><th scope=\"row\" style=\"--share:\(share)%\">\(name)</th>\(cells)</tr>\n"
        }
        let head = ([title] + columns).map { "<th scope=\"col\">\($0)</th>" }.joined()
        let rest = rows.count > shown ? "<p>\(rows.count - shown) more not shown.</p>" : ""
        return """
            <section><h2>By \(title.lowercased())</h2>
            <table><thead><tr>\(head)</tr></thead>
            <tbody>
            \(lines)</tbody></table>\(rest)</section>
            """
    }
}
