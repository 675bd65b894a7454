import AuditLog
import JSON

/// The counts of an audit log as the sentences and tables of all reports.
enum AuditLogReport {
    /// A kind that was logged without objects.
    typealias Hidden = (title: String, kind: LogSummary.HiddenKind)

    /// The title of the part about hidden kinds.
    static let hiddenTitle = "Not visible in this log"
    /// The title of the part about what was read.
    static let readTitle = "Read from this log"

    /// The kinds that were logged without objects, those with the most writes first.
    static func hidden(_ log: LogSummary) -> [Hidden] {
        log.hidden.sorted { ($1.value.writes, $0.key) < ($0.value.writes, $1.key) }.map { ($0.key, $0.value) }
    }

    /// The ids of the rules that could not be evaluated for the hidden kinds, in catalogue order.
    static func hiddenRules(_ log: LogSummary) -> [String] {
        let ids = Set(log.hidden.values.flatMap(\.rules))
        return ReplayReport.order(Dictionary(uniqueKeysWithValues: ids.map { ($0, ReplayTally.Row()) })).map(\.key)
    }

    /// The sentence about hidden kinds; the kinds and rules follow it.
    static func hiddenSentence(_ log: LogSummary) -> String {
        guard log.notVisible > 0 else {
            let writes = log.evaluated + log.skipped + log.refused + log.notEvaluable
            return writes > 0
                ? "All kinds that rules read were logged with their objects."
                : "No writes of kinds that rules read are in the log."
        }
        return
            "\(counted(log.notVisible, "write")) of \(counted(log.hidden.count, "kind")) were logged without the object."
    }

    /// The decisions in words and numbers: what is known for certain first.
    static func decisions(_ tally: ReplayTally, _ log: LogSummary) -> String {
        let allowed = log.evaluated - tally.newlyDenied - log.warned - log.undecided
        return "\(counted(log.evaluated, "write")) evaluated: \(tally.newlyDenied) would be denied, "
            + "\(log.warned) would get warnings, \(log.undecided) unknown, \(allowed) without findings"
    }

    /// The sentences about the writes that have no certain decision, and about the events.
    static func sentences(_ log: LogSummary) -> [String] {
        var sentences: [String] = []
        func add(_ count: Int, _ noun: String, _ rest: String) {
            if count > 0 { sentences.append("\(counted(count, noun)) \(rest)") }
        }
        func add(_ doubt: LogSummary.Doubt) { add(log.unknown[doubt] ?? 0, "write", words(doubt)) }
        for doubt in LogSummary.Doubt.allCases where doubt != .operatorClaim { add(doubt) }
        for obstacle in LogSummary.Obstacle.allCases {
            add(log.obstacles[obstacle] ?? 0, "write", "not evaluable: \(words(obstacle))")
        }
        if log.refused > 0 {
            sentences.append(
                "\(counted(log.refused, "request")) rejected by the cluster, of which \(log.refusedAndDenied) would be denied"
            )
        }
        add(log.skipped, "write", "skipped, such as those of workload controllers and in system namespaces")
        add(
            log.droppedStates, "object",
            "dropped to limit memory; later updates of these objects, and rules that read them, are unknown")
        add(
            log.droppedStatusUpdates, "status update",
            "dropped to limit memory; some operators are not recognized (PLAYBOOK_OPERATOR_ACCOUNTS)")
        add(log.outOfOrder, "event", "out of order; the object before the update is unknown")
        add(log.damagedLines, "line", "not complete JSON or too long, such as entries that the log service cut off")
        add(log.foreignLines, "line", "skipped: not an audit event")
        // The accounts follow.
        add(.operatorClaim)
        return sentences
    }

    private static func words(_ doubt: LogSummary.Doubt) -> String {
        switch doubt {
        case .past: "unknown: the log does not show the object before the update, so a violation can be new or existing"
        case .relatedObject: "unknown: the log does not show whether an object exists that a rule requires"
        case .revision:
            "unknown: the log does not show whether an earlier revision, or the CronJob of a Job, has the same pod template"
        case .orphan:
            "unknown: the log does not show whether a deleted StatefulSet left a ControllerRevision with the same pod template"
        case .operatorClaim:
            "unknown: the log does not show whether the service account is an operator (PLAYBOOK_OPERATOR_ACCOUNTS)"
        }
    }

    private static func words(_ obstacle: LogSummary.Obstacle) -> String {
        switch obstacle {
        case .truncated: "the API server left out the object because the event was too large"
        case .noObject: "the event has no object of its kind"
        case .refusedPatch: "a patch was rejected; the log has the patch, not the object"
        case .deletedObject: "the log does not have the deleted object"
        case .deleteCollection: "many objects were deleted at once"
        case .malformed: "the object cannot be read"
        }
    }

    /// The number of events, divided by what became of them.
    static func events(_ log: LogSummary) -> String {
        let parts = [
            (log.reads, "reads or unfinished requests"), (log.notCovered, "not covered by rules"),
            (log.failed, "failed"),
            (log.duplicates, "duplicates"), (log.notVisible, "without the object"), (log.notEvaluable, "not evaluable"),
            (log.skipped, "skipped"), (log.refused, "rejected"), (log.evaluated, "evaluated"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        var text = counted(log.events, "event") + (parts.isEmpty ? "" : ": \(parts.joined(separator: ", "))")
        if let start = log.start, let end = log.end { text += "; writes from \(start) to \(end)" }
        return text
    }

    /// The service accounts that would be denied unless they are operators, those with the most writes first.
    static func accounts(_ log: LogSummary) -> [(name: String, count: Int)] {
        log.accounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    /// The note about where the objects come from.
    static let note =
        "Objects are those after admission: they include defaults and the changes of mutating webhooks. Decisions are those of enforce mode."

    /// The counts as JSON.
    static func json(_ log: LogSummary) -> Literal {
        func number(_ number: Int) -> Literal { .number(String(number)) }
        func counts<Key: RawRepresentable & CaseIterable>(_ counts: [Key: Int]) -> Literal
        where Key: Hashable, Key.RawValue == String {
            .object(Key.allCases.map { .init($0.rawValue, number(counts[$0] ?? 0)) })
        }
        return [
            "hidden": .array(
                hidden(log).map { title, kind in
                    [
                        "kind": .string(title), "writes": number(kind.writes),
                        "rules": .array(kind.rules.map { .string($0) }),
                    ]
                }),
            "events": number(log.events), "reads": number(log.reads), "notCovered": number(log.notCovered),
            "failed": number(log.failed), "duplicates": number(log.duplicates), "outOfOrder": number(log.outOfOrder),
            "damagedLines": number(log.damagedLines), "foreignLines": number(log.foreignLines),
            "droppedStates": number(log.droppedStates),
            "droppedStatusUpdates": number(log.droppedStatusUpdates), "evaluated": number(log.evaluated),
            "warned": number(log.warned),
            "skipped": number(log.skipped), "refused": number(log.refused),
            "refusedAndDenied": number(log.refusedAndDenied), "notEvaluable": counts(log.obstacles),
            "unknown": counts(log.unknown),
            "accounts": .array(accounts(log).map { ["account": .string($0.name), "writes": number($0.count)] }),
            "start": log.start.map { .string("\($0)") } ?? .null, "end": log.end.map { .string("\($0)") } ?? .null,
        ]
    }
}

extension ReplayTally {
    /// The name of what is evaluated.
    var noun: String { log == nil ? "review" : "write" }
}

// MARK: Text

extension ReplayReport {
    /// The number of hidden kinds and accounts that texts list.
    private static let mostListed = 20

    /// Returns the beginning of the report of an audit log.
    func logText(_ tally: ReplayTally, _ log: LogSummary) -> String {
        guard log.events > 0 else { return paint("no audit events found", "31") + "\n" + sentences(log) }
        var text = paint(AuditLogReport.hiddenTitle, "1") + "\n  \(AuditLogReport.hiddenSentence(log))\n"
        let hidden = AuditLogReport.hidden(log)
        let listed = hidden.prefix(ReplayReport.mostListed).map { "\($0.title) \($0.kind.writes)" }
        let rest = hidden.count > listed.count ? ["\(hidden.count - listed.count) more"] : []
        if !hidden.isEmpty {
            text += ReplayReport.wrapped("kinds: " + (listed + rest).map(oneLine).joined(separator: ", "))
            text += ReplayReport.wrapped(
                "rules that evaluate or read them: " + AuditLogReport.hiddenRules(log).joined(separator: ", "))
        }
        text += "\n" + paint(AuditLogReport.decisions(tally, log), tally.newlyDenied > 0 ? "31" : "32") + "\n"
        return text + notes(log)
    }

    private func sentences(_ log: LogSummary) -> String {
        AuditLogReport.sentences(log).map { "  \($0)\n" }.joined()
    }

    private func notes(_ log: LogSummary) -> String {
        var text = sentences(log)
        let accounts = AuditLogReport.accounts(log)
        for account in accounts.prefix(ReplayReport.mostListed) {
            text += "    \(oneLine(account.name)): \(counted(account.count, "write"))\n"
        }
        if accounts.count > ReplayReport.mostListed {
            text += "    \(accounts.count - ReplayReport.mostListed) more\n"
        }
        return text + ReplayReport.wrapped(AuditLogReport.events(log)) + ReplayReport.wrapped(AuditLogReport.note)
    }

    /// Breaks a text into indented lines of at most 120 characters.
    private static func wrapped(_ text: String) -> String {
        var (lines, line) = ("", " ")
        for word in text.split(separator: " ") {
            if displayWidth(of: line) + 1 + displayWidth(of: String(word)) > 120 {
                lines += line + "\n"
                line = "   "
            }
            line += " \(word)"
        }
        return lines + line + "\n"
    }
}

// MARK: Markdown and HTML

extension MarkdownReport {
    /// Returns the beginning of the report of an audit log.
    static func logText(_ tally: ReplayTally, _ log: LogSummary) -> String {
        let hidden = AuditLogReport.hidden(log).prefix(20)
        var text = "**\(AuditLogReport.hiddenTitle)**\n\n\(AuditLogReport.hiddenSentence(log))\n"
        if !hidden.isEmpty {
            text += "\n" + row(["kind", "writes"]) + row(["---", "--:"])
            text += hidden.map { row([plain($0.title), "\($0.kind.writes)"]) }.joined()
            let rules = AuditLogReport.hiddenRules(log).map(code).joined(separator: ", ")
            text += "\nRules that evaluate or read them: \(rules)\n"
        }
        text += "\n**\(AuditLogReport.decisions(tally, log))**\n\n"
        text += (AuditLogReport.sentences(log) + [AuditLogReport.events(log)]).map { "- \($0)\n" }.joined()
        let accounts = AuditLogReport.accounts(log).prefix(20)
        if !accounts.isEmpty {
            text += "\n" + row(["service account", "writes"]) + row(["---", "--:"])
            text += accounts.map { row([plain($0.name), "\($0.count)"]) }.joined()
        }
        return text + "\n\(AuditLogReport.note)\n"
    }
}

extension HTMLReport {
    /// Returns the first section of the page of an audit log.
    static func hidden(_ log: LogSummary) -> String {
        let kinds = AuditLogReport.hidden(log).map { (name: $0.title, values: [$0.kind.writes]) }
        let rules = AuditLogReport.hiddenRules(log).map { "<code>\(markup($0))</code>" }.joined(separator: ", ")
        let details =
            kinds.isEmpty
            ? ""
            : "<p>Rules that evaluate or read them: \(rules)</p>\n<div class=\"tables\">\n\(table("Kind", ["writes"], kinds))\n</div>"
        return
            "<section><h2>\(AuditLogReport.hiddenTitle)</h2><p>\(AuditLogReport.hiddenSentence(log))</p>\n\(details)</section>"
    }

    /// Returns the section about what was read.
    static func read(_ log: LogSummary) -> String {
        let items = (AuditLogReport.sentences(log) + [AuditLogReport.events(log)]).map { "<li>\(markup($0))</li>" }
        let accounts = AuditLogReport.accounts(log).map { (name: $0.name, values: [$0.count]) }
        let untrusted =
            accounts.isEmpty
            ? "" : "<div class=\"tables\">\n\(table("Service account", ["writes"], accounts))\n</div>"
        return """
            <section><h2>\(AuditLogReport.readTitle)</h2><ul>\(items.joined(separator: "\n"))</ul>
            <p>\(AuditLogReport.note)</p>
            \(untrusted)</section>
            """
    }
}
