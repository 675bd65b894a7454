import Languages

/// A form that only secrets have: a prefix, and the number and alphabet of the following characters.
struct CredentialForm {
    let kind: Credential.Kind
    private let prefix: [UInt8]
    private let alphabet: Alphabet
    /// The minimum or exact number of characters after the prefix.
    private let count: Int
    private let isExact: Bool

    /// The alphabet of the following characters.
    enum Alphabet {
        case hex, upper, alphanumeric, urlSafe, dotted

        func contains(_ byte: UInt8) -> Bool {
            let isDigit = byte &- UInt8(ascii: "0") < 10
            switch self {
            case .hex: return isDigit || byte &- UInt8(ascii: "a") < 6
            case .upper: return isDigit || byte &- UInt8(ascii: "A") < 26
            case .alphanumeric: return isDigit || NameWords.isLetter(byte)
            case .urlSafe:
                return isDigit || NameWords.isLetter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            case .dotted: return NameWords.isInName(byte)
            }
        }
    }

    private init(_ prefix: String, _ alphabet: Alphabet, _ count: Int, _ kind: Credential.Kind, isExact: Bool = false) {
        self.prefix = Array(prefix.utf8)
        self.alphabet = alphabet
        self.count = count
        self.kind = kind
        self.isExact = isExact
    }

    /// The length of the shortest form.
    static let shortest = 20

    private static let all: [CredentialForm] = [
        // Ids of users, groups and roles (AIDA, AGPA, AROA) are not secrets.
        .init("AKIA", .upper, 16, .awsAccessKeyID, isExact: true),
        .init("ASIA", .upper, 16, .awsAccessKeyID, isExact: true),
        .init("ghp_", .alphanumeric, 30, .gitHubToken), .init("gho_", .alphanumeric, 30, .gitHubToken),
        .init("ghu_", .alphanumeric, 30, .gitHubToken), .init("ghs_", .alphanumeric, 30, .gitHubToken),
        .init("ghr_", .alphanumeric, 30, .gitHubToken), .init("github_pat_", .urlSafe, 40, .gitHubToken),
        .init("glpat-", .dotted, 20, .gitLabToken), .init("gldt-", .dotted, 20, .gitLabToken),
        .init("glrt-", .dotted, 20, .gitLabToken), .init("glcbt-", .dotted, 20, .gitLabToken),
        .init("glptt-", .dotted, 20, .gitLabToken), .init("glsoat-", .dotted, 20, .gitLabToken),
        .init("xoxb-", .urlSafe, 20, .slackToken), .init("xoxp-", .urlSafe, 20, .slackToken),
        .init("xoxa-", .urlSafe, 20, .slackToken), .init("xoxr-", .urlSafe, 20, .slackToken),
        .init("xoxs-", .urlSafe, 20, .slackToken), .init("xoxe", .dotted, 20, .slackToken),
        .init("xapp-", .urlSafe, 20, .slackToken),
        .init("sk_live_", .alphanumeric, 16, .stripeKey), .init("sk_test_", .alphanumeric, 16, .stripeKey),
        .init("rk_live_", .alphanumeric, 16, .stripeKey), .init("rk_test_", .alphanumeric, 16, .stripeKey),
        .init("whsec_", .alphanumeric, 24, .stripeKey),
        .init("AIza", .urlSafe, 35, .googleKey), .init("GOCSPX-", .urlSafe, 20, .googleKey),
        .init("ya29.", .urlSafe, 30, .googleKey),
        .init("npm_", .alphanumeric, 36, .registryToken), .init("pypi-AgE", .urlSafe, 40, .registryToken),
        .init("dckr_pat_", .urlSafe, 20, .registryToken), .init("rubygems_", .hex, 40, .registryToken),
        .init("SG.", .dotted, 40, .mailKey), .init("key-", .hex, 32, .mailKey, isExact: true),
        .init("xkeysib-", .hex, 40, .mailKey),
        .init("SK", .hex, 32, .twilioKey, isExact: true),
        .init("sk-ant-", .urlSafe, 30, .modelKey), .init("sk-proj-", .urlSafe, 30, .modelKey),
        .init("sk-svcacct-", .urlSafe, 30, .modelKey), .init("sk-admin-", .urlSafe, 30, .modelKey),
        .init("sk-lf-", .urlSafe, 36, .modelKey), .init("xai-", .alphanumeric, 60, .modelKey),
        .init("pplx-", .alphanumeric, 40, .modelKey), .init("nvapi-", .urlSafe, 60, .modelKey),
        .init("sk-or-v1-", .hex, 40, .modelKey),
        .init("sk-", .alphanumeric, 32, .modelKey), .init("hf_", .alphanumeric, 30, .modelKey),
        .init("gsk_", .alphanumeric, 40, .modelKey), .init("r8_", .alphanumeric, 36, .modelKey),
        .init("hvs.", .urlSafe, 24, .vendorToken), .init("hvb.", .urlSafe, 24, .vendorToken),
        .init("dop_v1_", .hex, 64, .vendorToken), .init("shpat_", .hex, 32, .vendorToken),
        .init("shpss_", .hex, 32, .vendorToken), .init("shpca_", .hex, 32, .vendorToken),
        .init("lin_api_", .alphanumeric, 32, .vendorToken), .init("ATATT3", .dotted, 60, .vendorToken),
        .init("NRAK-", .upper, 27, .vendorToken), .init("sntrys_", .dotted, 40, .vendorToken),
        .init("sntryu_", .hex, 60, .vendorToken), .init("glsa_", .urlSafe, 32, .vendorToken),
        .init("glc_", .alphanumeric, 32, .vendorToken), .init("dapi", .hex, 32, .vendorToken, isExact: true),
        .init("PMAK-", .urlSafe, 50, .vendorToken), .init("HRKU-", .urlSafe, 36, .vendorToken),
        .init("figd_", .urlSafe, 36, .vendorToken), .init("dp.pt.", .alphanumeric, 36, .vendorToken),
        .init("dp.st.", .dotted, 36, .vendorToken), .init("pscale_tkn_", .dotted, 32, .vendorToken),
        .init("pscale_pw_", .dotted, 32, .vendorToken), .init("tskey-auth-", .urlSafe, 20, .vendorToken),
        .init("tskey-api-", .urlSafe, 20, .vendorToken), .init("sbp_", .hex, 40, .vendorToken),
        .init("pul-", .hex, 40, .vendorToken), .init("sq0csp-", .urlSafe, 40, .vendorToken),
        .init("AGE-SECRET-KEY-1", .upper, 50, .privateKey), .init("LTAI", .alphanumeric, 20, .vendorToken),
        .init("eyJ", .dotted, 17, .webToken),
        // Private keys that are base64-encoded again: "-----BEGIN PRIV", "-----BEGIN RSA PRI", and so on.
        .init("LS0tLS1CRUdJTiBQUklW", .alphanumeric, 0, .privateKey),
        .init("LS0tLS1CRUdJTiBSU0EgUFJJ", .alphanumeric, 0, .privateKey),
        .init("LS0tLS1CRUdJTiBFQyBQUklW", .alphanumeric, 0, .privateKey),
        .init("LS0tLS1CRUdJTiBFTkNS", .alphanumeric, 0, .privateKey),
        .init("LS0tLS1CRUdJTiBPUEVOU1NI", .alphanumeric, 0, .privateKey),
    ]

    /// The forms by their first byte.
    private static let byFirst: [[CredentialForm]] = {
        var table: [[CredentialForm]] = Array(repeating: [], count: 128)
        for form in all { if let first = form.prefix.first { table[Int(first)].append(form) } }
        return table
    }()

    /// Returns the kind of secret that a word is by its form; nil if it is none.
    static func kind(of text: Span<UInt8>, _ word: Range<Int>) -> Credential.Kind? {
        guard word.count >= shortest, text[word.lowerBound] < 128 else { return nil }
        for form in byFirst[Int(text[word.lowerBound])] where form.fits(text, word) { return form.kind }
        return isTerraformToken(text, word) ? .vendorToken : nil
    }

    /// True for a token of HCP Terraform: 14 letters, `.atlasv1.`, and at least 60 more.
    private static func isTerraformToken(_ text: Span<UInt8>, _ word: Range<Int>) -> Bool {
        let end = word.lowerBound + 14
        return word.count >= 83 && text[end] == UInt8(ascii: ".") && CredentialScan.has(".atlasv1.", in: text, at: end)
            && isVaried(text, end + 9..<word.upperBound)
    }

    /// Returns the token of a Telegram bot that begins with the digits at the end of a word: `110201543:AA…`, in a URL after
    /// `bot`.
    static func telegramToken(_ text: Span<UInt8>, after word: Range<Int>) -> Range<Int>? {
        var digits = word.upperBound
        while digits > word.lowerBound, text[digits - 1] &- UInt8(ascii: "0") < 10 { digits -= 1 }
        let isAlone =
            digits == word.lowerBound
            || digits - word.lowerBound == 3 && CredentialScan.has("bot", in: text, at: word.lowerBound)
        guard isAlone, word.upperBound - digits >= 5, word.upperBound - digits <= 16 else { return nil }
        let start = word.upperBound + 1
        guard start < text.count, text[start] == UInt8(ascii: "A") else { return nil }
        var end = start
        while end < text.count, end - start < 36, Alphabet.urlSafe.contains(text[end]) { end += 1 }
        return end - start == 35 && isVaried(text, start..<end) ? digits..<end : nil
    }

    private func fits(_ text: Span<UInt8>, _ word: Range<Int>) -> Bool {
        guard word.count >= prefix.count + count else { return false }
        for index in prefix.indices where text[word.lowerBound + index] != prefix[index] { return false }
        let start = word.lowerBound + prefix.count
        var end = start
        while end < word.upperBound, alphabet.contains(text[end]) { end += 1 }
        // The exact number of characters, followed by another character; a period can end the sentence.
        let ends = end == word.upperBound || !Alphabet.alphanumeric.contains(text[end])
        guard isExact ? end - start == count && ends : end - start >= count else { return false }
        guard count == 0 || CredentialForm.isVaried(text, start..<end) else { return false }
        if kind == .webToken { return isWebToken(text, word) }
        // Words with dashes can be a placeholder.
        return kind != .modelKey || alphabet != .urlSafe || hasDigit(text, start..<end)
    }

    /// True if a range has several different letters: `ghp_xxxx…` is a placeholder.
    private static func isVaried(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var seen: UInt128 = 0
        for at in range where Alphabet.alphanumeric.contains(text[at]) { seen |= 1 << UInt128(text[at]) }
        if seen.nonzeroBitCount >= 5 { return true }
        // A range with few letters counts if it has upper case, lower case and digits.
        let letters = UInt128(1 << 26 - 1)
        return seen.nonzeroBitCount == 4 && seen & letters << 65 != 0 && seen & letters << 97 != 0
            && seen & (1 << 10 - 1) << 48 != 0
    }

    /// True if a word has three parts and the second one is also a JSON object (RFC 7519).
    private func isWebToken(_ text: Span<UInt8>, _ word: Range<Int>) -> Bool {
        var dots = 0
        var isObject = false
        for at in word where text[at] == UInt8(ascii: ".") {
            dots += 1
            if dots == 1, at + 3 < word.upperBound {
                isObject = text[at + 1] == UInt8(ascii: "e") && text[at + 2] == UInt8(ascii: "y")
            }
        }
        return dots == 2 && isObject
    }

    private func hasDigit(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for at in range where text[at] &- UInt8(ascii: "0") < 10 { return true }
        return false
    }
}
