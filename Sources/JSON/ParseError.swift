/// The error of a malformed JSON document, with its location.
public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The problem, as a phrase.
    public let reason: String
    /// The index of the byte, counted from 0.
    public let offset: Int
    /// The line, counted from 1.
    public let line: Int
    /// The column in bytes, counted from 1.
    public let column: Int

    init(_ reason: String, at offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        self.reason = reason
        self.offset = offset
        // Counted only for errors: valid documents need no line table.
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        column = offset - lineStart + 1
    }

    /// The location and the reason, such as `line 3, column 14 (byte 52): a number must not start with 0`.
    public var description: String { "line \(line), column \(column) (byte \(offset)): \(reason)" }

    /// True if the document nests too deep and is not malformed otherwise.
    public var isTooDeep: Bool { reason == ParseError.tooDeep }

    /// True if the document has too many values and is not malformed otherwise.
    public var hasTooManyValues: Bool { reason == ParseError.tooManyValues }

    static let tooDeep = "the document nests too deep"
    static let tooManyValues = "the document has too many values"
}
