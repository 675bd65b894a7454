import Evaluation
import Foundation
import JSON
import Rules
import TestSupport
import Testing

/// An example and its rule, with a description for the test's output.
struct Case: CustomTestStringConvertible, Sendable {
    let rule: Rule
    let example: Example
    var testDescription: String { "\(rule.id): \(example.name)" }

    /// The examples of all rules, or of the rule that scripts/test-rule names.
    static let all = Catalogue.playbook.rules.filter { $0.id == only ?? $0.id }.flatMap { rule in
        rule.examples.map { Case(rule: rule, example: $0) }
    }
    private static let only = ProcessInfo.processInfo.environment["RULE_UNDER_TEST"]
    static let good = all.filter { $0.example.clause == nil }
    static let bad = all.filter { $0.example.clause != nil }
    static let fixed = bad.filter(\.example.isFixed)
}

/// The examples of each rule: their findings, suggested changes and fixes.
@Suite struct ExampleTests {
    @Test(arguments: Case.good)
    func `a good example produces no finding of any rule`(_ item: Case) throws {
        let decision = try World(item.example).decision()
        #expect(decision.findings.filter { $0.effect != .exempt }.map(\.summary) == [])
    }

    @Test(arguments: Case.bad)
    func `a bad example produces exactly the finding that it states`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let decision = try world.decision()
        #expect(decision.findings.map(\.path) == [item.example.path].compactMap(\.self))
        #expect(decision.findings.map(\.finding.clause) == [item.example.clause].compactMap(\.self))
        let denies = item.rule.level == .deny && !item.example.isHint && world.operation != "DELETE"
        #expect(decision.isDenied == denies)
    }

    @Test(arguments: Case.bad)
    func `a warning begins with the field, the problem and the rule; the suggestion follows within 256 bytes`(
        _ item: Case
    ) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        let decision = try world.decision()
        let decided = try #require(decision.findings.first)
        let warning = try #require(decision.warnings.first)
        #expect(warning == decided.warning && warning.utf8.count <= 256)
        #expect(warning.contains(" [\(item.rule.id)"))
        // A value or path that fills the line alone is cut, and the suggested change with it.
        let what = "\(decided.path) \(decided.finding.message)"
        guard what.utf8.count <= 180 else { return }
        let start = "\(what) [\(item.rule.id)"
        #expect(warning.hasPrefix(start), "\(warning)")
        let parts = warning.dropFirst(start.count).split(separator: "]; ", maxSplits: 1)
        #expect(parts.last?.isEmpty == false && warning.contains("]; "), "\(warning)")
    }

    @Test(arguments: Case.bad)
    func `messages use the right article, and no double negation`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let decided = try #require(world.decision().findings.first)
        let said = "\(decided.finding.message) \(decided.finding.advice ?? "")"
        let words = said.split(separator: " ")
        for (article, noun) in zip(words, words.dropFirst()) {
            guard let initial = noun.first, noun.allSatisfy(\.isLowercase) else { continue }
            // The words uid and user begin with a consonant sound.
            if article == "a" { #expect(!"aeio".contains(initial), "\(said)") }
            if article == "an" { #expect("aeiouh".contains(initial), "\(said)") }
        }
        #expect(!said.contains("not match no"), "\(said)")
    }

    @Test(arguments: Case.bad)
    func `applying the suggested change resolves the finding`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let decided = try #require(world.decision().findings.first)
        let finding = decided.finding
        #expect(!decided.change.block.isEmpty && !decided.change.line().isEmpty)
        guard !finding.edits.isEmpty || finding.relatedObject != nil else {
            // If only a person can decide, the finding has advice in words.
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
        #expect(try world.decision().findings.map(\.summary) == [])
    }

    @Test(arguments: Case.bad)
    func `merging the suggested YAML into the object resolves the finding`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let decided = try #require(world.decision().findings.first)
        let isOnlySets = decided.finding.edits.allSatisfy { if case .set = $0 { true } else { false } }
        guard !decided.finding.edits.isEmpty, isOnlySets else { return }
        let fragment = try Literal(yaml: decided.change.block)
        let object = try #require(world.object)
        let isPod = object["kind"] == "Pod"
        let hasPods = isPod || object["spec"]?["template"]?["spec"]?["containers"] != nil
        let isInPodSpec = hasPods && !["spec", "metadata"].contains { fragment[$0] != nil }
        let whole: Literal =
            isInPodSpec ? isPod ? ["spec": fragment] : ["spec": ["template": ["spec": fragment]]] : fragment
        world.object = object.merging(whole)
        #expect(try world.decision().findings.map(\.summary) == [])
    }

    @Test(arguments: Case.fixed)
    func `a fix resolves its finding, changes nothing else, and is not needed again`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let object = try #require(world.object)
        let mutation = try world.mutation()
        #expect(!mutation.patch.operations.isEmpty && !mutation.warnings.isEmpty)
        let patched = try mutation.patch.applied(to: object)
        world.object = patched
        #expect(try world.decision().findings.map(\.summary) == [])
        #expect(try world.mutation().patch.operations == [])
        // Operations only replace fields that exist, and only add fields that do not.
        for case .replace(let pointer, _) in mutation.patch.operations { #expect(object[at: pointer] != nil) }
        for case .add(let pointer, _) in mutation.patch.operations { #expect(object[at: pointer] == nil) }
    }

    @Test(arguments: Case.bad.filter { !$0.example.isFixed })
    func `an example without a fix is not patched`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        #expect(try world.mutation().patch.operations == [])
    }
}

extension DecidedFinding {
    /// The finding in one line, for the output of a failing test.
    var summary: String { "\(rule.id) \(path) \(finding.message) -> \(effect.rawValue)" }
}
