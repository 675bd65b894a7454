/// A word that marks a name as that of a secret.
struct Keyword {
    let kind: Credential.Kind
    /// The number of letters.
    package let length: Int
    let isVague: Bool
    /// True if it must be a separate word and the last one: `DB_PASS`, but not `BYPASS` or `PASS_RATE`.
    let standsAlone: Bool
    /// True if it requires another word before it: `signing` before `key`.
    let isQualified: Bool
    /// True for `secretkey`, which can also be the name of a key in a Secret.
    let isSecretKey: Bool
}

/// An automaton that finds all keywords at the same time, with one table lookup per letter (Aho and Corasick, "Efficient String
/// Matching", 1975).
struct KeywordTable {
    static let shared = KeywordTable()

    /// The transitions: 32 entries per state, one per letter from `a`; an entry is 32 times the next state.
    private(set) var steps = [UInt16](repeating: 0, count: KeywordTable.width)
    /// The longest keyword that ends in each state.
    private var keywords: [Keyword?] = [nil]

    private static let width = 32
    /// Marks a transition that completes a keyword.
    static let isEnd: UInt16 = 1 << 15

    /// Returns the index of the transition for a letter, counted from `a`, after another transition.
    @inline(__always)
    static func place(after step: UInt16, _ letter: UInt8) -> Int { Int(step & ~isEnd) | Int(letter) }

    /// Returns the keyword that a transition completes.
    func keyword(at step: UInt16) -> Keyword? { keywords[Int(step & ~KeywordTable.isEnd) / KeywordTable.width] }

    private init() {
        add("passphrase", .password)
        add("password", .password)
        add("passwd", .password)
        add("requirepass", .password)
        add("masterauth", .password)
        add("redisauth", .password)
        add("valkeyauth", .password)
        add("auth", .password, isVague: true, standsAlone: true)
        add("pwd", .password)
        add("pass", .password, standsAlone: true)
        add("pw", .password, standsAlone: true)
        add("secretaccesskey", .awsSecretAccessKey)
        // A client secret is the complete secret; its key is a location, unless the value looks random.
        add("clientsecretkey", .secret, isVague: true)
        add("secretkey", .secret, isSecretKey: true)
        add("erlangcookie", .secret)
        add("secret", .secret)
        add("token", .token)
        add("pat", .token, isVague: true, standsAlone: true)
        add("apikey", .apiKey)
        add("privatekey", .privateKey)
        add("key", .key, isVague: true, isQualified: true)
        add("credential", .secret, isVague: true)
        link()
    }

    private mutating func add(
        _ word: StaticString, _ kind: Credential.Kind, isVague: Bool = false, standsAlone: Bool = false,
        isQualified: Bool = false, isSecretKey: Bool = false
    ) {
        let letters = word.withUTF8Buffer { $0.map { $0 - UInt8(ascii: "a") } }
        var state: UInt16 = 0
        for letter in letters {
            let place = KeywordTable.place(after: state, letter)
            if steps[place] == 0 {
                steps[place] = UInt16(steps.count)
                steps += [UInt16](repeating: 0, count: KeywordTable.width)
                keywords.append(nil)
            }
            state = steps[place]
        }
        keywords[Int(state) / KeywordTable.width] = Keyword(
            kind: kind, length: letters.count, isVague: isVague, standsAlone: standsAlone, isQualified: isQualified,
            isSecretKey: isSecretKey)
    }

    /// Adds the transitions of states without one for a letter: those of the longest suffix that is the prefix of a keyword.
    private mutating func link() {
        var (states, ends) = ([UInt16(0)], [UInt16(0)])
        var index = 0
        while index < states.count {
            let (state, end) = (states[index], ends[index])
            for letter in UInt8(0)..<26 {
                let place = KeywordTable.place(after: state, letter)
                let other = index == 0 ? 0 : steps[KeywordTable.place(after: end, letter)] & ~KeywordTable.isEnd
                guard steps[place] != 0 else {
                    steps[place] = index == 0 ? 0 : steps[KeywordTable.place(after: end, letter)]
                    continue
                }
                let next = steps[place]
                states.append(next)
                ends.append(other)
                let (own, ofEnd) = (Int(next) / KeywordTable.width, Int(other) / KeywordTable.width)
                keywords[own] = keywords[own] ?? keywords[ofEnd]
                if keywords[own] != nil { steps[place] |= KeywordTable.isEnd }
            }
            index += 1
        }
    }
}
