import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Fields of the wrong type, which the rule `schema` reports for all rules that read them (semantics 17).
@Suite struct SchemaTests {
    private static let summary = "schema containers is a string, not an array -> deny"

    private func spec(_ yaml: String) throws -> Literal {
        World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]])
    }

    /// A Deployment whose containers field is a string, and the rules that read it.
    private func world(_ rules: [String] = ["liveness-probe", "readiness-probe", "image-tag"]) throws -> World {
        var world = World(try spec("containers: oops"))
        world.rules = try rules.map { try #require(Catalogue.playbook[$0]) }
        return world
    }

    private func annotations(_ exempt: String) -> Literal {
        ["playbook.superinc.com/exempt": .string(exempt), "playbook.superinc.com/exempt-reason": "why"]
    }

    @Test func `schema is not a rule of the catalogue, but is found by its id`() {
        #expect(!Catalogue.playbook.rules.contains { $0 === Rule.schema })
        #expect(Catalogue.playbook[Rule.schema.id] === Rule.schema)
        #expect(Catalogue.playbook.nearestRule(to: "shema") == "schema")
        #expect(Catalogue.playbook.settings.contains { $0.name == "PLAYBOOK_RULE_SCHEMA" && $0.defaultText == "deny" })
    }

    @Test func `a field of the wrong type has one finding, even if several rules read it`() throws {
        #expect(try world().decision().findings.map(\.summary) == [Self.summary])
        #expect(try World(try spec("containers: oops")).decision().findings.map(\.summary) == [Self.summary])
    }

    @Test(arguments: ["warn", "off", "exempt"])
    func `a list that is too long denies for each rule that reads it, regardless of schema`(
        _ level: String
    ) throws {
        let many = Literal.array(Array(repeating: ["name": "i"], count: 1001))
        var world = World(
            try Patch([.set("/spec/template/spec/initContainers", many)], on: World.deployment)
                .applied(to: World.deployment))
        world.rules = try ["liveness-probe", "host-isolation"].map { try #require(Catalogue.playbook[$0]) }
        world.settings[level == "exempt" ? "PLAYBOOK_EXEMPT" : "PLAYBOOK_RULE_SCHEMA"] =
            level == "exempt" ? "schema@shop/Deployment/*: one licence" : level
        #expect(
            Set(try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id)) == [
                "liveness-probe", "host-isolation",
            ])
    }

    @Test func `a field of the wrong type denies if at least one rule reads it`() throws {
        var world = try world(["liveness-probe", "image-tag"])
        world.settings = environment(onlyWith: ["liveness-probe": "deny"])
        #expect(try world.decision().findings.map(\.summary) == [Self.summary])
        world.settings["PLAYBOOK_RULE_LIVENESS_PROBE"] = "off"
        #expect(try world.decision().findings.isEmpty)
    }

    @Test func `two fields of the wrong type have two findings`() throws {
        var world = try world()
        world.object = world.object?.merging(["spec": ["replicas": "many"]])
        world.rules = try ["liveness-probe", "replicas"].map { try #require(Catalogue.playbook[$0]) }
        #expect(
            try world.decision().findings.map { "\($0.rule.id) \($0.path)" } == [
                "schema containers", "schema spec.replicas",
            ])
    }

    @Test(arguments: ["*", "liveness-probe, readiness-probe, image-tag", "schema"])
    func `an object cannot exempt itself from schema`(_ exempt: String) throws {
        var world = try world()
        world.object = world.object?.merging(["metadata": ["annotations": annotations(exempt)]])
        let decision = try world.decision()
        #expect(decision.findings.map(\.summary) == [Self.summary])
        let notice = "schema cannot be exempted by the workload: annotate its Namespace, or set PLAYBOOK_EXEMPT"
        #expect(decision.notices.contains(notice) == (exempt == "schema"))
    }

    @Test(arguments: [("*", true), ("schema", true), ("liveness-probe, readiness-probe, image-tag", false)])
    func `a Namespace can exempt from schema, by its id or an asterisk`(_ exempt: String, _ isExempt: Bool) throws {
        var world = try world()
        world.relatedObjects = [
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "shop", "annotations": annotations(exempt)],
            ]
        ]
        #expect(try world.decision().findings.map(\.effect) == [isExempt ? .exempt : .deny])
    }

    @Test func `PLAYBOOK_EXEMPT can exempt from schema`() throws {
        var world = try world()
        world.settings["PLAYBOOK_EXEMPT"] = "schema@shop/Deployment/web: an old tool writes it"
        #expect(try world.decision().findings.map(\.effect) == [.exempt])
    }

    @Test func `schema has its own level, independent of the rules that read the field`() throws {
        var world = try world(["liveness-probe"])
        world.settings = ["PLAYBOOK_RULE_LIVENESS_PROBE": "warn"]
        #expect(try world.decision().findings.map(\.summary) == [Self.summary])
        world.settings = ["PLAYBOOK_RULE_SCHEMA": "warn"]
        #expect(try world.decision().findings.map(\.effect) == [.warn])
        world.settings = ["PLAYBOOK_RULES_DEFAULT": "warn"]
        #expect(try world.decision().findings.map(\.effect) == [.warn])
        // A rule at level off reads no fields.
        world.settings = ["PLAYBOOK_RULE_LIVENESS_PROBE": "off"]
        #expect(try world.decision().findings.isEmpty)
    }

    @Test func `trusted users and dry-run mode only get warnings`() throws {
        var world = try world()
        world.settings = ["PLAYBOOK_TRUSTED_USERS": "kubernetes-admin"]
        #expect(try world.decision().findings.map(\.leniency) == [.trustedUser])
        world.settings = ["PLAYBOOK_MODE": "dry-run"]
        #expect(try world.decision().findings.map(\.leniency) == [.dryRun])
    }

    @Test func `a field of the wrong type is existing while the pod template is unchanged`() throws {
        let world = try world()
        let before = try #require(world.object)
        let scaled = world.updated(to: before.merging(["spec": ["replicas": 4]]))
        #expect(try scaled.decision().findings.map(\.leniency) == [.existing])
        let changed = world.updated(
            to: before.merging(["spec": ["template": ["spec": ["terminationGracePeriodSeconds": 40]]]]))
        #expect(try changed.decision().findings.map(\.summary) == [Self.summary])
        var strict = world.updated(to: before.merging(["spec": ["paused": true]]))
        strict.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try strict.decision().isDenied)
    }

    @Test func `a field of the wrong type is new if the old object was valid`() throws {
        let world = World(World.deployment).updated(to: try spec("containers: oops"))
        #expect(try world.decision().findings.map(\.summary) == [Self.summary])
    }

    @Test func `a violation is new if the old object could not be read`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: soon")).updated(
            to: try spec("terminationGracePeriodSeconds: 0"))
        world.rules = [try #require(Catalogue.playbook["graceful-shutdown"])]
        let findings = try world.decision().findings
        #expect(findings.map(\.rule.id) == ["graceful-shutdown"] && findings.allSatisfy { $0.effect == .deny })
    }

    @Test func `if schema is off, rules that cannot read the field are not evaluated`() throws {
        var world = try world()
        world.settings = ["PLAYBOOK_RULE_SCHEMA": "off"]
        let decision = try world.decision()
        #expect(decision.findings.isEmpty && !decision.isDenied)
        #expect(decision.notEvaluated.map(\.rule.id) == ["liveness-probe", "readiness-probe", "image-tag"])
        #expect(
            Set(decision.notEvaluated.map(\.reason)) == ["containers has the wrong type"])
    }

    @Test(arguments: ["deny", "off"])
    func `a rule that cannot read a field is reported as not evaluated`(_ level: String) throws {
        var world = try world(["liveness-probe"])
        world.settings = ["PLAYBOOK_RULE_SCHEMA": level]
        let context = try world.context()
        let outcomes = try Document().read(world.review.span, AdmissionReview.options) { root in
            Result {
                let review = try AdmissionReview(root)
                let decision = Evaluator(context.settings, rules: world.rules).decision(on: review, in: context)
                return decision.answers(to: review, in: context, rules: world.rules + [.schema]).map { answer in
                    switch answer.outcome {
                    case .off: "off"
                    case .notEvaluated(let reason): reason
                    case .found(let found): "\(found.count)"
                    case .passed, .notAsked: "passed"
                    }
                }
            }
        }.get()
        #expect(
            outcomes == ["containers has the wrong type", level == "off" ? "off" : "1"])
    }

    @Test(arguments: ["deny", "off"])
    func `secrets in the path of an unreadable field are masked`(_ level: String) throws {
        let key = try #require(PlantedSecret.all.first)
        var world = World(
            [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "web", "namespace": "shop"],
                "data": .object([.init(key.text, 5)]),
            ])
        world.settings = ["PLAYBOOK_RULE_SCHEMA": level]
        let decision = try world.decision()
        let texts = decision.findings.map(\.path) + decision.notEvaluated.map(\.reason)
        #expect(texts.contains { $0.hasPrefix("data") })
        #expect(texts.allSatisfy { key.leak(in: $0) == nil })
    }

    @Test func `on replay, an old recording has the finding at the rule that read the field`() throws {
        let line = String(decoding: try world([]).recorded(), as: UTF8.self)
        let old = line.replacing("\"rule\":\"schema\"", with: "\"rule\":\"liveness-probe\"")
        #expect(old != line)
        #expect(try replayed(Array(line.utf8)).changes.isEmpty)
        let comparison = try replayed(Array(old.utf8))
        let changes = comparison.changes.map { change in
            "\(change.rule) \(change.path) \(change.before?.rawValue ?? "-") \(change.now?.rawValue ?? "-")"
        }
        #expect(changes == ["schema containers - deny", "liveness-probe containers deny -"])
        #expect(comparison.before == .deny && comparison.now == .deny)
    }
}

extension World {
    /// The recording of the review, evaluated with all rules.
    fileprivate func recorded() throws -> [UInt8] {
        var world = self
        world.rules = Catalogue.playbook.rules
        return try world.recording()
    }
}
