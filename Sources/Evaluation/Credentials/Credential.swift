public import JSON

/// A secret in plain text: what it is and where it stands, but never what it says.
///
/// Secrets are told by three things: the name of what holds them (``CredentialName``), a form that nothing else has
/// (``CredentialForm``), and the place after a user's name in a URI. A name alone is not enough: what is said there must not be a
/// reference, a path, a number, or another thing that is no secret (``CredentialText``). Everything works on bytes where they
/// lie, allocates nothing, and takes a time proportional to the text.
public struct Credential: Sendable, Equatable {
    /// What it is.
    public let kind: Kind
    /// Its place in the bytes of the text.
    public let range: Range<Int>
    /// The line that it stands on, counted from 1.
    public let line: Int

    /// What a secret is, in a few words that may be shown to anybody.
    public enum Kind: String, Sendable, CaseIterable {
        // By a name.
        case password
        case secret
        case token
        case apiKey = "API key"
        case key
        // By the place.
        case uri = "uri with password"
        // By a form.
        case privateKey = "private key"
        case awsAccessKeyID = "AWS access key id"
        case awsSecretAccessKey = "AWS secret access key"
        case webToken = "JSON web token"
        case gitHubToken = "GitHub token"
        case gitLabToken = "GitLab token"
        case slackToken = "Slack token"
        case webhookAddress = "webhook address"
        case stripeKey = "Stripe key"
        case googleKey = "Google key"
        case registryToken = "package registry token"
        case mailKey = "mail service key"
        case twilioKey = "Twilio key"
        case modelKey = "model API key"
        case vendorToken = "vendor's token"

        /// Whether it opens an AWS account.
        public var isAWS: Bool { self == .awsAccessKeyID || self == .awsSecretAccessKey }
    }
}

extension Credential {
    /// The first secret of a text, if there is one.
    ///
    /// - Parameters:
    ///   - text: The text, such as a variable's value.
    ///   - name: What it is called, where it is called anything.
    /// - Returns: What and where it is; nil where there is none.
    public static func first(in text: Value, named name: Value? = nil) -> Credential? {
        let named = name.flatMap { CredentialName($0) }
        return text.withContents { first(in: $0, named: named) }
    }

    /// The first secret of a text whose name has been looked at, and the program that it is an argument of.
    package static func first(
        in text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram? = nil
    ) -> Credential? {
        var scan = CredentialScan(program: program)
        // A form says more than a name.
        if let found = scan.next(in: text) { return found }
        return name?.credential(in: text)
    }

    /// Every secret of a text, in order, as many as `limit`.
    package static func all(
        in text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram? = nil,
        isThorough: Bool = false, atMost limit: Int = .max
    ) -> [Credential] {
        var found: [Credential] = []
        add(to: &found, from: text, named: name, of: program, isThorough: isThorough, atMost: limit)
        return found
    }

    /// Appends every secret of a text, in order, as many as `limit`.
    static func add(
        to found: inout [Credential], from text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram?,
        isThorough: Bool = false, atMost limit: Int
    ) {
        var scan = CredentialScan(program: program, isThorough: isThorough)
        var count = 0
        while count < limit, let next = scan.next(in: text) {
            found.append(next)
            count += 1
        }
        if count == 0, let named = name?.credential(in: text) { found.append(named) }
    }
}

extension CredentialName {
    /// The whole of a text that has this name, if that is a secret.
    fileprivate func credential(in text: Span<UInt8>) -> Credential? {
        let content = CredentialText.trimmed(text, 0..<text.count)
        if isLogin {
            return LoginProgram.password(in: text, content, isLogin: true).map {
                Credential(kind: kind, range: $0, line: 1)
            }
        }
        guard CredentialText.isSecret(text, content, of: self) else { return nil }
        // What has lines is a file, as `passwd` is.
        if kind == .password { for at in content where text[at] == UInt8(ascii: "\n") { return nil } }
        return Credential(kind: kind, range: content, line: 1)
    }
}
