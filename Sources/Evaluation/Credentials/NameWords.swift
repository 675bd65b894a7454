/// Up to 16 lower case letters in one number, so that words are compared without copies.
package struct NameWord: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The letters; the last one is in the lowest byte.
    package private(set) var letters: UInt128 = 0
    package private(set) var length = 0

    /// The maximum number of letters; of longer words the last letters are kept.
    static let longest = 16

    package init() {}

    package init(stringLiteral text: String) {
        for byte in text.utf8 { append(byte) }
    }

    /// The bits of the letters.
    var mask: UInt128 { length < 16 ? 1 << UInt128(8 * length) &- 1 : .max }

    /// True if the word ends with another word.
    func ends(with other: NameWord) -> Bool { length >= other.length && letters & other.mask == other.letters }

    /// Returns a letter, counted from the end.
    func letter(fromLast place: Int) -> UInt8 { UInt8(truncatingIfNeeded: letters >> UInt128(8 * place)) }

    /// The word without the `s` of a plural.
    var singular: NameWord? {
        guard length > 3, UInt8(truncatingIfNeeded: letters) == UInt8(ascii: "s") else { return nil }
        var word = self
        word.letters >>= 8
        word.length -= 1
        return word
    }

    package mutating func append(_ letter: UInt8) {
        letters = letters << 8 | UInt128(letter | 0x20)
        length += 1
    }
}

/// A set of words; a lookup takes one multiplication and rarely more than one comparison.
package struct WordSet: Sendable, ExpressibleByArrayLiteral {
    /// Each word at its hash or at the next free slot; 0 in a free slot.
    private var slots: [UInt128]
    private let shift: UInt64
    /// The last letters of words, as bits, and for each first letter the second letters.
    private var (lasts, beginnings): (UInt32, [UInt32]) = (0, Array(repeating: 0, count: 32))

    package init(arrayLiteral words: NameWord...) { self.init(words) }

    package init(_ words: some Collection<NameWord>) {
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
    func mayBegin(_ first: UInt8, _ second: UInt8) -> Bool { beginnings[Int(first & 31)] & WordSet.bit(second) != 0 }

    /// True if the last word of a range is in the set.
    func containsLast(of text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var end = range.upperBound
        while end > range.lowerBound, !NameWords.isLetter(text[end - 1]) { end -= 1 }
        guard end > range.lowerBound, lasts & WordSet.bit(text[end - 1]) != 0 else { return false }
        return contains(NameWords.last(in: text, range.lowerBound..<end))
    }

    /// True if a word is in the set; the empty word is not.
    package func contains(_ word: NameWord) -> Bool {
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
    private(set) var at: Int
    let end: Int

    package init(at: Int, end: Int) {
        self.at = at
        self.end = end
    }

    /// Returns the next word; empty if there is none.
    package mutating func next(in text: Span<UInt8>) -> NameWord {
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
    mutating func skipToWord(in text: Span<UInt8>) -> Bool {
        while at < end, !NameWords.isLetter(text[at]) { at += 1 }
        return at < end
    }

    /// Moves to the end of the word that begins here.
    mutating func skipWord(in text: Span<UInt8>) {
        repeat { at += 1 } while at < end && !NameWords.isBoundary(text, at)
    }

    /// Returns the last word of a range; empty if there is none.
    ///
    /// If the word is longer than all words in sets, its end is returned.
    package static func last(in text: Span<UInt8>, _ range: Range<Int>) -> NameWord {
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
    static func isBoundary(_ text: Span<UInt8>, _ at: Int) -> Bool {
        guard at > 0, isLetter(text[at - 1]), isLetter(text[at]) else { return true }
        return text[at - 1] & 0x20 != 0 && text[at] & 0x20 == 0
    }
}

extension NameWords {
    /// Returns the words of a text that are separated by white space.
    package static func words(_ text: String) -> [NameWord] {
        text.split(whereSeparator: \.isWhitespace).map { NameWord(stringLiteral: String($0)) }
    }

    private static func set(_ text: String) -> WordSet { WordSet(words(text)) }

    /// The words after a keyword that name a property of the secret.
    private static let innocent = set(
        """
        addr address age alg algorithm alias allowed allowlist alphabet annotation arn attempts attr attribute aud audience
        authenticated authentication authenticator backend balance blacklist bucket budget cache chain change chars charset
        check claim class collection column complexity config configmap contract cookie cost count counter created csi
        database decimals decoder delimiter deny denylist description digest digits dir directory disable disabled domain
        driver duration enable enabled encoder encoding encryption endpoint engine env environment event exchange exp
        expiration expire expired expiry factory field file filename filter flow folder format gauge generation generator
        grace grant group handler hash hasher hashing header helper hint history holder host hostname hours id identifier
        ids index interval introspection iss issuance issued issuer jwks kind label leeway len length level lifespan
        lifetime limit link list location login lookup lowercase manager max message metadata method metric middleware min
        minutes mode model mount mountpath ms name named namespace network optional owner page pair param parameter parser
        path pattern per percent period permissions placeholder plugin policies policy port position prefix price
        processor project prompt prompted property provider public query queue rate realm recovery ref reference
        regex region registry renew renewal replacement request required requirements reset resolver resource retries retry
        reuse revocation role rotate rotated rotation route rule scan scanner scanning schedule schema scope seconds secs selector server service
        signing size skew source special stage standard state status stdin storage store strategy stream strength subject
        suffix supplier supply symbol sync table tag template text threshold timeout times title topic ttl type unit updated
        uppercase uri url usage use used user username validate validation validator validity var variable verification
        verifier verify version view volume warning whitelist window
        cer cfg conf crt csr htm html ini java js json md pem properties pub py rb sh sql toml tmpl tpl ts txt xml yaml yml
        """)

    /// True if a word after a keyword names a property of the secret.
    static func isInnocent(_ word: NameWord) -> Bool {
        if innocent.contains(word) { return true }
        return word.singular.map { innocent.contains($0) } ?? false
    }

    /// True if the next letters can begin such a word, so that the rest of the word matters.
    func startsInnocently(in text: Span<UInt8>) -> Bool {
        at + 1 < end && NameWords.innocent.mayBegin(text[at], text[at + 1])
    }

    /// The words before `key` that name the purpose or the owner of a secret key.
    ///
    /// By their last letter, longer words first: `unseal` ends with `seal`.
    private static let secretKeys: [[NameWord]] = {
        let all = words(
            """
            access account admin aes app auth bot cipher cookie crypto csrf decryption deploy encrypt encryption fernet hash hashing
            hmac ingest integration jws jwt license master root sdk seal server service session shared signature signing storage
            subscription unseal validation vault webhook write
            """
        ).sorted { ($0.length, $0.letters) > ($1.length, $1.letters) }
        var table: [[NameWord]] = Array(repeating: [], count: 32)
        for word in all { table[Int(word.letter(fromLast: 0) & 31)].append(word) }
        return table
    }()

    /// Returns the longest of these words that a word ends with.
    static func secretKey(ending word: NameWord) -> NameWord? {
        secretKeys[Int(word.letter(fromLast: 0) & 31)].first { word.ends(with: $0) }
    }

    /// The suffixes that can follow a keyword in the same word.
    static let tails = set("s es key keys value values string data base db prod dev plain")

    /// True if the last word before a keyword says that the value is not a secret.
    static func isInnocent(
        wordEnding range: Range<Int>, in text: Span<UInt8>, before kind: Credential.Kind
    ) -> Bool {
        switch kind {
        case .password: beforePassword.containsLast(of: text, range)
        case .secret: beforeSecret.containsLast(of: text, range)
        case .token: beforeToken.containsLast(of: text, range)
        case .apiKey, .key: beforeKey.containsLast(of: text, range)
        default: false
        }
    }

    private static let beforePassword = set("checksum")
    private static let beforeSecret = set(
        "checksum registry docker tls pull existing ca cert certificate ingress kube kubernetes image external sealed dsn "
            + "manager")
    private static let beforeToken = set(
        "max min num number count total avg average pad eos bos unk sep cls mask stop special input output prompt "
            + "completion context anon public publishable cancellation native supported")
    private static let beforeKey = set("public anon publishable")

    /// The prefixes of `pass` in the same word.
    static let beforePass = set("db pg my sql smtp mail user root admin redis mongo ldap login key store keystore")
}
