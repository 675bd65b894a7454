import Evaluation

/// A report as JUnit XML for CI systems: a suite for each file, a case for each object and rule with findings.
///
/// Denials are failures, warnings are the output of passed cases, and exempt findings are skipped cases. An object without
/// findings is one passed case. The files that settings were read from are properties.
public enum JUnitReport {
    /// Returns the report.
    public static func text(_ objects: [ReportedObject], _ summary: Summary) -> String {
        var files: [(name: String, cases: [Case])] = []
        var places: [String: Int] = [:]
        for object in objects {
            let index = places[object.file] ?? files.count
            if index == files.count {
                places[object.file] = index
                files.append((object.file, []))
            }
            files[index].cases += cases(of: object)
        }
        if !summary.unreadable.isEmpty {
            let inputs = summary.unreadable.map { input in
                Case(
                    subject: input.name, name: "can be read", file: input.name, line: input.line,
                    outcome: .error(input.description))
            }
            files.append(("inputs", inputs))
        }
        if let gone = summary.baseline?.gone, !gone.isEmpty {
            let entries = gone.map { entry in
                Case(
                    subject: entry.object, name: entry.rule, file: "", line: nil,
                    outcome: .skipped(reason: "\(entry.path): no longer occurs; remove it from the baseline"))
            }
            files.append(("baseline", entries))
        }
        let all = files.flatMap(\.cases)
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"playbook\" \(counts(all))>\n"
        for file in files {
            text += "  <testsuite name=\"\(markup(file.name, isAttribute: true))\" \(counts(file.cases))>\n"
            for testCase in file.cases { text += element(testCase) }
            text += "  </testsuite>\n"
        }
        if !summary.settingsFiles.isEmpty {
            text += "  <testsuite name=\"settings\" \(counts([]))>\n    <properties>\n"
            for path in summary.settingsFiles {
                text += "      <property name=\"settings-file\" value=\"\(markup(path, isAttribute: true))\"/>\n"
            }
            text += "    </properties>\n  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private struct Case {
        let subject: String
        let name: String
        let file: String
        let line: Int?
        let outcome: Outcome
    }

    private enum Outcome {
        case passed(output: String)
        case failed(summary: String, details: String)
        case skipped(reason: String)
        case error(String)
    }

    private static func cases(of object: ReportedObject) -> [Case] {
        var order: [String] = []
        var findings: [String: [LocatedFinding]] = [:]
        for finding in object.findings {
            let rule = finding.decided.rule.id
            if findings[rule] == nil { order.append(rule) }
            findings[rule, default: []].append(finding)
        }
        guard !order.isEmpty else {
            let outcome: Outcome = object.decision.skipReason.map { .skipped(reason: $0) } ?? .passed(output: "")
            return [
                Case(
                    subject: object.title, name: "every rule", file: object.file, line: object.line, outcome: outcome)
            ]
        }
        return order.map { rule in
            let found = findings[rule] ?? []
            return Case(
                subject: object.title, name: rule, file: object.file, line: found.first?.line ?? object.line,
                outcome: outcome(of: found, in: object.file))
        }
    }

    private static func outcome(of findings: [LocatedFinding], in file: String) -> Outcome {
        let details = findings.map { finding in
            let place = finding.line.map { "\(file):\($0)" } ?? file
            let note = finding.reasonText.map { " (\($0))" } ?? ""
            let change = finding.decided.change.block
            let line = "\(place): \(finding.decided.effect.rawValue): \(finding.sentence)\(note)\n"
            return change.isEmpty ? line : "\(line)\(change)\n"
        }.joined(separator: "\n")
        let denials = findings.filter { $0.decided.effect == .deny }
        if !denials.isEmpty {
            return .failed(summary: denials.map(\.sentence).joined(separator: "; "), details: details)
        }
        if findings.allSatisfy({ $0.decided.effect == .exempt }) {
            return .skipped(reason: "exempt: \(findings.first?.reasonText ?? "")")
        }
        return .passed(output: details)
    }

    private static func counts(_ cases: [Case]) -> String {
        var (failed, errors, skipped) = (0, 0, 0)
        for testCase in cases {
            switch testCase.outcome {
            case .passed: break
            case .failed: failed += 1
            case .error: errors += 1
            case .skipped: skipped += 1
            }
        }
        return
            "tests=\"\(cases.count)\" failures=\"\(failed)\" errors=\"\(errors)\" skipped=\"\(skipped)\" time=\"0\""
    }

    private static func element(_ testCase: Case) -> String {
        func quoted(_ text: String) -> String { "\"\(markup(text, isAttribute: true))\"" }
        var tag = "    <testcase classname=\(quoted(testCase.subject)) name=\(quoted(testCase.name))"
        if !testCase.file.isEmpty, testCase.file != "-" { tag += " file=\(quoted(testCase.file))" }
        if let line = testCase.line { tag += " line=\"\(line)\"" }
        tag += " time=\"0\""
        switch testCase.outcome {
        case .passed(""): return tag + "/>\n"
        case .passed(let output):
            return "\(tag)>\n      <system-out>\(markup(output))</system-out>\n    </testcase>\n"
        case .failed(let summary, let details):
            return
                "\(tag)>\n      <failure type=\"deny\" message=\(quoted(summary))>\(markup(details))</failure>\n    </testcase>\n"
        case .skipped(let reason): return "\(tag)>\n      <skipped message=\(quoted(reason))/>\n    </testcase>\n"
        case .error(let what):
            return "\(tag)>\n      <error type=\"unreadable\" message=\(quoted(what))/>\n    </testcase>\n"
        }
    }
}
