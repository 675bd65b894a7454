/// A regular expression for paths or hosts, read as the texts that it is written for: each alternative is one of them.
///
/// What stands for many characters (`.`, `[a-z]`, `\d`) is a dot in them. Few and short texts are made, whatever is written.
struct PathExpression {
    private static let maximumCount = 32
    private static let maximumSize = 2048

    /// Texts, and how many bytes they have in all.
    private struct Texts {
        var all: [[UInt8]] = [[]]
        var size = 0

        /// Whether another text may stand after each.
        mutating func append(_ other: Texts) -> Bool {
            let newSize = size * other.all.count + other.size * all.count
            guard all.count * other.all.count <= maximumCount, newSize <= maximumSize else { return false }
            if other.all.count == 1 {
                for index in all.indices { all[index] += other.all[0] }
            } else {
                all = all.flatMap { text in other.all.map { text + $0 } }
            }
            size = newSize
            return true
        }

        mutating func append(_ byte: UInt8) -> Bool {
            guard size + all.count <= maximumSize else { return false }
            for index in all.indices { all[index].append(byte) }
            size += all.count
            return true
        }

        /// Whether there may be so many as with these.
        mutating func add(_ other: Texts) -> Bool {
            guard all.count + other.all.count <= maximumCount, size + other.size <= maximumSize else { return false }
            all += other.all
            size += other.size
            return true
        }
    }

    private let bytes: [UInt8]
    private var at = 0
    private var depth = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// True if a text has what expressions have and plain paths and hosts do not.
    static func isLikely(_ text: Span<UInt8>) -> Bool {
        text.indices.contains { at in
            switch text[at] {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "|"), UInt8(ascii: "\\"), UInt8(ascii: "?"): true
            default: false
            }
        }
    }

    /// What an expression is written for; nil where that is too much, or it is none.
    static func texts(of text: Span<UInt8>) -> [[UInt8]]? {
        guard text.count <= 1024 else { return nil }
        var expression = PathExpression(text.indices.map { text[$0] })
        guard let texts = expression.alternatives(), expression.at == expression.bytes.count else { return nil }
        return texts.all
    }

    private func isAt(_ byte: Unicode.Scalar) -> Bool { at < bytes.count && bytes[at] == UInt8(ascii: byte) }

    /// Reads to the end of the group.
    private mutating func alternatives() -> Texts? {
        var before: Texts?
        var texts = Texts()
        while at < bytes.count, !isAt(")") {
            if isAt("|") {
                at += 1
                guard before?.add(texts) ?? true else { return nil }
                before = before ?? texts
                texts = Texts()
                continue
            }
            guard append(to: &texts) else { return nil }
        }
        guard var before else { return texts }
        return before.add(texts) ? before : nil
    }

    /// Reads what may be repeated, and how often it is: nothing or once are all that is told apart.
    private mutating func append(to texts: inout Texts) -> Bool {
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return true
        case UInt8(ascii: "("):
            guard let group = group() else { return false }
            return append(group, to: &texts)
        case UInt8(ascii: "["):
            guard let characters = characters() else { return append(UInt8(ascii: "."), to: &texts) }
            return append(Texts(all: characters.map { [$0] }, size: characters.count), to: &texts)
        case UInt8(ascii: "\\"):
            guard let escaped = at < bytes.count ? bytes[at] : nil else { return false }
            at += 1
            // Places between characters, and the ends of quotations, are no characters.
            if "AzbBQE".utf8.contains(escaped) { return true }
            return append("dDwWsSpP".utf8.contains(escaped) ? UInt8(ascii: ".") : escaped, to: &texts)
        default: return append(byte, to: &texts)
        }
    }

    private mutating func append(_ byte: UInt8, to texts: inout Texts) -> Bool {
        if byte == UInt8(ascii: ".") {
            _ = mayBeAbsent()
            return texts.append(byte)
        }
        return mayBeAbsent() ? append(Texts(all: [[byte]], size: 1), to: &texts, orNothing: true) : texts.append(byte)
    }

    private mutating func append(_ other: Texts, to texts: inout Texts) -> Bool {
        append(other, to: &texts, orNothing: mayBeAbsent())
    }

    private func append(_ other: Texts, to texts: inout Texts, orNothing: Bool) -> Bool {
        guard orNothing else { return texts.append(other) }
        var other = other
        return other.add(Texts()) && texts.append(other)
    }

    /// Reads `*`, `+`, `?`, `{2,5}`, if one is here: whether what stands before it may be absent.
    private mutating func mayBeAbsent() -> Bool {
        var mayBe = false
        if isAt("*") || isAt("?") {
            mayBe = true
        } else if isAt("{") {
            var end = at + 1
            while end < bytes.count, bytes[end] &- 48 <= 9 || bytes[end] == UInt8(ascii: ",") { end += 1 }
            guard end > at + 1, end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return false }
            mayBe = bytes[at + 1] == UInt8(ascii: "0")
            at = end
        } else if !isAt("+") {
            return false
        }
        at += 1
        // As little of it as may be.
        if isAt("?") { at += 1 }
        return mayBe
    }

    /// Reads a group, whose beginning has been read.
    private mutating func group() -> Texts? {
        if isAt("?") {
            // `(?:`, `(?P<name>`, `(?i)`
            while at < bytes.count, ![":", ">", ")"].contains(Unicode.Scalar(bytes[at])) { at += 1 }
            guard at < bytes.count else { return nil }
            at += 1
            if bytes[at - 1] == UInt8(ascii: ")") { return Texts() }
        }
        guard depth < 16 else { return nil }
        depth += 1
        defer { depth -= 1 }
        guard let texts = alternatives(), isAt(")") else { return nil }
        at += 1
        return texts
    }

    /// Reads a class, whose beginning has been read: its characters where these are one or two.
    private mutating func characters() -> [UInt8]? {
        let start = at
        // A bracket that comes first is one of them.
        if at < bytes.count { at += 1 }
        while at < bytes.count, !isAt("]") { at += isAt("\\") ? 2 : 1 }
        at = min(at, bytes.count)
        let all = bytes[start..<at]
        if at < bytes.count { at += 1 }
        guard (1...2).contains(all.count), !all.contains(UInt8(ascii: "\\")), all.first != UInt8(ascii: "^") else {
            return nil
        }
        // Words are compared in either case.
        if let first = all.first, let last = all.last, first ^ last == 32, (first | 32) &- 97 < 26 { return [first] }
        return Array(all)
    }
}
