import COpenSSL
import Foundation
import Glibc
import Net
import Synchronization
import TestSupport
import Testing

/// `playbook serve` in a separate process, with one event loop, one rule, and an API server to watch.
final class RunningProgram: Sendable {
    private let folder: TestFolder
    private let process: Process
    private let log = Mutex("")

    /// The executable in the directory of the tests' executable.
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "playbook")

    /// Starts the program and waits until it is ready, or until it serves its health endpoints.
    init(following server: ScriptedAPIServer, _ settings: [String: String] = [:], untilReady: Bool = true) throws {
        let folder = try TestFolder()
        self.folder = folder
        let pair = try TestAuthorities.other.pair(name: "playbook")
        try folder.write("ca.crt", TestAuthorities.cluster.keyPair.certificate)
        let kubeconfig = """
            {"apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster":
            {"server": "https://127.0.0.1:\(server.port)", "certificate-authority": "ca.crt"}}],
            "users": [{"name": "me", "user": {"token": "token-1"}}]}
            """
        process = Process()
        process.executableURL = RunningProgram.url
        process.arguments = ["serve"]
        process.environment = [
            "KUBECONFIG": try folder.write("config", kubeconfig), "PLAYBOOK_COMPANIONS": "cluster",
            "PLAYBOOK_LISTEN": "127.0.0.1:0", "PLAYBOOK_HEALTH_LISTEN": "127.0.0.1:0", "PLAYBOOK_LOOPS": "1",
            "PLAYBOOK_TLS_CERT_FILE": try folder.write("tls.crt", pair.certificate),
            "PLAYBOOK_TLS_KEY_FILE": try folder.write("tls.key", pair.privateKey), "PLAYBOOK_SHUTDOWN_DELAY": "0s",
        ].merging(environment(onlyWith: ["pod-disruption-budget": "deny"], ["PLAYBOOK_COMPANION_GRACE": "0s"])) { $1 }
            .merging(settings) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.log.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
        let isReady = try eventually {
            guard port(of: "health") != nil else { return false }
            return try !untilReady || health("/readyz").status == 200
        }
        try #require(isReady, "\(output)")
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    /// The program's log so far.
    var output: String { log.withLock { $0 } }

    /// A connection for reviews.
    func connect() throws -> HTTPPeer { try HTTPPeer(port: try #require(port(of: "admission")), isSecure: true) }

    /// The number of event loop turns that took longer than one second.
    func longTurns() throws -> Int {
        let lines = try health("/metrics").body.split(separator: "\n")
        func value(_ name: String) throws -> Int {
            let line = try #require(lines.first { $0.hasPrefix("\(name) ") }, "\(name) is missing")
            return try #require(Int(line.dropFirst(name.count + 1)))
        }
        return try value("playbook_loop_turn_seconds_count") - value(#"playbook_loop_turn_seconds_bucket{le="1"}"#)
    }

    func health(_ path: String) throws -> (status: Int, body: String) {
        try HTTPPeer(port: try #require(port(of: "health")), isSecure: false).ask("GET", path)
    }

    private func port(of listener: String) -> UInt16? {
        for line in output.split(separator: "\n") where line.contains(#""listener":"\#(listener)""#) {
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                let port = (object["address"] as? String)?.split(separator: ":").last
            else { continue }
            return UInt16(port)
        }
        return nil
    }
}

/// The client's end of a persistent connection to 127.0.0.1; used by one thread at a time.
final class HTTPPeer {
    private let socket: Int32
    private let session: OpaquePointer?

    struct Ended: Error {}

    init(port: UInt16, isSecure: Bool) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let socket = socket
        let isConnected = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isSecure else {
            session = nil
            if !isConnected { throw Ended() }
            return
        }
        // Other tests check the certificate.
        let context = SSL_CTX_new(TLS_client_method())
        session = SSL_new(context)
        SSL_CTX_free(context)
        SSL_set_fd(session, socket)
        if !isConnected || SSL_connect(session) != 1 { throw Ended() }
    }

    deinit {
        if let session { SSL_free(session) }
        close(socket)
    }

    /// Sends a request and waits for the response.
    func ask(_ verb: String, _ path: String, _ body: String = "") throws -> (status: Int, body: String) {
        let request =
            "\(verb) \(path) HTTP/1.1\r\nHost: playbook\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        guard send(Array(request.utf8)) else { throw Ended() }
        var text = ""
        while true {
            if let end = text.range(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound].lowercased()
                let length = head.components(separatedBy: "content-length: ").dropFirst().first?.prefix {
                    $0.isNumber
                }
                let rest = String(text[end.upperBound...])
                if rest.utf8.count >= length.flatMap({ Int($0) }) ?? 0 {
                    return (Int(head.dropFirst(9).prefix(3)) ?? 0, rest)
                }
            }
            text += String(decoding: try receive(), as: UTF8.self)
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        let count = Int32(bytes.count)
        return session.map { SSL_write($0, bytes, count) == count }
            ?? (write(socket, bytes, bytes.count) == bytes.count)
    }

    private func receive() throws -> ArraySlice<UInt8> {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let size = buffer.count
        let count = session.map { Int(SSL_read($0, &buffer, Int32(size))) } ?? read(socket, &buffer, size)
        guard count > 0 else { throw Ended() }
        return buffer.prefix(count)
    }
}
