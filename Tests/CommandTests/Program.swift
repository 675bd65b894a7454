import Foundation
import Testing

/// The program as a shell sees it.
struct Program {
    let code: Int32
    let output: String
    let error: String

    /// Runs `playbook` with arguments, an empty environment but for `environment`, and bytes for its standard input.
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
        // Errors are short; output may be longer than a pipe holds and is read first.
        output = String(decoding: outPipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        error = String(decoding: errorPipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        code = process.terminationStatus
    }

    /// The program beside the tests' own executable.
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "playbook")

    /// A folder that is deleted again.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "playbook-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path)
    }
}
