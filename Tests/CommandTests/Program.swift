import Foundation
import Testing

/// A run of the program, with its output and exit code.
struct Program {
    let code: Int32
    let output: String
    let error: String

    /// Runs `playbook` with arguments, the variables of `environment` only, and standard input.
    init(_ arguments: [String], environment: [String: String] = [:], input: String = "", in folder: URL? = nil) throws {
        let process = Process()
        process.executableURL = Program.url
        process.arguments = arguments
        process.environment = environment
        if let folder { process.currentDirectoryURL = folder }
        let (outPipe, errorPipe, inPipe) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = outPipe
        process.standardError = errorPipe
        process.standardInput = inPipe
        try process.run()
        inPipe.fileHandleForWriting.write(Data(input.utf8))
        try inPipe.fileHandleForWriting.close()
        // Output can exceed the pipe's capacity and is read first; errors are short.
        output = String(decoding: outPipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        error = String(decoding: errorPipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        code = process.terminationStatus
    }

    /// The program next to the executable of the tests.
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "playbook")

    /// Calls a function with a temporary directory.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "playbook-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path)
    }
}
