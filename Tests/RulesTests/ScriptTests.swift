import Evaluation
import JSON
import Rules
import TestSupport
import Testing

/// Scripts as the entry points of containers.
@Suite struct ScriptTests {
    @Test(arguments: [
        ("bash", "node server.js; rm -f /tmp/pid", "make the application the last command"),
        ("sh", "node server.js; rm -f /tmp/pid", "make the application the last command"),
        ("sh", "node server.js; exec echo stopped", "make the application the last command"),
        ("sh", "rm -f /tmp/pid; node server.js", "start the last command with exec: exec node …"),
        ("sh", "node server.js | tee /log", "start the last command with exec, or remove the shell"),
        ("bash", "nginx & node server.js & wait", "handle SIGTERM in the script with trap"),
        ("sh", "while true; do refresh; done", "handle SIGTERM in the script with trap"),
    ])
    func `the suggested change depends on the last command`(
        _ shell: String, _ script: String, _ words: String
    ) throws {
        let decided = try #require(decision(shell, script).findings.first)
        #expect(decided.change.block.hasPrefix("# \(words)"), "\(decided.change.block)")
    }

    private func decision(_ shell: String, _ script: String) throws -> Decision {
        var world = World(
            try World.object("containers: [{name: app, command: [\(shell), -c, '\(script)']}]", .apply))
        world.rules = [try #require(Catalogue.playbook["signal-forwarding"])]
        return try world.decision()
    }
}
