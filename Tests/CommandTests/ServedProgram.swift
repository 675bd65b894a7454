import Foundation
import Glibc
import Synchronization
import Testing

/// A `playbook serve` process with a development certificate and free ports.
final class ServedProgram: Sendable {
    /// The directory with the certificate; the caller deletes it.
    let folder: String
    let process = Process()
    private let text = Mutex("")
    private let admissionPort: UInt16
    private let healthPort: UInt16

    /// Starts the program and waits until it answers its probes.
    ///
    /// - Parameters:
    ///   - folder: An empty directory.
    ///   - environment: Settings.
    ///   - output: The file of standard output; nil collects it in ``output``.
    /// - Throws: An error if it does not answer.
    init(in folder: String, _ environment: [String: String] = [:], output: FileHandle? = nil) throws {
        self.folder = folder
        (admissionPort, healthPort) = (try freePort(), try freePort())
        try #require(Program(["certs", "--directory", folder]).code == 0)
        process.executableURL = Program.url
        process.arguments = ["serve"]
        process.environment = environment.merging([
            "PLAYBOOK_LISTEN": "127.0.0.1:\(admissionPort)",
            "PLAYBOOK_HEALTH_LISTEN": "127.0.0.1:\(healthPort)",
            "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
            "PLAYBOOK_SHUTDOWN_DELAY": "0s", "PLAYBOOK_LOOPS": "1",
        ]) { given, _ in given }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = output ?? pipe
        try process.run()
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.text.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
        let isUp = try eventually { try curl("http://127.0.0.1:\(healthPort)/livez").output == "ok\n" }
        try #require(isUp, "it does not answer: \(self.output)")
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// The output so far: standard error, and standard output if it is collected.
    var output: String { text.withLock { $0 } }
    var lines: [Substring] { output.split(separator: "\n") }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for the end, for a minute at most.
    func ends() -> Bool { eventually(within: 60) { !process.isRunning } }

    /// True if a signal is pending.
    func isPending(_ signal: Int32) throws -> Bool {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("ShdPnd:") })
        let mask = try #require(UInt64(line.dropFirst("ShdPnd:".count).trimmingCharacters(in: .whitespaces), radix: 16))
        return mask & 1 << UInt64(signal - 1) != 0
    }

    /// Posts a review, and returns the answer.
    func review(_ body: String) throws -> String {
        let file = "\(folder)/review.json"
        try body.write(toFile: file, atomically: true, encoding: .utf8)
        return try curl(
            "https://127.0.0.1:\(admissionPort)/validate", "--cacert", "\(folder)/ca.crt", "-H",
            "Content-Type: application/json", "--data-binary", "@\(file)"
        ).output
    }

    func health(_ path: String) throws -> String { try curl("http://127.0.0.1:\(healthPort)\(path)").output }

    /// Starts to post a review; the rest follows later.
    func begin(_ beginning: String) throws -> Upload {
        try Upload(
            beginning,
            [
                "https://127.0.0.1:\(admissionPort)/validate", "--cacert", "\(folder)/ca.crt", "-H",
                "Content-Type: application/json",
            ])
    }
}

/// A request whose body is sent in two parts.
final class Upload {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())

    fileprivate init(_ beginning: String, _ arguments: [String]) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["curl", "-s", "--max-time", "60", "-X", "POST", "-T", "-", "-H", "Expect:"] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        input.fileHandleForWriting.write(Data(beginning.utf8))
    }

    /// Sends the rest, and returns the answer; empty without one.
    func finish(_ rest: String) throws -> String {
        input.fileHandleForWriting.write(Data(rest.utf8))
        try input.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: answer, as: UTF8.self)
    }
}

/// Waits until a condition is true.
func eventually(within seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if try condition() { return true }
        usleep(10_000)
    }
    return false
}

/// Runs curl.
@discardableResult
func curl(_ arguments: String...) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["curl", "-s", "--max-time", "30"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

private func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

private struct NoPort: Error { let code = errno }

/// Returns a free port.
private func freePort() throws -> UInt16 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(socket) }
    guard withLoopback(0, { bind(socket, $0, $1) }) == 0 else { throw NoPort() }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard code == 0 else { throw NoPort() }
    return UInt16(bigEndian: address.sin_port)
}

/// The writing end of a full pipe that is not read while this object exists.
final class FullPipe {
    let writing: FileHandle
    private let pipe = Pipe()

    init() {
        writing = pipe.fileHandleForWriting
        let descriptor = writing.fileDescriptor
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        let piece = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        while write(descriptor, piece, piece.count) > 0 {}
        while write(descriptor, piece, 1) > 0 {}
        _ = fcntl(descriptor, F_SETFL, flags)
    }
}
