public import JSON

/// Reads lines of audit logs and finds the events in them, in all forms in which logs are stored and exported.
///
/// A line can be an Event, an EventList, an Event after a time (an export of CloudWatch Logs to S3), or a result of
/// `aws logs filter-log-events`, of CloudWatch Logs Insights or of a subscription, in which each event is a string or an object.
/// CSV files of Insights and Athena have one event per line. ``LogLines`` joins what is printed over many lines. One reader must
/// be used by one thread at a time.
public final class AuditLine {
    /// The content of a line.
    public enum Content: Equatable, Sendable {
        /// At least one event.
        case events
        /// Nothing, the names of columns, or a part of a document over many lines.
        case around
        /// An event or a document that is not complete JSON, and no event; see ``AuditLine/cut``.
        case damaged
        /// Anything else.
        case foreign
    }

    /// The largest length of a line in bytes; longer lines are not read.
    public static let maximumLength = 64 << 20
    /// The length of what an export puts before an event, such as a time and the name of a log stream.
    private static let maximumPrefix = 256

    /// The parts of the last line that are not complete JSON: for each the event without the objects, or nothing if the event is
    /// cut off before them.
    public private(set) var cut: [[UInt8]] = []

    /// Reused documents, one for each level of events in strings.
    private let documents = (0..<AuditLine.maximumDepth).map { _ in Document() }
    /// The documents around an event: one in a string, in a result of a command.
    private static let maximumDepth = 3
    /// The bodies of an event are the largest part of a log; most of them are never read.
    private static let options = ParseOptions(
        skipped: SkipTree([.init("requestObject"), .init("responseObject")]), toleratesDepth: true)

    /// Creates a reader.
    public init() {}

    /// Calls a function with each event of a line; it must not keep the value.
    public func read(_ line: Span<UInt8>, _ body: (Value) -> Void) -> Content {
        cut = []
        let line = line.extracting(line.contentRange)
        guard let first = line.first else { return .around }
        switch first {
        case UInt8(ascii: "["):
            // Not a log level, such as `[INFO]`.
            guard line.count == 1 || line[1] <= 0x20 || "{[]\"".utf8.contains(line[1]) else { return .foreign }
            return document(line.extracting(0..<line.endBeforeComma), 0, body)
        case UInt8(ascii: "{"):
            return document(line.extracting(0..<line.endBeforeComma), 0, body)
        case UInt8(ascii: "\""), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard let start = line.first(of: "{", within: AuditLine.maximumPrefix), start + 1 < line.count else {
                return .foreign
            }
            // An element of a list of strings: its quotes follow backslashes.
            if start == 1, first == UInt8(ascii: "\""),
                let quote = (2..<line.count).first(where: { line[$0] == UInt8(ascii: "\"") }),
                line[quote - 1] == UInt8(ascii: "\\")
            {
                return document(line.extracting(0..<line.endBeforeComma), 0, body)
            }
            // A cell of a CSV file, in which quotes are doubled.
            if start > 0, line[start - 1] == UInt8(ascii: "\"") { return csv(line, from: start, body) }
            return first == UInt8(ascii: "\"") ? .foreign : document(line.extracting(start..<line.count), 0, body)
        // The names of the columns of a CSV file.
        case UInt8(ascii: "@"): return .around
        default: return .foreign
        }
    }

    /// Reads a document: an event, or a result that contains events.
    private func document(_ bytes: Span<UInt8>, _ depth: Int, _ body: (Value) -> Void) -> Content {
        guard depth < AuditLine.maximumDepth else { return .foreign }
        if bytes.count <= AuditLine.maximumLength,
            let content = try? documents[depth].read(bytes, AuditLine.options, { events(in: $0, depth, body) })
        {
            return content
        }
        cut.append(bytes.head)
        return .damaged
    }

    private func events(in root: Value, _ depth: Int, _ body: (Value) -> Void) -> Content {
        if root.kind == .string { return message(root, depth, body) }
        guard root.kind == .object else {
            return Content(root.elements.map { events(in: $0, depth, body) })
        }
        if root.isAuditEvent {
            body(root)
            return .events
        }
        // The events of an EventList, of `aws logs` and of a subscription.
        if let list = root["items"] ?? root["events"] ?? root["logEvents"] ?? root["results"] {
            return Content(list.elements.map { events(in: $0, depth, body) })
        }
        // A cell of a row of Insights.
        if let field = root["field"] {
            guard field.equals("@message") else { return .around }
            return root["value"].map { message($0, depth, body) } ?? .foreign
        }
        guard let text = root["message"] ?? root["@message"] ?? root["log"] else { return .foreign }
        return message(text, depth, body)
    }

    /// Reads an event around which an export has put an object: a string or an object.
    private func message(_ message: Value, _ depth: Int, _ body: (Value) -> Void) -> Content {
        guard depth + 1 < AuditLine.maximumDepth else { return .foreign }
        switch message.kind {
        case .object: return events(in: message, depth + 1, body)
        case .string where message.withRawText({ $0.first == UInt8(ascii: "{") }):
            return message.withContents { document($0, depth + 1, body) }
        default: return .foreign
        }
    }

    /// Reads a quoted cell of a CSV file, in which a quote is written twice.
    private func csv(_ line: Span<UInt8>, from start: Int, _ body: (Value) -> Void) -> Content {
        let quote = UInt8(ascii: "\"")
        var text: [UInt8] = []
        text.reserveCapacity(line.count)
        var index = start
        while index < line.count {
            let byte = line[index]
            index += 1
            if byte == quote {
                guard index < line.count, line[index] == quote else { break }
                index += 1
            }
            text.append(byte)
        }
        return document(text.span, 0, body)
    }
}

extension AuditLine.Content {
    /// The content of several parts: events if one part has any.
    fileprivate init(_ parts: [AuditLine.Content]) {
        let order: [AuditLine.Content] = [.events, .damaged, .foreign]
        self = order.first(where: parts.contains) ?? .around
    }
}

extension Value {
    /// True for an Event of an audit log; those in an EventList have no kind.
    fileprivate var isAuditEvent: Bool {
        guard let kind = self["kind"] else { return self["auditID"] != nil && self["stage"] != nil }
        return kind.equals("Event") && self["apiVersion"]?.hasPrefix("audit.k8s.io/") ?? false
    }
}

extension Span<UInt8> {
    fileprivate var first: UInt8? { isEmpty ? nil : self[0] }

    /// The range without white space and a byte order mark at the start, and without white space at the end.
    var contentRange: Range<Int> {
        var (start, end) = (0, count)
        if count >= 3, self[0] == 0xEF, self[1] == 0xBB, self[2] == 0xBF { start = 3 }
        while start < end, self[start] <= 0x20 { start += 1 }
        while end > start, self[end - 1] <= 0x20 { end -= 1 }
        return start..<end
    }

    /// The end without a comma.
    fileprivate var endBeforeComma: Int { count > 1 && self[count - 1] == UInt8(ascii: ",") ? count - 1 : count }

    /// The event without its objects, as if the API server had removed them; nothing if it ends before them.
    fileprivate var head: [UInt8] {
        // No string contains these quotes.
        let starts: [StaticString] = [",\"requestObject\":", ",\"responseObject\":"]
        guard count > 0, self[0] == UInt8(ascii: "{") else { return [] }
        let end = indices.first { index in
            // A text is compared only at `,"re`.
            self[index] == UInt8(ascii: ",") && index + 3 < count && self[index + 2] == UInt8(ascii: "r")
                && self[index + 3] == UInt8(ascii: "e") && starts.contains { has($0, at: index) }
        }
        guard let end else { return [] }
        var event: [UInt8] = []
        event.reserveCapacity(end + 60)
        for index in 0..<end { event.append(self[index]) }
        return event + Array(#","annotations":{"audit.k8s.io/truncated":"true"}}"#.utf8)
    }

    private func has(_ text: StaticString, at start: Int) -> Bool {
        count - start >= text.utf8CodeUnitCount
            && "\(text)".utf8.enumerated().allSatisfy { self[start + $0.offset] == $0.element }
    }

    fileprivate func first(of byte: Unicode.Scalar, within limit: Int) -> Int? {
        (0..<Swift.min(count, limit)).first { self[$0] == UInt8(ascii: byte) }
    }
}
