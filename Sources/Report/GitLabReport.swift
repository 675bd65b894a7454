import Evaluation
import JSON

/// A report as GitLab's Code Quality reads it: an array of issues, which merge requests show beside the lines.
public enum GitLabReport {
    /// Returns the report; exempt findings are left out, since the format has no place for the reason, and each file that
    /// settings were read from is an issue.
    public static func text(_ objects: [ReportedObject], _ summary: Summary) -> String {
        var fingerprints = Fingerprints()
        var issues: [Literal] = []
        for object in objects {
            for finding in object.findings {
                let fingerprint = fingerprints.next(for: finding, of: object)
                guard let severity = severity(finding.decided.effect) else { continue }
                let note = finding.reasonText.map { " (\($0))" } ?? ""
                issues.append(
                    issue(
                        "\(object.title): \(finding.sentence)\(note)", finding.decided.rule.id, fingerprint, severity,
                        object.file, finding.line))
            }
        }
        for input in summary.unreadable {
            issues.append(
                issue(
                    "could not be read: \(input.reason)", "unreadable-input", Fingerprints.hash("\(input)"), "blocker",
                    input.name, input.line))
        }
        // The format has issues only.
        issues += summary.settingsFiles.map { path in
            issue(
                "settings read from \(path)", "settings-file", Fingerprints.hash("settings \(withoutDot(path))"),
                "info",
                path, nil)
        }
        return Literal.array(issues).json + "\n"
    }

    private static func severity(_ effect: DecidedFinding.Effect) -> String? {
        switch effect {
        case .deny: "critical"
        case .warn: "minor"
        case .exempt: nil
        }
    }

    private static func issue(
        _ description: String, _ check: String, _ fingerprint: String, _ severity: String, _ file: String, _ line: Int?
    ) -> Literal {
        [
            "description": .string(oneLine(description)), "check_name": .string(check),
            "fingerprint": .string(fingerprint), "severity": .string(severity),
            "location": [
                "path": .string(oneLine(withoutDot(file))), "lines": ["begin": .number("\(line ?? 1)")],
            ],
        ]
    }
}
