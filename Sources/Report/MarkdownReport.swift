import Evaluation
import Rules

/// Verdicts as a comment on a pull request: counts first, details folded, and no longer than GitHub takes.
public enum MarkdownReport {
    /// What GitHub takes at most, in characters.
    static let limit = 65_536
    /// How many things other than findings are named, of a kind: the rest of the page is for findings.
    private static let maximumNotes = 50

    /// Makes the report.
    public static func text(_ objects: [JudgedObject], _ summary: Summary) -> String {
        var text = heading(summary) + "\n" + counts(objects, summary)
        // What denies comes first: it must not be what is left out.
        let ordered =
            objects.filter(\.verdict.isDenied) + objects.filter { !$0.verdict.isDenied && !$0.findings.isEmpty }
        // Room for the end of a fold and for what is said about the rest.
        var room = limit - text.utf16.count - 200
        var (leftFindings, leftObjects) = (0, 0)
        for object in ordered {
            let fold = opening(of: object)
            var (entries, size, count) = ("", fold.utf16.count, 0)
            for finding in object.findings {
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
            if count < object.findings.count {
                leftFindings += object.findings.count - count
                leftObjects += 1
            }
        }
        if leftFindings > 0 {
            text +=
                "\nThere is no room for more: \(counted(leftFindings, "finding")) in \(counted(leftObjects, summary.noun.rawValue)) not shown.\n"
        }
        return text
    }

    // MARK: The top

    private static func heading(_ summary: Summary) -> String {
        let noun = summary.noun.rawValue
        let unread = summary.unreadable.isEmpty ? nil : "\(counted(summary.unreadable.count, "input")) not read"
        let warned = summary.warned > 0 ? "\(counted(summary.warned, noun)) with warnings" : nil
        let outcome =
            summary.denied > 0
            ? ["❌ \(summary.denied) of \(counted(summary.judged, noun)) denied", unread]
            : summary.judged == 0
                ? ["⚠️ no \(noun) to judge", unread]
                : ["\(warned == nil && unread == nil ? "✅" : "⚠️") nothing denied", warned, unread]
        return "### playbook: \(outcome.compactMap(\.self).joined(separator: ", "))\n"
    }

    private static func counts(_ objects: [JudgedObject], _ summary: Summary) -> String {
        var text = "| \(summary.noun.rawValue)s | denied | with warnings | allowed |\n|--:|--:|--:|--:|\n"
        let allowed = summary.judged - summary.denied - summary.warned
        text += "| \(summary.judged) | \(summary.denied) | \(summary.warned) | \(allowed) |\n"
        if !summary.unreadable.isEmpty {
            text += "\n\(counted(summary.unreadable.count, "input")) could not be read:\n\n"
            text += list(summary.unreadable) { "\(code($0.place)): \(plain($0.reason))" }
        }
        text += summary.notEvaluatedSentences { "`\($0)`" }.map { "\n\($0).\n" }.joined()
        return text + (summary.baseline.map(ratchet) ?? "")
    }

    private static func ratchet(_ baseline: Baseline.Outcome) -> String {
        var text = ""
        if baseline.known > 0 {
            text += "\nIn the baseline, and not shown: \(counted(baseline.known, "finding")).\n"
        }
        guard !baseline.gone.isEmpty else { return text }
        text += "\nFound no more, to be taken out of the baseline:\n\n"
        return text + list(baseline.gone) { "\(code($0.rule)): \(plain($0.object)) \(code($0.path))" }
    }

    /// The first of some things, a line each.
    private static func list<Element>(_ elements: [Element], _ line: (Element) -> String) -> String {
        let (text, left) = fitting(elements, most: maximumNotes, size: 16_384) { "- \(line($0))\n" }
        return text + (left > 0 ? "- and \(left) more\n" : "")
    }

    /// What fits of some things, and how many are left.
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

    // MARK: The details

    static let closing = "\n</details>\n"

    private static func opening(of object: JudgedObject) -> String {
        let counts = [
            (object.count(.deny), "denial"), (object.count(.warn), "warning"), (object.count(.exempt), "exemption"),
        ]
        let words = counts.filter { $0.0 > 0 }.map { counted($0.0, $0.1) }.joined(separator: ", ")
        return
            "\n<details><summary>\(inHTML(object.title)): \(words) (\(inHTML(object.file)))</summary>\n\n"
    }

    private static func entry(_ finding: LocatedFinding, of object: JudgedObject) -> String {
        let judgement = finding.judgement
        let link = link(judgement.rule.id, object.verdict.documentation)
        let place = finding.line.map { " (line \($0))" } ?? ""
        let note = finding.excuse.map { " – \(plain($0))" } ?? ""
        var text =
            "- **\(judgement.effect.rawValue)** \(link): \(code(judgement.path)) \(plain(judgement.finding.message))\(place)\(note)\n"
        if judgement.effect == .deny, !judgement.remedy.block.isEmpty { text += block(judgement.remedy.block) }
        return text
    }

    /// A rule's name, as a link where there is something to lead to.
    static func link(_ rule: String, _ documentation: String) -> String {
        let name = code(rule)
        return documentation.isEmpty || Catalogue.playbook[rule] == nil ? name : "[\(name)](<\(documentation)#\(rule)>)"
    }

    /// YAML in a fence that it cannot close, indented into its entry.
    private static func block(_ yaml: String) -> String {
        let fence = String(repeating: "`", count: max(3, longestRun(in: yaml) + 1))
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        return (["\(fence)yaml"] + lines.map { oneLine(String($0)) } + [fence]).map { "  \($0)\n" }.joined()
    }

    // MARK: Texts that are not ours

    /// As code: nothing in it has a meaning.
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

    /// As text: no markup, no link, and nobody is mentioned.
    static func plain(_ text: String) -> String {
        var result = ""
        var previous: Unicode.Scalar = " "
        // By scalars: a mark and what combines with it are one character, and still a mark.
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

    /// As HTML.
    ///
    /// GitHub looks for mentions and issues in what it has made of a text; a comment keeps it from seeing them.
    private static func inHTML(_ text: String) -> String {
        oneLine(text).unicodeScalars.map { scalar in
            markup("\(scalar)") + (scalar == "@" || scalar == "#" ? "<!-- -->" : "")
        }.joined()
    }
}
