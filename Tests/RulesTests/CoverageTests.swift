import Evaluation
import Rules
import Testing

/// The statements of the playbook, compared with the rules.
@Suite struct CoverageTests {
    @Test(arguments: Catalogue.playbook.rules)
    func `each rule is named by a statement of the section of the rule`(_ rule: Rule) throws {
        let section = try #require(rule.section)
        #expect(
            Coverage.statements(of: section).contains { $0.rules.contains { $0 === rule } },
            "add \(rule.id) in Sources/Rules/Coverage, to its statement of section \(section.rawValue)")
    }

    @Test(arguments: Section.allCases)
    func `each section has statements, and each statement has rules or a reason`(_ section: Section) {
        let statements = Coverage.statements(of: section)
        #expect(!statements.isEmpty)
        for statement in statements {
            #expect(!statement.rules.isEmpty || statement.remainder != nil, "\(statement.text)")
            for rule in statement.rules {
                #expect(Catalogue.playbook[rule.id] === rule, "\(rule.id) is not in the catalogue")
            }
            #expect(Set(statement.rules.map(\.id)).count == statement.rules.count, "\(statement.text)")
            // A line break or a bar would end the table cell in docs/playbook-coverage.md.
            for text in [statement.text, statement.remainder].compactMap({ $0 }) {
                #expect(text.hasSuffix(".") && !text.contains { "|\n".contains($0) }, "\(text)")
            }
        }
    }

    @Test func `no statement occurs twice`() {
        let texts = Section.allCases.flatMap { Coverage.statements(of: $0) }.map(\.text)
        #expect(Set(texts).count == texts.count)
    }
}
