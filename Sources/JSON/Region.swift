/// A stretch of a file, with its first line to show.
public struct Region: Sendable, Equatable {
    /// Where it begins.
    public let start: Location
    /// Behind its last character.
    public let end: Location
    /// The column of its start in UTF-16 code units, as most editors count.
    public let startUTF16: Int
    /// The column behind its last character in UTF-16 code units.
    public let endUTF16: Int
    /// The line that it begins in, without what must not be shown, and cut to a readable length.
    public let excerpt: String
    /// Which characters of the excerpt it takes.
    public let marked: Range<Int>

    /// Describes a stretch of a text.
    ///
    /// - Parameters:
    ///   - range: The stretch.
    ///   - text: The file's text.
    ///   - hidden: What must not be shown of it.
    public init(_ range: Range<Int>, in text: SourceText, hiding hidden: [Range<Int>] = []) {
        start = text.location(of: range.lowerBound)
        end = text.location(of: range.upperBound)
        startUTF16 = text.columnUTF16(of: range.lowerBound)
        endUTF16 = text.columnUTF16(of: range.upperBound)
        let line = text.range(ofLine: start.line)
        var shown: [Unicode.Scalar] = []
        var (first, behind) = (0, 0)
        var at = line.lowerBound
        while at < line.upperBound {
            if at <= range.lowerBound { first = shown.count }
            if let secret = hidden.first(where: { $0.contains(at) }) {
                shown += Array(repeating: "•", count: 3)
                at = min(secret.upperBound, line.upperBound)
            } else {
                var end = at + 1
                while end < line.upperBound, text.bytes[end] & 0xC0 == 0x80 { end += 1 }
                let scalar = String(decoding: text.bytes[at..<end], as: UTF8.self).unicodeScalars.first ?? " "
                // A terminal obeys control characters: a file must not speak to it.
                shown.append(scalar.properties.generalCategory == .control || scalar.isDirection ? " " : scalar)
                at = end
            }
            if at <= range.upperBound { behind = shown.count }
        }
        behind = min(max(behind, first + 1), max(shown.count, first + 1))
        (excerpt, marked) = Region.cut(shown, to: first..<behind)
    }

    /// The part of a long line around what is marked.
    private static func cut(_ line: [Unicode.Scalar], to marked: Range<Int>) -> (String, Range<Int>) {
        let width = 120
        func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
            var result = String.UnicodeScalarView()
            result.append(contentsOf: scalars)
            return String(result)
        }
        guard line.count > width else { return (text(line[...]), marked) }
        let start = max(0, min(marked.lowerBound - 20, line.count - width))
        let end = min(line.count, start + width)
        let before = start > 0 ? "… " : ""
        let shift = start - before.unicodeScalars.count
        let last = max(marked.lowerBound + 1, min(marked.upperBound, end))
        return (
            before + text(line[start..<end]) + (end < line.count ? " …" : ""), marked.lowerBound - shift..<last - shift
        )
    }
}

extension Unicode.Scalar {
    /// Whether it turns the direction of the text around it, and so could make a line read as something else.
    fileprivate var isDirection: Bool {
        (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }
}
