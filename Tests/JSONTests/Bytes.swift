import Foundation
import JSON
import Testing

/// Reads text on its own, for its verdict.
func parse(_ text: String, _ options: ParseOptions = .strict) throws(ParseError) -> Document {
    try Document(parsing: Array(text.utf8), options)
}

/// The error that reading bytes ends with; nil when they are a document.
func refusal(of bytes: [UInt8], _ options: ParseOptions = .strict) -> ParseError? {
    do throws(ParseError) {
        _ = try Document(parsing: bytes, options)
        return nil
    } catch {
        return error
    }
}

/// A document of `Tests/Fixtures/json`.
func fixture(_ name: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: tests.appending(path: "Fixtures/json/\(name)")))
}

/// The recordings that tests read: a CREATE, an UPDATE of a status, a DELETE.
let recordings = ["create-deployment.json", "update-deployment-status.json", "delete-pod.json"]

/// Memory whose end is the end of a page, with a page after it that must not be touched.
///
/// A reader that looks one byte past its input ends the test run.
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

    /// Hands out a copy of `bytes` that ends where the readable memory ends.
    func with<Result>(_ bytes: some Collection<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
        precondition(bytes.count <= length)
        let target = UnsafeMutableRawBufferPointer(start: start + length - bytes.count, count: bytes.count)
        target.copyBytes(from: bytes)
        return body(target.assumingMemoryBound(to: UInt8.self).span)
    }

    /// The error that reading bytes at the end of the memory ends with.
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

/// Random numbers that a seed determines (SplitMix64).
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

    /// The seed of this run: `PLAYBOOK_TEST_SEED`, or a new one; printed, so that a run can be repeated.
    static func ofThisRun(_ test: String = #function) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["PLAYBOOK_TEST_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        print("\(test): PLAYBOOK_TEST_SEED=\(seed)")
        return seed
    }
}

/// Runs `body` on a thread with as little stack as an event loop's has; with four times that under the address sanitizer, which
/// makes frames that much larger.
func onSmallStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        let thread = Foundation.Thread { continuation.resume(returning: body()) }
        let isSanitized = dlsym(nil, "__asan_init") != nil
        thread.stackSize = (isSanitized ? 1024 : 256) * 1024
        thread.start()
    }
}
