import Foundation
import Glibc
import HTTP
import Net
import Synchronization
import Testing

/// A client on a separate thread; calls block until they have a result.
final class Caller: Sendable {
    let thread: ClientThread<Net.Client>

    /// The result of a call.
    struct Outcome: Equatable {
        var status: Int?
        var body: [UInt8] = []
        var error: CallError?
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    init(_ endpoint: Endpoint, tls: Net.ClientTLS?, maxConnections: Int = 4) throws {
        thread = try ClientThread { loop in
            Net.Client(loop: loop, endpoint: endpoint, tls: tls, maxConnections: maxConnections)
        }
    }

    convenience init(_ server: RunningServer) throws {
        try self.init(
            Endpoint(host: "127.0.0.1", port: server.securePort),
            tls: Net.ClientTLS(trustedCAs: Array(TestCertificates.authority.keyPair.certificate.utf8)))
    }

    deinit {
        thread.stop()
    }

    func call(_ request: OutgoingRequest, _ adjust: (inout CallTimes) -> Void = { _ in }) throws -> Outcome {
        var limits = CallTimes()
        adjust(&limits)
        let times = limits
        let ended = DispatchSemaphore(value: 0)
        let outcome = Mutex(Outcome())
        let box = Box(outcome)
        thread.perform { client in
            client.send(
                request, times: times,
                CallHandler(
                    head: { head in box.value.withLock { $0.status = head.status } },
                    body: { span in
                        var bytes: [UInt8] = []
                        for index in 0..<span.count { bytes.append(span[index]) }
                        box.value.withLock { [bytes] in $0.body += bytes }
                    },
                    end: { error in
                        box.value.withLock { $0.error = error }
                        ended.signal()
                    }))
        }
        try #require(ended.wait(timeout: .now() + 20) == .success)
        return box.value.withLock { $0 }
    }

    private final class Box: Sendable {
        let value: Mutex<Outcome>
        init(_ value: consuming Mutex<Outcome>) { self.value = value }
    }
}

/// A port that queues connections in its backlog and never accepts them.
final class SilentPort {
    let descriptor: Int32
    private(set) var port: UInt16 = 0

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length)
                listen(descriptor, 8)
                getsockname(descriptor, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        try #require(port != 0)
    }

    deinit {
        Glibc.close(descriptor)
    }
}

@Suite struct CallTests {
    private static let authority = Array(TestCertificates.authority.keyPair.certificate.utf8)

    @Test func `the next call reuses the connection`() throws {
        let server = try RunningServer()
        let caller = try Caller(server)
        #expect(try caller.call(OutgoingRequest(.get, "/a?b=c")).text == "GET /a?b=c 0")
        let body = Array(repeating: UInt8(ascii: "x"), count: 300_000)
        #expect(try caller.call(OutgoingRequest(.post, "/p", body: body)).text == "POST /p 300000")
        #expect(server.status.counts.accepted == 1)
    }

    @Test func `a large response is received completely`() throws {
        let large = [UInt8](repeating: 0x61, count: 6_000_000)
        let server = try RunningServer(answering: { _, _, _ in Response(status: 200, body: large) })
        #expect(try Caller(server).call(OutgoingRequest(.get, "/")) == .init(status: 200, body: large))
    }

    @Test func `a host name is resolved and plain HTTP is used`() throws {
        let server = try RunningServer()
        let caller = try Caller(Endpoint(host: "localhost", port: server.plainPort), tls: nil)
        #expect(try caller.call(OutgoingRequest(.get, "/")).text == "GET / 0")
    }

    @Test func `a host name that cannot be resolved is reported`() throws {
        // RFC 1035 2.3.4: a label has at most 63 octets, so this name cannot be resolved.
        let name = String(repeating: "a", count: 64) + ".invalid"
        let caller = try Caller(Endpoint(host: name, port: 1), tls: nil)
        let error = try #require(try caller.call(OutgoingRequest(.get, "/")).error)
        guard case .cannotResolve(name, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func `a server certificate from an untrusted CA is rejected`() throws {
        let server = try RunningServer()
        let other = Array(TestCertificates.clientAuthority.keyPair.certificate.utf8)
        let endpoint = Endpoint(host: "127.0.0.1", port: server.securePort)
        let outcome = try Caller(endpoint, tls: Net.ClientTLS(trustedCAs: other)).call(OutgoingRequest(.get, "/"))
        #expect(outcome.error == .untrusted(endpoint, reason: "unable to get local issuer certificate"))
        #expect(server.status.counts.requests == 0)
    }

    @Test(arguments: [
        ("127.0.0.1", "other.test", "hostname mismatch"), ("127.0.0.1", "127.0.0.2", "IP address mismatch"),
        // The certificate's common name "server.test" is not compared (RFC 9110 4.3.4).
        ("127.0.0.1", "server.test", "hostname mismatch"),
        ("localhost", nil, "hostname mismatch"),
    ])
    func `a server certificate for another name is rejected`(host: String, name: String?, reason: String) throws {
        let server = try RunningServer()
        let endpoint = Endpoint(host: host, port: server.securePort, serverName: name)
        let outcome = try Caller(endpoint, tls: Net.ClientTLS(trustedCAs: Self.authority)).call(
            OutgoingRequest(.get, "/"))
        #expect(outcome.error == .untrusted(endpoint, reason: reason))
    }

    @Test func `the verified server name can differ from the host`() throws {
        let server = try RunningServer()
        let endpoint = Endpoint(host: "localhost", port: server.securePort, serverName: "127.0.0.1")
        let outcome = try Caller(endpoint, tls: Net.ClientTLS(trustedCAs: Self.authority)).call(
            OutgoingRequest(.get, "/"))
        #expect(outcome.status == 200)
    }

    @Test func `a client certificate is sent to a server that requests it`() throws {
        let authority = TestCertificates.clientAuthority
        let server = try RunningServer(clientCAs: authority.keyPair.certificate)
        let endpoint = Endpoint(host: "127.0.0.1", port: server.securePort)
        let pair = TestCertificates.issue(by: authority, "client", usage: .client)
        let tls = try Net.ClientTLS(
            trustedCAs: Self.authority, certificate: Array(pair.certificate.utf8),
            privateKey: Array(pair.privateKey.utf8))
        #expect(try Caller(endpoint, tls: tls).call(OutgoingRequest(.get, "/")).status == 200)
        let without = try Caller(endpoint, tls: Net.ClientTLS(trustedCAs: Self.authority)).call(
            OutgoingRequest(.get, "/"))
        guard case .lost(endpoint, let reason) = without.error else {
            Issue.record("\(without)")
            return
        }
        #expect(reason.contains("certificate required"))
    }

    @Test func `invalid certificates and keys are rejected when they are set`() throws {
        let pair = TestCertificates.server
        let other = TestCertificates.clientAuthority.keyPair
        for _ in 0..<50 {
            #expect(throws: TLSError.self) { try Net.ClientTLS(trustedCAs: Array("no PEM".utf8)) }
            let error = #expect(throws: TLSError.self) {
                try Net.ClientTLS(
                    trustedCAs: Self.authority, certificate: Array(pair.certificate.utf8),
                    privateKey: Array(other.privateKey.utf8))
            }
            #expect(error?.description.contains("does not belong to the certificate") == true)
        }
    }

    @Test func `a refused connection is reported`() throws {
        let port = try SilentPort().port
        let outcome = try Caller(Endpoint(host: "127.0.0.1", port: port), tls: nil).call(OutgoingRequest(.get, "/"))
        #expect(
            outcome.error
                == .cannotConnect(SystemError(call: "connect", code: ECONNREFUSED, context: "127.0.0.1:\(port)")))
    }

    @Test func `a server that never completes the handshake causes a timeout`() throws {
        let silent = try SilentPort()
        let endpoint = Endpoint(host: "127.0.0.1", port: silent.port)
        let caller = try Caller(endpoint, tls: Net.ClientTLS(trustedCAs: Self.authority))
        let outcome = try caller.call(OutgoingRequest(.get, "/")) { $0.connect = .milliseconds(50) }
        #expect(outcome.error == .timedOut(endpoint, .connecting))
    }

    @Test func `a server that never answers causes a timeout`() throws {
        let silent = try SilentPort()
        let endpoint = Endpoint(host: "127.0.0.1", port: silent.port)
        let caller = try Caller(endpoint, tls: nil)
        let slow = try caller.call(OutgoingRequest(.get, "/")) { $0.response = .milliseconds(50) }
        #expect(slow.error == .timedOut(endpoint, .response))
        let whole = try caller.call(OutgoingRequest(.get, "/")) { $0.whole = .milliseconds(50) }
        #expect(whole.error == .timedOut(endpoint, .whole))
    }

    @Test func `a reused connection that the server closed is replaced`() throws {
        let server = try RunningServer({ $0.idleTimeout = .milliseconds(20) })
        let caller = try Caller(server)
        for round in 1...3 {
            #expect(try caller.call(OutgoingRequest(.get, "/")).status == 200)
            #expect(eventually { server.status.counts.closed == round })
        }
    }

    @Test func `the number of connections is limited`() throws {
        let silent = try SilentPort()
        let endpoint = Endpoint(host: "127.0.0.1", port: silent.port)
        let caller = try Caller(endpoint, tls: nil, maxConnections: 1)
        caller.thread.perform { client in
            client.send(OutgoingRequest(.get, "/"), CallHandler(head: { _ in }, body: { _ in }, end: { _ in }))
        }
        #expect(try caller.call(OutgoingRequest(.get, "/")).error == .busy)
    }

    @Test func `calls end when their thread stops`() throws {
        let silent = try SilentPort()
        let caller = try Caller(Endpoint(host: "127.0.0.1", port: silent.port), tls: nil)
        let mailbox = Mailbox()
        caller.thread.perform { client in
            client.send(
                OutgoingRequest(.get, "/"),
                CallHandler(
                    head: { _ in }, body: { _ in },
                    end: { mailbox.append($0.map { "\($0)" } ?? "whole") }))
        }
        // Jobs run in order: when this one has run, the call has started.
        let begun = DispatchSemaphore(value: 0)
        caller.thread.perform { _ in begun.signal() }
        begun.wait()
        caller.thread.stop()
        #expect(mailbox.all == ["the call was cancelled"])
        #expect(!caller.thread.perform { _ in })
    }

    @Test func `a canceled call reports no result`() throws {
        let silent = try SilentPort()
        let caller = try Caller(Endpoint(host: "127.0.0.1", port: silent.port), tls: nil)
        let mailbox = Mailbox()
        caller.thread.perform { client in
            let handler = CallHandler(head: { _ in }, body: { _ in }, end: { _ in mailbox.append("end") })
            client.send(OutgoingRequest(.get, "/"), handler).cancel()
        }
        caller.thread.stop()
        #expect(mailbox.all.isEmpty)
    }
}

@Suite struct SubprocessTests {
    private func run(
        _ script: String, within limit: Duration = .seconds(10), atMost maximum: Int = 1 << 20
    ) throws(SystemError) -> Subprocess.Result {
        try Subprocess(command: "/bin/sh", arguments: ["-c", script], environment: ["A": "b"])
            .run(within: limit, printingAtMost: maximum)
    }

    @Test func `a program's output and exit status are collected`() throws {
        let result = try run("echo out $A; echo err >&2; exit 3")
        #expect(String(decoding: result.output, as: UTF8.self) == "out b\n")
        #expect(String(decoding: result.messages, as: UTF8.self) == "err\n")
        #expect(result.status == 3)
        #expect(try run("kill -9 $$").status == 128 + 9)
    }

    @Test func `a program has empty standard input and no blocked signals`() throws {
        #expect(
            String(decoding: try run("cat; grep SigBlk /proc/self/status").output, as: UTF8.self).hasSuffix("0000\n"))
    }

    @Test(arguments: ["sleep 20", "exec >/dev/null 2>&1; sleep 20"])
    func `a program that runs too long is ended`(script: String) throws {
        #expect(throws: SystemError(call: "run", code: ETIMEDOUT, context: "/bin/sh")) {
            try run(script, within: .milliseconds(50))
        }
    }

    @Test func `a program that prints too much is ended`() throws {
        #expect(throws: SystemError(call: "run", code: EFBIG, context: "/bin/sh")) {
            try run("while :; do echo 0123456789; done", atMost: 10_000)
        }
    }

    @Test func `programs that a program has started are killed with it`() throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "playbook-\(UUID())").path
        #expect(throws: SystemError(call: "run", code: ETIMEDOUT, context: "/bin/sh")) {
            try run("(sleep 1; touch '\(mark)') & wait", within: .milliseconds(100))
        }
        usleep(1_500_000)
        #expect(!FileManager.default.fileExists(atPath: mark))
    }

    @Test(arguments: [
        // In another session; then with a parent that has ended, which keeps the output open.
        "setsid sh -c '%' & wait", "setsid sh -c '%' & exit 0", "setsid sh -c '(%) & exit 0' & sleep 20",
    ])
    func `programs in another session are killed with the program`(script: String) throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "playbook-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let late = "echo started > \(mark); sleep 2; echo late > \(mark)"
        #expect(throws: SystemError(call: "run", code: ETIMEDOUT, context: "/bin/sh")) {
            try run(script.replacing("%", with: late), within: .seconds(1))
        }
        usleep(2_500_000)
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "started\n")
    }

    @Test func `a program that does not exist is reported`() throws {
        let program = Subprocess(command: "no-such-program-here", arguments: [], environment: [:])
        #expect(throws: SystemError(call: "run", code: ENOENT, context: "no-such-program-here")) {
            try program.run(within: .seconds(1))
        }
    }
}
