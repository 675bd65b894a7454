/// What the name of a variable, setting or flag says about its value: `DB_PASSWORD`, `apiKey`, `--auth-token`.
///
/// A name is a secret's by the last keyword in it, unless a word after that says what about the secret is meant:
/// `TOKEN_TTL_SECONDS`, `PASSWORD_MIN_LENGTH`, `secretName`. Separators and the change of case between words do not matter.
package struct CredentialName {
    /// What the value would be.
    package let kind: Credential.Kind
    /// Whether the name leaves open what the value is, so that only one that looks random is a secret: `SIGNING_KEY`.
    let isVague: Bool
    /// Whether a user's name and a colon stand before the secret: `curl --user`.
    var isLogin = false
}

extension CredentialName {
    /// Reads a name; nil where it is no secret's.
    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        // What a name says it says at its end, and around each keyword the rest of it is looked through.
        let range = max(range.lowerBound, range.upperBound - CredentialName.longest)..<range.upperBound
        let table = KeywordTable.shared
        let steps = table.steps.span
        var step: UInt16 = 0
        // Where the letters in a row begin.
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
                found = CredentialName(kind: keyword.kind, isVague: keyword.isVague || keyword.isPlace(of: found))
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// How much of a name is read.
    private static let longest = 256
}

extension Keyword {
    /// Whether it says in which Secret, or under which key of one, a secret is that has been named already: `PASSWORD_SECRET`.
    fileprivate func isPlace(of named: CredentialName?) -> Bool {
        guard kind == .secret, let named else { return false }
        return named.kind == .password || named.kind == .secret && named.isVague
    }

    /// What a keyword says where it stands.
    fileprivate enum Meaning {
        /// It is part of another word, as in `TOKENIZER`.
        case none
        case innocent
        case secret
    }

    /// Where a keyword stands.
    fileprivate struct Place {
        /// The name.
        let range: Range<Int>
        /// Where the letters in a row begin that the keyword ends.
        let run: Int
        let end: Int

        /// Where so many letters before the end begin, separators between them counted.
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
        // The letters that follow without a boundary belong to the keyword's own word.
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
        // A key of a password is where it is found, as in Secrets.
        return kind == .password && words.next(in: text) == Keyword.key ? .innocent : .secret
    }

    private static let key: NameWord = "key"

    /// How many letters it has, with what must stand before it; nil where nothing of that does.
    private func wholeLength(in text: Span<UInt8>, _ place: Place) -> Int? {
        guard isQualified else { return length }
        let before = NameWords.last(in: text, place.range.lowerBound..<place.start(of: length, in: text))
        return NameWords.secretKey(ending: before).map { length + $0.length }
    }
}

/// What the words after the first keyword of a name say of all keywords before them: each word is read once.
private struct RestOfName {
    /// Where the last word begins, and the last one that says that something about the secret is meant; -1 without one.
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
