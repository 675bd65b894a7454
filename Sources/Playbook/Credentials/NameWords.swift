/// Up to sixteen letters in lower case, in one number, so that words are compared at once and copied nowhere.
struct NameWord: Hashable, ExpressibleByStringLiteral {
    /// The letters, the last one in the lowest byte.
    private(set) var letters: UInt128 = 0
    private(set) var length = 0

    init() {}

    init(stringLiteral text: String) {
        for byte in text.utf8 { append(byte) }
    }

    /// The bits that the letters take.
    var mask: UInt128 { length < 16 ? 1 << UInt128(8 * length) &- 1 : .max }

    mutating func append(_ letter: UInt8) {
        letters = letters << 8 | UInt128(letter | 0x20)
        length += 1
    }
}

/// The words of a name from a place on, one after the other: letters up to a separator, a digit, or a change of case.
struct NameWords {
    private(set) var at: Int
    let end: Int

    init(at: Int, end: Int) {
        self.at = at
        self.end = end
    }

    /// The next word; the empty one when there is none.
    mutating func next(in text: Span<UInt8>) -> NameWord {
        while at < end, !NameWords.isLetter(text[at]) { at += 1 }
        var word = NameWord()
        while at < end, NameWords.isLetter(text[at]), word.length == 0 || !NameWords.isBoundary(text, at) {
            word.append(text[at])
            at += 1
        }
        return word
    }

    /// The last word of a range; the empty one when there is none.
    static func last(in text: Span<UInt8>, _ range: Range<Int>) -> NameWord {
        var end = range.upperBound
        while end > range.lowerBound, !isLetter(text[end - 1]) { end -= 1 }
        var start = end
        while start > range.lowerBound, isLetter(text[start - 1]), start == end || !isBoundary(text, start) {
            start -= 1
        }
        var words = NameWords(at: start, end: end)
        return words.next(in: text)
    }

    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    /// Whether a word begins at a place, or none is there: what is before is no letter, or case changes.
    static func isBoundary(_ text: Span<UInt8>, _ at: Int) -> Bool {
        guard at > 0, isLetter(text[at - 1]), isLetter(text[at]) else { return true }
        return text[at - 1] & 0x20 != 0 && text[at] & 0x20 == 0
    }
}

extension NameWords {
    private static func words(_ text: String) -> Set<NameWord> {
        Set(text.split(whereSeparator: \.isWhitespace).map { NameWord(stringLiteral: String($0)) })
    }

    /// What says, after a keyword, that something about the secret is meant.
    static let innocent = words(
        """
        address addr age alg algorithm allowed alphabet annotation arn attempts attr attribute aud audience backend bucket budget
        cache change chars charset check claim class column complexity config configmap cost count contract cookie csi decimals decoder
        deny description digest digits dir directory disable disabled domain driver duration enable enabled encoder encoding
        encryption endpoint endpoints engine env environment exchange exp expiration expire expires expiry factory field
        file filename files filter folder format generator grace grant group handler hash hasher header headers helper hint
        history host hostname hours id identifier ids index interval introspection issuer iss jwks kind label leeway len
        length level lifespan lifetime limit limits link location lookup lowercase manager max message metadata method metric
        middleware min mins minutes mode model mount mountpath ms name named namespace names optional owner page param
        parameter params parser path paths pattern per percent period permissions placeholder plugin policies policy port position
        prefix price processor project prompt prompted property provider public query rate realm ref reference refs regex
        region renew renewal replacement request requests required requirements reset resolver resource retries retry reuse
        revocation role rotate rotation route rule rules schedule schema scope scopes seconds secs selector server service
        skew size source sources special state status stdin storage store strategy strength subject suffix supplier symbol
        symbols table tag template text threshold timeout times title ttl type types unit uppercase uri uris url urls usage
        use used user username users validate validation validator validity var variable verification verifier verify
        version versions view volume warning window
        authenticated authentication authenticator collection counter database event events gauge queue stage stream topic topics
        cer cfg conf crt csr htm html ini java js json md pem properties pub py rb sh sql toml tmpl tpl ts txt xml
        yaml yml
        """)

    /// What may follow a keyword in its own word.
    static let tails = words("s es key keys value values string data base db prod dev plain")

    /// What says, before a keyword, that no secret is meant.
    static let innocentBefore: [Credential.Kind: Set<NameWord>] = [
        .secret: words(
            "checksum registry docker tls pull existing cert certificate ingress kube kubernetes image external sealed"),
        .token: words(
            "max min num number count total avg average pad eos bos unk sep cls mask stop special input output prompt "
                + "completion context anon public publishable cancellation native supported"),
        .apiKey: words("public anon publishable"),
        .key: words("public anon publishable"),
    ]

    /// What may stand before `pass` in its own word.
    static let beforePass = words("db pg my sql smtp mail user root admin redis mongo ldap login key store keystore")
}
