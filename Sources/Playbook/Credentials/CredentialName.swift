/// What the name of a variable, setting or flag says about its value: `DB_PASSWORD`, `apiKey`, `--auth-token`.
///
/// A name is a secret's by the last keyword in it, unless a word after that says what about the secret is meant:
/// `TOKEN_TTL_SECONDS`, `PASSWORD_MIN_LENGTH`, `secretName`. Separators and the change of case between words do not matter.
struct CredentialName {
    /// What the value would be.
    let kind: Credential.Kind
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
        // The last sixteen letters, in lower case, the last one in the lowest byte.
        var window: UInt128 = 0
        var found: CredentialName?
        for at in range {
            let letter = (text[at] | 0x20) &- UInt8(ascii: "a")
            guard letter < 26 else { continue }
            window = window << 8 | UInt128(letter &+ UInt8(ascii: "a"))
            guard Keyword.lastLetters >> UInt32(letter) & 1 != 0, let keyword = Keyword.ending(window, letter) else {
                continue
            }
            switch keyword.meaning(in: text, range, endingAt: at + 1) {
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

/// A word that makes a name a secret's.
private struct Keyword {
    let word: NameWord
    let kind: Credential.Kind
    var isVague = false
    /// Whether it must be a word of its own, and the last one: `DB_PASS`, but not `BYPASS` or `PASS_RATE`.
    var standsAlone = false
    /// What must stand before the word, so that the two together say it: `signing` before `key`.
    var qualifiers: [NameWord] = []

    /// Whether it says in which Secret, or under which key of one, a secret is that has been named already: `PASSWORD_SECRET`.
    func isPlace(of named: CredentialName?) -> Bool {
        guard kind == .secret, let named else { return false }
        return named.kind == .password || named.kind == .secret && named.isVague
    }

    // Longer ones first: the first that fits is taken.
    private static let all = [
        Keyword(word: "passphrase", kind: .password), Keyword(word: "password", kind: .password),
        Keyword(word: "passwd", kind: .password), Keyword(word: "requirepass", kind: .password),
        Keyword(word: "masterauth", kind: .password), Keyword(word: "redisauth", kind: .password),
        Keyword(word: "valkeyauth", kind: .password),
        Keyword(word: "auth", kind: .password, isVague: true, standsAlone: true),
        Keyword(word: "pwd", kind: .password),
        Keyword(word: "pass", kind: .password, standsAlone: true),
        Keyword(word: "pw", kind: .password, standsAlone: true),
        Keyword(word: "secretaccesskey", kind: .awsSecretAccessKey),
        // A client's secret is whole; its key is where it is found, unless the value says otherwise.
        Keyword(word: "clientsecretkey", kind: .secret, isVague: true), Keyword(word: "secretkey", kind: .secret),
        Keyword(word: "erlangcookie", kind: .secret),
        Keyword(word: "secret", kind: .secret), Keyword(word: "token", kind: .token),
        Keyword(word: "pat", kind: .token, isVague: true, standsAlone: true),
        Keyword(word: "apikey", kind: .apiKey), Keyword(word: "privatekey", kind: .privateKey),
        Keyword(word: "key", kind: .key, isVague: true, qualifiers: NameWords.secretKeys),
        Keyword(word: "credential", kind: .secret, isVague: true),
    ]

    /// The letters that keywords end in, from bit 0 for `a` on: d e h l n s t w y.
    static let lastLetters: UInt32 =
        1 << 3 | 1 << 4 | 1 << 7 | 1 << 11 | 1 << 13 | 1 << 18 | 1 << 19 | 1 << 22 | 1 << 24

    private static let key: NameWord = "key"

    /// What of a keyword is compared.
    private struct Ending {
        let letters: UInt128
        let mask: UInt128
        /// The keyword's place in the list.
        let index: Int
    }

    /// The keywords by the letter that they end in, counted from `a`; in their order.
    private static let byLastLetter: [[Ending]] = {
        var table: [[Ending]] = Array(repeating: [], count: 26)
        for (index, keyword) in all.enumerated() {
            let ending = Ending(letters: keyword.word.letters, mask: keyword.word.mask, index: index)
            table[Int(keyword.word.letters & 0xFF) - Int(UInt8(ascii: "a"))].append(ending)
        }
        return table
    }()

    /// The keyword that the letters end with, the last one of which is so far from `a`.
    static func ending(_ window: UInt128, _ last: UInt8) -> Keyword? {
        for ending in byLastLetter[Int(last)] where window & ending.mask == ending.letters {
            return all[ending.index]
        }
        return nil
    }

    /// What a keyword says where it stands.
    enum Meaning {
        /// It is part of another word, as in `TOKENIZER`.
        case none
        case innocent
        case secret
    }

    func meaning(in text: Span<UInt8>, _ range: Range<Int>, endingAt end: Int) -> Meaning {
        var words = NameWords(at: end, end: range.upperBound)
        guard let length = length(in: text, range, endingAt: end) else { return .none }
        let start = start(of: length, in: text, range, endingAt: end)
        let before = NameWords.last(in: text, range.lowerBound..<start)
        if standsAlone, start > range.lowerBound, !NameWords.isBoundary(text, start) {
            guard NameWords.beforePass.contains(before) else { return .none }
        }
        // The letters that follow without a boundary belong to the keyword's own word.
        if end < range.upperBound, !NameWords.isBoundary(text, end) {
            let tail = words.next(in: text)
            if NameWords.isInnocent(tail) { return .innocent }
            guard NameWords.tails.contains(tail), !standsAlone else { return .none }
        }
        if NameWords.isInnocent(before, before: kind) { return .innocent }
        var rest = words.next(in: text)
        // A key of a password is where it is found, as in Secrets.
        if kind == .password, rest == Keyword.key { return .innocent }
        while rest.length > 0 {
            if standsAlone || NameWords.isInnocent(rest) { return .innocent }
            rest = words.next(in: text)
        }
        return .secret
    }

    /// How many letters it has, with what must stand before it; nil where nothing of that does.
    private func length(in text: Span<UInt8>, _ range: Range<Int>, endingAt end: Int) -> Int? {
        guard !qualifiers.isEmpty else { return word.length }
        let start = start(of: word.length, in: text, range, endingAt: end)
        let before = NameWords.last(in: text, range.lowerBound..<start)
        return qualifiers.first { before.ends(with: $0) }.map { word.length + $0.length }
    }

    /// Where so many letters begin, separators between them counted.
    private func start(of length: Int, in text: Span<UInt8>, _ range: Range<Int>, endingAt end: Int) -> Int {
        var rest = length
        var at = end
        while rest > 0, at > range.lowerBound {
            at -= 1
            if NameWords.isLetter(text[at]) { rest -= 1 }
        }
        return at
    }
}
