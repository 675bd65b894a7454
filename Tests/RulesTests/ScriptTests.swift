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

    @Test(arguments: [
        "java -jar app.jar; /usr/bin/rm -f /tmp/pid", "node server.js; sleep 5", "node server.js; sleep 30s",
        "node server.js; kill $AGENT", "node server.js; date", "node server.js; touch /tmp/done",
        "node server.js; cp /tmp/log /logs", "node server.js; cd /", "node server.js; [ -f /tmp/failed ]",
    ])
    func `bash stays process 1 if its last command ends soon`(_ script: String) throws {
        #expect(try verdict("bash", script).judgements.map(\.finding.clause.name) == ["shell"])
    }

    @Test(arguments: [
        "rm -f /tmp/pid; touch /tmp/new; date; sleep 1; java -jar app.jar", "sleep infinity", "start; sleep infinity",
        "sleep $DELAY", "exec sleep 5", "date; sleep 3600",
    ])
    func `bash is replaced by a last command that keeps running`(_ script: String) throws {
        #expect(try verdict("bash", script).judgements.map(\.finding.clause.name) == [])
    }

    private func verdict(_ shell: String, _ script: String) throws -> Verdict {
        var world = World(
            try World.object("containers: [{name: app, command: [\(shell), -c, '\(script)']}]", .apply))
        world.rules = [try #require(Catalogue.playbook["signal-forwarding"])]
        return try world.verdict()
    }
}
