/// A word that makes a name a secret's.
struct Keyword {
    let kind: Credential.Kind
    /// How many letters it has.
    package let length: Int
    let isVague: Bool
    /// Whether it must be a word of its own, and the last one: `DB_PASS`, but not `BYPASS` or `PASS_RATE`.
    let standsAlone: Bool
    /// Whether something must stand before the word, so that the two together say it: `signing` before `key`.
    let isQualified: Bool
}

/// All keywords, which are looked for at once: each letter of a name is one step in a table (Aho and Corasick, "Efficient String
/// Matching", 1975).
struct KeywordTable {
    static let shared = KeywordTable()

    /// For each state 32 places, of which those from 0 on have, for each letter from `a` on, 32 times the next state.
    private(set) var steps = [UInt16](repeating: 0, count: KeywordTable.width)
    /// The longest keyword that the letters of each state end with.
    private var keywords: [Keyword?] = [nil]

    private static let width = 32
    /// Whether a keyword ends with a step.
    static let isEnd: UInt16 = 1 << 15

    /// The place of the step that a letter, counted from `a`, takes after another step.
    @inline(__always)
    static func place(after step: UInt16, _ letter: UInt8) -> Int { Int(step & ~isEnd) | Int(letter) }

    /// The keyword that ends with a step.
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
        // A client's secret is whole; its key is where it is found, unless the value says otherwise.
        add("clientsecretkey", .secret, isVague: true)
        add("secretkey", .secret)
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
        isQualified: Bool = false
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
            kind: kind, length: letters.count, isVague: isVague, standsAlone: standsAlone, isQualified: isQualified)
    }

    /// Lets each state that a letter leads nowhere from go on where the longest end of its letters does that a keyword begins with.
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
