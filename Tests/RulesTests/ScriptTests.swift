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
        let judgement = try #require(verdict(shell, script).judgements.first)
        #expect(judgement.remedy.block.hasPrefix("# \(words)"), "\(judgement.remedy.block)")
    }

    private func verdict(_ shell: String, _ script: String) throws -> Verdict {
        var world = World(
            try World.object("containers: [{name: app, command: [\(shell), -c, '\(script)']}]", .apply))
        world.rules = [try #require(Catalogue.playbook["signal-forwarding"])]
        return try world.verdict()
    }
}
