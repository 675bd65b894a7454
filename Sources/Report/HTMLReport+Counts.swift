import Playbook

extension HTMLReport {
    /// The score, and what it is made of.
    static func headline(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let passed = summary.judged - summary.denied
        let allowed = passed - summary.warned
        let score = summary.judged == 0 ? "–" : "\(passed * 100 / summary.judged) %"
        let parts = [
            ("deny", summary.denied, "denied"), ("warn", summary.warned, "with warnings"),
            ("ok", allowed, "allowed"),
        ]
        let bar = parts.filter { $0.1 > 0 }.map {
            "<span class=\"\($0.0)\" style=\"flex-grow:\($0.1)\"></span>"
        }.joined()
        var notes = ""
        if summary.unreadable > 0 {
            notes += "<p class=\"deny\">\(counted(summary.unreadable, "input")) could not be read.</p>"
        }
        if !summary.notEvaluated.isEmpty {
            let rules = summary.notEvaluated.map { "\($0.rule) (\($0.count))" }.joined(separator: ", ")
            notes += "<p>Not evaluated, since other objects are not known: \(markup(rules)).</p>"
        }
        let counts = parts.map { "<li><b class=\"\($0.0)\">\($0.1)</b> \($0.2)</li>" }.joined()
        return """
            <header>
            <h1>playbook</h1>
            <p class="score"><b>\(score)</b> \(passed) of \(counted(summary.judged, noun)) pass</p>
            <div class="bar" aria-hidden="true">\(bar)</div>
            <ul class="counts">\(counts)</ul>
            \(notes)
            </header>
            """
    }

    /// What only warns for the time being, although its rule denies.
    static func tomorrow(_ objects: [JudgedObject]) -> String {
        let reasons: [(Judgement.Leniency, String)] = [
            (.dryRun, "when dry-run mode ends"),
            (.grace, "when the time of grace for other objects is over"),
            (.namespace, "when the Namespace no longer asks for warnings only"),
        ]
        var items = ""
        for (leniency, text) in reasons {
            let counts = objects.map { object in
                object.findings.count { $0.judgement.leniency == leniency }
            }
            let findings = counts.reduce(0, +)
            guard findings > 0 else { continue }
            let affected = counted(counts.count { $0 > 0 }, "object")
            items +=
                "<li><b>\(counted(findings, "finding"))</b> in \(affected) \(text) <button type=\"button\" data-filter=\"because\" data-value=\"\(leniency.rawValue)\">Show</button></li>"
        }
        guard !items.isEmpty else { return "" }
        return
            "<section class=\"tomorrow\"><h2>Denied tomorrow</h2><p>These warn now, and will deny:</p><ul>\(items)</ul></section>"
    }

    // MARK: Counts

    private struct Tally {
        let name: String
        var deny = 0
        var warn = 0
        var exempt = 0
    }

    /// Findings counted by rule, namespace and file.
    static func tables(_ objects: [JudgedObject]) -> String {
        let rules = table("rule", "Rule", tallies(objects) { $1.judgement.rule.id })
        let namespaces = table(
            "namespace", "Namespace", tallies(objects) { object, _ in object.namespace })
        let files = table("file", "File", tallies(objects) { object, _ in object.file })
        return "<div class=\"tables\">\n\(rules)\n\(namespaces)\n\(files)\n</div>"
    }

    /// Findings counted by something, what denies most first.
    private static func tallies(
        _ objects: [JudgedObject], by name: (JudgedObject, LocatedFinding) -> String
    ) -> [Tally] {
        var tallies: [String: Tally] = [:]
        for object in objects {
            for finding in object.findings {
                let name = name(object, finding)
                var tally = tallies[name] ?? Tally(name: name)
                switch finding.judgement.effect {
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
        // Long tails are for the filter, not for the eye.
        let shown = 25
        var rows = ""
        for tally in tallies.prefix(shown) {
            let name = tally.name.isEmpty ? "(none)" : markup(tally.name)
            rows +=
                "<tr><th scope=\"row\"><button type=\"button\" data-filter=\"\(filter)\" data-value=\"\(markup(tally.name, isAttribute: true))\">\(name)</button></th>"
                + "<td>\(tally.deny)</td><td>\(tally.warn)</td><td>\(tally.exempt)</td></tr>\n"
        }
        let columns = [title, "Deny", "Warn", "Exempt"].map { "<th scope=\"col\">\($0)</th>" }.joined()
        let rest = tallies.count > shown ? "<p>And \(tallies.count - shown) more.</p>" : ""
        return """
            <section><h2>By \(title.lowercased())</h2>
            <table><thead><tr>\(columns)</tr></thead>
            <tbody>
            \(rows)</tbody></table>\(rest)</section>
            """
    }
}
