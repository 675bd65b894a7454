import Glibc
import Kubernetes
import Report
import Synchronization

/// Standard output and error.
enum Console {
    /// Whether the reader of standard output has gone.
    private static let isUnread = Atomic(false)

    /// Writes to standard output.
    ///
    /// When its reader has gone (`| head`) nothing more is written, and the program goes on to its end: files are still to be
    /// written, and the exit code is a promise about everything. A full disk is a failure.
    static func print(_ text: String) {
        guard !isUnread.load(ordering: .relaxed) else { return }
        clearLine()
        if !write(text, to: 1) { fail() }
    }

    private static func fail() {
        guard errno != EPIPE else { return isUnread.store(true, ordering: .relaxed) }
        error("playbook: standard output: \(String(cString: strerror(errno)))\n")
        exit(ExitCode.usage.rawValue)
    }

    /// Writes to standard error.
    static func error(_ text: String) {
        clearLine()
        _ = write(text, to: 2)
    }

    /// Tells something on a line of standard error.
    ///
    /// Files and objects are named by others: what they are called ends no line, and says nothing to a terminal.
    static func tell(_ line: String) { error(oneLine(line) + "\n") }

    private static let isQuiet = Atomic(false)

    /// From now on nothing is told but what went wrong.
    static func beQuiet() { isQuiet.store(true, ordering: .relaxed) }

    /// Whether somebody at a terminal is to see how far a run has come.
    static var showsProgress: Bool {
        isatty(2) == 1 && Process.environment["TERM"] != "dumb" && !isQuiet.load(ordering: .relaxed)
    }

    /// Tells on a line of standard error what is worth knowing and changes no exit code.
    static func note(_ line: String) {
        if !isQuiet.load(ordering: .relaxed) { tell(line) }
    }

    /// Whether the terminal's line shows how far a run has come: the next text takes it away.
    private static let isLineShown = Atomic(false)

    /// Shows a text in the terminal's line, in place of the one before.
    static func show(_ line: String) {
        isLineShown.store(true, ordering: .relaxed)
        _ = write("\r\u{1B}[K\(line)", to: 2)
    }

    /// Takes that line away again.
    static func clearLine() {
        guard isLineShown.load(ordering: .relaxed), isLineShown.exchange(false, ordering: .relaxed) else { return }
        _ = write("\r\u{1B}[K", to: 2)
    }

    /// Writes bytes to standard output as they are.
    static func print(bytes: [UInt8]) {
        guard !isUnread.load(ordering: .relaxed) else { return }
        clearLine()
        if !write(bytes, to: 1) { fail() }
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var text = text
        return text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
    }

    /// Writes all bytes; false when that fails, and `errno` says why.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { write($0, to: descriptor) }
    }

    // `bytes` lives as long as the closure that this is called in.
    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return true
    }

    /// Whether a descriptor is a terminal that may show colours (no-color.org).
    static func isColored(_ descriptor: Int32 = 1) -> Bool {
        isatty(descriptor) == 1 && (Process.environment["NO_COLOR"] ?? "").isEmpty
            && Process.environment["TERM"] != "dumb"
    }
}

/// The process' surroundings.
enum Process {
    /// The environment's variables.
    static let environment: [String: String] = {
        var result: [String: String] = [:]
        var entry = environ
        // `environ` ends with a null pointer, each entry with a zero byte; nothing changes it while we read.
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }()

    /// The time of day.
    static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }

    /// Nanoseconds of a clock that only goes forward.
    static var nanoseconds: UInt64 {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return UInt64(moment.tv_sec) * 1_000_000_000 + UInt64(moment.tv_nsec)
    }
}
