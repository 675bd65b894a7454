import Evaluation
import JSON

/// A line of the log: what happened, with values that may be as long as a request's author likes; the line is bounded.
struct LogLine {
    let level: LogLevel
    let message: String
    let fields: [(String, Literal)]
    private let time = "\(Process.now)"

    /// How long a line is at most, in bytes, its end included.
    static let maximum = 8 << 10

    init(level: LogLevel, message: String, fields: [(String, Literal)]) {
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// The line with its end: one JSON object, or text.
    ///
    /// Where it would be too long, its values are cut until it is not, and the field `truncated` says so.
    func bytes(isText: Bool) -> [UInt8] {
        // A value that cannot fit is not written out first.
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
            // A value may have line breaks of its own; a line stays one.
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

    /// Whether it holds more text than so many bytes.
    fileprivate func isLong(_ limit: Int) -> Bool {
        switch self {
        case .string(let text): text.utf8.count > limit
        case .array(let elements): elements.count > limit || elements.contains { $0.isLong(limit) }
        default: false
        }
    }

    /// The value with texts of so many bytes, and lists in proportion.
    fileprivate func cut(to limit: Int) -> Literal {
        switch self {
        case .string(let text):
            guard text.utf8.count > limit else { return self }
            var end = text.utf8.index(text.startIndex, offsetBy: limit)
            // By scalars: one character may be as long as somebody likes.
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
