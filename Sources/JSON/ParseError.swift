/// Why bytes are no JSON document, and where.
public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, in words.
    public let reason: String
    /// The offending byte, counted from 0.
    public let offset: Int
    /// Its line, counted from 1.
    public let line: Int
    /// Its column in bytes, counted from 1.
    public let column: Int

    init(_ reason: String, at offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        self.reason = reason
        self.offset = offset
        // Counted only now: a line table for good documents would be wasted.
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        column = offset - lineStart + 1
    }

    /// The place and the reason, as in `line 3, column 14 (byte 52): a number may not start with 0`.
    public var description: String { "line \(line), column \(column) (byte \(offset)): \(reason)" }

    /// Whether the document nests too deep, rather than being malformed.
    public var isTooDeep: Bool { reason == ParseError.tooDeep }

    /// Whether the document has more values than its reader takes, rather than being malformed.
    public var hasTooManyValues: Bool { reason == ParseError.tooManyValues }

    static let tooDeep = "the document nests too deep"
    static let tooManyValues = "the document has too many values"
}
