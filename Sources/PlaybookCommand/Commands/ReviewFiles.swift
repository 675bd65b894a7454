import Glibc
import Synchronization

/// Reads files of reviews in blocks: whole lines of files with one review per line, other files as a whole.
///
/// Several threads take blocks in turn; memory does not grow with the size of files with one review per line.
final class ReviewFiles: Sendable {
    /// The error for an input without reviews.
    static let nothingFound =
        "no reviews found; in directories, only files that end in \(DirectoryWalk.reviewEndings.joined(separator: ", ")) are read"

    /// A part of a file that contains whole reviews.
    struct Block: Sendable {
        /// The file; `-` for standard input.
        let path: String
        /// The file's index among all files.
        let file: Int
        /// The number of its first line; nil if the file is one review.
        let line: Int?
        let bytes: [UInt8]
    }

    private struct State {
        var rest: ArraySlice<Result<Inputs.File, Inputs.Failure>>
        var file = 0
        var path = ""
        var descriptor: Int32?
        var line = 1
        /// The bytes that were read and are not in a block yet.
        var pending: [UInt8] = []
        /// The read buffer; allocated once, since most files are far smaller.
        var chunk = [UInt8](repeating: 0, count: 1 << 17)
        var isAtEnd = false
        /// True if the file has one review per line; nil before that is known.
        var isLines: Bool?
    }

    private let state: Mutex<State>
    /// The size of all files in bytes; 0 if it is unknown.
    let totalBytes: Int

    private static let blockSize = 1 << 20

    init(_ paths: [String]) {
        let files = Inputs.files(paths, .reviews)
        var total = 0
        for case .success(let file) in files {
            var status = stat()
            if file.path != "-", stat(file.path, &status) == 0 { total += Int(status.st_size) }
        }
        totalBytes = total
        state = Mutex(State(rest: files[...]))
    }

    // Not part of the state, whose lock is held while a thread waits for slow input.
    private let handedOut = Atomic<Int>(0)

    /// The number of bytes in the blocks so far.
    var readBytes: Int { handedOut.load(ordering: .relaxed) }

    /// Returns the next block; nil at the end of all files.
    func next() -> Result<Block, Inputs.Failure>? {
        state.withLock { state in
            while true {
                if state.descriptor == nil {
                    guard let file = state.rest.popFirst() else { return nil }
                    state.file += 1
                    do throws(Inputs.Failure) {
                        try ReviewFiles.open(file.get().path, &state)
                    } catch {
                        return .failure(error)
                    }
                }
                do throws(Inputs.Failure) {
                    if let block = try ReviewFiles.block(&state) {
                        handedOut.add(block.bytes.count, ordering: .relaxed)
                        return .success(block)
                    }
                } catch {
                    ReviewFiles.close(&state)
                    return .failure(error)
                }
                ReviewFiles.close(&state)
            }
        }
    }

    private static func open(_ path: String, _ state: inout State) throws(Inputs.Failure) {
        let descriptor = path == "-" ? 0 : Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Inputs.failure(path) }
        (state.path, state.descriptor, state.line) = (path, descriptor, 1)
        (state.pending, state.isAtEnd, state.isLines) = ([], false, nil)
    }

    private static func close(_ state: inout State) {
        if let descriptor = state.descriptor, descriptor != 0 { Glibc.close(descriptor) }
        state.descriptor = nil
    }

    /// Returns the next block of the open file; nil at its end.
    private static func block(_ state: inout State) throws(Inputs.Failure) -> Block? {
        let newline = UInt8(ascii: "\n")
        while !state.isAtEnd, state.pending.count < blockSize { try fill(&state) }
        if state.isLines == nil {
            while !state.isAtEnd, !hasTwoLines(state.pending) { try double(&state) }
            state.isLines = isLines(state.pending)
        }
        guard state.isLines == true else {
            while !state.isAtEnd { try fill(&state) }
            // An empty file becomes a block too, so that it is reported.
            guard state.line == 1 else { return nil }
            defer { (state.pending, state.line) = ([], 2) }
            return Block(path: state.path, file: state.file, line: nil, bytes: state.pending)
        }
        // A line may be longer than a block.
        while !state.isAtEnd, !state.pending.contains(newline) { try double(&state) }
        let end = state.isAtEnd ? state.pending.count : (state.pending.lastIndex(of: newline) ?? -1) + 1
        guard end > 0 else { return nil }
        let block = Block(
            path: state.path, file: state.file, line: state.line, bytes: Array(state.pending[..<end]))
        state.line += block.bytes.count { $0 == newline }
        state.pending.removeFirst(end)
        return block
    }

    private static func hasTwoLines(_ bytes: [UInt8]) -> Bool {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        return bytes[end...].contains { $0 > 0x20 }
    }

    /// Returns true if one of several lines is a whole object; the first may be truncated, as in rotated logs.
    private static func isLines(_ bytes: [UInt8]) -> Bool {
        guard hasTwoLines(bytes) else { return false }
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if isObject(rest[..<end]) { return true }
            rest = rest[(end + 1)...]
        }
        return isObject(rest)
    }

    /// Returns true if a line begins and ends as an object; objects nested in a multi-line object are indented.
    private static func isObject(_ line: ArraySlice<UInt8>) -> Bool {
        line.first == UInt8(ascii: "{") && line.last { $0 > 0x20 } == UInt8(ascii: "}")
    }

    /// Reads until the pending bytes have doubled, since all of them are searched each time.
    private static func double(_ state: inout State) throws(Inputs.Failure) {
        let enough = max(1, 2 * state.pending.count)
        while !state.isAtEnd, state.pending.count < enough { try fill(&state) }
    }

    private static func fill(_ state: inout State) throws(Inputs.Failure) {
        guard let descriptor = state.descriptor else { return }
        while true {
            // `chunk` has the requested length, and outlives the call.
            let count = state.chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Inputs.failure(state.path) }
            state.pending.append(contentsOf: state.chunk[..<count])
            if count == 0 { state.isAtEnd = true }
            return
        }
    }
}

extension ReviewFiles.Block {
    /// Calls a function with each review and its line number; empty lines and log lines are skipped.
    func forEachReview(_ body: (_ review: Span<UInt8>, _ line: Int?) -> Void) {
        guard var number = line else {
            body(bytes.span, nil)
            return
        }
        var start = 0
        let all = bytes.span
        while start < all.count {
            var end = start
            while end < all.count, all[end] != UInt8(ascii: "\n") { end += 1 }
            let text = all.extracting(start..<end)
            if !text.isBlank, !text.isLogLine { body(text, number) }
            number += 1
            start = end + 1
        }
    }
}

extension Span<UInt8> {
    /// True if all bytes are JSON whitespace; zero bytes, which a damaged disk leaves, are not.
    fileprivate var isBlank: Bool { indices.allSatisfy { self[$0] == 0x20 || self[$0] == 0x09 || self[$0] == 0x0D } }

    /// True if this is a line of the server's log, with which recordings on standard output are mixed.
    fileprivate var isLogLine: Bool {
        let beginning = #"{"time":""#.utf8
        guard count > beginning.count else { return false }
        return zip(indices, beginning).allSatisfy { self[$0] == $1 }
    }
}
