public import JSON

/// Reads lines of audit logs and finds the events in them, in all forms in which logs are stored and exported.
///
/// A line can be an Event, an EventList, an Event after a time (an export of CloudWatch Logs to S3), or a result of
/// `aws logs filter-log-events`, of CloudWatch Logs Insights or of a subscription, in which each event is a string. Results that
/// are printed over many lines have one event per line; CSV files of Insights and Athena, too. One reader must be used by one
/// thread at a time.
public final class AuditLine {
    /// The content of a line.
    public enum Content: Equatable, Sendable {
        /// At least one event.
        case events
        /// Nothing, or a part of the document around events.
        case around
        /// An event or a document that is not complete JSON.
        case damaged
        /// Anything else.
        case foreign
    }

    /// The largest length of a line in bytes; longer lines are not read.
    public static let maximumLength = 64 << 20

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
        let line = line.extracting(line.contentRange)
        guard let first = line.first else { return .around }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if line.hasOnlyPunctuation { return .around }
            return document(line.extracting(0..<line.endBeforeComma), 0, body)
        case UInt8(ascii: "]"), UInt8(ascii: "}"): return line.hasOnlyPunctuation ? .around : .foreign
        case UInt8(ascii: "\""): return quoted(line, body)
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard let start = line.first(of: "{", within: 80) else { return .foreign }
            if start > 0, line[start - 1] == UInt8(ascii: "\"") { return csv(line, from: start, body) }
            return document(line.extracting(start..<line.count), 0, body)
        // The names of the columns of a CSV file.
        case UInt8(ascii: "@"): return .around
        default: return .foreign
        }
    }

    /// Reads a document: an event, or a result that contains events.
    private func document(_ bytes: Span<UInt8>, _ depth: Int, _ body: (Value) -> Void) -> Content {
        guard depth < AuditLine.maximumDepth else { return .foreign }
        guard bytes.count <= AuditLine.maximumLength else { return .damaged }
        do throws(ParseError) {
            return try documents[depth].read(bytes, AuditLine.options) { events(in: $0, depth, body) }
        } catch {
            return .damaged
        }
    }

    private func events(in root: Value, _ depth: Int, _ body: (Value) -> Void) -> Content {
        guard root.kind == .object else {
            return Content(root.elements.map { events(in: $0, depth, body) })
        }
        if let kind = root["kind"], root["apiVersion"]?.hasPrefix("audit.k8s.io/") ?? false {
            if kind.equals("Event") {
                body(root)
                return .events
            }
            guard kind.equals("EventList"), let items = root["items"] else { return .foreign }
            for item in items.elements { body(item) }
            return .events
        }
        if let text = root["message"] ?? root["@message"] ?? root["log"], text.kind == .string {
            return string(text, depth, body)
        }
        if let events = root["events"] ?? root["logEvents"] {
            return Content(
                events.elements.map { entry in entry["message"].map { string($0, depth, body) } ?? .foreign })
        }
        guard let rows = root["results"] else { return .foreign }
        return Content(
            rows.elements.map { row in
                let message = row.elements.first { $0["field"]?.equals("@message") ?? false }
                return message?["value"].map { string($0, depth, body) } ?? .foreign
            })
    }

    private func string(_ text: Value, _ depth: Int, _ body: (Value) -> Void) -> Content {
        guard text.withRawText({ $0.first == UInt8(ascii: "{") }) else { return .foreign }
        return text.withContents { document($0, depth + 1, body) }
    }

    /// Reads a member of a document that is printed over many lines, or a line of a CSV file.
    private func quoted(_ line: Span<UInt8>, _ body: (Value) -> Void) -> Content {
        guard let start = line.first(of: "{", within: 80) else { return .around }
        if start == 1, line.count > 3, line[2] == UInt8(ascii: "\""), line[3] == UInt8(ascii: "\"") {
            return csv(line, from: start, body)
        }
        // `"message": "{…}",`: the string, without the comma after it.
        guard line[start - 1] == UInt8(ascii: "\"") else { return .around }
        let text = line.extracting(start - 1..<line.endBeforeComma)
        do throws(ParseError) {
            return try documents[0].read(text, .strict) { string($0, 0, body) }
        } catch {
            return .damaged
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
        self = parts.contains(.events) ? .events : parts.contains(.damaged) ? .damaged : parts.first ?? .around
    }
}

extension Span<UInt8> {
    fileprivate var first: UInt8? { isEmpty ? nil : self[0] }

    /// The range without white space and a byte order mark at the start, and without white space at the end.
    fileprivate var contentRange: Range<Int> {
        var (start, end) = (0, count)
        if count >= 3, self[0] == 0xEF, self[1] == 0xBB, self[2] == 0xBF { start = 3 }
        while start < end, self[start] <= 0x20 { start += 1 }
        while end > start, self[end - 1] <= 0x20 { end -= 1 }
        return start..<end
    }

    /// The end without a comma.
    fileprivate var endBeforeComma: Int { count > 1 && self[count - 1] == UInt8(ascii: ",") ? count - 1 : count }

    fileprivate func first(of byte: Unicode.Scalar, within limit: Int) -> Int? {
        (0..<Swift.min(count, limit)).first { self[$0] == UInt8(ascii: byte) }
    }

    /// True for a line such as `}],`.
    fileprivate var hasOnlyPunctuation: Bool {
        count < 8 && indices.allSatisfy { self[$0] <= 0x20 || "{}[],".utf8.contains(self[$0]) }
    }
}
