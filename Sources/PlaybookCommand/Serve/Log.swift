import Evaluation
import Glibc
import JSON
import Kubernetes
import Net
import Webhook

/// Log lines on standard output: one JSON object per line, or text on a terminal.
///
/// One thread writes the lines, so that event loops never wait.
final class Log: Sendable {
    private let writer = BackgroundWriter<[UInt8]>(maximumBytes: Log.maximumBytes)
    private let level: LogLevel
    private let isText: Bool

    /// The largest number of bytes that wait to be written.
    private static let maximumBytes = 4 << 20

    init(_ settings: Settings) {
        level = settings.logLevel
        isText = settings.logFormat == .text || settings.logFormat == .automatic && isatty(1) == 1
    }

    /// Returns true if lines of a level are written.
    func writes(_ level: LogLevel) -> Bool {
        let order = LogLevel.allCases
        return (order.firstIndex(of: level) ?? 0) >= (order.firstIndex(of: self.level) ?? 0)
    }

    /// The number of lines that were dropped because standard output was not read or failed.
    var droppedLines: Int { writer.dropped }

    /// Starts the thread that writes.
    func start() {
        let output = LogOutput(self)
        writer.start { output.write(Array($0.joined())) }
    }

    /// Counts lines that could not be written.
    func countLost(_ lines: Int) { writer.countDropped(lines) }

    /// Writes the remaining lines, and ends the thread.
    ///
    /// - Returns: True if it has ended by the deadline; false if standard output is not read.
    func end(by deadline: Instant) -> Bool { writer.end(by: deadline) }

    /// Adds a line.
    ///
    /// - Parameters:
    ///   - level: The level.
    ///   - message: The event or the state.
    ///   - fields: Further values, in order.
    func write(_ level: LogLevel, _ message: String, _ fields: [(String, Literal)] = []) {
        guard writes(level) else { return }
        let line = LogLine(level: level, message: message, fields: fields).bytes(isText: isText)
        if !writer.add(line, bytes: line.count) { writer.countDropped() }
    }

    /// Adds a line that is not a log line; such lines use at most half of the queue and are not counted when dropped.
    func pass(on line: [UInt8]) -> Bool { writer.add(line, bytes: line.count, leaving: Log.maximumBytes / 2) }
}

extension Log {
    /// Logs an answered review: the requester, the object and the decision; never the object's contents.
    func write(_ answer: AdmissionAnswer, nanoseconds: UInt64) {
        guard let requester = answer.requester else { return }
        let (decision, object) = (answer.decision, answer.decision.subject)
        let level: LogLevel = answer.outcome == .allow && !decision.changesExemption ? .debug : .info
        guard writes(level) else { return }
        // As in API servers, the namespace of a Namespace is itself.
        let namespace = object.kind == .namespace ? object.name : object.namespace
        func rules(_ isMeant: (DecidedFinding) -> Bool) -> Literal {
            var ids: [String] = []
            for decided in decision.findings where isMeant(decided) && !ids.contains(decided.rule.id) {
                ids.append(decided.rule.id)
            }
            return .array(ids.map { .string($0) })
        }
        var fields: [(String, Literal)] = [
            ("decision", .string(answer.outcome.rawValue)), ("operation", .string(requester.operation)),
            ("kind", .string(SecretMask.masked(object.kindName))),
            ("namespace", namespace.isEmpty ? .null : .string(SecretMask.masked(namespace))),
            ("name", .string(SecretMask.masked(object.name))), ("user", .string(requester.user)),
            ("uid", .string(requester.uid)),
            ("microseconds", .number(String(nanoseconds / 1000))),
        ]
        if answer.endpoint == .mutate {
            fields.append(("fixed", rules { _ in true }))
        } else {
            for (key, effect) in [("denied", DecidedFinding.Effect.deny), ("warned", .warn), ("exempt", .exempt)] {
                let ids = rules { $0.effect == effect }
                if ids != .array([]) { fields.append((key, ids)) }
            }
        }
        let lenient = Set(decision.findings.compactMap(\.leniency?.rawValue)).sorted()
        if !lenient.isEmpty { fields.append(("because", .array(lenient.map { .string($0) }))) }
        if !decision.notEvaluated.isEmpty {
            fields.append(("notEvaluated", .array(decision.notEvaluated.map { .string($0.rule.id) })))
        }
        if !decision.notices.isEmpty { fields.append(("notices", .array(decision.notices.map { .string($0) }))) }
        if decision.changesExemption { fields.append(("exemption", "changed")) }
        if let controller = decision.untrustedController {
            fields.append(("unknownOperator", .string("PLAYBOOK_OPERATOR_ACCOUNTS=\(controller)")))
        }
        write(level, answer.endpoint == .validate ? "review" : "mutation", fields)
    }
}
