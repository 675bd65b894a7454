/// The patterns of a `.gitignore` or `.playbookignore` file (https://git-scm.com/docs/gitignore).
///
/// Patterns that end with a name without wildcards are found by that name, so thousands of them take no longer than one. Other
/// patterns are compared one by one. All comparisons are counted in steps, and callers limit the steps.
public struct IgnorePatterns: Sendable {
    private let patterns: [Pattern]
    /// The indexes of the patterns whose last part has no wildcard, by that part.
    private var named: [[UInt8]: [Int]] = [:]
    /// The indexes of the other patterns.
    private var others: [Int] = []
    /// The number of patterns beyond the limits, which are not used.
    public let unused: Int

    /// Reads the lines of a file; lines and patterns beyond the limits are not used.
    public init(_ text: String) {
        var patterns: [Pattern] = []
        var unused = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let pattern = Pattern(Array(line)) else { continue }
            if line.count <= IgnorePatterns.maximumLength, patterns.count < IgnorePatterns.maximumPatterns {
                patterns.append(pattern)
            } else {
                unused += 1
            }
        }
        self.patterns = patterns
        self.unused = unused
        for (index, pattern) in patterns.enumerated() {
            if let name = pattern.name { named[name, default: []].append(index) } else { others.append(index) }
        }
    }

    /// The maximum number of patterns of a file.
    public static let maximumPatterns = 20_000
    /// The maximum length of a pattern, in bytes.
    public static let maximumLength = 1024

    /// Returns the decision of the last pattern that matches a path; nil if none does.
    ///
    /// - Parameters:
    ///   - path: The path, relative to the directory of the file with the patterns.
    ///   - isDirectory: True for a directory.
    ///   - steps: Increased by the number of steps: a pattern, a part of one or a byte that is compared.
    /// - Returns: True if the path is ignored, false if a pattern with `!` includes it.
    public func ignores(_ path: String, isDirectory: Bool, steps: inout Int) -> Bool? {
        let segments = path.utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
        guard let last = segments.last else { return nil }
        var first = named[last, default: []][...]
        var second = others[...]
        // The last pattern decides, so both lists are read from their ends.
        while case let index = max(first.last ?? -1, second.last ?? -1), index >= 0 {
            if first.last == index { first.removeLast() } else { second.removeLast() }
            let pattern = patterns[index]
            if pattern.matches(segments, isDirectory: isDirectory, steps: &steps) { return !pattern.isNegated }
        }
        return nil
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
        var parts: [Segment?] = isAnchored ? [] : [nil]
        for text in line.split(separator: UInt8(ascii: "/")) {
            guard text.elementsEqual([0x2A, 0x2A]) else {
                parts.append(Segment(text))
                continue
            }
            // Two in a row match the same paths as one.
            if case .some(.none) = parts.last { continue }
            parts.append(nil)
        }
        guard parts.count > (isAnchored ? 0 : 1) else { return nil }
        self.parts = parts
    }

    /// The last part if it has no wildcard.
    var name: [UInt8]? { parts.last?.flatMap(\.name) }

    func matches(_ path: [[UInt8]], isDirectory: Bool, steps: inout Int) -> Bool {
        steps += 1
        guard !isForDirectories || isDirectory, !path.isEmpty else { return false }
        // The places in the path up to which the parts so far match.
        var reached = Array(repeating: false, count: path.count + 1)
        reached[0] = true
        for (index, part) in parts.enumerated() {
            var next = Array(repeating: false, count: path.count + 1)
            steps += path.count
            if let part {
                for at in path.indices where reached[at] && part.matches(path[at], &steps) { next[at + 1] = true }
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

    /// The text if there is no wildcard.
    var name: [UInt8]? {
        var name: [UInt8] = []
        for token in tokens {
            guard case .byte(let byte) = token else { return nil }
            name.append(byte)
        }
        return name
    }

    func matches(_ text: [UInt8], _ steps: inout Int) -> Bool {
        // The end is compared first, since most names differ there.
        var (end, last) = (text.count, tokens.count)
        while last > 0, !tokens[last - 1].isRun {
            steps += 1
            guard end > 0, tokens[last - 1].matches(text[end - 1]) else { return false }
            (end, last) = (end - 1, last - 1)
        }
        guard last > 0 else { return end == 0 }
        var (at, place) = (0, 0)
        var star: (at: Int, place: Int)?
        while at < end {
            steps += 1
            if place < last, tokens[place].isRun {
                star = (at, place)
                place += 1
            } else if place < last, tokens[place].matches(text[at]) {
                at += 1
                place += 1
            } else if let start = star {
                // The part after a run is found as early as possible, so earlier runs need no other try.
                star = (start.at + 1, start.place)
                at = start.at + 1
                place = start.place + 1
            } else {
                return false
            }
        }
        return tokens[place..<last].allSatisfy(\.isRun)
    }
}

extension Segment.Token {
    fileprivate var isRun: Bool { if case .run = self { true } else { false } }

    fileprivate func matches(_ byte: UInt8) -> Bool {
        switch self {
        case .any, .run: true
        case .byte(let wanted): wanted == byte
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
        }
    }
}
