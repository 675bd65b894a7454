import Languages

/// The words around a keyword that decide if its value is a secret.
extension NameWords {
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
