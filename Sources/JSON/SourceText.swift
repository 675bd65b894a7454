/// A place in a text, both counted from 1.
public struct Location: Sendable, Equatable, Comparable {
    /// The line.
    public let line: Int
    /// The column, in characters (Unicode scalars).
    public let column: Int

    /// Creates a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Whether a place comes before another.
    public static func < (left: Location, right: Location) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A text as it stands in a file: UTF-8 bytes, and where its lines begin.
public struct SourceText: Sendable {
    /// The bytes; UTF-16 with a byte order mark is turned into UTF-8 first.
    public let bytes: [UInt8]
    /// Whether the file has other bytes than these.
    public let isTranscoded: Bool
    private let lineStarts: [Int]

    /// Takes a file's bytes.
    public init(_ file: [UInt8]) {
        let transcoded = SourceText.fromUTF16(file)
        bytes = transcoded ?? file
        isTranscoded = transcoded != nil
        lineStarts = SourceText.lineStarts(in: bytes)
    }

    /// The number of bytes of a byte order mark at the beginning.
    public var markLength: Int { bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }

    /// The number of lines; a line break at the end begins no other one.
    public var lineCount: Int { lineStarts.count - (lineStarts.last == bytes.count && lineStarts.count > 1 ? 1 : 0) }

    /// The line that a byte stands in, counted from 1.
    public func line(of offset: Int) -> Int {
        var (low, high) = (0, lineStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// Where a byte stands.
    public func location(of offset: Int) -> Location {
        // Every byte of a character but the first is 10xxxxxx.
        Location(line: line(of: offset), column: bytes[before(offset)].count { $0 & 0xC0 != 0x80 } + 1)
    }

    /// The column of a byte in UTF-16 code units.
    func columnUTF16(of offset: Int) -> Int {
        // What takes four bytes in UTF-8 takes two units in UTF-16; its first byte is 11110xxx.
        bytes[before(offset)].reduce(1) { $0 + ($1 & 0xC0 == 0x80 ? 0 : $1 >= 0xF0 ? 2 : 1) }
    }

    /// The bytes of a line that stand before one of its bytes.
    private func before(_ offset: Int) -> Range<Int> {
        let start = max(lineStarts[line(of: offset) - 1], markLength)
        return start..<max(start, min(offset, bytes.count))
    }

    /// The bytes of a line without its break; the byte order mark belongs to none.
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
            // A carriage return alone ends a line too, as it does for YAML.
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
