import JSON
public import Kubernetes

extension Decision {
    /// The maximum number of findings that a denial describes.
    static let maximumFindings = 50
    /// The maximum length of a denial, in bytes.
    static let maximumMessage = 16 << 10
    /// The maximum length of all warnings together, in bytes: all webhooks of a request share the API server's limit.
    static let maximumWarnings = 1500
    /// The maximum length of one warning, in bytes.
    static let maximumWarning = 256
    /// The maximum number of warnings; more than these rarely fit.
    static let mostWarnings = 40

    /// The text of the denial: the findings that deny, each with its suggested change.
    public var message: String {
        let rules = Set(findings.filter { $0.effect == .deny }.map(\.rule.id)).count
        let denials = shownDenials
        let further = further(.deny)
        var text = "\(clipped(subject.title)) violates \(rules == 1 ? "1 rule" : "\(rules) rules"):\n"
        let entries = Decision.entries(
            of: denials, within: Decision.maximumMessage - text.utf8.count - denialAdvice.utf8.count - 34)
        for entry in entries { text += "\n" + entry }
        let more = merged.count { $0.decided.effect == .deny } - entries.count + further
        if more > 0 { text += "\nand \(more) more.\n" }
        let room = Decision.maximumMessage - text.utf8.count - denialAdvice.utf8.count - 2
        text += links(for: denials.map(\.decided), within: room)
        return denialAdvice.isEmpty ? text : "\(text)\n\(denialAdvice)\n"
    }

    /// The findings that a denial shows, in order: at least the first one of every rule.
    private var shownDenials: [MergedFinding] {
        let denials = merged.filter { $0.decided.effect == .deny }
        guard denials.count > Decision.maximumFindings else { return denials }
        var seen: Set<String> = []
        let firsts = denials.filter { seen.insert($0.decided.rule.id).inserted }
        let offsets = Set(firsts.map(\.offset))
        let others = denials.filter { !offsets.contains($0.offset) }
        return (firsts + others).prefix(Decision.maximumFindings).sorted { $0.offset < $1.offset }
    }

    /// The entries that fit, in order: at least the first one of every rule.
    private static func entries(of denials: [MergedFinding], within limit: Int) -> [String] {
        var entries: [Int: String] = [:]
        var room = limit
        func add(_ index: Int) {
            guard entries[index] == nil else { return }
            // If the suggested change does not fit, the finding is shown without it.
            let fitting = [denials[index].entry, denials[index].headline].first { $0.utf8.count < room }
            guard let fitting else { return }
            entries[index] = fitting
            room -= fitting.utf8.count + 1
        }
        var seen: Set<String> = []
        let firsts = denials.indices.filter { seen.insert(denials[$0].decided.rule.id).inserted }
        firsts.forEach(add)
        for index in denials.indices where room > 0 { add(index) }
        return entries.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Links to the documentation of the rules that deny, one per line.
    private func links(for denials: [DecidedFinding], within room: Int) -> String {
        guard !documentation.isEmpty else { return "" }
        var text = ""
        var seen: Set<String> = []
        for id in denials.map(\.rule.id) where seen.insert(id).inserted { text += "\nsee \(documentation)#\(id)" }
        text += "\n"
        return text.utf8.count <= room ? text : ""
    }

    /// The findings that deny, for tools: `field` is a field path as in `metav1.StatusCause`, and the message has the readable
    /// path.
    public var causes: [AdmissionResponse.Cause] {
        findings.filter { $0.effect == .deny }.prefix(Decision.maximumFindings).map { denial in
            AdmissionResponse.Cause(
                reason: denial.rule.id, field: clipped(denial.field),
                message: clipped("\(denial.path) \(denial.finding.message)"))
        }
    }

    /// The warnings that the client shows: one line each, the most severe first, within the API server's limit.
    public var warnings: [String] {
        let all = warningsInOrder
        let shown = all.prefix(Decision.mostWarnings)
        let lines =
            shown.map { $0.decided.warning(of: $0.ids, $0.addition, suggesting: $0.suggestion.decided.change) }
            + notices.map { "playbook: " + $0 }
        return Decision.limited(lines, further: all.count - shown.count + further(.warn))
    }

    /// Returns the number of findings with an effect that are counted but not described.
    private func further(_ effect: DecidedFinding.Effect) -> Int {
        further.reduce(0) { $1.effect == effect ? $0 + $1.count : $0 }
    }

    /// Creates the suggested changes: for all findings, or only for those that the response shows.
    mutating func addChanges(of subject: Subject, onlyShown: Bool) {
        var shown = Array(findings.indices)
        if onlyShown {
            // The causes have the first findings, the message the first finding of each rule.
            let denials = findings.indices.filter { findings[$0].effect == .deny }
            let shownFindings = shownDenials + warningsInOrder.prefix(Decision.mostWarnings)
            shown = Array(
                Set(denials.prefix(Decision.maximumFindings)).union(
                    shownFindings.flatMap { [$0.offset, $0.suggestion.offset] }))
        }
        for index in shown {
            findings[index].change = SuggestedChange(findings[index].finding, subject)
            guard findings[index].effect == .deny else { continue }
            findings[index].field = subject.fieldPath(findings[index].finding.place)
        }
    }

    /// The findings that warn, the most severe first.
    private var warningsInOrder: [MergedFinding] {
        merged.filter { $0.decided.effect == .warn }
            .sorted { ($0.decided.severity, $0.offset) < ($1.decided.severity, $1.offset) }
    }

    /// Returns lines that fit the API server's limits, without control characters.
    ///
    /// - Parameters:
    ///   - lines: The lines.
    ///   - further: The number of findings that have no line.
    /// - Returns: The lines; the last one says how many findings are missing.
    static func limited(_ lines: [String], further: Int = 0) -> [String] {
        var result: [String] = []
        var total = 0
        // Leaves room for the last line, which says how many are missing.
        let room = maximumWarnings - 80
        for (index, line) in lines.enumerated() {
            let line = singleLine(line)
            let isLast = index == lines.count - 1 && further == 0
            guard total + line.utf8.count <= (isLast ? maximumWarnings : room) else {
                return result + [more(lines.count - index + further)]
            }
            total += line.utf8.count
            result.append(line)
        }
        return further == 0 ? result : result + [more(further)]
    }

    private static func more(_ count: Int) -> String {
        "and \(count) more findings; run playbook check on the manifest"
    }

    /// The annotations of the API server's audit log: names of rules only.
    public var auditAnnotations: [(key: String, value: String)] {
        // The most frequent case: no findings, but related objects were not available.
        if isSilent, !changesExemption {
            guard !notEvaluated.isEmpty else { return [] }
            var ids: [UInt8] = []
            ids.reserveCapacity(notEvaluated.count * 32)
            for other in notEvaluated {
                if !ids.isEmpty { ids.append(UInt8(ascii: ",")) }
                ids.append(contentsOf: other.rule.id.utf8)
            }
            return [("not-evaluated", String(decoding: ids, as: UTF8.self))]
        }
        var result: [(key: String, value: String)] = []
        func add(_ key: String, _ rules: [String]) {
            var unique: [String] = []
            for rule in rules where !unique.contains(rule) { unique.append(rule) }
            if !unique.isEmpty { result.append((key, unique.joined(separator: ","))) }
        }
        func rules(_ isMeant: (DecidedFinding) -> Bool) -> [String] { findings.filter(isMeant).map(\.rule.id) }
        if !findings.isEmpty {
            result.append(
                ("decision", isDenied ? "deny" : findings.contains { $0.effect == .warn } ? "warn" : "allow"))
            add("rules-denied", rules { $0.effect == .deny })
            add("rules-would-deny", rules { $0.leniency == .dryRun })
            add("rules-warned", rules { $0.effect == .warn && $0.leniency != .dryRun && $0.leniency != .existing })
            add("rules-ratcheted", rules { $0.leniency == .existing })
            add("rules-exempt", rules { $0.effect == .exempt })
            add("rules-break-glass", rules { $0.leniency == .breakGlass })
        }
        add("not-evaluated", notEvaluated.map(\.rule.id))
        if changesExemption { result.append(("exemption", "changed")) }
        return result
    }
}

extension MergedFinding {
    /// The rules and the finding, on one line.
    fileprivate var headline: String {
        "- \(ids): \(decided.headline)\(clipped(addition))\(decided.remark)\n"
    }

    /// The finding with its suggested change, as a denial shows it.
    fileprivate var entry: String {
        var text = headline
        for line in suggestion.decided.change.block.split(separator: "\n", omittingEmptySubsequences: false)
        where !line.isEmpty {
            text += "    \(line)\n"
        }
        return text
    }
}

extension DecidedFinding {
    /// The finding on one line, after its path.
    fileprivate var headline: String {
        "\(path.isEmpty ? "" : clipped(path) + " ")\(clipped(finding.message))"
    }

    /// The finding on one line, before its suggested change.
    public var warning: String { warning(of: rule.id, suggesting: change) }

    /// Returns the finding on one line, as a finding of several rules.
    fileprivate func warning(of ids: String, _ addition: String = "", suggesting change: SuggestedChange) -> String {
        // The line must fit, however long the value or the suggested change is.
        let room = Decision.maximumWarning - 3
        let rule = " [\(ids)\(note.map { ", \($0)" } ?? "")]"
        let what =
            oneLine("\(path.isEmpty ? "" : path + " ")\(finding.message)\(addition)", atMost: room - rule.utf8.count)
            + rule
        let change = change.line(within: room - what.utf8.count - 2)
        return change.isEmpty ? what : "\(what); \(change)"
    }

    /// The reason why a finding of a rule that denies only warns, in a few words.
    public var note: String? {
        switch leniency {
        case nil, .hint, .deletion: nil
        case .existing: "existing\(clipped(past))"
        case .dryRun: "would be denied"
        case .trustedUser: "trusted user"
        case .breakGlass: "break-glass"
        case .operatorMade: "operator-made\(clipped(past))"
        case .serverDryRun: "could be denied without --dry-run"
        case .grace: "grace period\(clipped(past))"
        case .unknownExemption: "exemptions of its workload could not be read"
        case .unchecked: "could not be checked"
        case .namespace: "its Namespace has level warn"
        case .filledIn: "would be filled in at admission"
        case .platform: "platform namespace"
        case .agent: "namespace for node agents"
        case .finitePod: "requested by a service account"
        case .hook: "Helm or Argo CD hook"
        }
    }

    /// The order of warnings: would-be denials first, existing violations and Namespace findings last.
    fileprivate var severity: Int {
        if rule.fault == .namespace { return 4 }
        return switch leniency {
        case .dryRun, .breakGlass: 0
        case nil where level == .warn: 2
        case .existing: 3
        default: 1
        }
    }
}

/// Returns a text on one line, without control characters and no longer than a warning.
func singleLine(_ text: String) -> String { oneLine(text, atMost: Decision.maximumWarning) }

/// Returns a value from the request on one line, shortened for a message.
func clipped(_ text: String) -> String { oneLine(text, atMost: 300) }

/// Returns a text on one line, without control characters, shortened to a number of bytes.
func oneLine(_ text: String, atMost limit: Int) -> String {
    // Nearly all texts are one short line already.
    if text.utf8.count <= limit - 3, isPlainLine(text.utf8.span) { return text }
    var scalars = String.UnicodeScalarView()
    var length = 0
    var lastSpace = false
    for scalar in text.unicodeScalars {
        let clean: Unicode.Scalar = scalar.isUnfitForLine ? " " : scalar
        if clean == " ", lastSpace { continue }
        lastSpace = clean == " "
        // Counts scalars, since one character can have any number of them.
        length += UTF8.width(clean)
        guard length <= limit - 3 else {
            scalars.append("…")
            break
        }
        scalars.append(clean)
    }
    return String(scalars)
}

/// True if a text has only printable ASCII characters, and no two spaces in a row.
private func isPlainLine(_ text: Span<UInt8>) -> Bool {
    var previous: UInt8 = 0
    for at in text.indices {
        let byte = text[at]
        guard 0x20...0x7E ~= byte, byte != 0x20 || previous != 0x20 else { return false }
        previous = byte
    }
    return true
}
