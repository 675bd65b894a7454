import Foundation
import Testing

/// The end of `playbook serve`: it comes within `PLAYBOOK_SHUTDOWN_TIMEOUT`, and not before requests are answered.
@Suite struct ShutdownTests {
    @Test(arguments: [[:], ["PLAYBOOK_RECORD": "stdout"]])
    func `SIGTERM ends the program although nobody reads its standard output`(settings: [String: String]) throws {
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
    func `a certificate file that cannot be read to its end does not hold up the shutdown`(file: String) throws {
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

    @Test func `SIGHUP and further SIGTERMs do not cut a drain short`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(
                in: folder, ["PLAYBOOK_SHUTDOWN_TIMEOUT": "60s", "PLAYBOOK_REQUEST_TIMEOUT": "60s"])
            let client = try program.connect()
            try client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.read(until: "\r\n\r\nok\n").hasPrefix("HTTP/1.1 200 "))
            try client.send("GET /livez HTTP/1.1\r\n")
            program.send(SIGTERM)
            #expect(eventually { program.output.contains("the server is closing") })
            program.send(SIGTERM)
            #expect(try eventually { try !program.isPending(SIGTERM) })
            // Its effect shows that the signals before it were taken.
            try #require(Program(["certs", "--directory", folder]).code == 0)
            program.send(SIGHUP)
            #expect(eventually { program.output.contains("the certificate was replaced") })
            #expect(program.process.isRunning)
            try client.send("Host: a\r\n\r\n")
            #expect(try client.read(until: "\r\n\r\nok\n").hasPrefix("HTTP/1.1 200 "))
            try #require(program.ends())
            #expect(program.process.terminationStatus == 0)
            #expect(program.output.contains("the server is stopped"))
        }
    }
}
