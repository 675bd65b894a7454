/// A pattern in which `*` matches any text.
///
/// A match takes at most time proportional to the product of both lengths: after a mismatch only the last `*` is tried again.
public struct Glob: Sendable, Equatable {
    private let pattern: [UInt8]

    /// The pattern as written.
    public var text: String { String(decoding: pattern, as: UTF8.self) }

    /// Creates a pattern.
    public init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

    /// True if the pattern matches the whole text.
    public func matches(_ text: String) -> Bool { matches(text.utf8.span) }

    /// True if the pattern matches the whole text; if case is ignored, the pattern must be lower case ASCII.
    public func matches(_ text: Span<UInt8>, ignoringCase: Bool = false) -> Bool {
        var at = 0
        var place = 0
        var star: (at: Int, place: Int)?
        while at < text.count {
            let byte = ignoringCase && text[at] &- 65 < 26 ? text[at] | 32 : text[at]
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (at, place)
                place += 1
            } else if place < pattern.count, pattern[place] == byte {
                at += 1
                place += 1
            } else if let last = star {
                star = (last.at + 1, last.place)
                at = last.at + 1
                place = last.place + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
