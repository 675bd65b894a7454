/// Joins the lines of documents that are printed over many lines, such as the output of `jq` and `aws logs`.
///
/// The events of such a document are passed on one by one, so its size does not matter: the objects in a top-level array, and in
/// the list of events of a top-level object. A structural error ends the document, so that what follows it is still read. One
/// value reads one file.
public struct LogLines: Sendable {
    /// The result of a line.
    enum Outcome: Equatable {
        /// The line is not part of a document; it must be read by itself.
        case alone
        /// The line is part of a document.
        case part
        /// The line does not continue the document that began on another line, which is not complete. The line must be read by
        /// itself.
        case broken(line: Int)
    }

    /// The longest first line of an object over many lines: a longer line is an event that was cut off.
    private static let longestHead = 1024
    /// The members of results that contain events.
    private static let lists: [StaticString] = ["items", "events", "logEvents", "results"]
    private static let maximumDepth = 10_000

    private enum Expected {
        case value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd
    }

    private struct Level {
        let isObject: Bool
        /// True if its elements, or those of one of its members, are events.
        var isList: Bool
    }

    private var levels: [Level] = []
    private var expected = Expected.value
    /// True if the last key of a top-level object names a list of events.
    private var isListKey = false
    /// The number of levels around the event that is being read; nil outside of events.
    private var outside: Int?
    /// The lines of the event before the current one.
    private var buffer: [UInt8] = []
    /// The line on which the event, or else the document, begins.
    private var first = 0
    /// The time of the last event, in microseconds since 1970.
    var time: Int64 = 0

    /// Creates a value for the beginning of a file.
    public init() {}

    /// Takes a line, and calls a function with each event that ends on it and the line on which that event begins.
    mutating func take(_ line: Span<UInt8>, _ number: Int, _ body: (Span<UInt8>, Int) -> Void) -> Outcome {
        let line = line.extracting(line.contentRange)
        let isFirst = levels.isEmpty
        if isFirst {
            guard LogLines.isHead(line) else { return .alone }
            first = number
        }
        let start = first
        let isWhole = scan(line, number, body)
        if !isWhole || levels.isEmpty { reset() }
        // A line such as `[2026-11-23] started` does not begin a document.
        return isWhole ? .part : isFirst ? .alone : .broken(line: start)
    }

    /// Ends the file; returns the line on which a document begins that is not complete.
    mutating func end() -> Int? {
        defer { reset() }
        return levels.isEmpty ? nil : first
    }

    private mutating func reset() {
        let time = time
        self = LogLines()
        self.time = time
    }

    /// True if a document over many lines can begin with a line.
    private static func isHead(_ line: Span<UInt8>) -> Bool {
        guard !line.isEmpty else { return false }
        let last = line[line.count - 1]
        switch line[0] {
        case UInt8(ascii: "["): return last != UInt8(ascii: "]") || line.count == 1
        case UInt8(ascii: "{"):
            return line.count <= longestHead && (last == UInt8(ascii: "{") || last == UInt8(ascii: "["))
        default: return false
        }
    }

    // MARK: Structure

    /// Reads a line; returns false if it does not continue the document.
    private mutating func scan(_ line: Span<UInt8>, _ number: Int, _ body: (Span<UInt8>, Int) -> Void) -> Bool {
        // The start of the event on this line.
        var start = 0
        var index = 0
        while index < line.count {
            let byte = line[index]
            if byte <= 0x20 {
                index += 1
                continue
            }
            if levels.isEmpty, expected == .commaOrEnd {
                // Only a comma can follow the document.
                guard byte == UInt8(ascii: ",") else { return false }
                index += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                guard let end = line.endOfString(from: index) else { return false }
                let isElement = outside == nil && levels.last.map { $0.isList && !$0.isObject } ?? false
                guard takeString(line.extracting(index..<end)) else { return false }
                if isElement {
                    first = number
                    body(line.extracting(index..<end), number)
                }
                index = end
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let wasOutside = outside == nil
                guard open(isObject: byte == UInt8(ascii: "{")) else { return false }
                if wasOutside, outside != nil { (start, first) = (index, number) }
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard close(isObject: byte == UInt8(ascii: "}")) else { return false }
                index += 1
                if outside == levels.count {
                    pass(line.extracting(start..<index), body)
                    first = number
                }
            case UInt8(ascii: ","):
                guard expected == .commaOrEnd, let level = levels.last else { return false }
                expected = level.isObject ? .key : .value
                index += 1
            case UInt8(ascii: ":"):
                guard expected == .colon else { return false }
                expected = .value
                index += 1
            default:
                guard byte.isOfLiteral, expected == .value || expected == .valueOrEnd else { return false }
                while index < line.count, line[index].isOfLiteral { index += 1 }
                expected = .commaOrEnd
            }
        }
        return outside == nil || keep(line.extracting(start..<line.count))
    }

    private mutating func takeString(_ text: Span<UInt8>) -> Bool {
        switch expected {
        case .key, .keyOrEnd:
            expected = .colon
            if levels.count == 1 { isListKey = LogLines.lists.contains { text.isString($0) } }
        case .value, .valueOrEnd: expected = .commaOrEnd
        case .colon, .commaOrEnd: return false
        }
        return true
    }

    private mutating func open(isObject: Bool) -> Bool {
        guard expected == .value || expected == .valueOrEnd, levels.count < LogLines.maximumDepth else { return false }
        var isList = false
        if let parent = levels.last {
            if levels.count == 1, parent.isObject, isListKey, !isObject {
                // The object is not an event but has a list of them.
                isList = true
                (outside, buffer) = (nil, [])
                levels[0].isList = true
            } else if outside == nil, parent.isList, !parent.isObject {
                outside = levels.count
            }
        } else if isObject {
            outside = 0
        } else {
            isList = true
        }
        levels.append(Level(isObject: isObject, isList: isList))
        expected = isObject ? .keyOrEnd : .valueOrEnd
        return true
    }

    private mutating func close(isObject: Bool) -> Bool {
        guard levels.last?.isObject == isObject,
            expected == .commaOrEnd || expected == (isObject ? .keyOrEnd : .valueOrEnd)
        else { return false }
        levels.removeLast()
        expected = .commaOrEnd
        return true
    }

    // MARK: Events

    /// Passes an event on.
    private mutating func pass(_ rest: Span<UInt8>, _ body: (Span<UInt8>, Int) -> Void) {
        outside = nil
        guard !buffer.isEmpty else { return body(rest, first) }
        for index in rest.indices { buffer.append(rest[index]) }
        body(buffer.span, first)
        buffer.removeAll(keepingCapacity: buffer.capacity < 1 << 20)
    }

    /// Keeps the part of an event that is on this line; returns false if the event is too large.
    private mutating func keep(_ part: Span<UInt8>) -> Bool {
        guard buffer.count + part.count < AuditLine.maximumLength else { return false }
        for index in part.indices { buffer.append(part[index]) }
        buffer.append(0x0A)
        return true
    }
}

extension UInt8 {
    /// True for the characters of numbers, `true`, `false` and `null`.
    fileprivate var isOfLiteral: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): true
        default: false
        }
    }
}

extension Span<UInt8> {
    /// Returns the position after a string that begins at a quote; nil if it does not end.
    fileprivate func endOfString(from start: Int) -> Int? {
        var index = start + 1
        while index < count {
            switch self[index] {
            case UInt8(ascii: "\""): return index + 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// True if a string with quotes is a text.
    fileprivate func isString(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount + 2
            && "\(text)".utf8.enumerated().allSatisfy { self[$0.offset + 1] == $0.element }
    }
}
