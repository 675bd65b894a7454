import Languages

/// The meaning of the name of a variable, setting or flag: `DB_PASSWORD`, `apiKey`, `--auth-token`.
///
/// The last keyword in a name decides, unless a later word names a property of the secret: `TOKEN_TTL_SECONDS`,
/// `PASSWORD_MIN_LENGTH`, `secretName`. Separators and the change of case between words do not matter.
package struct CredentialName {
    /// The kind of secret that the value would be.
    package let kind: Credential.Kind
    /// True if only a value that looks random is a secret: `SIGNING_KEY`.
    let isVague: Bool
    /// True if the value has a user name and a colon before the secret: `curl --user`.
    var isLogin = false
    /// True for a flag that can name the key of a Secret instead of a secret: `--secret-key password`.
    var mayNameKey = false
}

extension CredentialName {
    /// Reads a name; nil if it is not the name of a secret.
    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        // The end of a name is significant, and the rest is searched for each keyword.
        let range = max(range.lowerBound, range.upperBound - CredentialName.longest)..<range.upperBound
        let table = KeywordTable.shared
        let steps = table.steps.span
        var step: UInt16 = 0
        // The start of the current sequence of letters.
        var run = range.lowerBound
        var rest: RestOfName?
        var found: CredentialName?
        for at in range {
            let letter = (text[at] | 0x20) &- UInt8(ascii: "a")
            guard letter < 26 else {
                run = at + 1
                continue
            }
            step = steps[KeywordTable.place(after: step, letter)]
            guard step & KeywordTable.isEnd != 0, let keyword = table.keyword(at: step) else { continue }
            let place = Keyword.Place(range: range, run: run, end: at + 1)
            switch keyword.meaning(in: text, place, &rest) {
            case .none: continue
            case .innocent: found = nil
            case .secret:
                found = CredentialName(
                    kind: keyword.kind, isVague: keyword.isVague || keyword.isPlace(of: found),
                    mayNameKey: keyword.isSecretKey && text[range.lowerBound] == UInt8(ascii: "-"))
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// The number of bytes of a name that are read.
    private static let longest = 256
}

extension Keyword {
    /// True if the name refers to a Secret, or a key in one, of a secret that is already named: `PASSWORD_SECRET`.
    fileprivate func isPlace(of named: CredentialName?) -> Bool {
        guard kind == .secret, let named else { return false }
        return named.kind == .password || named.kind == .secret && named.isVague
    }

    /// The meaning of a keyword in its context.
    fileprivate enum Meaning {
        /// The keyword is part of another word, as in `TOKENIZER`.
        case none
        case innocent
        case secret
    }

    /// The position of a keyword.
    fileprivate struct Place {
        /// The name.
        let range: Range<Int>
        /// The start of the sequence of letters that ends with the keyword.
        let run: Int
        let end: Int

        /// Returns the position that is a number of letters before the end, not counting separators.
        func start(of length: Int, in text: Span<UInt8>) -> Int {
            if end - run >= length { return end - length }
            var rest = length
            var at = end
            while rest > 0, at > range.lowerBound {
                at -= 1
                if NameWords.isLetter(text[at]) { rest -= 1 }
            }
            return at
        }
    }

    fileprivate func meaning(in text: Span<UInt8>, _ place: Place, _ rest: inout RestOfName?) -> Meaning {
        let (range, end) = (place.range, place.end)
        guard let length = wholeLength(in: text, place) else { return .none }
        let before = range.lowerBound..<place.start(of: length, in: text)
        if standsAlone, !before.isEmpty, !NameWords.isBoundary(text, before.upperBound) {
            guard NameWords.beforePass.containsLast(of: text, before) else { return .none }
        }
        var words = NameWords(at: end, end: range.upperBound)
        // Letters that follow without a boundary belong to the same word.
        if end < range.upperBound, !NameWords.isBoundary(text, end) {
            if words.startsInnocently(in: text) {
                let tail = words.next(in: text)
                if NameWords.isInnocent(tail) { return .innocent }
                guard !standsAlone, NameWords.tails.contains(tail) else { return .none }
            } else {
                guard !standsAlone, NameWords.tails.contains(words.next(in: text)) else { return .none }
            }
        }
        if NameWords.isInnocent(wordEnding: before, in: text, before: kind) { return .innocent }
        guard words.at < range.upperBound else { return .secret }
        let following = rest ?? RestOfName(in: text, from: words)
        rest = following
        if following.lastInnocent >= end || standsAlone && following.last >= end { return .innocent }
        // The key of a password is its location, as in Secrets.
        return kind == .password && words.next(in: text) == Keyword.key ? .innocent : .secret
    }

    private static let key: NameWord = "key"

    /// Returns the number of letters, including a required prefix; nil if the prefix is missing.
    private func wholeLength(in text: Span<UInt8>, _ place: Place) -> Int? {
        guard isQualified else { return length }
        let before = NameWords.last(in: text, place.range.lowerBound..<place.start(of: length, in: text))
        return NameWords.secretKey(ending: before).map { length + $0.length }
    }
}

/// The meaning of the words after the first keyword of a name for all keywords before them; each word is read once.
private struct RestOfName {
    /// The start of the last word, and of the last word that names a property of the secret; -1 if there is none.
    private(set) var (last, lastInnocent) = (-1, -1)

    init(in text: Span<UInt8>, from words: NameWords) {
        var words = words
        while words.skipToWord(in: text) {
            last = words.at
            if words.startsInnocently(in: text) {
                if NameWords.isInnocent(words.next(in: text)) { lastInnocent = last }
            } else {
                words.skipWord(in: text)
            }
        }
    }
}
