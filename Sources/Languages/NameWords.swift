/// Up to 16 lower case letters in one number, so that words are compared without copies.
public struct NameWord: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The letters; the last one is in the lowest byte.
    public private(set) var letters: UInt128 = 0
    /// The number of letters, including those that are not kept.
    public private(set) var length = 0

    /// The maximum number of letters; of longer words the last letters are kept.
    public static let longest = 16

    /// Creates an empty word.
    public init() {}

    /// Creates a word from letters.
    public init(stringLiteral text: String) {
        for byte in text.utf8 { append(byte) }
    }

    /// The bits of the letters.
    var mask: UInt128 { length < 16 ? 1 << UInt128(8 * length) &- 1 : .max }

    /// True if the word ends with another word.
    public func ends(with other: NameWord) -> Bool { length >= other.length && letters & other.mask == other.letters }

    /// Returns a letter, counted from the end.
    public func letter(fromLast place: Int) -> UInt8 { UInt8(truncatingIfNeeded: letters >> UInt128(8 * place)) }

    /// The word without the `s` of a plural.
    public var singular: NameWord? {
        guard length > 3, UInt8(truncatingIfNeeded: letters) == UInt8(ascii: "s") else { return nil }
        var word = self
        word.letters >>= 8
        word.length -= 1
        return word
    }

    /// Appends a letter, in lower case.
    public mutating func append(_ letter: UInt8) {
        letters = letters << 8 | UInt128(letter | 0x20)
        length += 1
    }
}

/// A set of words; a lookup takes one multiplication and rarely more than one comparison.
public struct WordSet: Sendable, ExpressibleByArrayLiteral {
    /// Each word at its hash or at the next free slot; 0 in a free slot.
    private var slots: [UInt128]
    private let shift: UInt64
    /// The last letters of words, as bits, and for each first letter the second letters.
    private var (lasts, beginnings): (UInt32, [UInt32]) = (0, Array(repeating: 0, count: 32))

    /// Creates a set from a list.
    public init(arrayLiteral words: NameWord...) { self.init(words) }

    /// Creates a set.
    public init(_ words: some Collection<NameWord>) {
        // At least half of the slots are free, so that each search ends.
        let bits = Int.bitWidth - (2 * words.count).leadingZeroBitCount
        slots = Array(repeating: 0, count: 1 << bits)
        shift = UInt64(64 - bits)
        for word in words {
            var slot = slot(of: word.letters)
            while slots[slot] != 0, slots[slot] != word.letters { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = word.letters
            lasts |= WordSet.bit(word.letter(fromLast: 0))
            if word.length > 1 {
                beginnings[Int(word.letter(fromLast: word.length - 1) & 31)] |= WordSet.bit(
                    word.letter(fromLast: word.length - 2))
            }
        }
    }

    private static func bit(_ letter: UInt8) -> UInt32 { 1 &<< UInt32(letter & 31) }

    /// True if a word of two or more letters begins with these letters.
    public func mayBegin(_ first: UInt8, _ second: UInt8) -> Bool {
        beginnings[Int(first & 31)] & WordSet.bit(second) != 0
    }

    /// True if the last word of a range is in the set.
    public func containsLast(of text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var end = range.upperBound
        while end > range.lowerBound, !NameWords.isLetter(text[end - 1]) { end -= 1 }
        guard end > range.lowerBound, lasts & WordSet.bit(text[end - 1]) != 0 else { return false }
        return contains(NameWords.last(in: text, range.lowerBound..<end))
    }

    /// True if a word is in the set; the empty word is not.
    public func contains(_ word: NameWord) -> Bool {
        // Of longer words, only the last letters are stored.
        guard word.length > 0, word.length <= NameWord.longest else { return false }
        var slot = slot(of: word.letters)
        while slots[slot] != word.letters {
            if slots[slot] == 0 { return false }
            slot = (slot + 1) & (slots.count - 1)
        }
        return true
    }

    private func slot(of letters: UInt128) -> Int {
        let folded = UInt64(truncatingIfNeeded: letters) ^ UInt64(truncatingIfNeeded: letters >> 64) &* 0x100_0193
        return Int((folded &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }
}

/// The words of a name from a position: sequences of letters that end at a separator, a digit or a change of case.
public struct NameWords {
    /// The position.
    public private(set) var at: Int
    /// The end of the name.
    public let end: Int

    /// Creates a reader of a part of a text.
    public init(at: Int, end: Int) {
        self.at = at
        self.end = end
    }

    /// Returns the next word; empty if there is none.
    public mutating func next(in text: Span<UInt8>) -> NameWord {
        while at < end, !NameWords.isLetter(text[at]) { at += 1 }
        var word = NameWord()
        while at < end, NameWords.isLetter(text[at]), word.length == 0 || !NameWords.isBoundary(text, at) {
            word.append(text[at])
            at += 1
        }
        return word
    }

    /// Moves to the next word.
    ///
    /// - Returns: True if there is one.
    public mutating func skipToWord(in text: Span<UInt8>) -> Bool {
        while at < end, !NameWords.isLetter(text[at]) { at += 1 }
        return at < end
    }

    /// Moves to the end of the word that begins here.
    public mutating func skipWord(in text: Span<UInt8>) {
        repeat { at += 1 } while at < end && !NameWords.isBoundary(text, at)
    }

    /// Returns the last word of a range; empty if there is none.
    ///
    /// If the word is longer than all words in sets, its end is returned.
    public static func last(in text: Span<UInt8>, _ range: Range<Int>) -> NameWord {
        var end = range.upperBound
        while end > range.lowerBound, !isLetter(text[end - 1]) { end -= 1 }
        var start = end
        while start > range.lowerBound, end - start <= NameWord.longest, isLetter(text[start - 1]),
            start == end || !isBoundary(text, start)
        {
            start -= 1
        }
        var words = NameWords(at: start, end: end)
        return words.next(in: text)
    }

    /// True for an ASCII letter.
    public static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    /// True if no word continues at a position: the preceding byte is not a letter, or the case changes.
    public static func isBoundary(_ text: Span<UInt8>, _ at: Int) -> Bool {
        guard at > 0, isLetter(text[at - 1]), isLetter(text[at]) else { return true }
        return text[at - 1] & 0x20 != 0 && text[at] & 0x20 == 0
    }

    /// True for the bytes of names of variables, programs and hosts: letters, digits, `-`, `.` and `_`.
    public static func isInName(_ byte: UInt8) -> Bool {
        // - . / 0 … 9
        isLetter(byte) || (byte &- 45 < 13 && byte != UInt8(ascii: "/")) || byte == UInt8(ascii: "_")
    }

    /// Returns the words of a text that are separated by white space.
    public static func words(_ text: String) -> [NameWord] {
        text.split(whereSeparator: \.isWhitespace).map { NameWord(stringLiteral: String($0)) }
    }
}
