import Evaluation
import JSON

/// A line of the log, of bounded length even if the values of a request are long.
struct LogLine {
    let level: LogLevel
    let message: String
    let fields: [(String, Literal)]
    private let time = "\(Process.now)"

    /// The largest length of a line in bytes, including the line feed.
    static let maximum = 8 << 10

    init(level: LogLevel, message: String, fields: [(String, Literal)]) {
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// Returns the line with its line feed: one JSON object, or text.
    ///
    /// Values of a line that would be too long are cut, and the field `truncated` is added.
    func bytes(isText: Bool) -> [UInt8] {
        // Values that are certain not to fit are cut at once.
        if fields.allSatisfy({ !$0.1.isLong(LogLine.maximum) }) {
            let line = written(fields, isText)
            if line.count <= LogLine.maximum { return line }
        }
        var limit = 1024
        while limit >= 16 {
            let line = written(fields.map { ($0.0, $0.1.cut(to: limit)) } + [("truncated", true)], isText)
            if line.count <= LogLine.maximum { return line }
            limit /= 2
        }
        return written([("truncated", true)], isText)
    }

    private func written(_ fields: [(String, Literal)], _ isText: Bool) -> [UInt8] {
        var line: [UInt8] = []
        if isText {
            var text = "\(time) \(level.rawValue.uppercased()) \(message)"
            for (key, value) in fields { text += " \(key)=\(value.flowText)" }
            // Line breaks in values become spaces.
            line = text.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }
        } else {
            let head: [(String, Literal)] = [
                ("time", .string(time)), ("level", .string(level.rawValue)), ("message", .string(message)),
            ]
            Literal.object((head + fields).map { .init($0.0, $0.1) }).write(to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }
}

extension Literal {
    /// A value for a text line.
    fileprivate var flowText: String {
        if case .string(let text) = self, !text.contains(" "), !text.isEmpty { return text }
        return json
    }

    /// Returns true if it contains a text longer than this number of bytes, or a list with more elements.
    fileprivate func isLong(_ limit: Int) -> Bool {
        switch self {
        case .string(let text): text.utf8.count > limit
        case .array(let elements): elements.count > limit || elements.contains { $0.isLong(limit) }
        default: false
        }
    }

    /// Returns the value with texts cut to this number of bytes, and lists in proportion.
    fileprivate func cut(to limit: Int) -> Literal {
        switch self {
        case .string(let text):
            guard text.utf8.count > limit else { return self }
            var end = text.utf8.index(text.startIndex, offsetBy: limit)
            // By scalars, since a character has no largest length.
            while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
                end = text.utf8.index(before: end)
            }
            return .string(text[..<end] + "…")
        case .array(let elements):
            let count = max(1, limit / 16)
            guard elements.count > count else { return .array(elements.map { $0.cut(to: limit) }) }
            let kept = elements.prefix(count).map { $0.cut(to: limit) }
            return .array(kept + [.string("and \(elements.count - count) more")])
        default: return self
        }
    }
}
