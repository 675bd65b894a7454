import Evaluation
import Foundation
import JSON
import Rules
import TestSupport
import Testing

/// An example with its rule, named for the test's output.
struct Case: CustomTestStringConvertible, Sendable {
    let rule: Rule
    let example: Example
    var testDescription: String { "\(rule.id): \(example.name)" }

    /// Those of all rules, or of the one that scripts/test-rule names.
    static let all = Catalogue.playbook.rules.filter { $0.id == only ?? $0.id }.flatMap { rule in
        rule.examples.map { Case(rule: rule, example: $0) }
    }
    private static let only = ProcessInfo.processInfo.environment["RULE_UNDER_TEST"]
    static let good = all.filter { $0.example.clause == nil }
    static let bad = all.filter { $0.example.clause != nil }
    static let fixed = bad.filter(\.example.isFixed)
}

@Suite struct ExampleTests {
    @Test(arguments: Case.good)
    func `a good example gives no finding of any rule`(_ item: Case) throws {
        let verdict = try World(item.example).verdict()
        #expect(verdict.judgements.filter { $0.effect != .exempt }.map(\.summary) == [])
    }

    @Test(arguments: Case.bad)
    func `a bad example gives exactly the finding it states`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let verdict = try world.verdict()
        #expect(verdict.judgements.map(\.path) == [item.example.path].compactMap(\.self))
        #expect(verdict.judgements.map(\.finding.clause) == [item.example.clause].compactMap(\.self))
        let denies = item.rule.level == .deny && !item.example.isHint && world.operation != "DELETE"
        #expect(verdict.isDenied == denies)
    }

    @Test(arguments: Case.bad)
    func `a warning says what to do, what is wrong, where, and the rule, in one line that arrives`(_ item: Case) throws
    {
        var world = try World(item.example)
        world.rules = [item.rule]
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        let verdict = try world.verdict()
        let judgement = try #require(verdict.judgements.first)
        let warning = try #require(verdict.warnings.first)
        #expect(warning == judgement.warning && warning.utf8.count <= 256)
        #expect(warning.contains(" [\(item.rule.id)") && warning.last == "]")
        // Only a value or a path that fills the line by itself is cut, and takes the remedy with it.
        let what = "\(judgement.path) \(judgement.finding.message)"
        guard what.utf8.count <= 180 else { return }
        let parts = warning.split(separator: "; \(what) [\(item.rule.id)")
        #expect(parts.count == 2, "\(warning)")
    }

    @Test(arguments: Case.bad)
    func `what is said has its articles right, and doubles no negation`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let judgement = try #require(world.verdict().judgements.first)
        let said = "\(judgement.finding.message) \(judgement.finding.advice ?? "")"
        let words = said.split(separator: " ")
        for (article, noun) in zip(words, words.dropFirst()) {
            guard let initial = noun.first, noun.allSatisfy(\.isLowercase) else { continue }
            // A uid and a user begin with no vowel that is heard.
            if article == "a" { #expect(!"aeio".contains(initial), "\(said)") }
            if article == "an" { #expect("aeiouh".contains(initial), "\(said)") }
        }
        #expect(!said.contains("not match no"), "\(said)")
    }

    @Test(arguments: Case.bad)
    func `the remedy makes the finding go away`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let judgement = try #require(world.verdict().judgements.first)
        let finding = judgement.finding
        #expect(!judgement.remedy.block.isEmpty && !judgement.remedy.line().isEmpty)
        guard !finding.edits.isEmpty || finding.relatedObject != nil else {
            // Some things only a person can decide; then the remedy says what.
            #expect(finding.advice != nil)
            return
        }
        let object = try #require(world.object)
        if finding.isReplacement {
            world.object = finding.relatedObject
        } else if let relatedObject = finding.relatedObject {
            world.relatedObjects = (world.relatedObjects ?? []).filter {
                $0["metadata"]?["name"] != relatedObject["metadata"]?["name"] || $0["kind"] != relatedObject["kind"]
            }
            world.relatedObjects?.append(relatedObject)
        }
        if !finding.isReplacement {
            world.object = try Patch(finding.edits, on: object).applied(to: object)
        }
        #expect(try world.verdict().judgements.map(\.summary) == [])
    }

    @Test(arguments: Case.bad)
    func `the YAML of the remedy, merged into the object, makes the finding go away`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let judgement = try #require(world.verdict().judgements.first)
        let isOnlySets = judgement.finding.edits.allSatisfy { if case .set = $0 { true } else { false } }
        guard !judgement.finding.edits.isEmpty, isOnlySets else { return }
        let fragment = try Literal(yaml: judgement.remedy.block)
        let object = try #require(world.object)
        let isPod = object["kind"] == "Pod"
        let hasPods = isPod || object["spec"]?["template"]?["spec"]?["containers"] != nil
        let isInPodSpec = hasPods && !["spec", "metadata"].contains { fragment[$0] != nil }
        let whole: Literal =
            isInPodSpec ? isPod ? ["spec": fragment] : ["spec": ["template": ["spec": fragment]]] : fragment
        world.object = object.merging(whole)
        #expect(try world.verdict().judgements.map(\.summary) == [])
    }

    @Test(arguments: Case.fixed)
    func `a fix makes its example good, changes nothing else, and then asks for nothing`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let object = try #require(world.object)
        let mutation = try world.mutation()
        #expect(!mutation.patch.operations.isEmpty && !mutation.warnings.isEmpty)
        let patched = try mutation.patch.applied(to: object)
        world.object = patched
        #expect(try world.verdict().judgements.map(\.summary) == [])
        #expect(try world.mutation().patch.operations == [])
        // Undoing the finding's own places gives the object back: nothing else was touched.
        for case .replace(let pointer, _) in mutation.patch.operations { #expect(object[at: pointer] != nil) }
        for case .add(let pointer, _) in mutation.patch.operations { #expect(object[at: pointer] == nil) }
    }

    @Test(arguments: Case.bad.filter { !$0.example.isFixed })
    func `what no fix covers is left alone`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        #expect(try world.mutation().patch.operations == [])
    }
}

extension Judgement {
    /// A line that says what was found, for a failing test.
    var summary: String { "\(rule.id) \(path) \(finding.message) -> \(effect.rawValue)" }
}
