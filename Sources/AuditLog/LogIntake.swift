public import Evaluation
import JSON
import Kubernetes

/// A write that rules can evaluate, or a fact about an operator, as an event of the log.
public struct LoggedEvent: Sendable {
    /// The event.
    public let bytes: [UInt8]
    /// The time of the response, in microseconds since 1970.
    public let microseconds: Int64
    /// The index of the file, and the line.
    public let place: (file: Int, line: Int)
    /// True if the event is not complete in the log: without objects, or empty.
    public let isCut: Bool

    init(_ bytes: [UInt8], at microseconds: Int64, _ place: (file: Int, line: Int), isCut: Bool = false) {
        (self.bytes, self.microseconds, self.place, self.isCut) = (bytes, microseconds, place, isCut)
    }
}

/// Selects the events of a log that matter, and counts the others.
///
/// Most events are reads and status updates: they are recognized without reading their objects. One value reads all files.
public struct LogIntake {
    /// The counts of the events that are not passed on.
    public private(set) var summary = LogSummary()
    private let kinds: LogKinds
    private let line = AuditLine()
    private var seen = RecentEvents()
    /// The service accounts that have updated the status of a resource.
    private var known: Set<OperatorEvidence.Entry> = []

    private let operatorLimit: Int

    /// The default limit of the service accounts and resources that are remembered to recognize operators.
    public static let defaultOperatorLimit = OperatorEvidence.maximum

    /// Creates an intake for the kinds that rules read.
    ///
    /// - Parameters:
    ///   - settings: The settings, with the rules.
    ///   - operatorLimit: The limit of the pairs of a service account and a resource whose status it has updated.
    public init(_ settings: Settings, operatorLimit: Int = LogIntake.defaultOperatorLimit) {
        kinds = LogKinds(settings)
        self.operatorLimit = operatorLimit
    }

    /// Reads a line and calls a function with each event that matters.
    ///
    /// - Parameters:
    ///   - bytes: The line.
    ///   - place: The index of the file, and the number of the line.
    ///   - lines: The state of the file.
    ///   - body: The function.
    /// - Returns: The lines on which events or documents begin that are not complete JSON, for messages.
    public mutating func read(
        _ bytes: Span<UInt8>, at place: (file: Int, line: Int), in lines: inout LogLines, _ body: (LoggedEvent) -> Void
    ) -> [Int] {
        var damaged: [Int] = []
        var time = lines.time
        let outcome = lines.take(bytes, place.line) { event, line in
            read(event, at: (place.file, line), &time, &damaged, body)
        }
        switch outcome {
        case .part: break
        case .broken(let line):
            damaged.append(line)
            body(lose(at: (place.file, line), after: time))
            lines.time = time
            // It can be the beginning of another document.
            return damaged + read(bytes, at: place, in: &lines, body)
        case .alone: read(bytes, at: place, &time, &damaged, body)
        }
        lines.time = time
        return damaged
    }

    private mutating func read(
        _ bytes: Span<UInt8>, at place: (file: Int, line: Int), _ last: inout Int64, _ damaged: inout [Int],
        _ body: (LoggedEvent) -> Void
    ) {
        let content = line.read(bytes) { event in
            guard let time = take(event) else { return }
            body(LoggedEvent(event.source, at: time, place))
            if time > 0 { last = time }
        }
        if content == .foreign { summary.foreignLines += 1 }
        for event in line.cut {
            damaged.append(place.line)
            body(lose(event, at: place, after: last))
        }
    }

    /// Ends a file; returns the place where a document begins that is not complete JSON, as an event that is cut off.
    public mutating func end(_ lines: inout LogLines, of file: Int) -> LoggedEvent? {
        lines.end().map { lose(at: (file, $0), after: lines.time) }
    }

    /// Counts a line that is too long to be read; returns it as an event that is cut off.
    public mutating func loseLine(at place: (file: Int, line: Int), in lines: LogLines) -> LoggedEvent {
        lose(at: place, after: lines.time)
    }

    /// Counts an event that is cut off; its time is about that of the event before it.
    private mutating func lose(
        _ event: [UInt8] = [], at place: (file: Int, line: Int), after time: Int64
    ) -> LoggedEvent {
        summary.damagedLines += 1
        return LoggedEvent(event, at: time, place, isCut: true)
    }

    /// Returns the time of an event that matters; nil for others.
    private mutating func take(_ value: Value) -> Int64? {
        summary.events += 1
        guard let event = AuditEvent(value), value["objectRef"]?.kind == .object else {
            summary.reads += 1
            return nil
        }
        let subresource = event.subresource
        if subresource == "status", let entry = OperatorEvidence.Entry(event) {
            guard !known.contains(entry), known.count < operatorLimit else {
                if !known.contains(entry) { summary.droppedStatusUpdates += 1 }
                summary.notCovered += 1
                return nil
            }
            known.insert(entry)
        } else if !event.isOfResourceDefinition {
            guard kinds[event.group, event.resource, subresource] != nil else {
                summary.notCovered += 1
                return nil
            }
        }
        guard seen.insert(event.identity) else {
            summary.duplicates += 1
            return nil
        }
        // An event without a time is as old as the log: it is evaluated before the others.
        let time = event.microseconds ?? 0
        if time > 0 { summary.note(Timestamp(seconds: time / 1_000_000)) }
        return time
    }
}

/// The identities of the last million events, to recognize duplicates.
private struct RecentEvents {
    private var older: Set<Int> = []
    private var newer: Set<Int> = []
    private static let generation = 1 << 19

    /// Adds an event; returns false if it was among them.
    mutating func insert(_ identity: Int) -> Bool {
        if newer.count == RecentEvents.generation {
            older = newer
            newer = []
        }
        return !older.contains(identity) && newer.insert(identity).inserted
    }
}
