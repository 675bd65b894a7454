import Evaluation
import Glibc
import JSON
import Net
import Synchronization

/// Standard output, as the log's thread writes to it: what cannot be written is lost, counted, and reported once.
final class LogOutput: Sendable {
    private struct State {
        var failures = FailurePeriod()
        /// Whether a line was begun and could not be finished.
        var isWithinLine = false
        /// How many lines had been lost when that was last reported.
        var reportedLosses = 0
    }

    private let log: Log
    /// Used by the log's thread alone.
    private let state = Mutex(State())

    init(_ log: Log) { self.log = log }

    /// Writes lines; waits as long as nobody reads them.
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
                // The log itself is where this cannot be read.
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

    /// Logs how many lines were lost while nobody read standard output.
    private func reportLosses(_ state: inout State) {
        let losses = log.droppedLines
        guard losses > state.reportedLosses else { return }
        log.write(
            .warn, "log lines were dropped, since standard output was not read",
            [("lines", .number(String(losses - state.reportedLosses)))])
        state.reportedLosses = losses
    }

    /// Writes bytes to standard output.
    ///
    /// - Returns: How many were not written, and why.
    private static func write(_ bytes: [UInt8]) -> (rest: Int, error: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            // `rest` stays within `bytes`, which lives as long as this closure.
            while !rest.isEmpty {
                let count = Glibc.write(1, rest.baseAddress, rest.count)
                if count >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                } else if errno == EAGAIN {
                    // Whoever shares the pipe with us may have had it not wait.
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
