import Evaluation
import Glibc
import JSON
import Net
import Synchronization

/// Standard output of the log's thread: lines that cannot be written are dropped, counted, and reported once.
final class LogOutput: Sendable {
    private struct State {
        var failures = FailurePeriod()
        /// True if a line was written in part.
        var isWithinLine = false
        /// The number of dropped lines that have been reported.
        var reportedLosses = 0
    }

    private let log: Log
    /// Used by the log's thread alone.
    private let state = Mutex(State())

    init(_ log: Log) { self.log = log }

    /// Writes lines; waits while standard output is not read.
    func write(_ lines: [UInt8]) {
        state.withLock { state in
            let newline: [UInt8] = [UInt8(ascii: "\n")]
            let bytes = state.isWithinLine ? newline + lines : lines
            let (rest, error) = LogOutput.write(bytes)
            if rest > 0 {
                let lost = bytes.suffix(rest).count { $0 == newline[0] }
                if rest < bytes.count { state.isWithinLine = bytes[bytes.count - rest - 1] != newline[0] }
                log.countLost(lost)
                state.reportedLosses += lost
                // The log itself cannot be written, so this goes to standard error.
                if state.failures.addFailure(at: .now) {
                    Console.error("playbook: log lines cannot be written: \(String(cString: strerror(error)))\n")
                }
                return
            }
            state.isWithinLine = false
            if state.failures.addSuccess(at: .now) != nil { log.write(.warn, "log lines are written again") }
            reportLosses(&state)
        }
    }

    /// Logs the number of lines that were dropped while standard output was not read.
    private func reportLosses(_ state: inout State) {
        let losses = log.droppedLines
        guard losses > state.reportedLosses else { return }
        log.write(
            .warn, "log lines dropped; standard output was not read",
            [("lines", .number(String(losses - state.reportedLosses)))])
        state.reportedLosses = losses
    }

    /// Writes bytes to standard output.
    ///
    /// - Returns: The number of bytes that were not written, and the `errno`.
    private static func write(_ bytes: [UInt8]) -> (rest: Int, error: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            // `rest` stays within `bytes`, which lives as long as this closure.
            while !rest.isEmpty {
                let count = Glibc.write(1, rest.baseAddress, rest.count)
                if count >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                } else if errno == EAGAIN {
                    // Another process can have made the shared pipe non-blocking.
                    var output = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
                    poll(&output, 1, -1)
                } else if errno != EINTR {
                    return (rest.count, errno)
                }
            }
            return (0, 0)
        }
    }
}
