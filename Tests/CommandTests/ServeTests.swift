import Foundation
import Testing

/// The start and the end of `playbook serve`.
@Suite struct ServeTests {
    /// Starts the server in a directory with a certificate, sends signals once it serves, and waits for its end.
    private func serve(
        _ signals: [Int32], environment: [String: String] = [:], openFiles: Int? = nil
    ) throws -> (code: Int32, output: String) {
        try Program.withFolder { folder in
            try #require(Program(["certs", "--directory", folder]).code == 0)
            let process = Process()
            process.executableURL = Program.url
            process.arguments = ["serve"]
            if let openFiles {
                process.executableURL = URL(filePath: "/bin/sh")
                process.arguments = ["-c", "ulimit -n \(openFiles); exec \"$0\" serve", Program.url.path]
            }
            process.environment = environment.merging([
                "PLAYBOOK_LISTEN": "127.0.0.1:0", "PLAYBOOK_HEALTH_LISTEN": "127.0.0.1:0",
                "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                "PLAYBOOK_SHUTDOWN_DELAY": "0s",
            ]) { given, _ in given }
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            var output = ""
            while !output.contains("the server is serving") {
                let data = pipe.fileHandleForReading.availableData
                try #require(!data.isEmpty, "it ended: \(output)")
                output += String(decoding: data, as: UTF8.self)
            }
            for signal in signals { kill(process.processIdentifier, signal) }
            output += String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit)
            return (process.terminationStatus, output)
        }
    }

    @Test(arguments: [[SIGTERM], [SIGINT], [SIGHUP, SIGTERM], [SIGPIPE, SIGTERM]])
    func `signals stop the server cleanly or are ignored`(_ signals: [Int32]) throws {
        let (code, output) = try serve(signals)
        #expect(code == 0)
        #expect(output.contains("the server is stopped"))
    }

    @Test func `the limit of open files limits connections`() throws {
        let (code, output) = try serve([SIGTERM], openFiles: 600)
        #expect(code == 0)
        #expect(output.contains("PLAYBOOK_MAX_CONNECTIONS exceeds the limit of open files"))
        #expect(output.contains(#""connections":88"#))
        let enough = try serve([SIGTERM], environment: ["PLAYBOOK_MAX_CONNECTIONS": "88"], openFiles: 600)
        #expect(!enough.output.contains("PLAYBOOK_MAX_CONNECTIONS"))
    }

    @Test(arguments: [["PLAYBOOK_COMPANIONS": "cluster"], ["PLAYBOOK_CERTIFICATES": "self"]])
    func `the server starts and stops while the cluster is unreachable`(
        settings: [String: String]
    ) throws {
        try Program.withFolder { folder in
            let file = "\(folder)/config"
            try """
            apiVersion: v1
            kind: Config
            current-context: here
            contexts: [{name: here, context: {cluster: here, user: me}}]
            clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
            users: [{name: me, user: {token: secret-token}}]
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let (code, output) = try serve(
                [SIGTERM], environment: settings.merging(["KUBECONFIG": file]) { given, _ in given })
            #expect(code == 0)
            #expect(!output.contains("secret-token"))
        }
    }

    @Test(arguments: [
        (["PLAYBOOK_COMPANIONS": "cluster"], "PLAYBOOK_COMPANIONS=none"),
        (["PLAYBOOK_CERTIFICATES": "self"], "PLAYBOOK_CERTIFICATES=self"),
    ])
    func `a required cluster that is not found is an error`(settings: [String: String], hint: String) throws {
        try Program.withFolder { folder in
            try #require(Program(["certs", "--directory", folder]).code == 0)
            let program = try Program(
                ["serve"],
                environment: settings.merging([
                    "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                    "KUBECONFIG": "\(folder)/nothing",
                ]) { given, _ in given })
            #expect(program.code == 2)
            #expect(program.error.contains("\(folder)/nothing"))
            #expect(program.error.contains(hint))
        }
    }

    @Test(arguments: [[:], ["PLAYBOOK_CERTIFICATES": "self"]])
    func `client names without a CA are an error`(settings: [String: String]) throws {
        try Program.withFolder { folder in
            try #require(Program(["certs", "--directory", folder]).code == 0)
            let program = try Program(
                ["serve"],
                environment: settings.merging([
                    "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                    "PLAYBOOK_TLS_CLIENT_NAMES": "kube-apiserver", "PLAYBOOK_LISTEN": "no address",
                ]) { given, _ in given })
            #expect(program.code == 2)
            #expect(program.error.contains("PLAYBOOK_TLS_CLIENT_NAMES needs PLAYBOOK_TLS_CLIENT_CA_FILE"))
        }
    }

    @Test func `less memory than the largest review needs is an error`() throws {
        try Program.withFolder { folder in
            try #require(Program(["certs", "--directory", folder]).code == 0)
            func serve(_ settings: [String: String]) throws -> Program {
                let files = [
                    "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                    // Should it start, it ends here.
                    "PLAYBOOK_LISTEN": "127.0.0.1:1:1", "PLAYBOOK_COMPANIONS": "none",
                ]
                return try Program(["serve"], environment: files.merging(settings) { $1 })
            }
            let program = try serve(["PLAYBOOK_MEMORY": "64Mi"])
            #expect(program.code == 2)
            #expect(program.error.contains("PLAYBOOK_MEMORY is 64Mi"))
            #expect(program.error.contains("lower PLAYBOOK_MAX_BODY"))
            for enough in [["PLAYBOOK_MEMORY": "128Mi"], ["PLAYBOOK_MEMORY": "80Mi", "PLAYBOOK_MAX_BODY": "4Mi"]] {
                #expect(try serve(enough).error.contains("PLAYBOOK_LISTEN"))
            }
        }
    }
}
