import CLinux
import Glibc
import JSON
import Net
import Playbook
import Synchronization
import Webhook

/// Log lines on standard output: one JSON object a line, or text on a terminal.
///
/// Loops hand their lines over and go on; one thread writes. The lock is held for the length of an append, and the queue is
/// bounded: a reader that stands still costs log lines, which are counted, and never a request.
final class Log: Sendable {
    private struct Queue {
        var bytes: [UInt8] = []
        var dropped = 0
        var isEnding = false
    }

    private let queue = Mutex(Queue())
    private let wakeup: Int32
    private let level: LogLevel
    private let isText: Bool
    private let dropped = Atomic<Int>(0)
    private let thread = Mutex<Thread?>(nil)

    /// How much may wait to be written.
    private static let maximumBytes = 4 << 20

    init(_ settings: Settings) {
        level = settings.logLevel
        isText = settings.logFormat == .text || settings.logFormat == .automatic && isatty(1) == 1
        wakeup = eventfd(0, Int32(EFD_CLOEXEC))
    }

    /// Whether lines of a level are written.
    func writes(_ level: LogLevel) -> Bool {
        let order = LogLevel.allCases
        return (order.firstIndex(of: level) ?? 0) >= (order.firstIndex(of: self.level) ?? 0)
    }

    /// How many lines were lost because nobody read them.
    var droppedLines: Int { dropped.load(ordering: .relaxed) }

    /// Starts the thread that writes.
    func start() {
        // Without one, lines are dropped and counted.
        guard let started = try? Thread({ self.run() }) else { return }
        thread.withLock { $0 = started }
    }

    /// Writes what is left, and ends the thread.
    func end() {
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        thread.withLock { $0 }?.join()
    }

    /// Adds a line.
    ///
    /// - Parameters:
    ///   - level: How much it matters.
    ///   - message: What happened.
    ///   - fields: What else there is to know, in order.
    func write(_ level: LogLevel, _ message: String, _ fields: [(String, Literal)] = []) {
        guard writes(level) else { return }
        var line: [UInt8] = []
        if isText {
            var text = "\(Process.now) \(level.rawValue.uppercased()) \(message)"
            for (key, value) in fields { text += " \(key)=\(value.flowText)" }
            // A value may have line breaks of its own; a line stays one.
            line = text.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }
        } else {
            let head: [(String, Literal)] = [
                ("time", .string("\(Process.now)")), ("level", .string(level.rawValue)), ("message", .string(message)),
            ]
            Literal.object((head + fields).map { .init($0.0, $0.1) }).write(to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        let isFirst = queue.withLock { queue -> Bool in
            guard queue.bytes.count + line.count <= Log.maximumBytes else {
                queue.dropped += 1
                return false
            }
            queue.bytes += line
            return queue.bytes.count == line.count
        }
        if isFirst { eventfd_write(wakeup, 1) }
    }

    private func run() {
        while true {
            var count: eventfd_t = 0
            eventfd_read(wakeup, &count)
            let (bytes, lost, isEnding) = queue.withLock { queue in
                defer {
                    queue.bytes = []
                    queue.dropped = 0
                }
                return (queue.bytes, queue.dropped, queue.isEnding)
            }
            dropped.add(lost, ordering: .relaxed)
            Log.writeAll(bytes)
            if isEnding { return }
        }
    }

    private static func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            // `rest` stays within `bytes`, which lives as long as this closure.
            while !rest.isEmpty {
                let count = Glibc.write(1, rest.baseAddress, rest.count)
                if count < 0, errno != EINTR { return }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(max(count, 0)))
            }
        }
    }
}

extension Literal {
    /// A value for a text line.
    fileprivate var flowText: String {
        if case .string(let text) = self, !text.contains(" "), !text.isEmpty { return text }
        return json
    }
}

extension Log {
    /// Writes the line for an answered review: who asked for what, and what came of it; never an object's contents.
    func write(_ event: AdmissionEvent, nanoseconds: UInt64) {
        guard let details = event.details else { return }
        let level: LogLevel = event.decision == .allow && !event.changesExemption ? .debug : .info
        guard writes(level) else { return }
        func rules(_ isMeant: (Judgement) -> Bool) -> Literal {
            var ids: [String] = []
            for judgement in event.judgements where isMeant(judgement) && !ids.contains(judgement.rule.id) {
                ids.append(judgement.rule.id)
            }
            return .array(ids.map { .string($0) })
        }
        var fields: [(String, Literal)] = [
            ("decision", .string(event.decision.rawValue)), ("operation", .string(details.operation)),
            ("kind", .string(details.kind)), ("namespace", details.namespace.map { .string($0) } ?? .null),
            ("name", .string(details.name)), ("user", .string(details.user)), ("uid", .string(details.uid)),
            ("microseconds", .number(String(nanoseconds / 1000))),
        ]
        if event.endpoint == .mutate {
            fields.append(("fixed", rules { _ in true }))
        } else {
            for (key, effect) in [("denied", Judgement.Effect.deny), ("warned", .warn), ("exempt", .exempt)] {
                let ids = rules { $0.effect == effect }
                if ids != .array([]) { fields.append((key, ids)) }
            }
        }
        let lenient = Set(event.judgements.compactMap(\.leniency?.rawValue)).sorted()
        if !lenient.isEmpty { fields.append(("because", .array(lenient.map { .string($0) }))) }
        if !event.notEvaluated.isEmpty {
            fields.append(("notEvaluated", .array(event.notEvaluated.map { .string($0.rule.id) })))
        }
        if !details.notices.isEmpty { fields.append(("notices", .array(details.notices.map { .string($0) }))) }
        if event.changesExemption { fields.append(("exemption", "changed")) }
        if let controller = details.untrustedController {
            fields.append(("untrustedController", .string("PLAYBOOK_TRUSTED_CONTROLLERS=\(controller)")))
        }
        write(level, event.endpoint == .validate ? "review" : "mutation", fields)
    }
}
