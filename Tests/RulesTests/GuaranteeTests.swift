import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// `check` of a file, `review` of its CREATE, `replay` of the recording and a server decide alike on the same object, with the same
/// related objects, settings and namespace. docs/formats.md lists the exceptions.
@Suite struct GuaranteeTests {
    private static let created = Case.all.filter {
        if case .apply = $0.example.request { $0.example.before == nil } else { false }
    }

    private func decisions(_ world: World, as source: Context.Source) throws -> [String] {
        var world = world
        world.source = source
        return try world.verdict().judgements.map { "\($0.rule.id) \($0.path) \($0.effectiveWord)" }
    }

    @Test(arguments: created)
    func `files, recordings and a server decide alike`(_ item: Case) throws {
        var world = try World(item.example)
        // Files are evaluated as after the grace period.
        world.settings["PLAYBOOK_COMPANION_GRACE"] = "0s"
        let files = try decisions(world, as: .files)
        #expect(try decisions(world, as: .recording) == files)
        #expect(try decisions(world, as: .server) == files)
    }
}
