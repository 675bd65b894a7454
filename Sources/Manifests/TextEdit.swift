public import JSON

/// The reason that a text cannot be changed, with its location.
public struct CannotEdit: Error, Sendable, Equatable {
    /// The reason.
    public let message: String
    /// The location; nil for the whole file.
    public let location: Location?

    /// Creates a reason.
    public init(_ message: String, at location: Location? = nil) {
        self.message = message
        self.location = location
    }
}

/// A replacement for a range of a text.
struct TextEdit {
    let range: Range<Int>
    let text: String
}

extension SourceText {
    /// Returns the text with edits applied; of several at one place, the first comes first.
    func applying(_ edits: [TextEdit]) throws(CannotEdit) -> [UInt8] {
        let inOrder = edits.enumerated().sorted { left, right in
            (left.element.range.lowerBound, left.offset) < (right.element.range.lowerBound, right.offset)
        }
        var result: [UInt8] = []
        var at = 0
        for (_, edit) in inOrder {
            guard edit.range.lowerBound >= at else {
                throw CannotEdit("two changes overlap", at: location(of: edit.range.lowerBound))
            }
            result += bytes[at..<edit.range.lowerBound]
            result += edit.text.utf8
            at = edit.range.upperBound
        }
        return result + bytes[at...]
    }

    /// The line break that the text uses.
    var lineBreak: String {
        guard let first = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return "\n" }
        return first > 0 && bytes[first - 1] == UInt8(ascii: "\r") ? "\r\n" : "\n"
    }

    /// The end of the line with the byte before a place, without its line break.
    func endOfLine(before place: Int) -> Int {
        range(ofLine: line(of: max(place - 1, 0))).upperBound
    }

    /// The number of bytes in a line before a place.
    func indent(of place: Int) -> Int { place - range(ofLine: line(of: place)).lowerBound }

    /// The white space at the start of a place's line.
    func margin(of place: Int) -> String {
        let line = range(ofLine: line(of: place))
        return String(decoding: bytes[line].prefix { $0 == 0x20 || $0 == 0x09 }, as: UTF8.self)
    }

    /// True if only white space precedes a place in its line.
    func isFirstInLine(_ place: Int) -> Bool {
        bytes[range(ofLine: line(of: place)).lowerBound..<place].allSatisfy { $0 == 0x20 || $0 == 0x09 }
    }

    /// The first byte from a place on that is not white space or a line break.
    func skippingSpace(from place: Int) -> Int {
        var at = place
        while at < bytes.count, isSpace(bytes[at]) { at += 1 }
        return at
    }

    /// The place after the last byte before a place that is not white space.
    func skippingSpace(backFrom place: Int) -> Int {
        var at = place
        while at > 0, isSpace(bytes[at - 1]) { at -= 1 }
        return at
    }

    private func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}
