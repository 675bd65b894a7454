import Evaluation
import Report
import Rules
import Testing

/// The pages of the documentation, as GitHub shows them.
@Suite struct PageTests {
    @Test func `links of the rules page and of denials lead to headings`() {
        let page = RulePage.markdown(Catalogue.playbook.reported)
        let anchors = anchors(of: page)
        #expect(Set(anchors).count == anchors.count, "GitHub numbers repeated headings")
        let links = targets(of: page).filter { $0.hasPrefix("#") }.map { String($0.dropFirst()) }
        #expect(links.count == Catalogue.playbook.reported.count + Group.allCases.count)
        #expect(Set(links).isSubset(of: anchors))
        // Denials end with `URL#id`.
        #expect(Set(Catalogue.playbook.reported.map(\.id)).isSubset(of: anchors))
    }

    @Test func `links of the coverage page and the summary lead to the rules page`() {
        let anchors = Set(anchors(of: RulePage.markdown(Catalogue.playbook.rules)))
        for (text, page) in [
            (CoveragePage.markdown(), "rules.md"), (RulePage.summary(Catalogue.playbook.rules), "docs/rules.md"),
        ] {
            for target in targets(of: text) where target != page {
                let parts = target.split(separator: "#").map(String.init)
                #expect(parts.count == 2 && parts[0] == page && anchors.contains(parts[1]), "\(target)")
            }
        }
    }

    @Test func `the coverage page has every section, statement and reason`() {
        let page = CoveragePage.markdown()
        for section in Section.allCases {
            #expect(page.contains("\n## \(section.rawValue)\n"))
            for statement in Coverage.statements(of: section) {
                #expect(page.contains("| \(statement.text) |") && page.contains(statement.remainder ?? ""))
            }
        }
    }

    @Test(arguments: Group.allCases.filter { $0 != .schema })
    func `the summary lists each rule in the line of its group`(_ group: Group) throws {
        let lines = RulePage.summary(Catalogue.playbook.rules).split(separator: "\n").filter {
            $0.contains("[\(group.rawValue)]")
        }
        let line = try #require(lines.first)
        for rule in Catalogue.playbook.rules {
            #expect(line.contains("`\(rule.id)`") == (rule.group == group), "\(rule.id)")
        }
    }

    @Test func `a rule's page shows the meaning and the default of its settings`() throws {
        let rule = try #require(Catalogue.playbook["replicas"])
        for page in [RulePage.text(rule, level: .deny), RulePage.markdown([rule])] {
            #expect(page.contains("`PLAYBOOK_MIN_REPLICAS` (by default `2`): "))
        }
    }

    @Test func `a rule's page shows where exemptions are accepted`() throws {
        for (id, place) in [
            ("replicas", "the object itself or on its Namespace"),
            ("image-tag", "the object's Namespace, not on the object"),
            ("private-nodes", "Exemption: `PLAYBOOK_EXEMPT`\n"),
        ] {
            let rule = try #require(Catalogue.playbook[id])
            #expect(RulePage.markdown([rule]).contains(place), "\(id)")
        }
    }

    @Test(arguments: Catalogue.playbook.rules.map(\.id))
    func `lines of explain fit a terminal`(_ id: String) throws {
        let rule = try #require(Catalogue.playbook[id])
        let page = RulePage.text(rule, level: rule.level)
        for clause in rule.clauses { #expect(page.contains("\n  \(clause.name): "), "\(clause.name)") }
        let prose = try #require(page.firstRange(of: "\nBad (")).lowerBound
        for line in page[..<prose].split(separator: "\n") {
            // Words are never split.
            #expect(line.count <= 100 || line.split(separator: " ").count < 3, "\(line)")
        }
    }

    /// GitHub's anchors of headings: lower case, hyphens for spaces, and only letters, digits, `-` and `_`.
    private func anchors(of page: String) -> [String] {
        var isCode = false
        return page.split(separator: "\n").compactMap { line in
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode, line.hasPrefix("#"), let space = line.firstIndex(of: " ") else { return nil }
            let heading = line[line.index(after: space)...].lowercased()
            return String(
                heading.map { $0 == " " ? "-" : $0 }.filter { $0.isLetter || $0.isNumber || "-_".contains($0) })
        }
    }

    /// The targets of links in a text, except in code.
    private func targets(of page: String) -> [String] {
        var isCode = false
        var targets: [String] = []
        for line in page.split(separator: "\n") {
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode else { continue }
            for part in line.split(separator: "](").dropFirst() {
                part.firstIndex(of: ")").map { targets.append(String(part[..<$0])) }
            }
        }
        return targets
    }
}
