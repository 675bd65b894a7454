import Evaluation
import Glibc
import JSON
import Net
import Synchronization
import Webhook

/// Writes what was reviewed, for `playbook replay`: on a thread of its own, which redacts it and gives way to the loops.
final class Recorder: Sendable {
    /// A review with what came of it, as a loop hands it over.
    private struct Material: Sendable {
        let body: [UInt8]
        let verdict: Verdict
        let context: Context
        let nanoseconds: UInt64
    }

    /// The server's memory, which recordings take from too; nil before there is a server.
    private let memory = Mutex<MemoryBudget?>(nil)
    private let queue = BackgroundWriter<Material>(maximumBytes: Recorder.maximumBytes)
    private let settings: Settings
    private let log: Log
    /// Used by the thread alone; nil where lines go to standard output.
    private let folder: Mutex<RecordingFolder?>
    private let written = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    /// The number of reviews for which there was no memory.
    private let lackedMemory = Atomic<Int>(0)
    private let failures = Mutex(FailurePeriod())

    /// How much may wait to be redacted and written.
    private static let maximumBytes = 16 << 20

    /// Opens what is recorded to; nil where nothing is recorded.
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
            throw CommandError(message: "PLAYBOOK_RECORD is '\(destination)', where nothing can be written: \(error)")
        }
    }

    /// Starts the thread that writes.
    ///
    /// - Parameter memory: What the copies of reviews are taken from; what finds no room in it is not recorded, and counted.
    func start(within memory: MemoryBudget) {
        self.memory.withLock { $0 = memory }
        queue.start { [self] materials in
            // Of this thread alone: what it does is never urgent.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            record(materials)
        }
    }

    /// Writes what is left, and ends the thread.
    ///
    /// - Returns: Whether it has ended by the deadline.
    func end(by deadline: Instant) -> Bool { queue.end(by: deadline) }

    /// Takes a review over.
    func record(_ body: Span<UInt8>, _ verdict: Verdict, in context: Context, nanoseconds: UInt64) {
        guard let memory = memory.withLock({ $0 }), memory.claim(body.count) else { return dropForMemory() }
        let copy = body.withUnsafeBufferPointer { Array($0) }
        let material = Material(body: copy, verdict: verdict, context: context, nanoseconds: nanoseconds)
        guard !queue.add(material, bytes: copy.count) else { return }
        memory.release(copy.count)
        queue.countDropped()
        note("more reviews came than could be written")
    }

    private func dropForMemory() {
        lackedMemory.add(1, ordering: .relaxed)
        note("PLAYBOOK_MEMORY has no room for copies of reviews")
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
                material.body.span, material.verdict, in: material.context, nanoseconds: material.nanoseconds)
            guard let line else { continue }
            write(line + [UInt8(ascii: "\n")])
        }
    }

    private func write(_ line: [UInt8]) {
        let problem = folder.withLock { folder -> String? in
            guard folder != nil else { return log.pass(on: line) ? nil : "nobody reads standard output" }
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

    /// Logs when reviews begin to be lost, and when they no longer are; the metrics count each.
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
        text.family("playbook_recordings_total", .counter, "Reviews recorded.")
        text.sample([], Double(written.load(ordering: .relaxed)))
        text.family("playbook_recordings_dropped_total", .counter, "Reviews not recorded, by what stood in the way.")
        text.sample([("reason", "memory")], Double(lackedMemory.load(ordering: .relaxed)))
        text.sample([("reason", "queue")], Double(queue.dropped))
        text.sample([("reason", "write")], Double(failed.load(ordering: .relaxed)))
    }
}
