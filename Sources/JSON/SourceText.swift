/// A location in a text, counted from 1.
public struct Location: Sendable, Hashable, Comparable {
    /// The line.
    public let line: Int
    /// The column, in characters (Unicode scalars).
    public let column: Int

    /// Creates a location.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// True if the first location comes earlier.
    public static func < (left: Location, right: Location) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// The text of a file: UTF-8 bytes, and the starts of its lines.
public struct SourceText: Sendable {
    /// The bytes; UTF-16 with a byte order mark is converted to UTF-8.
    public let bytes: [UInt8]
    /// True if the file's bytes are different because it was converted.
    public let isTranscoded: Bool
    private let lineStarts: [Int]
    /// The number of characters before every n-th byte: a line can be as long as the file.
    private let counts: [Count]

    private struct Count {
        var scalars = 0
        var units = 0

        /// Counts a byte.
        mutating func add(_ byte: UInt8) {
            // Every byte of a character but the first is 10xxxxxx; a character of four bytes in UTF-8 (first byte 11110xxx) takes
            // two units in UTF-16.
            guard byte & 0xC0 != 0x80 else { return }
            scalars += 1
            units += byte >= 0xF0 ? 2 : 1
        }
    }

    private static let countedBytes = 4096

    /// Creates a text from a file's bytes.
    public init(_ file: [UInt8]) {
        let transcoded = SourceText.fromUTF16(file)
        bytes = transcoded ?? file
        isTranscoded = transcoded != nil
        lineStarts = SourceText.lineStarts(in: bytes)
        counts = SourceText.counts(in: bytes)
    }

    /// The number of bytes of a byte order mark at the beginning.
    public var markLength: Int { bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }

    /// The number of lines; a line break at the end does not start another one.
    public var lineCount: Int { lineStarts.count - (lineStarts.last == bytes.count && lineStarts.count > 1 ? 1 : 0) }

    /// The line of a byte, counted from 1.
    public func line(of offset: Int) -> Int {
        var (low, high) = (0, lineStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// The location of a byte.
    public func location(of offset: Int) -> Location {
        let line = line(of: offset)
        return Location(line: line, column: count(of: offset, inLine: line).scalars + 1)
    }

    /// The column of a byte in UTF-16 code units.
    func columnUTF16(of offset: Int) -> Int { count(of: offset, inLine: line(of: offset)).units + 1 }

    /// The number of characters in a line before one of its bytes.
    private func count(of offset: Int, inLine line: Int) -> Count {
        let start = max(lineStarts[line - 1], markLength)
        let end = max(start, min(offset, bytes.count))
        // Most lines are short.
        if end - start <= SourceText.countedBytes { return count(in: start..<end, after: Count()) }
        let (before, all) = (count(before: start), count(before: end))
        return Count(scalars: all.scalars - before.scalars, units: all.units - before.units)
    }

    private func count(before offset: Int) -> Count {
        let known = min(offset / SourceText.countedBytes, counts.count - 1)
        return count(in: known * SourceText.countedBytes..<offset, after: counts[known])
    }

    private func count(in range: Range<Int>, after count: Count) -> Count {
        bytes[range].reduce(into: count) { $0.add($1) }
    }

    private static func counts(in bytes: [UInt8]) -> [Count] {
        var (counts, count) = ([Count()], Count())
        for (index, byte) in bytes.enumerated() {
            if index > 0, index % countedBytes == 0 { counts.append(count) }
            count.add(byte)
        }
        return counts
    }

    /// The bytes of a line without its line break and byte order mark.
    public func range(ofLine line: Int) -> Range<Int> {
        guard line >= 1, line <= lineStarts.count else { return bytes.count..<bytes.count }
        let start = max(lineStarts[line - 1], markLength)
        var end = line < lineStarts.count ? lineStarts[line] : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return min(start, end)..<end
    }

    private static func lineStarts(in bytes: [UInt8]) -> [Int] {
        var starts = [0]
        for (index, byte) in bytes.enumerated() {
            // A carriage return alone ends a line too, as in YAML.
            let isEnd =
                byte == UInt8(ascii: "\n")
                || byte == UInt8(ascii: "\r") && !(index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n"))
            if isEnd { starts.append(index + 1) }
        }
        return starts
    }

    private static func fromUTF16(_ file: [UInt8]) -> [UInt8]? {
        let isLittle = file.starts(with: [0xFF, 0xFE])
        guard isLittle || file.starts(with: [0xFE, 0xFF]) else { return nil }
        var units: [UInt16] = []
        for index in stride(from: 2, to: file.count - 1, by: 2) {
            let (first, second) = (UInt16(file[index]), UInt16(file[index + 1]))
            units.append(isLittle ? first | second << 8 : first << 8 | second)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
