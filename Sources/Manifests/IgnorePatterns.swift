/// The patterns of a `.gitignore` or `.playbookignore` file (https://git-scm.com/docs/gitignore).
///
/// A match takes at most time proportional to the product of the lengths of pattern and path.
public struct IgnorePatterns: Sendable {
    private let patterns: [Pattern]

    /// Reads the lines of a file; lines and patterns beyond the limits are skipped.
    public init(_ text: String) {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n")).prefix(IgnorePatterns.maximumPatterns)
        patterns = lines.compactMap { line in
            line.count <= IgnorePatterns.maximumLength ? Pattern(Array(line)) : nil
        }
    }

    private static let maximumPatterns = 10_000
    private static let maximumLength = 1024

    /// Returns the decision of the last pattern that matches a path; nil if none does.
    ///
    /// - Parameters:
    ///   - path: The path, relative to the directory of the file with the patterns.
    ///   - isDirectory: True for a directory.
    /// - Returns: True if the path is ignored, false if a pattern with `!` includes it.
    public func ignores(_ path: String, isDirectory: Bool) -> Bool? {
        let segments = path.utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
        return patterns.last { $0.matches(segments, isDirectory: isDirectory) }.map { !$0.isNegated }
    }
}

/// One line of patterns.
private struct Pattern {
    let isNegated: Bool
    private let isForDirectories: Bool
    /// The parts between slashes; nil is `**`, which matches any number of directories.
    private let parts: [Segment?]

    /// Creates a pattern; nil for a comment or an empty line.
    init?(_ line: [UInt8]) {
        var line = line[...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        // Spaces at the end do not count unless they are escaped.
        while line.last == UInt8(ascii: " "), line.dropLast().last != UInt8(ascii: "\\") { line.removeLast() }
        guard let first = line.first, first != UInt8(ascii: "#") else { return nil }
        isNegated = first == UInt8(ascii: "!")
        if isNegated { line.removeFirst() }
        isForDirectories = line.last == UInt8(ascii: "/")
        if isForDirectories { line.removeLast() }
        guard !line.isEmpty else { return nil }
        // A slash that is not at the end binds the pattern to the directory of its file.
        let isAnchored = line.contains(UInt8(ascii: "/"))
        let texts = line.split(separator: UInt8(ascii: "/"))
        let parts = texts.map { $0.elementsEqual([0x2A, 0x2A]) ? nil : Segment($0) }
        guard !parts.isEmpty else { return nil }
        self.parts = isAnchored ? parts : [nil] + parts
    }

    func matches(_ path: [[UInt8]], isDirectory: Bool) -> Bool {
        guard !isForDirectories || isDirectory, !path.isEmpty else { return false }
        // The places in the path up to which the parts so far match.
        var reached = Array(repeating: false, count: path.count + 1)
        reached[0] = true
        for (index, part) in parts.enumerated() {
            var next = Array(repeating: false, count: path.count + 1)
            if let part {
                for at in path.indices where reached[at] && part.matches(path[at]) { next[at + 1] = true }
            } else {
                guard let first = reached.firstIndex(of: true) else { return false }
                // At the end, `**` matches everything inside a directory but not the directory itself.
                let start = index == parts.count - 1 ? first + 1 : first
                for at in next.indices where at >= start { next[at] = true }
            }
            reached = next
        }
        return reached[path.count]
    }
}

/// The pattern of one name.
private struct Segment {
    fileprivate enum Token {
        case any
        case run
        case byte(UInt8)
        case set([ClosedRange<UInt8>], isNegated: Bool)
    }

    private let tokens: [Token]

    init(_ text: ArraySlice<UInt8>) {
        var tokens: [Token] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"): tokens.append(.run)
            case UInt8(ascii: "?"): tokens.append(.any)
            case UInt8(ascii: "\\"): tokens.append(.byte(rest.popFirst() ?? byte))
            case UInt8(ascii: "["): tokens.append(Segment.set(&rest) ?? .byte(byte))
            default: tokens.append(.byte(byte))
            }
        }
        self.tokens = tokens
    }

    /// Reads a set such as `[a-z]` or `[!0-9]` after its bracket; nil if it has no end.
    private static func set(_ rest: inout ArraySlice<UInt8>) -> Token? {
        var inside = rest
        let isNegated = inside.first == UInt8(ascii: "!") || inside.first == UInt8(ascii: "^")
        if isNegated { inside.removeFirst() }
        var ranges: [ClosedRange<UInt8>] = []
        while let byte = inside.popFirst() {
            if byte == UInt8(ascii: "]"), !ranges.isEmpty {
                rest = inside
                return .set(ranges, isNegated: isNegated)
            }
            let low = byte == UInt8(ascii: "\\") ? inside.popFirst() ?? byte : byte
            var high = low
            if inside.first == UInt8(ascii: "-"), let end = inside.dropFirst().first, end != UInt8(ascii: "]") {
                inside.removeFirst(2)
                high = end
            }
            if low <= high { ranges.append(low...high) }
        }
        return nil
    }

    func matches(_ text: [UInt8]) -> Bool {
        var (at, place) = (0, 0)
        var star: (at: Int, place: Int)?
        while at < text.count {
            if place < tokens.count, case .run = tokens[place] {
                star = (at, place)
                place += 1
            } else if place < tokens.count, tokens[place].matches(text[at]) {
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
        return tokens[place...].allSatisfy { if case .run = $0 { true } else { false } }
    }
}

extension Segment.Token {
    fileprivate func matches(_ byte: UInt8) -> Bool {
        switch self {
        case .any, .run: true
        case .byte(let wanted): wanted == byte
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
        }
    }
}
