import Foundation
import JSON
import Testing

/// Parses a text.
func parse(_ text: String, _ options: ParseOptions = .strict) throws(ParseError) -> Document {
    try Document(parsing: Array(text.utf8), options)
}

/// Returns the error from reading bytes; nil if they are a document.
func refusal(of bytes: [UInt8], _ options: ParseOptions = .strict) -> ParseError? {
    do throws(ParseError) {
        _ = try Document(parsing: bytes, options)
        return nil
    } catch {
        return error
    }
}

/// Reads a document from `Tests/Fixtures/json`.
func fixture(_ name: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: tests.appending(path: "Fixtures/json/\(name)")))
}

/// Recordings of a CREATE, an UPDATE of a status, and a DELETE.
let recordings = ["create-deployment.json", "update-deployment-status.json", "delete-pod.json"]

/// Memory that ends at a page boundary and is followed by an inaccessible page.
///
/// A read of one byte past the input crashes the test run.
final class GuardedMemory {
    private let start: UnsafeMutableRawPointer
    private let length: Int
    private let page = Int(getpagesize())

    init(capacity: Int) throws {
        length = (capacity + page - 1) / page * page
        let mapped = mmap(nil, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        start = try #require(mapped == MAP_FAILED ? nil : mapped)
        try #require(mprotect(start + length, page, PROT_NONE) == 0)
    }

    deinit { munmap(start, length + page) }

    /// Passes a copy of `bytes` that ends at the end of the readable memory.
    func with<Result>(_ bytes: some Collection<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
        precondition(bytes.count <= length)
        let target = UnsafeMutableRawBufferPointer(start: start + length - bytes.count, count: bytes.count)
        target.copyBytes(from: bytes)
        return body(target.assumingMemoryBound(to: UInt8.self).span)
    }

    /// Returns the error from reading bytes at the end of the memory; nil if they are a document.
    func refusal(
        of bytes: some Collection<UInt8>, into document: Document, _ options: ParseOptions = .strict
    ) -> ParseError? {
        with(bytes) { span in
            do throws(ParseError) {
                try document.read(span, options) { _ in () }
                return nil
            } catch {
                return error
            }
        }
    }
}

/// A random number generator with a seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Returns the seed, `PLAYBOOK_TEST_SEED` or a new one, and prints it so that the run can be repeated.
    static func ofThisRun(_ test: String = #function) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["PLAYBOOK_TEST_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        print("\(test): PLAYBOOK_TEST_SEED=\(seed)")
        return seed
    }
}

/// Runs `body` on a thread with the stack size of an event loop.
///
/// Under the address sanitizer, which enlarges frames, the stack is four times as large.
func onSmallStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        let thread = Foundation.Thread { continuation.resume(returning: body()) }
        let isSanitized = dlsym(nil, "__asan_init") != nil
        thread.stackSize = (isSanitized ? 1024 : 256) * 1024
        thread.start()
    }
}
