public import JSON

/// Why a change cannot be written into a text, and where.
public struct CannotEdit: Error, Sendable, Equatable {
    /// Why.
    public let message: String
    /// Where; nil for the whole file.
    public let location: Location?

    init(_ message: String, at location: Location? = nil) {
        self.message = message
        self.location = location
    }
}

/// Bytes that take the place of a stretch of a text.
struct TextEdit {
    let range: Range<Int>
    let text: String
}

extension SourceText {
    /// The text with edits carried out; of several in one place the first comes first.
    func applying(_ edits: [TextEdit]) throws(CannotEdit) -> [UInt8] {
        let inOrder = edits.enumerated().sorted { left, right in
            (left.element.range.lowerBound, left.offset) < (right.element.range.lowerBound, right.offset)
        }
        var result: [UInt8] = []
        var at = 0
        for (_, edit) in inOrder {
            guard edit.range.lowerBound >= at else {
                throw CannotEdit("two changes meet in one place", at: location(of: edit.range.lowerBound))
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

    /// Where the line ends that the byte before a place stands in; a line break is not part of it.
    func endOfLine(before place: Int) -> Int {
        range(ofLine: line(of: max(place - 1, 0))).upperBound
    }

    /// In how many bytes from the beginning of its line a place stands.
    func indent(of place: Int) -> Int { place - range(ofLine: line(of: place)).lowerBound }

    /// The white space that the line of a place begins with.
    func margin(of place: Int) -> String {
        let line = range(ofLine: line(of: place))
        return String(decoding: bytes[line].prefix { $0 == 0x20 || $0 == 0x09 }, as: UTF8.self)
    }

    /// Whether nothing but white space stands before a place in its line.
    func isFirstInLine(_ place: Int) -> Bool {
        bytes[range(ofLine: line(of: place)).lowerBound..<place].allSatisfy { $0 == 0x20 || $0 == 0x09 }
    }

    /// The first byte from a place on that is no white space, line breaks included.
    func skippingSpace(from place: Int) -> Int {
        var at = place
        while at < bytes.count, isSpace(bytes[at]) { at += 1 }
        return at
    }

    /// Behind the last byte before a place that is no white space.
    func skippingSpace(backFrom place: Int) -> Int {
        var at = place
        while at > 0, isSpace(bytes[at - 1]) { at -= 1 }
        return at
    }

    private func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}
