import Evaluation
import JSON
import Kubernetes
import Report
import Rules
import TestSupport
import Testing

@Suite struct ReportTests {
    @Test(arguments: Catalogue.playbook.rules.map(\.id))
    func `a rule's page shows its title, rationale, clauses and examples`(_ id: String) throws {
        let rule = try #require(Catalogue.playbook[id])
        // A terminal shows three bad and three good examples.
        let few = [true, false].flatMap { isBad in rule.examples.filter { ($0.clause != nil) == isBad }.prefix(3) }
        for (text, examples) in [
            (RulePage.text(rule, level: rule.level), few), (RulePage.markdown([rule]), rule.examples),
        ] {
            // Ignoring line breaks.
            let page = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            #expect(page.contains(rule.title) && page.contains(rule.rationale) && page.contains(rule.variable))
            for clause in rule.clauses { #expect(page.contains("\(clause.demand)")) }
            for example in examples { #expect(page.contains(example.name)) }
        }
    }

    @Test func `the configuration page has every variable`() {
        let page = ConfigurationPage.markdown()
        for setting in Catalogue.playbook.settings { #expect(page.contains("| `\(setting.name)` |")) }
    }

    @Test func `every default is a valid value of its variable`() throws {
        for setting in Catalogue.playbook.settings where !setting.defaultText.isEmpty {
            #expect(throws: Never.self, "\(setting.name)") {
                try Settings(environment: [setting.name: setting.defaultText])
            }
        }
    }

    @Test func `colors are optional, and columns are always aligned`() throws {
        let document = Document()
        let bytes = try Fixtures.bytes("reviews/049-create-pod-by-hand.json")
        let context = Context(settings: Settings(), now: Timestamp(seconds: 1_795_435_200), source: .recording)
        let object = try document.read(bytes.span, AdmissionReview.options) { root in
            Result {
                let review = try AdmissionReview(root)
                return ReportedObject(
                    file: "a.json", line: 3, request: "CREATE by x",
                    decision: Evaluator(context.settings).decision(on: review, in: context))
            }
        }.get()
        var summary = Summary()
        summary.add(object.decision)
        func text(isColored: Bool) -> String {
            var report = TextReport(isColored: isColored)
            report.add(object)
            return report.text(summary)
        }
        let plain = text(isColored: false)
        #expect(!plain.contains("\u{1B}") && plain.hasPrefix("Pod shop/by-hand · CREATE by x · DENIED · a.json:3\n"))
        let findings = plain.split(separator: "\n").filter { $0.hasPrefix("  deny") || $0.hasPrefix("  warn") }
        // Two faults are each reported by two rules, and shown once.
        #expect(findings.count == 5)
        // Rules are padded to the longest, so that messages are aligned; denials come before warnings.
        let columns = findings.map { line in
            ["containers[sh].", "kind is", "bare Pod"].compactMap { text in
                line.firstRange(of: text).map { line.distance(from: line.startIndex, to: $0.lowerBound) }
            }.first
        }
        #expect(Set(columns).count == 1 && columns.first != .some(nil), "\(plain)")
        #expect(text(isColored: true).contains("\u{1B}[31mDENIED\u{1B}[0m"))
    }
}
