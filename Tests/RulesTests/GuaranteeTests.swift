import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Files, recordings and the server reach the same decisions on the same object.
///
/// Related objects, settings and namespace are the same. docs/formats.md lists the exceptions.
@Suite struct GuaranteeTests {
    /// The rules that distinguish a count of 1 from a default.
    private static let readingCounts = ["replicas", "disruption-allowed"]

    private static let created = Case.all.filter {
        if case .apply = $0.example.request { $0.example.before == nil } else { false }
    }

    private func decisions(_ world: World, as source: Context.Source) throws -> [String] {
        var world = world
        world.source = source
        // In a file, a count of 1 was written by the author; in a request, it may be the default.
        let mayBeDefault = world.object?["spec"]?["replicas"] == 1
        return try world.decision().findings.filter {
            (!mayBeDefault || !Self.readingCounts.contains($0.rule.id))
                // An API server does not admit kinds and versions that do not exist.
                && !($0.rule.id == "schema" && $0.finding.clause.name == "kind")
        }.map { "\($0.rule.id) \($0.path) \($0.effectiveWord)" }
    }

    @Test(arguments: created)
    func `files, recordings and the server decide alike`(_ item: Case) throws {
        var world = try World(item.example)
        // Files are evaluated as after the grace period.
        world.settings["PLAYBOOK_COMPANION_GRACE"] = "0s"
        let files = try decisions(world, as: .files)
        #expect(try decisions(world, as: .recording) == files)
        #expect(try decisions(world, as: .server) == files)
    }
}
