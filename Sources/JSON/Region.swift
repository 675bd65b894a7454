/// A range of a file, with an excerpt of its first line.
public struct Region: Sendable, Equatable {
    /// The location of its first character.
    public let start: Location
    /// The location after its last character.
    public let end: Location
    /// The start column in UTF-16 code units, as most editors count.
    public let startUTF16: Int
    /// The end column in UTF-16 code units.
    public let endUTF16: Int
    /// The line that it starts in, without hidden text, and shortened.
    public let excerpt: String
    /// The characters of the excerpt that belong to the range.
    public let marked: Range<Int>

    /// Creates the region of a range.
    ///
    /// - Parameters:
    ///   - range: The range in bytes.
    ///   - text: The file's text.
    ///   - hidden: The ranges that must not be shown.
    public init(_ range: Range<Int>, in text: SourceText, hiding hidden: [Range<Int>] = []) {
        start = text.location(of: range.lowerBound)
        end = text.location(of: range.upperBound)
        startUTF16 = text.columnUTF16(of: range.lowerBound)
        endUTF16 = text.columnUTF16(of: range.upperBound)
        let line = text.range(ofLine: start.line)
        // A line can be as long as the file, so only the part that can be shown is read.
        let begin = Region.start(before: range.lowerBound, in: line, text, hidden)
        var shown: [Unicode.Scalar] = []
        var (first, behind) = (0, 0)
        var at = begin
        while at < line.upperBound, shown.count <= first + Region.width {
            if at <= range.lowerBound { first = shown.count }
            if let secret = hidden.first(where: { $0.contains(at) }) {
                shown += Array(repeating: "•", count: 3)
                at = min(secret.upperBound, line.upperBound)
            } else {
                var end = at + 1
                while end < line.upperBound, text.bytes[end] & 0xC0 == 0x80 { end += 1 }
                shown.append(Region.shown(text.bytes[at..<end]))
                at = end
            }
            if at <= range.upperBound { behind = shown.count }
        }
        behind = min(max(behind, first + 1), max(shown.count, first + 1))
        (excerpt, marked) = Region.cut(
            shown, to: first..<behind, hasMoreBefore: begin > line.lowerBound, hasMoreBehind: at < line.upperBound)
    }

    /// The maximum number of characters of an excerpt.
    private static let width = 120

    /// Returns the start of the excerpt, so that the allowed amount of text precedes a place.
    private static func start(
        before place: Int, in line: Range<Int>, _ text: SourceText, _ hidden: [Range<Int>]
    ) -> Int {
        var at = min(place, line.upperBound)
        for _ in 0..<width where at > line.lowerBound {
            at -= 1
            while at > line.lowerBound, text.bytes[at] & 0xC0 == 0x80 { at -= 1 }
            // Hidden text is hidden completely.
            if let secret = hidden.first(where: { $0.contains(at) }) { at = max(secret.lowerBound, line.lowerBound) }
        }
        return at
    }

    /// Replaces control characters, which a terminal would execute.
    private static func shown(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar {
        if bytes.count == 1, let byte = bytes.first, byte < 0x80 {
            return byte < 0x20 || byte == 0x7F ? " " : Unicode.Scalar(byte)
        }
        let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first ?? " "
        return scalar.isUnfitForLine ? " " : scalar
    }

    /// Shortens a long line to the part around the marked range.
    private static func cut(
        _ line: [Unicode.Scalar], to marked: Range<Int>, hasMoreBefore: Bool, hasMoreBehind: Bool
    ) -> (String, Range<Int>) {
        func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
            if scalars.allSatisfy(\.isASCII) {
                return String(decoding: scalars.lazy.map { UInt8(truncatingIfNeeded: $0.value) }, as: UTF8.self)
            }
            var result = String.UnicodeScalarView()
            result.append(contentsOf: scalars)
            return String(result)
        }
        guard line.count > width || hasMoreBefore || hasMoreBehind else { return (text(line[...]), marked) }
        let start = max(0, min(marked.lowerBound - 20, line.count - width))
        let end = min(line.count, start + width)
        let before = start > 0 || hasMoreBefore ? "… " : ""
        let behind = end < line.count || hasMoreBehind ? " …" : ""
        let shift = start - before.unicodeScalars.count
        let last = max(marked.lowerBound + 1, min(marked.upperBound, end))
        return (before + text(line[start..<end]) + behind, marked.lowerBound - shift..<last - shift)
    }
}
