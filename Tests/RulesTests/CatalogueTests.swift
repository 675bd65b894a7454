public import Evaluation
import Rules
public import Testing

extension Rule: CustomTestStringConvertible {
    /// The rule's id.
    public var testDescription: String { id }
}

/// The catalogue of rules.
@Suite struct CatalogueTests {
    @Test func `ids are unique, lower case and hyphenated`() {
        let ids = Catalogue.playbook.rules.map(\.id)
        #expect(Set(ids).count == ids.count)
        for id in ids { #expect(id.utf8.allSatisfy { $0 == 45 || (97...122).contains($0) }, "\(id)") }
    }

    @Test(arguments: Catalogue.playbook.rules)
    func `a rule has good examples, and a bad example for each clause`(_ rule: Rule) {
        #expect(rule.examples.contains { $0.clause == nil })
        for clause in rule.clauses {
            #expect(rule.examples.contains { $0.clause == clause }, "\(rule.id) has no example of \(clause.name)")
        }
        for example in rule.examples {
            if let clause = example.clause { #expect(rule.clauses.contains(clause)) }
        }
        #expect(Set(rule.clauses.map(\.name)).count == rule.clauses.count)
    }

    @Test(arguments: Catalogue.playbook.rules)
    func `a rule has a fixed example if and only if it has a fix`(_ rule: Rule) {
        #expect((rule.fix != nil) == rule.examples.contains(where: \.isFixed))
    }

    @Test(arguments: Catalogue.playbook.rules)
    func `every setting that a rule names is declared`(_ rule: Rule) {
        let declared = Set(Catalogue.playbook.settings.map(\.name))
        for name in rule.settings { #expect(declared.contains(name), "\(rule.id) reads \(name)") }
    }

    @Test func `rules are listed in the order of their groups`() {
        let groups = Catalogue.playbook.rules.map { rule in Group.allCases.firstIndex(of: rule.group) ?? -1 }
        #expect(groups == groups.sorted())
    }
}
