/// A regular expression for paths or hosts, read as the texts that it matches: one for each alternative.
///
/// A pattern for one of many letters (`.`, `[a-z]`, `\w`) becomes ``anyLetter``, one for other characters or for any number of
/// them (`.*`, `\d`) a dot. The number and size of the texts are bounded.
struct PathExpression {
    /// Stands for any letter in a text; no UTF-8 text has this byte.
    static let anyLetter: UInt8 = 0xFF

    private static let maximumCount = 32
    private static let maximumSize = 2048

    /// Texts and their total size in bytes.
    private struct Texts {
        var all: [[UInt8]] = [[]]
        var size = 0

        /// Appends each of the other texts to each text; returns false if there are too many.
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

        /// Adds other texts; returns false if there are too many.
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

    /// Returns true if a text contains characters that only expressions have, not plain paths and hosts.
    static func isLikely(_ text: Span<UInt8>) -> Bool {
        text.indices.contains { at in
            switch text[at] {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "|"), UInt8(ascii: "\\"), UInt8(ascii: "?"),
                UInt8(ascii: "^"), UInt8(ascii: "$"), UInt8(ascii: "+"), UInt8(ascii: "{"):
                true
            default: false
            }
        }
    }

    /// Returns the texts that an expression matches; nil if there are too many or it is not an expression.
    static func texts(of text: Span<UInt8>) -> [[UInt8]]? {
        guard text.count <= 1024 else { return nil }
        var expression = PathExpression(text.indices.map { text[$0] })
        guard let texts = expression.alternatives(), expression.at == expression.bytes.count else { return nil }
        return texts.all
    }

    /// Returns the start of the first word in a text that can be a given word: most of its letters are written.
    static func start(of word: String, in text: Span<UInt8>) -> Int? {
        let letters = Array(word.utf8)
        guard !letters.isEmpty, !letters.contains(UInt8(ascii: "*")), letters.count <= text.count else { return nil }
        func isInWord(_ byte: UInt8) -> Bool { AdminSearch.isInWord(byte) || byte == anyLetter }
        for start in 0...text.count - letters.count {
            let end = start + letters.count
            guard start == 0 || !isInWord(text[start - 1]), end == text.count || !isInWord(text[end]) else { continue }
            var written = 0
            let isSame = letters.indices.allSatisfy { index in
                let byte = text[start + index]
                if byte == anyLetter { return true }
                written += 1
                return byte == letters[index] || byte &- 65 < 26 && byte | 32 == letters[index]
            }
            if isSame, 2 * written > letters.count { return start }
        }
        return nil
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

    /// Reads an element and its quantifier, of which only "optional" is evaluated.
    private mutating func append(to texts: inout Texts) -> Bool {
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return true
        case UInt8(ascii: "("):
            guard let group = group() else { return false }
            return append(group, to: &texts)
        case UInt8(ascii: "["):
            let characters = characters()
            guard characters.count <= 2 else { return append(wildcard: characters, to: &texts) }
            return append(Texts(all: characters.map { [$0] }, size: characters.count), to: &texts)
        case UInt8(ascii: "."): return append(wildcard: [PathExpression.anyLetter], to: &texts)
        case UInt8(ascii: "\\"):
            guard let escaped = at < bytes.count ? bytes[at] : nil else { return false }
            at += 1
            switch escaped {
            // Anchors and the marks of quotations match no characters.
            case _ where "AzbBQE".utf8.contains(escaped): return true
            case UInt8(ascii: "d"), UInt8(ascii: "s"): return append(wildcard: [], to: &texts)
            case UInt8(ascii: "p"), UInt8(ascii: "P"):
                // `\pL`, `\p{Greek}`
                if isAt("{") { while at < bytes.count, !isAt("}") { at += 1 } }
                at = min(at + 1, bytes.count)
                return append(wildcard: [PathExpression.anyLetter], to: &texts)
            case _ where "DwWS".utf8.contains(escaped):
                return append(wildcard: [PathExpression.anyLetter], to: &texts)
            default: return append(number(after: escaped) ?? escaped, to: &texts)
            }
        default: return append(byte, to: &texts)
        }
    }

    /// Reads the rest of a character by its number (`\x61`, `\x{61}`, `\141`); nil if it is none in ASCII.
    private mutating func number(after escaped: UInt8) -> UInt8? {
        let isHexadecimal = escaped == UInt8(ascii: "x")
        guard isHexadecimal || escaped &- 48 < 8 else { return nil }
        let isBraced = isHexadecimal && isAt("{")
        let start = isHexadecimal ? at + (isBraced ? 1 : 0) : at - 1
        var end = start
        let limit = min(bytes.count, start + (isBraced ? 8 : isHexadecimal ? 2 : 3))
        while end < limit, let digit = Character(Unicode.Scalar(bytes[end])).hexDigitValue, isHexadecimal || digit < 8 {
            end += 1
        }
        let digits = String(decoding: bytes[start..<end], as: UTF8.self)
        guard let number = UInt8(digits, radix: isHexadecimal ? 16 : 8), number < 0x80 else { return nil }
        if isBraced {
            guard end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return nil }
            end += 1
        }
        at = end
        return number
    }

    /// Appends one of many characters; with a quantifier, any number of them.
    private mutating func append(wildcard characters: [UInt8], to texts: inout Texts) -> Bool {
        let start = at
        let isOptional = mayBeAbsent()
        let isLetter = at == start && characters.contains { $0 == PathExpression.anyLetter || ($0 | 32) &- 97 < 26 }
        let byte = isLetter ? PathExpression.anyLetter : UInt8(ascii: ".")
        // Without it, the letters on both sides are one word.
        guard isOptional, at < bytes.count, AdminSearch.isInWord(bytes[at]),
            texts.all.contains(where: { $0.last.map(AdminSearch.isInWord) ?? false })
        else { return texts.append(byte) }
        return append(Texts(all: [[byte]], size: 1), to: &texts, orNothing: true)
    }

    private mutating func append(_ byte: UInt8, to texts: inout Texts) -> Bool {
        mayBeAbsent() ? append(Texts(all: [[byte]], size: 1), to: &texts, orNothing: true) : texts.append(byte)
    }

    private mutating func append(_ other: Texts, to texts: inout Texts) -> Bool {
        append(other, to: &texts, orNothing: mayBeAbsent())
    }

    private func append(_ other: Texts, to texts: inout Texts, orNothing: Bool) -> Bool {
        guard orNothing else { return texts.append(other) }
        var other = other
        return other.add(Texts()) && texts.append(other)
    }

    /// Reads a quantifier (`*`, `+`, `?`, `{2,5}`), if there is one; returns true if the element is optional.
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
        // A lazy quantifier.
        if isAt("?") { at += 1 }
        return mayBe
    }

    /// Reads a group after its opening parenthesis.
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

    /// Reads a class after its opening bracket; returns its characters, or those that it is written with if there are more
    /// than two.
    private mutating func characters() -> [UInt8] {
        let start = at
        if isAt("^") { at += 1 }
        // A bracket at the start is one of the characters.
        if isAt("]") { at += 1 }
        while at < bytes.count, !isAt("]") {
            if isAt("["), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: ":") {
                // `[:alpha:]`
                while at < bytes.count, !isAt("]") { at += 1 }
            }
            at += isAt("\\") ? 2 : 1
        }
        at = min(at, bytes.count)
        let all = bytes[start..<at]
        if at < bytes.count { at += 1 }
        // All characters but some: letters are among them.
        if all.first == UInt8(ascii: "^") { return [0, 0, PathExpression.anyLetter] }
        guard (1...2).contains(all.count), !all.contains(UInt8(ascii: "\\")) else { return Array(all) + [0, 0] }
        // The comparison of words ignores case.
        if let first = all.first, let last = all.last, first ^ last == 32, (first | 32) &- 97 < 26 { return [first] }
        return Array(all)
    }
}
