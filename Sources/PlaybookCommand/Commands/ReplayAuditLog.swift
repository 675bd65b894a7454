import AuditLog
import Evaluation
import Glibc
import Kubernetes
import Net
import Report
import Synchronization

/// Evaluates the writes of an audit log: one thread reads and orders them, others evaluate them.
final class AuditLogReplay: Sendable {
    private let settings: Settings
    private let isRedacted: Bool
    private let relatedObjects: RelatedObjects?
    private let queue = BatchQueue()
    private let sum = Mutex(ReplayTally())

    private static let evaluators = 2

    init(_ settings: Settings, isRedacted: Bool, _ relatedObjects: RelatedObjects?) {
        self.settings = settings
        self.isRedacted = isRedacted
        self.relatedObjects = relatedObjects
    }

    /// Reads the files and returns the counts.
    func run(_ operands: [String]) -> ReplayTally {
        let threads = (0..<AuditLogReplay.evaluators).compactMap { _ in try? Thread { self.evaluate() } }
        var files = AuditLogFiles(operands, LogIntake(settings))
        var history = LogHistory(settings, relatedObjects: relatedObjects)
        let progress = Progress()
        var batch = Batch()
        while let event = files.next() {
            if !files.failures.isEmpty { complain(files.takeFailures()) }
            if let request = history.take(event) { batch.append(request, path: files.paths[event.place.file]) }
            guard batch.isFull else { continue }
            if threads.isEmpty { evaluate(batch) } else { queue.append(batch) }
            batch = Batch()
            progress.show(files.readBytes, of: files.totalBytes)
        }
        complain(files.takeFailures())
        complain(files.undescribedFiles, "file")
        complain(files.undescribedLines, "line")
        if threads.isEmpty { evaluate(batch) } else { queue.append(batch) }
        for _ in threads { queue.close() }
        for thread in threads { thread.join() }
        progress.end()
        var tally = sum.withLock { $0 }
        let log = (tally.log ?? LogSummary()) + files.intake.summary + history.summary
        tally.log = isRedacted ? log.renamed(ReplayTally.Names.pseudonym(ofUser:)) : log
        tally.unreadable += files.unreadable
        if log.events == 0, tally.unreadable == 0 {
            complain(aboutNothingIn: operands)
            // An input without an event counts as one that cannot be read, so that the exit code is 2.
            tally.unreadable = max(1, files.paths.count)
        }
        return tally
    }

    private func complain(_ failures: [Inputs.Failure]) {
        for failure in failures { Console.tell("playbook: \(failure)") }
    }

    /// Reports the errors that are counted, not described.
    private func complain(_ count: Int, _ noun: String) {
        if count > 0 { Console.tell("playbook: and \(count) more \(noun)\(count == 1 ? "" : "s") that cannot be read") }
    }

    /// Reports that the input has no audit event: the command before a pipe can have failed.
    private func complain(aboutNothingIn operands: [String]) {
        let isPiped = operands.allSatisfy { $0 == "-" }
        let advice =
            isPiped
            ? "check that the command before the pipe succeeds and prints an audit log"
            : "give the files or directories of an audit log"
        Console.tell("playbook: nothing was evaluated; \(advice) (audit.k8s.io/v1)")
    }

    // MARK: Evaluating

    private func evaluate() {
        var worker = Worker(settings, isRedacted)
        while let batch = queue.next() { worker.evaluate(batch) }
        sum.withLock { $0 += worker.result }
    }

    private func evaluate(_ batch: Batch) {
        var worker = Worker(settings, isRedacted)
        worker.evaluate(batch)
        sum.withLock { $0 += worker.result }
    }

    /// Evaluates requests and counts the results, on one thread.
    private struct Worker {
        let settings: Settings
        let isRedacted: Bool
        var evaluator: LogEvaluator
        var tally = ReplayTally()

        init(_ settings: Settings, _ isRedacted: Bool) {
            self.settings = settings
            self.isRedacted = isRedacted
            evaluator = LogEvaluator(settings)
        }

        var result: ReplayTally {
            var result = tally
            result.log = evaluator.summary
            return result
        }

        mutating func evaluate(_ batch: Batch) {
            for (request, path) in batch.requests {
                evaluator.evaluate(request) { result in
                    let team = settings.team(of: result.review)
                    let names =
                        isRedacted
                        ? ReplayTally.Names(redacted: result.review, team: team)
                        : ReplayTally.Names(of: result.review, team: team)
                    tally.add(
                        Comparison(admitted: result.certain, isNamed: !isRedacted), by: names, result.decision,
                        recorded: result.time.seconds > 0 ? result.time : nil, doubted: result.doubted,
                        at: ReplayTally.Place(
                            file: isRedacted ? "file \(request.place.file + 1)" : path, order: request.place.file,
                            line: request.place.line))
                }
            }
        }
    }
}

/// Requests that are evaluated together.
private struct Batch: Sendable {
    private(set) var requests: [(request: LoggedRequest, path: String)] = []
    private var bytes = 0

    var isFull: Bool { requests.count >= 64 || bytes >= 1 << 20 }

    mutating func append(_ request: LoggedRequest, path: String) {
        requests.append((request, path))
        bytes += request.bytes.count
    }
}

/// Batches that wait for an worker; the reader waits while there are enough.
private final class BatchQueue: Sendable {
    private let batches = Mutex<[Batch?]>([])
    private let room = Semaphore(6)
    private let filled = Semaphore()

    func append(_ batch: Batch) {
        room.wait()
        put(batch)
    }

    /// Ends an worker that takes this entry.
    func close() { put(nil) }

    private func put(_ batch: Batch?) {
        batches.withLock { $0.append(batch) }
        filled.signal()
    }

    /// Returns the next batch; nil at the end.
    func next() -> Batch? {
        while true {
            filled.wait()
            let first: Batch?? = batches.withLock { $0.isEmpty ? nil : .some($0.removeFirst()) }
            guard let first else { continue }
            if case .some = first { room.signal() }
            return first
        }
    }
}
