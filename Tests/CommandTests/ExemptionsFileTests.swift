import Foundation
import TestSupport
import Testing

/// The file that `PLAYBOOK_EXEMPT_FILE` names.
@Suite struct ExemptionsFileTests {
    private let object = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: shop}
        spec: {replicas: 1, template: {spec: {containers: [{name: app, image: 'example.com/web:1.2.3'}]}}}

        """

    private func check(_ text: String) throws -> Program {
        try Program.withFolder { folder in
            let path = "\(folder)/exemptions"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            return try Program(
                ["check", "-"],
                environment: TestSupport.environment(
                    onlyWith: ["replicas": "deny"], ["PLAYBOOK_EXEMPT_FILE": path]), input: object)
        }
    }

    @Test(
        arguments: [
            ("replicas@shop/Deployment/web: one license", 0),
            ("# why\n\nreplicas@shop/Deployment/web: one license\n", 0),
            // Lines that end as on Windows.
            ("# why\r\nreplicas@shop/Deployment/web: one license\r\n", 0),
            ("replicas@shop/Deployment/web: one license   # until we buy more", 0),
            // "#12" in a reason does not start a comment, so the expiry date after it applies.
            ("replicas@shop/Deployment/web: see #12 until 2020-01-31", 1), ("# replicas@shop/Deployment/web: no", 1),
            ("", 1), ("replicas@shop/Deployment/api: one license", 1),
        ])
    func `each line is an exemption`(_ text: String, _ code: Int32) throws {
        #expect(try check(text).code == code)
    }

    @Test func `an error names the number of the malformed line`() throws {
        let program = try check("# why\nreplica@shop/Deployment/web: one license\n")
        #expect(program.code == 2)
        #expect(program.error.contains(#"line 2: "replica@shop/Deployment/web: one license" is not an entry such as"#))
    }

    @Test func `an unreadable exemptions file is an error at start`() throws {
        let program = try Program(["check", "-"], environment: ["PLAYBOOK_EXEMPT_FILE": "/nowhere"], input: object)
        #expect(program.code == 2 && program.error.contains("/nowhere"))
    }

    @Test func `a server keeps the last valid file, reports this, and loads the next valid one`() throws {
        try Program.withFolder { folder in
            let path = "\(folder)/exemptions"
            func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
            try write("replicas@shop/Deployment/web: one license\n")
            let program = try ServedProgram(in: folder, ["PLAYBOOK_EXEMPT_FILE": path])
            #expect(try program.health("/readyz?verbose").contains("[+]exemptions ok\n"))
            try write("oops\n")
            program.send(SIGHUP)
            #expect(
                try eventually {
                    try program.health("/readyz?verbose").contains(
                        "[+]exemptions ok: still using the last valid file; the newest was refused:")
                })
            #expect(try program.health("/metrics").contains("playbook_exemptions_file_refused 1\n"))
            #expect(try program.health("/readyz") == "ok\n")
            program.send(SIGHUP)
            try write("replicas@shop/Deployment/web: two licenses\n")
            program.send(SIGHUP)
            #expect(try eventually { try program.health("/metrics").contains("playbook_exemptions_file_refused 0\n") })
            #expect(program.lines.count { $0.contains("exemptions file refused") } == 1)
        }
    }
}
