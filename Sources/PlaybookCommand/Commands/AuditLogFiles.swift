import AuditLog
import Glibc
import Net
import Report

/// Reads the files of an audit log line by line, compressed files through `gzip`, and merges log streams by time.
///
/// The files of one directory are one stream, in the order of their names and rotations. Each file on the command line is a stream. Within a
/// stream, events that are not in order are sorted if they are near each other.
struct AuditLogFiles {
    /// The events that matter, with the counts of the others.
    private(set) var intake: LogIntake
    /// The sum of the sizes of the files in bytes; 0 if it is unknown.
    let totalBytes: Int
    /// The bytes that have been read: if the sum is known, of a compressed file all or none.
    var readBytes: Int {
        streams.reduce(closedBytes) { $0 + ($1.file.map { totalBytes > 0 && $0.isCompressed ? 0 : $0.consumed } ?? 0) }
    }
    private var closedBytes = 0
    /// The paths of the files by index.
    private(set) var paths: [String] = []
    /// The errors since the last call of ``takeFailures()``: files that cannot be read, lines that are not complete.
    ///
    /// Only the first 20 files and the first 20 lines are described; further ones are counted.
    private(set) var failures: [Inputs.Failure] = []
    /// The number of files that cannot be read.
    private(set) var unreadable = 0
    /// The number of lines that cannot be read.
    private(set) var unreadableLines = 0
    /// The number of files that cannot be read and are not described.
    var undescribedFiles: Int { max(0, unreadable - AuditLogFiles.maximumDescribed) }
    /// The number of lines that cannot be read and are not described.
    var undescribedLines: Int { max(0, unreadableLines - AuditLogFiles.maximumDescribed) }

    private var streams: [Stream]

    private static let maximumDescribed = 20
    /// The streams that are read at the same time; further ones are read after the last of them.
    private static let mostStreams = 32
    /// The events of a stream that are sorted: their number, and the bytes of all streams.
    private static let window = (count: 10_000, bytes: 64 << 20)

    init(_ operands: [String], _ intake: LogIntake) {
        self.intake = intake
        var streams: [String: Stream] = [:]
        var order: [String] = []
        var failed: [Inputs.Failure] = []
        var (total, largestCompressed, isKnown) = (0, 0, true)
        for entry in Inputs.files(operands, .auditLogs) {
            switch entry {
            case .failure(let failure):
                failed.append(failure)
            case .success(let file):
                var status = stat()
                if file.path != "-", stat(file.path, &status) == 0 {
                    total += Int(status.st_size)
                    if file.path.hasSuffix(".gz") { largestCompressed = max(largestCompressed, Int(status.st_size)) }
                } else {
                    isKnown = false
                }
                let folder =
                    file.isNamed
                    ? file.path : String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)])
                if streams[folder] == nil { order.append(folder) }
                streams[folder, default: Stream()].rest.append(file.path)
            }
        }
        // The position in a compressed file is not known, so a large one would seem to make no progress.
        totalBytes = isKnown && largestCompressed <= total / 20 ? total : 0
        let all = order.compactMap { streams[$0] }.map(\.inOrder)
        self.streams = Array(all.prefix(AuditLogFiles.mostStreams))
        for stream in all.dropFirst(AuditLogFiles.mostStreams) {
            self.streams[AuditLogFiles.mostStreams - 1].rest += stream.rest
        }
        for failure in failed { note(failure) }
    }

    /// Returns the next event in the order of time; nil at the end of all files.
    mutating func next() -> LoggedEvent? {
        var earliest: Int?
        for index in streams.indices {
            fill(index)
            guard let time = streams[index].pending.first?.microseconds else { continue }
            if let other = earliest.flatMap({ streams[$0].pending.first?.microseconds }), other <= time { continue }
            earliest = index
        }
        guard let earliest else { return nil }
        return streams[earliest].pending.popFirst()
    }

    /// Takes the errors since the last call.
    mutating func takeFailures() -> [Inputs.Failure] {
        defer { failures = [] }
        return failures
    }

    /// Reads lines of a stream until enough of its events can be sorted.
    private mutating func fill(_ index: Int) {
        let bytes = AuditLogFiles.window.bytes / streams.count
        while streams[index].pending.count < AuditLogFiles.window.count, streams[index].pending.bytes < bytes {
            if streams[index].file == nil {
                guard let path = streams[index].rest.popFirst() else { return }
                open(path, index)
                continue
            }
            var file = streams[index].file
            // The stream gives the file away, so that its buffer is not copied.
            streams[index].file = nil
            guard let line = file?.next() else {
                close(&file, index)
                continue
            }
            take(line, of: &file, index)
            streams[index].file = file
        }
    }

    private mutating func open(_ path: String, _ index: Int) {
        paths.append(path)
        do throws(Inputs.Failure) {
            streams[index].file = try LogFile(path, paths.count - 1)
        } catch {
            note(error)
        }
    }

    private mutating func close(_ file: inout LogFile?, _ index: Int) {
        if var lines = file?.lines, let path = file?.path, let cut = intake.end(&lines, of: file?.index ?? 0) {
            streams[index].pending.insert(cut)
            note(cut.place.line, path)
        }
        if let failure = file?.failure() {
            note(failure)
        }
        if let file { closedBytes += totalBytes > 0 ? file.size : file.consumed }
        file = nil
    }

    private mutating func take(_ line: LogFile.Line, of file: inout LogFile?, _ index: Int) {
        guard let path = file?.path, var lines = file?.lines else { return }
        guard let range = line.range else {
            let place = (file: file?.index ?? 0, line: line.number)
            streams[index].pending.insert(intake.loseLine(at: place, in: lines))
            note("the line is longer than 64 MiB", path, line.number)
            return
        }
        // The file gives the state away, so that an event over many lines is not copied with each line.
        file?.lines = LogLines()
        let place = (file: file?.index ?? 0, line: line.number)
        var events: [LoggedEvent] = []
        let damaged = file?.read(range) { intake.read($0, at: place, in: &lines) { events.append($0) } } ?? []
        file?.lines = lines
        for event in events { streams[index].pending.insert(event) }
        for line in damaged { note(line, path) }
    }

    // MARK: Errors

    /// Counts a file that cannot be read.
    private mutating func note(_ failure: Inputs.Failure) {
        unreadable += 1
        if unreadable <= AuditLogFiles.maximumDescribed { failures.append(failure) }
    }

    /// Counts an event that is not complete.
    private mutating func note(_ line: Int, _ path: String) { note("the event is not complete JSON", path, line) }

    /// Counts a line that cannot be read.
    private mutating func note(_ problem: String, _ path: String, _ line: Int) {
        unreadableLines += 1
        guard unreadableLines <= AuditLogFiles.maximumDescribed else { return }
        failures.append(Inputs.Failure(path, line: line, column: nil, problem))
    }

    /// A log stream: files that follow each other.
    private struct Stream {
        var rest: ArraySlice<String> = []
        var file: LogFile?
        var pending = EventQueue()

        /// The stream with its files from the oldest to the newest.
        var inOrder: Stream {
            var copy = self
            copy.rest = ArraySlice(rest.map { ($0, Rotation($0)) }.sorted { $0.1 < $1.1 }.map(\.0))
            return copy
        }
    }

    /// The position of a file among rotated files: `audit.log.2` is older than `audit.log.1`, and `audit.log` is the newest.
    private struct Rotation: Comparable {
        private let name: String
        private let number: Int

        init(_ path: String) {
            let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
            var parts = name.split(separator: ".", omittingEmptySubsequences: false)
            // `audit.2.log`
            if parts.count > 2, parts.last.map({ Int($0) == nil }) ?? false, Int(parts[parts.count - 2]) != nil {
                parts.swapAt(parts.count - 1, parts.count - 2)
            }
            // A longer number is a date.
            if let last = parts.last, parts.count > 2, last.utf8.count < 5, let number = Int(last), number >= 0 {
                self.name = parts.dropLast().joined(separator: ".") + Rotation.end
                self.number = number
            } else {
                self.name = name + Rotation.end
                number = -1
            }
        }

        /// Sorts after all characters that precede a date, so that `audit.log` is after `audit.log-20261123`.
        private static let end = "~"

        static func < (left: Rotation, right: Rotation) -> Bool {
            (left.name, right.number) < (right.name, left.number)
        }
    }
}

/// Events in the order of time; events of the same time keep their order.
private struct EventQueue {
    private var heap: [(event: LoggedEvent, serial: Int)] = []
    private var serial = 0
    private(set) var bytes = 0

    var count: Int { heap.count }

    var first: LoggedEvent? { heap.first?.event }

    mutating func insert(_ event: LoggedEvent) {
        heap.append((event, serial))
        serial += 1
        bytes += event.bytes.count
        var index = heap.count - 1
        while index > 0, isBefore(index, (index - 1) / 2) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popFirst() -> LoggedEvent? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else {
            bytes -= last.event.bytes.count
            return last.event
        }
        heap[0] = last
        bytes -= first.event.bytes.count
        var index = 0
        while 2 * index + 1 < heap.count {
            var least = 2 * index + 1
            if least + 1 < heap.count, isBefore(least + 1, least) { least += 1 }
            guard isBefore(least, index) else { break }
            heap.swapAt(index, least)
            index = least
        }
        return first.event
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].event.microseconds, heap[left].serial) < (heap[right].event.microseconds, heap[right].serial)
    }
}

/// An open file of a log.
private struct LogFile {
    let path: String
    /// The file's index among all files.
    let index: Int
    /// The size in bytes; 0 if it is unknown.
    let size: Int
    /// The bytes that have been read; those after decompression for a compressed file.
    private(set) var consumed = 0
    /// True if `gzip` decompresses the file.
    var isCompressed: Bool { program != nil }
    /// The document over many lines that is being read.
    var lines = LogLines()
    private let descriptor: Int32
    private let program: RunningSubprocess?
    private var buffer: [UInt8] = []
    /// The bytes before this position have been used.
    private var start = 0
    /// The bytes before this position contain no end of a line.
    private var searched = 0
    private var isAtEnd = false
    private var number = 0
    /// True while the rest of a line that is too long is skipped.
    private var isSkipping = false
    private var error: Int32 = 0
    /// True for compressed data from a pipe, which is not read.
    private var isCompressedPipe = false

    /// A line: its number, and its bytes in the buffer; nil if it is too long.
    struct Line {
        let number: Int
        let range: Range<Int>?
    }

    private static let chunk = 1 << 18

    init(_ path: String, _ index: Int) throws(Inputs.Failure) {
        self.path = path
        self.index = index
        var status = stat()
        size = path != "-" && stat(path, &status) == 0 ? Int(status.st_size) : 0
        guard !path.hasSuffix(".gz") else {
            let program = try LogFile.decompress(path)
            (self.program, descriptor) = (program, program.descriptor)
            return
        }
        let file = path == "-" ? 0 : Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Inputs.failure(path) }
        if path != "-", LogFile.isCompressed(file) {
            Glibc.close(file)
            let program = try LogFile.decompress(path)
            (self.program, descriptor) = (program, program.descriptor)
        } else {
            (program, descriptor) = (nil, file)
        }
    }

    private static func decompress(_ path: String) throws(Inputs.Failure) -> RunningSubprocess {
        let gzip = Subprocess(command: "gzip", arguments: ["-dc", "--", path], environment: Process.environment)
        do throws(SystemError) {
            return try gzip.start()
        } catch {
            throw Inputs.Failure(
                path,
                "gzip cannot be started: \(error); install gzip, or decompress: zcat FILE | playbook replay --audit-log -"
            )
        }
    }

    /// True if a file is compressed, regardless of its name; false for a pipe, which must not be read twice.
    private static func isCompressed(_ descriptor: Int32) -> Bool {
        var start: [UInt8] = [0, 0]
        // `start` has the requested length, and outlives the call.
        let count = start.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return count == 2 && start == magic
    }

    /// The first bytes of data that `gzip` has compressed.
    private static let magic: [UInt8] = [0x1F, 0x8B]

    /// Returns the next line; nil at the end of the file.
    mutating func next() -> Line? {
        while true {
            if let end = endOfLine() {
                defer { start = end + 1 }
                number += 1
                let wasSkipping = isSkipping
                isSkipping = false
                return Line(number: number, range: wasSkipping ? nil : start..<end)
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count || isSkipping else { return nil }
                number += 1
                let line = Line(number: number, range: isSkipping ? nil : start..<buffer.count)
                (start, isSkipping) = (buffer.count, false)
                return line
            }
            if buffer.count - start > AuditLine.maximumLength {
                isSkipping = true
                (start, searched) = (buffer.count, buffer.count)
            }
            fill()
        }
    }

    /// Calls a function with the bytes of a line.
    func read<Result>(_ range: Range<Int>, _ body: (Span<UInt8>) -> Result) -> Result {
        body(buffer.span.extracting(range))
    }

    private mutating func endOfLine() -> Int? {
        let from = max(start, searched)
        // The bytes of the buffer are searched in place.
        return buffer.withUnsafeBytes { bytes in
            guard from < bytes.count, let base = bytes.baseAddress,
                let found = memchr(base + from, 0x0A, bytes.count - from)
            else { return nil }
            return base.distance(to: UnsafeRawPointer(found))
        }
    }

    /// Reads more bytes, or notes the end.
    private mutating func fill() {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        let count = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: LogFile.chunk))
        // `buffer` has `chunk` bytes after the first `count`.
        let got = buffer.withUnsafeMutableBytes { bytes -> Int in
            while true {
                let result = Glibc.read(descriptor, bytes.baseAddress.map { $0 + count }, LogFile.chunk)
                if result < 0, errno == EINTR { continue }
                return result
            }
        }
        if got < 0 { error = errno }
        buffer.removeLast(LogFile.chunk - max(0, got))
        if program == nil, number == 0, searched == 0, buffer.starts(with: LogFile.magic) {
            isCompressedPipe = true
            buffer = []
        }
        if got <= 0 || isCompressedPipe { isAtEnd = true }
        consumed += max(0, got)
    }

    /// Closes the file; returns the error if it could not be read to its end.
    func failure() -> Inputs.Failure? {
        let message = program?.finish()
        if program == nil, descriptor != 0 { Glibc.close(descriptor) }
        if isCompressedPipe {
            return Inputs.Failure(path, "compressed input; decompress it: zcat FILE | playbook replay --audit-log -")
        }
        if error != 0 { return Inputs.Failure(path, String(cString: strerror(error))) }
        return message.map { Inputs.Failure(path, "gzip failed: \($0)") }
    }
}
