import Evaluation
import JSON
import TestSupport
import Testing

/// Settings and annotations that lower the level of rules.
@Suite struct LevelTests {
    /// A Deployment that violates a rule at level deny and a rule at level warn.
    private func world(_ settings: [String: String] = [:], namespace annotation: String? = nil) throws -> World {
        var world = World(
            try World.object("terminationGracePeriodSeconds: 0\nsecurityContext: {runAsUser: null}", .apply))
        world.settings = settings
        var namespace: [Literal.Member] = [.init("name", "shop")]
        if let annotation {
            namespace.append(.init("annotations", ["playbook.superinc.com/level": .string(annotation)]))
        }
        world.relatedObjects = [["apiVersion": "v1", "kind": "Namespace", "metadata": .object(namespace)]]
        return world
    }

    private func effects(_ world: World) throws -> [String: DecidedFinding.Effect] {
        Dictionary(
            try world.decision().findings.map { ($0.rule.id, $0.effect) }, uniquingKeysWith: { first, _ in first })
    }

    @Test(arguments: [
        ([:], ["graceful-shutdown": DecidedFinding.Effect.deny, "run-as-identity": .warn]),
        (["PLAYBOOK_RULES_DEFAULT": "warn"], ["graceful-shutdown": .warn, "run-as-identity": .warn]),
        (["PLAYBOOK_RULES_DEFAULT": "off"], [:]),
        (
            ["PLAYBOOK_RULES_DEFAULT": "off", "PLAYBOOK_RULE_GRACEFUL_SHUTDOWN": "deny"],
            [:]
        ),
        (
            ["PLAYBOOK_RULES_DEFAULT": "warn", "PLAYBOOK_RULE_GRACEFUL_SHUTDOWN": "deny"],
            ["graceful-shutdown": .warn, "run-as-identity": .warn]
        ),
        // Profiles.
        (["PLAYBOOK_PROFILE": "start"], ["graceful-shutdown": .warn, "run-as-identity": .warn]),
        (["PLAYBOOK_PROFILE": "strict"], ["graceful-shutdown": .deny, "run-as-identity": .deny]),
        (
            ["PLAYBOOK_PROFILE": "start", "PLAYBOOK_RULE_GRACEFUL_SHUTDOWN": "deny"],
            ["graceful-shutdown": .deny, "run-as-identity": .warn]
        ),
        (
            ["PLAYBOOK_PROFILE": "strict", "PLAYBOOK_RULES_DEFAULT": "warn"],
            ["graceful-shutdown": .warn, "run-as-identity": .warn]
        ),
    ])
    func `PLAYBOOK_RULES_DEFAULT limits the level of every rule and profile`(
        _ settings: [String: String], _ expected: [String: DecidedFinding.Effect]
    ) throws {
        #expect(try effects(world(settings)) == expected)
    }

    @Test(arguments: [("warn", DecidedFinding.Effect.warn), ("deny", .deny), ("off", .deny), ("Warn", .deny)])
    func `the level annotation of a Namespace turns denials into warnings`(
        _ annotation: String, _ effect: DecidedFinding.Effect
    ) throws {
        #expect(try effects(world(namespace: annotation))["graceful-shutdown"] == effect)
    }

    @Test func `a warning says that it results from the Namespace's level`() throws {
        let warnings = try world(namespace: "warn").decision().warnings
        #expect(warnings.contains { $0.contains("graceful-shutdown, its Namespace has level warn") })
    }

    @Test func `the level annotation counts on Namespaces only`() throws {
        var world = try world()
        world.object = try world.object?.merging(
            Literal(yaml: "metadata: {annotations: {playbook.superinc.com/level: warn}}"))
        #expect(try effects(world)["graceful-shutdown"] == .deny)
    }

    @Test func `an unknown level on a Namespace produces a notice`() throws {
        let world = World(
            try Literal(
                yaml: """
                    apiVersion: v1
                    kind: Namespace
                    metadata: {name: shop, annotations: {playbook.superinc.com/level: gentle}}
                    """))
        #expect(try world.decision().notices.contains { $0.contains(#""gentle" has no effect"#) })
    }

    @Test func `a denial links to the page that explains its rules`() throws {
        let world = try world(["PLAYBOOK_DOCS_URL": "https://wiki.example.com/rules"])
        #expect(try world.decision().message.contains("\nsee https://wiki.example.com/rules#graceful-shutdown\n"))
    }
}
