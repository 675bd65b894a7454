import Evaluation
import Rules

/// A report as a comment on a pull request: counts first, details folded, within GitHub's size limit.
public enum MarkdownReport {
    /// GitHub's limit, in UTF-16 code units.
    static let limit = 65_536
    /// The largest length of lists other than findings, which use the rest of the comment.
    private static let maximumNotes = 50

    /// Returns the report.
    public static func text(_ objects: [ReportedObject], _ summary: Summary) -> String {
        var text = heading(summary) + "\n" + counts(objects, summary)
        // Denied objects come first, so that others are omitted before them.
        let ordered = [false, true].flatMap { isThirdParty in
            let group = objects.filter { $0.decision.isThirdParty == isThirdParty }
            return group.filter(\.isDenied) + group.filter { !$0.isDenied && !$0.findings.isEmpty }
        }
        // Room for the end of a fold and for the note about omitted findings.
        var room = limit - text.utf16.count - 200
        var (leftFindings, leftObjects) = (0, 0)
        var hasOthers = false
        var shown = ShownFindings()
        for object in ordered {
            let findings = shown.next(object)
            let isFirstOther = object.decision.isThirdParty && !hasOthers
            hasOthers = hasOthers || isFirstOther
            let fold = (isFirstOther ? "\n**\(thirdPartyTitle)**\n" : "") + opening(of: object, findings)
            var (entries, size, count) = ("", fold.utf16.count, 0)
            for finding in findings {
                let entry = entry(finding, of: object)
                guard leftFindings == 0, size + entry.utf16.count + closing.utf16.count <= room else { break }
                entries += entry
                size += entry.utf16.count
                count += 1
            }
            if count > 0 {
                text += fold + entries + closing
                room -= size + closing.utf16.count
            }
            if count < findings.count {
                leftFindings += findings.count - count
                leftObjects += 1
            }
        }
        if leftFindings > 0 {
            text +=
                "\n\(counted(leftFindings, "finding")) in \(counted(leftObjects, summary.noun.rawValue)) not shown: the comment has reached GitHub's size limit.\n"
        }
        return text
    }

    // MARK: Counts

    private static func heading(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let unread =
            summary.unreadable.isEmpty ? nil : "\(counted(summary.unreadable.count, "input")) could not be read"
        let warned = summary.warned > 0 ? "\(counted(summary.warned, noun)) with warnings" : nil
        let outcome =
            summary.denied > 0
            ? ["❌ \(summary.denied) of \(counted(summary.evaluated, noun)) denied", unread]
            : summary.evaluated == 0
                ? ["⚠️ \(summary.nothingFound)", unread]
                : ["\(warned == nil && unread == nil ? "✅" : "⚠️") nothing denied", warned, unread]
        return "### playbook: \(outcome.compactMap(\.self).joined(separator: ", "))\n"
    }

    private static func counts(_ objects: [ReportedObject], _ summary: Summary) -> String {
        var text = "| \(summary.noun.rawValue)s | denied | with warnings | allowed |\n|--:|--:|--:|--:|\n"
        text += "| \(summary.evaluated) | \(summary.denied) | \(summary.warned) | \(summary.allowed) |\n"
        text += summary.remarks.map { "\n\(plain($0.prefix(1).uppercased() + $0.dropFirst())).\n" }.joined()
        if !summary.unreadable.isEmpty {
            text += "\n\(counted(summary.unreadable.count, "input")) could not be read:\n\n"
            text += list(summary.unreadable) { "\(code($0.place)): \(plain($0.reason))" }
        }
        text += summary.notEvaluatedSentences { "`\($0)`" }.map { "\n\($0).\n" }.joined()
        text += summary.settingsFiles.map { "\nSettings read from \(code($0)).\n" }.joined()
        return text + (summary.baseline.map(ratchet) ?? "")
    }

    private static func ratchet(_ baseline: Baseline.Outcome) -> String {
        var text = ""
        if baseline.known > 0 {
            text += "\n\(baseline.knownText).\n"
        }
        guard !baseline.gone.isEmpty else { return text }
        text += "\n\(baseline.goneText):\n\n"
        return text + list(baseline.gone) { "\(code($0.rule)): \(plain($0.object)) \(code($0.path))" }
    }

    /// Returns the first elements, one per line.
    private static func list<Element>(_ elements: [Element], _ line: (Element) -> String) -> String {
        let (text, left) = fitting(elements, most: maximumNotes, size: 16_384) { "- \(line($0))\n" }
        return text + (left > 0 ? "- and \(left) more\n" : "")
    }

    /// Returns the elements that fit, and the number of those that do not.
    static func fitting<Element>(
        _ elements: [Element], most: Int = .max, size: Int, _ text: (Element) -> String
    ) -> (text: String, left: Int) {
        var (result, room, count) = ("", size, 0)
        for element in elements.prefix(most) {
            let part = text(element)
            guard part.utf16.count <= room else { break }
            result += part
            room -= part.utf16.count
            count += 1
        }
        return (result, elements.count - count)
    }

    // MARK: Details

    static let closing = "\n</details>\n"

    private static func opening(of object: ReportedObject, _ findings: [ShownFinding]) -> String {
        func count(_ effect: DecidedFinding.Effect) -> Int { findings.count { $0.finding.decided.effect == effect } }
        let counts = [(count(.deny), "denial"), (count(.warn), "warning"), (count(.exempt), "exemption")]
        let words = counts.filter { $0.0 > 0 }.map { counted($0.0, $0.1) }.joined(separator: ", ")
        return
            "\n<details><summary>\(inHTML(object.title)): \(words) (\(inHTML(object.file)))</summary>\n\n"
    }

    private static func entry(_ shown: ShownFinding, of object: ReportedObject) -> String {
        let (finding, decided) = (shown.finding, shown.finding.decided)
        let link = link(decided.rule.id, object.decision.documentation)
        let place = finding.line.map { " (line \($0))" } ?? ""
        let note = finding.reasonText.map { " – \(plain($0))" } ?? ""
        var text =
            "- **\(decided.effect.rawValue)** \(link): \(code(decided.path)) \(plain(decided.finding.message))\(place)\(note)\(plain(shown.othersText))\n"
        let suggestion = shown.suggestion.change.block
        if decided.effect == .deny, !suggestion.isEmpty { text += block(suggestion) }
        return text
    }

    /// Returns a rule's id, as a link if it has documentation.
    static func link(_ rule: String, _ documentation: String) -> String {
        let name = code(rule)
        return documentation.isEmpty || Catalogue.playbook[rule] == nil ? name : "[\(name)](<\(documentation)#\(rule)>)"
    }

    /// Returns YAML in a fence that it cannot close, indented for its list entry.
    private static func block(_ yaml: String) -> String {
        let fence = String(repeating: "`", count: max(3, longestRun(in: yaml) + 1))
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        return (["\(fence)yaml"] + lines.map { oneLine(String($0)) } + [fence]).map { "  \($0)\n" }.joined()
    }

    // MARK: Texts of the input

    /// Returns a text as inline code, without any markup.
    static func code(_ text: String) -> String {
        let fence = String(repeating: "`", count: longestRun(in: text) + 1)
        let padding = text.hasPrefix("`") || text.hasSuffix("`") ? " " : ""
        return fence + padding + oneLine(text) + padding + fence
    }

    private static func longestRun(in text: String) -> Int {
        var (longest, run) = (0, 0)
        for byte in text.utf8 {
            run = byte == UInt8(ascii: "`") ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }

    /// Escapes a text, so that it contains no markup, link or mention.
    static func plain(_ text: String) -> String {
        var result = ""
        var previous: Unicode.Scalar = " "
        // By scalars: a special character with a combining mark is one character, but still special.
        for scalar in oneLine(text).unicodeScalars {
            switch scalar {
            case "\\", "`", "*", "_", "[", "]", "~", "|", "$": result += "\\\(scalar)"
            case "/" where previous == ":": result += "\\/"
            case "." where previous == "w" || previous == "W": result += "\\."
            default: result += inHTML("\(scalar)")
            }
            previous = scalar
        }
        return result
    }

    /// Escapes a text for HTML.
    ///
    /// GitHub looks for mentions and issues in the rendered text; an HTML comment prevents that.
    private static func inHTML(_ text: String) -> String {
        oneLine(text).unicodeScalars.map { scalar in
            markup("\(scalar)") + (scalar == "@" || scalar == "#" ? "<!-- -->" : "")
        }.joined()
    }
}
