import Evaluation
import JSON

/// An HTML report in one file: static counts, and a list of findings that a script shows.
///
/// The page contains the findings once, as JSON. The script creates rows for one part of them at a time, so that it stays fast
/// with tens of thousands. Texts of the input are escaped here, and the script inserts them as text, never as markup.
public enum HTMLReport {
    /// Returns the report.
    ///
    /// - Parameters:
    ///   - objects: The evaluated objects.
    ///   - summary: Their counts.
    ///   - run: The run that created it.
    /// - Returns: A page.
    public static func text(_ objects: [ReportedObject], _ summary: Summary, _ run: RunDetails) -> String {
        page(
            title: "\(summary.denied) of \(counted(summary.evaluated, summary.noun.rawValue)) denied",
            [
                headline(summary), tomorrow(objects), tables(objects, isOfFiles: summary.isOfFiles),
                objects.allSatisfy(\.findings.isEmpty)
                    ? nothing("Findings")
                    : list(
                        "Findings", effects: ["deny", "warn", "exempt"], because: "Reason",
                        isOfFiles: summary.isOfFiles),
            ], data(objects), run)
    }

    /// Returns a page of sections, with the data for its script.
    static func page(title: String, _ sections: [String], _ data: Literal, _ run: RunDetails) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <title>playbook: \(title)</title>
        <style>
        \(style)
        </style>
        </head>
        <body>
        <a class="skip" href="#findings">Skip to the findings</a>
        <main>
        \(sections.joined(separator: "\n"))
        </main>
        <footer>playbook \(markup(run.version)) · <time>\(run.time)</time> · <code>\(markup(run.command))</code></footer>
        <script type="application/json" id="data">\(embedded(data))</script>
        <script>
        \(script)
        </script>
        </body>
        </html>

        """
    }

    // MARK: Findings

    /// The section in place of an empty list.
    static func nothing(_ title: String) -> String {
        "<section id=\"findings\" tabindex=\"-1\"><h2>\(title)</h2><p>None.</p></section>"
    }

    /// The list of findings and its filters; the values of the first and the name of the last differ by report.
    static func list(
        _ title: String, effects: [String], because: String, isOfFiles: Bool = true, note: String = ""
    ) -> String {
        """
        <section id="findings" tabindex="-1"><h2>\(title)</h2>
        \(note.isEmpty ? "" : "<p>\(note)</p>")
        <noscript><p>The list needs JavaScript; <code>--format text</code> prints the same findings.</p></noscript>
        <form id="filters" role="search" aria-label="Findings">
        <label>Search <input type="search" id="search" autocomplete="off" spellcheck="false"></label>
        <label>Effect <select id="effect"><option value="">all</option>\(effects.map { "<option>\($0)</option>" }.joined())</select></label>
        <label>Rule <select id="rule"></select></label>
        <label>Namespace <select id="namespace"></select></label>
        <label>Team <select id="team"></select></label>
        <label\(isOfFiles ? "" : " hidden")>File <select id="file"></select></label>
        <label>\(because) <select id="because"></select></label>
        <button type="reset">Clear</button>
        </form>
        <p id="status" role="status"></p>
        <table id="list" role="table" aria-label="Findings">
        <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col" aria-sort="none"><button type="button" data-sort="effect">Effect</button></th>
        <th role="columnheader" scope="col" aria-sort="none"><button type="button" data-sort="rule">Rule</button></th>
        <th role="columnheader" scope="col" aria-sort="none"><button type="button" data-sort="object">Object</button></th>
        <th role="columnheader" scope="col">Finding</th>
        <th role="columnheader" scope="col" aria-sort="none"><button type="button" data-sort="place">Location</button></th>
        </tr></thead>
        <tbody role="rowgroup" id="rows"></tbody>
        </table>
        <nav aria-label="Pages of findings" id="pages"><button type="button" id="previous">Previous</button> <span id="page"></span> <button type="button" id="next">Next</button></nav>
        </section>
        """
    }

    /// The data of the script: rules and objects once, and findings that refer to them by index.
    private static func data(_ objects: [ReportedObject]) -> Literal {
        var rules: [(id: String, title: String)] = []
        var indices: [String: Int] = [:]
        var (entries, findings): ([Literal], [Literal]) = ([], [])
        for object in objects where !object.findings.isEmpty {
            entries.append([
                line(object.title), line(object.decision.subject.shownNamespace), line(object.file),
                line(object.request), line(object.decision.subject.team),
            ])
            for finding in object.findings {
                let decided = finding.decided
                let index = indices[decided.rule.id] ?? rules.count
                if index == rules.count {
                    indices[decided.rule.id] = index
                    rules.append((decided.rule.id, decided.rule.title))
                }
                findings.append([
                    .number("\(index)"), .number("\(entries.count - 1)"), .string(decided.effect.rawValue),
                    .string(decided.leniency?.rawValue ?? (decided.exemption == nil ? "" : "exemption")),
                    line(finding.sentence), .number("\(finding.line ?? 0)"),
                    .number("\(finding.region?.start.column ?? 0)"), .string(decided.change.block),
                    line(decided.exemption?.reason ?? ""),
                ])
            }
        }
        return data(rules, entries, findings, documentation: objects.documentation)
    }

    /// A text of the input, in one line.
    static func line(_ text: String) -> Literal { .string(oneLine(text)) }

    /// Returns rules, objects and findings in the script's format; a rule without a title has no link.
    static func data(
        _ rules: [(id: String, title: String)], _ objects: [Literal], _ findings: [Literal], documentation: String
    ) -> Literal {
        let links = documentation.hasPrefix("https://") || documentation.hasPrefix("http://") ? documentation : ""
        return [
            "documentation": .string(links), "rules": .array(rules.map { [.string($0.id), .string($0.title)] }),
            "objects": .array(objects), "findings": .array(findings),
        ]
    }

    private static func embedded(_ data: Literal) -> String {
        // In JSON `<` occurs in strings only; escaped, it cannot end the element or begin a comment.
        var bytes: [UInt8] = []
        for byte in data.json.utf8 {
            if byte == UInt8(ascii: "<") { bytes.append(contentsOf: "\\u003c".utf8) } else { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
