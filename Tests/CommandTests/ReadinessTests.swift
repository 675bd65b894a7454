import Foundation
import Testing

/// `/readyz` and the log with a certificate that clients reject.
@Suite struct ReadinessTests {
    @Test func `a certificate without the name of the Service fails readiness and is logged once`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_SERVICE": "hook", "PLAYBOOK_NAMESPACE": "rules"])
            let reason = "the certificate is not valid for hook.rules.svc, only for localhost, 127.0.0.1"
            for _ in 0..<5 {
                #expect(try program.health("/readyz").contains("[-]certificate failed: \(reason)\n"))
                program.send(SIGHUP)
            }
            #expect(eventually { program.lines.contains { $0.contains(reason) } })
            try #require(Program(["certs", "--directory", folder, "--host", "hook.rules.svc"]).code == 0)
            program.send(SIGHUP)
            #expect(try eventually { try program.health("/readyz") == "ok\n" })
            #expect(eventually { program.output.contains("clients no longer reject the certificate") })
            #expect(program.lines.count { $0.contains(reason) } == 1)
        }
    }

    @Test func `without PLAYBOOK_SERVICE any certificate name is accepted`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_NAMESPACE": "rules"])
            #expect(try program.health("/readyz") == "ok\n")
            #expect(!program.output.contains("clients reject the certificate"))
        }
    }
}
