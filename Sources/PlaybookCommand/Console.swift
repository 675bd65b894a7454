import Glibc
import Kubernetes
import Report
import Synchronization

/// Standard output and error.
enum Console {
    /// True when the reader of standard output has closed it.
    private static let isUnread = Atomic(false)

    /// Writes to standard output.
    ///
    /// After its reader closes it (`| head`) nothing more is written, and the program continues: it must still write files and
    /// return an exit code for all inputs. Any other failure, such as a full disk, ends the program.
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

    /// Writes a line to standard error, without control characters, since names of files and objects come from others.
    static func tell(_ line: String) { error(oneLine(line) + "\n") }

    private static let isQuiet = Atomic(false)

    /// Suppresses notes and progress from now on.
    static func beQuiet() { isQuiet.store(true, ordering: .relaxed) }

    /// True when progress is shown: on a terminal, unless quiet.
    static var showsProgress: Bool {
        isatty(2) == 1 && Process.environment["TERM"] != "dumb" && !isQuiet.load(ordering: .relaxed)
    }

    /// Writes a note to standard error, unless quiet; it does not change the exit code.
    static func note(_ line: String) {
        if !isQuiet.load(ordering: .relaxed) { tell(line) }
    }

    /// True while the terminal's line shows progress; the next text clears it.
    private static let isLineShown = Atomic(false)

    /// Shows a text in the terminal's line, replacing the previous one.
    static func show(_ line: String) {
        isLineShown.store(true, ordering: .relaxed)
        _ = write("\r\u{1B}[K\(line)", to: 2)
    }

    /// Clears that line.
    static func clearLine() {
        guard isLineShown.load(ordering: .relaxed), isLineShown.exchange(false, ordering: .relaxed) else { return }
        _ = write("\r\u{1B}[K", to: 2)
    }

    /// Writes bytes to standard output unchanged.
    static func print(bytes: [UInt8]) {
        guard !isUnread.load(ordering: .relaxed) else { return }
        clearLine()
        if !write(bytes, to: 1) { fail() }
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var text = text
        return text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
    }

    /// Writes all bytes; returns false and sets `errno` when that fails.
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

    /// Returns true if a descriptor is a terminal that shows colors (no-color.org).
    static func isColored(_ descriptor: Int32 = 1) -> Bool {
        isatty(descriptor) == 1 && (Process.environment["NO_COLOR"] ?? "").isEmpty
            && Process.environment["TERM"] != "dumb"
    }
}

/// The environment and the clocks of the process.
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

    /// The current time.
    static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }

    /// The nanoseconds of a monotonic clock.
    static var nanoseconds: UInt64 {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return UInt64(moment.tv_sec) * 1_000_000_000 + UInt64(moment.tv_nsec)
    }
}
