import Evaluation
import JSON
import Rules

/// A report as SARIF 2.1.0 for code scanning and editors.
///
/// Each result is one finding. Its fingerprint does not include the location, so that it stays the same when lines move or files
/// are renamed.
public enum SARIFReport {
    /// Returns the report.
    ///
    /// - Parameters:
    ///   - objects: The evaluated objects.
    ///   - summary: Their counts.
    ///   - version: The program's version.
    /// - Returns: A SARIF log of one run.
    public static func text(_ objects: [ReportedObject], _ summary: Summary, version: String) -> String {
        let found = Set(objects.flatMap { $0.findings.map(\.decided.rule.id) })
        let rules = Catalogue.playbook.reported.filter { found.contains($0.id) }
        let indices = Dictionary(uniqueKeysWithValues: zip(rules.map(\.id), rules.indices))
        let documentation = objects.documentation
        var driver: [Literal.Member] = [
            .init("name", "playbook"), .init("version", .string(version)), .init("semanticVersion", .string(version)),
        ]
        if !documentation.isEmpty { driver.append(.init("informationUri", .string(documentation))) }
        driver.append(.init("rules", .array(rules.map { descriptor(of: $0, documentation) })))
        var fingerprints = Fingerprints()
        let results = objects.flatMap { object in
            object.findings.map { result($0, of: object, indices, fingerprints.next(for: $0, of: object)) }
        }
        let run: Literal = [
            "tool": ["driver": .object(driver)],
            "columnKind": "utf16CodeUnits",
            "invocations": [invocation(summary)],
            "results": .array(results),
        ]
        let log: Literal = [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run],
        ]
        return log.json + "\n"
    }

    // MARK: Rules

    private static func descriptor(of rule: Rule, _ documentation: String) -> Literal {
        let demands = rule.clauses.map { "- `\($0.name)`: \($0.demand)" }.joined(separator: "\n")
        let fix = rule.fix.map { "\n\nFix: \($0.summary)" } ?? ""
        var members: [Literal.Member] = [
            .init("id", .string(rule.id)), .init("name", .string(rule.id)),
            .init("shortDescription", message(rule.title)), .init("fullDescription", message(rule.rationale)),
            .init(
                "help",
                [
                    "text": .string("\(rule.rationale)\n\n\(demands.filter { $0 != "`" })\(fix)"),
                    "markdown": .string(
                        "**\(rule.title).** \(rule.rationale)\n\n\(demands)\(fix)\n\nLevel: `\(rule.variable)`"),
                ]),
            .init(
                "defaultConfiguration",
                ["enabled": .bool(rule.level != .off), "level": .string(level(of: rule.level))]),
        ]
        if !documentation.isEmpty { members.append(.init("helpUri", .string("\(documentation)#\(rule.id)"))) }
        let tags = ["kubernetes", rule.group.rawValue]
        members.append(.init("properties", ["tags": .array(tags.map { .string($0) })]))
        return .object(members)
    }

    private static func level(of level: Level) -> String {
        switch level {
        case .deny: "error"
        case .warn: "warning"
        case .off: "none"
        }
    }

    // MARK: Results

    private static func result(
        _ finding: LocatedFinding, of object: ReportedObject, _ indices: [String: Int], _ fingerprint: String
    ) -> Literal {
        let decided = finding.decided
        var members: [Literal.Member] = [
            .init("ruleId", .string(decided.rule.id)), .init("ruleIndex", number(indices[decided.rule.id] ?? -1)),
            // An exempt finding keeps the rule's level; its suppression marks the exemption.
            .init("level", .string(level(of: decided.effect == .warn ? .warn : decided.level))),
            .init("message", message(description(of: finding, object))),
            .init("locations", [location(of: finding, object)]),
            .init("partialFingerprints", ["playbookFinding/v1": .string(fingerprint)]),
        ]
        if let exemption = decided.exemption, decided.effect == .exempt {
            let suppression: Literal = [
                "kind": exemption.origin == .workload ? "inSource" : "external", "status": "accepted",
                "justification": .string(exemption.reason),
            ]
            members.append(.init("suppressions", [suppression]))
        }
        var properties: [Literal.Member] = [
            .init("clause", .string(decided.finding.clause.name)), .init("path", .string(decided.path)),
            .init("effective", .string(decided.effectiveWord)),
        ]
        if let leniency = decided.leniency { properties.append(.init("because", .string(leniency.rawValue))) }
        members.append(.init("properties", .object(properties)))
        return .object(members)
    }

    private static func description(of finding: LocatedFinding, _ object: ReportedObject) -> String {
        let change = finding.decided.change.block
        return "\(object.title): \(finding.sentence)." + (change.isEmpty ? "" : "\n\nSuggested change:\n\(change)")
    }

    private static func location(of finding: LocatedFinding, _ object: ReportedObject) -> Literal {
        var members: [Literal.Member] = []
        // Standard input has no file.
        if object.file != "-" {
            // A review that is the whole file is on its first line.
            var region: [Literal.Member] = [.init("startLine", number(finding.line ?? 1))]
            if let exact = finding.region {
                region += [
                    .init("startColumn", number(exact.startUTF16)), .init("endLine", number(exact.end.line)),
                    .init("endColumn", number(exact.endUTF16)),
                ]
            }
            members.append(
                .init("physicalLocation", ["artifactLocation": artifact(object.file), "region": .object(region)]))
        }
        let logical: Literal = [
            "name": .string(object.title), "fullyQualifiedName": .string("\(object.title) \(finding.decided.path)"),
            "kind": "resource",
        ]
        members.append(.init("logicalLocations", [logical]))
        return .object(members)
    }

    private static func artifact(_ file: String) -> Literal {
        let path = withoutDot(file)
        guard !path.hasPrefix("/") else { return ["uri": .string("file://\(percentEncoded(path))")] }
        return ["uri": .string(percentEncoded(path)), "uriBaseId": "%SRCROOT%"]
    }

    private static func percentEncoded(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                String(Unicode.Scalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    // MARK: Notifications

    private static func invocation(_ summary: Summary) -> Literal {
        var notifications = summary.notEvaluated.map { entry -> Literal in
            [
                "level": "note", "associatedRule": ["id": .string(entry.rule)],
                "message": message(
                    "\(entry.rule) was not evaluated on \(counted(entry.count, summary.noun.rawValue)): \(entry.reason)."
                ),
            ]
        }
        notifications += summary.unreadable.map { input in
            var members: [Literal.Member] = [
                .init("level", "error"), .init("message", message("\(input.name) could not be read: \(input.reason)")),
            ]
            if input.name != "-" {
                var place: [Literal.Member] = [.init("artifactLocation", artifact(input.name))]
                if let line = input.line {
                    let column = input.column.map { [Literal.Member("startColumn", number($0))] } ?? []
                    place.append(.init("region", .object([.init("startLine", number(line))] + column)))
                }
                members.append(.init("locations", [["physicalLocation": .object(place)]]))
            }
            return .object(members)
        }
        notifications += summary.settingsFiles.map { path in
            [
                "level": "note", "message": message("Settings read from \(oneLine(path))."),
                "locations": [["physicalLocation": ["artifactLocation": artifact(path)]]],
            ]
        }
        notifications += (summary.baseline?.gone ?? []).map { entry in
            [
                "level": "note", "associatedRule": ["id": .string(entry.rule)],
                "message": message("This baseline entry no longer occurs; remove it from the baseline: \(entry)."),
            ]
        }
        return [
            "executionSuccessful": .bool(summary.unreadable.isEmpty),
            "toolExecutionNotifications": .array(notifications),
        ]
    }

    /// A message without links, since parts of it come from the input.
    private static func message(_ text: String) -> Literal {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "(", shown.last == "]" { shown.append(" ") }
            shown.append(scalar)
        }
        return ["text": .string(String(shown))]
    }

    private static func number(_ number: Int) -> Literal { .number(String(number)) }
}
