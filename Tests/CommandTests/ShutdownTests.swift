import Foundation
import TestSupport
import Testing

/// The shutdown of `playbook serve`: within `PLAYBOOK_SHUTDOWN_TIMEOUT`, and after open requests are answered.
@Suite struct ShutdownTests {
    @Test(arguments: [[:], ["PLAYBOOK_RECORD": "stdout"]])
    func `SIGTERM ends the program while its standard output is not read`(settings: [String: String]) throws {
        try Program.withFolder { folder in
            let pipe = FullPipe()
            let program = try ServedProgram(
                in: folder, settings.merging(["PLAYBOOK_SHUTDOWN_TIMEOUT": "2s"]) { $1 }, output: pipe.writing)
            program.send(SIGTERM)
            try #require(program.ends())
            #expect(program.process.terminationReason == .exit)
            #expect(program.process.terminationStatus == 0)
            withExtendedLifetime(pipe) {}
        }
    }

    @Test(arguments: ["tls.crt", "tls.key"])
    func `a certificate file that blocks does not delay the shutdown`(file: String) throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_SHUTDOWN_TIMEOUT": "5s"])
            try FileManager.default.removeItem(atPath: "\(folder)/\(file)")
            try #require(mkfifo("\(folder)/\(file)", 0o600) == 0)
            program.send(SIGHUP)
            #expect(eventually { program.output.contains("not a regular file") })
            program.send(SIGTERM)
            try #require(program.ends())
            #expect(program.process.terminationStatus == 0)
        }
    }

    @Test func `SIGHUP and further SIGTERMs do not shorten the drain`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(
                in: folder, ["PLAYBOOK_SHUTDOWN_TIMEOUT": "60s", "PLAYBOOK_REQUEST_TIMEOUT": "60s"])
            let review = try String(
                contentsOfFile: Fixtures.path("reviews/016-create-deployment-checkout.json"), encoding: .utf8)
            let upload = try program.begin(String(review.prefix(100)))
            let isConnected = try eventually {
                try program.health("/metrics").contains("playbook_tls_handshakes_total 1\n")
            }
            try #require(isConnected)
            program.send(SIGTERM)
            #expect(eventually { program.output.contains("the server is closing") })
            program.send(SIGTERM)
            #expect(try eventually { try !program.isPending(SIGTERM) })
            // Its effect shows that the signals before it were taken.
            try #require(Program(["certs", "--directory", folder]).code == 0)
            program.send(SIGHUP)
            #expect(eventually { program.output.contains("certificate replaced") })
            #expect(program.process.isRunning)
            #expect(try upload.finish(String(review.dropFirst(100))).contains("\"allowed\":true"))
            try #require(program.ends())
            #expect(program.process.terminationStatus == 0)
            #expect(program.output.contains("the server is stopped"))
        }
    }
}
