/// A pattern for tags: literal characters, `{semver}`, `{sha}`, `{number}`, `{arch}`, `{sep}`, `*`, `?`, `[…]` and `|`.
///
/// A set of positions goes through the pattern once, so the time is bounded by the lengths of the pattern and the tag. A tag has
/// at most 128 characters.
public struct TagPattern: Sendable, Equatable {
    /// An element of a pattern; it has no references, so that matching does not count any.
    enum Element: Sendable, Equatable {
        /// A literal character.
        case character(UInt8)
        /// `?`: any character.
        case anyCharacter
        /// `*`: any text, or nothing.
        case anyText
        /// `{number}`: digits.
        case number
        /// `{sha}`: 7 to 40 hex digits, as git writes commits; `git describe` puts a `g` before them.
        case sha
        /// `{semver}`: `1.4.2` or `1.4.2-rc.1` (semver.org), without names of branches or environments.
        case semver
        /// `{arch}`: a processor architecture, `amd64` or `arm64`, by any name.
        case architecture
        /// `{sep}`: one of `-`, `_` and `.`.
        case separator
        /// `[…]`: the number of optional elements that follow.
        case optional(Int)
    }

    /// The pattern in the format of the setting.
    public let text: String
    private let alternatives: [[Element]]
    /// True for the standard pattern, whose most common form has a fast path.
    private let isStandard: Bool

    /// A version and a commit, in either order, with an optional number of commits since the version was tagged and an optional
    /// architecture.
    public static let standard: TagPattern = {
        // Built from elements, because parsing the text can throw.
        let version: [Element] = [.optional(1), .character(UInt8(ascii: "v")), .semver]
        let number: [Element] = [.optional(2), .separator, .number]
        let commit = [Element.optional(4)] + "sha-".utf8.map(Element.character) + [.sha]
        let architecture: [Element] = [.optional(2), .separator, .architecture]
        return TagPattern(
            standardText,
            [
                version + number + [.separator] + commit + architecture,
                commit + number + [.separator] + version + number + architecture,
            ])
    }()
    private static let standardText =
        "[v]{semver}[{sep}{number}]{sep}[sha-]{sha}[{sep}{arch}]|[sha-]{sha}[{sep}{number}]{sep}[v]{semver}[{sep}{number}][{sep}{arch}]"

    private init(_ text: String, _ alternatives: [[Element]]) {
        self.text = text
        isStandard = text == TagPattern.standardText
        self.alternatives = alternatives
    }

    /// The maximum length of a pattern.
    private static let mostCharacters = 200

    /// Parses a pattern.
    public init(parsing text: String) throws(Misplaced) {
        guard text.utf8.count <= TagPattern.mostCharacters else {
            throw Misplaced(
                at: TagPattern.mostCharacters,
                expected: "the end of a pattern of at most \(TagPattern.mostCharacters) characters")
        }
        var reader = Reader(text: Array(text.utf8))
        var alternatives = [try reader.elements(isOptional: false)]
        while reader.take(UInt8(ascii: "|")) { alternatives.append(try reader.elements(isOptional: false)) }
        if let empty = alternatives.firstIndex(where: \.isEmpty) {
            throw Misplaced(
                at: empty == 0 ? 0 : reader.at,
                expected: "a letter, a digit or a placeholder; an alternative must not be empty")
        }
        self.init(text, alternatives)
    }

    /// True if the whole tag matches the pattern.
    public func matches(_ tag: Span<UInt8>) -> Bool {
        guard tag.count <= 128 else { return false }
        if isStandard, tag.isReleaseAndCommit { return true }
        for elements in alternatives where TagPattern.matches(elements, tag) { return true }
        return false
    }

    private static func matches(_ elements: [Element], _ tag: Span<UInt8>) -> Bool {
        var places = Places(0)
        // The positions that skip the current optional part, and the index where it ends.
        var beside = Places()
        var end = -1
        for (index, element) in elements.enumerated() {
            if index == end { places.formUnion(beside) }
            if case .optional(let count) = element {
                beside = places
                end = index + 1 + count
            } else {
                guard !places.isEmpty || index < end else { return false }
                places = step(element, places, tag)
            }
        }
        if elements.count == end { places.formUnion(beside) }
        return places.contains(tag.count)
    }

    private static func step(_ element: Element, _ places: Places, _ tag: Span<UInt8>) -> Places {
        var next = Places()
        // There is nearly always one position, and finding a set bit is faster than testing all positions.
        var rest = places
        while let place = rest.popFirst(), place < tag.count {
            switch element {
            case .character(let byte): if tag[place] == byte { next.insert(place + 1) }
            case .anyCharacter: next.insert(place + 1)
            case .anyText: next.insert(place...tag.count)
            case .number: tag.endOfNumber(place).map { next.insert($0) }
            case .sha: tag.endOfCommit(place).map { next.insert($0) }
            case .semver: tag.endsOfVersion(place) { next.insert($0) }
            case .architecture: tag.endOfArchitecture(place).map { next.insert($0) }
            case .separator: tag.endOfSeparator(place).map { next.insert($0) }
            case .optional: break
            }
        }
        if case .anyText = element, places.contains(tag.count) { next.insert(tag.count) }
        return next
    }
}

/// A set of positions in a tag: 0 to 128.
private struct Places {
    private var bits: UInt128 = 0
    /// True if the set contains 128, which `bits` cannot hold.
    private var isAtEnd = false

    init() {}

    init(_ place: Int) { insert(place) }

    var isEmpty: Bool { bits == 0 && !isAtEnd }

    /// Removes and returns the first position, except 128.
    mutating func popFirst() -> Int? {
        guard bits != 0 else { return nil }
        defer { bits &= bits &- 1 }
        return bits.trailingZeroBitCount
    }

    func contains(_ place: Int) -> Bool { place < 128 ? bits & 1 << UInt128(place) != 0 : isAtEnd }

    mutating func insert(_ place: Int) {
        if place < 128 { bits |= 1 << UInt128(place) } else { isAtEnd = true }
    }

    mutating func insert(_ places: ClosedRange<Int>) { for place in places { insert(place) } }

    mutating func formUnion(_ other: Places) {
        bits |= other.bits
        isAtEnd = isAtEnd || other.isAtEnd
    }
}

/// Parses a pattern.
private struct Reader {
    let text: [UInt8]
    var at = 0

    mutating func take(_ byte: UInt8) -> Bool {
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }

    /// Parses elements up to `|`, or up to `]` in an optional part.
    mutating func elements(isOptional: Bool) throws(Misplaced) -> [TagPattern.Element] {
        var elements: [TagPattern.Element] = []
        while at < text.count {
            switch text[at] {
            case UInt8(ascii: "|") where !isOptional: return elements
            case UInt8(ascii: "]") where isOptional: return elements
            case UInt8(ascii: "["):
                guard !isOptional else { throw Misplaced(at: at, expected: "']', since optional parts do not nest") }
                at += 1
                let inside = try self.elements(isOptional: true)
                elements.append(.optional(inside.count))
                elements += inside
                guard take(UInt8(ascii: "]")) else { throw Misplaced(at: at, expected: "']'") }
            case UInt8(ascii: "{"): elements.append(try named())
            case UInt8(ascii: "*"):
                at += 1
                elements.append(.anyText)
            case UInt8(ascii: "?"):
                at += 1
                elements.append(.anyCharacter)
            case let byte where Reader.isOfTags(byte):
                at += 1
                elements.append(.character(byte))
            default:
                throw Misplaced(
                    at: at,
                    expected:
                        "a letter, a digit, one of . _ -, or one of {semver} {sha} {number} {arch} {sep} * ? [ ] |")
            }
        }
        return elements
    }

    private mutating func named() throws(Misplaced) -> TagPattern.Element {
        let names: [(String, TagPattern.Element)] = [
            ("{semver}", .semver), ("{sha}", .sha), ("{number}", .number), ("{arch}", .architecture),
            ("{sep}", .separator),
        ]
        for (name, element) in names where text[at...].starts(with: name.utf8) {
            at += name.utf8.count
            return element
        }
        throw Misplaced(at: at, expected: "{semver}, {sha}, {number}, {arch} or {sep}")
    }

    private static func isOfTags(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
}
