import Evaluation
import Glibc
import JSON
import Net
import Synchronization
import Webhook

/// Redacts and records reviews for `playbook replay`, on a thread with lower priority than the event loops.
final class Recorder: Sendable {
    /// A review and its evaluation, as an event loop passes them.
    private struct Material: Sendable {
        let body: [UInt8]
        let decision: Decision
        let context: Context
        let nanoseconds: UInt64
    }

    /// The server's memory budget, which copies of reviews count against; nil before the server starts.
    private let memory = Mutex<MemoryBudget?>(nil)
    private let queue = BackgroundWriter<Material>(maximumBytes: Recorder.maximumBytes)
    private let settings: Settings
    private let log: Log
    /// Used by the thread alone; nil if recordings go to standard output.
    private let folder: Mutex<RecordingFolder?>
    private let written = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    /// The number of reviews that were dropped because there was not enough memory.
    private let lackedMemory = Atomic<Int>(0)
    private let failures = Mutex(FailurePeriod())

    /// The largest number of bytes that wait to be redacted and written.
    private static let maximumBytes = 16 << 20

    /// Opens the destination of recordings; nil if nothing is recorded.
    init?(_ settings: Settings, _ log: Log) throws(CommandError) {
        let destination = settings.recording.destination
        guard !destination.isEmpty else { return nil }
        self.settings = settings
        self.log = log
        guard destination != "stdout" else {
            folder = Mutex(nil)
            return
        }
        do throws(SystemError) {
            folder = Mutex(
                try RecordingFolder(
                    destination, maximumBytes: settings.recording.fileBytes, maximumFiles: settings.recording.files))
        } catch {
            throw CommandError(message: "PLAYBOOK_RECORD: cannot write to \"\(destination)\": \(error)")
        }
    }

    /// Starts the thread that writes.
    ///
    /// - Parameter memory: The budget for copies of reviews; reviews that exceed it are dropped and counted.
    func start(within memory: MemoryBudget) {
        self.memory.withLock { $0 = memory }
        queue.start { [self] materials in
            // Lowers the priority of this thread alone.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            record(materials)
        }
    }

    /// Writes the remaining recordings, and ends the thread.
    ///
    /// - Returns: True if it has ended by the deadline.
    func end(by deadline: Instant) -> Bool { queue.end(by: deadline) }

    /// Queues a review.
    func record(_ body: Span<UInt8>, _ decision: Decision, in context: Context, nanoseconds: UInt64) {
        guard let memory = memory.withLock({ $0 }), memory.claim(body.count) else { return dropForMemory() }
        let copy = body.withUnsafeBufferPointer { Array($0) }
        let material = Material(body: copy, decision: decision, context: context, nanoseconds: nanoseconds)
        guard !queue.add(material, bytes: copy.count) else { return }
        memory.release(copy.count)
        queue.countDropped()
        note("the queue is full")
    }

    private func dropForMemory() {
        lackedMemory.add(1, ordering: .relaxed)
        note("PLAYBOOK_MEMORY is used up")
    }

    private func record(_ materials: [Material]) {
        let memory = memory.withLock { $0 }
        defer { memory?.release(materials.reduce(0) { $0 + $1.body.count }) }
        let writer = RecordingWriter(settings, version: Version.current)
        for material in materials {
            let needed = RecordingWriter.memory(for: material.body.count)
            guard memory?.claim(needed) ?? false else {
                dropForMemory()
                continue
            }
            defer { memory?.release(needed) }
            let line = writer.line(
                material.body.span, material.decision, in: material.context, nanoseconds: material.nanoseconds)
            guard let line else { continue }
            write(line + [UInt8(ascii: "\n")])
        }
    }

    private func write(_ line: [UInt8]) {
        let problem = folder.withLock { folder -> String? in
            guard folder != nil else { return log.pass(on: line) ? nil : "standard output is not read" }
            do throws(SystemError) {
                try folder?.write(line)
                return nil
            } catch {
                return "\(error)"
            }
        }
        if problem == nil { written.add(1, ordering: .relaxed) } else { failed.add(1, ordering: .relaxed) }
        note(problem)
    }

    /// Logs when reviews start to be dropped, and when they are recorded again; the metrics count each review.
    private func note(_ problem: String?) {
        if let problem {
            guard failures.withLock({ $0.addFailure(at: .now) }) else { return }
            log.write(.warn, "reviews are not being recorded", [("reason", .string(problem))])
        } else if failures.withLock({ $0.addSuccess(at: .now) }) != nil {
            log.write(.info, "reviews are recorded again")
        }
    }

    /// Appends the metrics.
    func write(to text: inout Exposition) {
        text.family("playbook_recordings_total", .counter, "Recorded reviews.")
        text.sample([], Double(written.load(ordering: .relaxed)))
        text.family("playbook_recordings_dropped_total", .counter, "Reviews that were not recorded, by reason.")
        text.sample([("reason", "memory")], Double(lackedMemory.load(ordering: .relaxed)))
        text.sample([("reason", "queue")], Double(queue.dropped))
        text.sample([("reason", "write")], Double(failed.load(ordering: .relaxed)))
    }
}
