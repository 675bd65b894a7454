public import JSON

/// A secret in plain text: its kind and position, without its value.
///
/// Secrets are recognized by three properties: the name of the value (``CredentialName``), a form that only secrets have
/// (``CredentialForm``), and the position after a user name in a URI. A name alone is not enough: the value must not be a
/// reference, a path, a number or another harmless text (``CredentialText``). The scan works on bytes in place, allocates
/// nothing, and takes time proportional to the text.
public struct Credential: Sendable, Equatable {
    /// The kind of secret.
    public let kind: Kind
    /// The range of bytes in the text.
    public let range: Range<Int>
    /// The line number, from 1.
    public let line: Int

    /// The kind of a secret, in words that messages can show.
    public enum Kind: String, Sendable, CaseIterable {
        // Recognized by a name.
        case password
        case secret
        case token
        case apiKey = "API key"
        case key
        // Recognized by the position.
        case uri = "URI with a password"
        // Recognized by a form.
        case privateKey = "private key"
        case awsAccessKeyID = "AWS access key ID"
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

        /// True if it grants access to an AWS account.
        public var isAWS: Bool { self == .awsAccessKeyID || self == .awsSecretAccessKey }
    }
}

extension Credential {
    /// Returns the first secret of a text.
    ///
    /// - Parameters:
    ///   - text: The text, such as a variable's value.
    ///   - name: The name of the text; nil if it has none.
    /// - Returns: The secret; nil if there is none.
    public static func first(in text: Value, named name: Value? = nil) -> Credential? {
        let named = name.flatMap { CredentialName($0) }
        return text.withContents { first(in: $0, named: named) }
    }

    /// Returns the first secret of a text, given its parsed name and the program that has it as an argument.
    package static func first(
        in text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram? = nil
    ) -> Credential? {
        var scan = CredentialScan(program: program)
        // A form is more specific than a name.
        if let found = scan.next(in: text) { return found }
        return name?.credential(in: text)
    }

    /// Returns the secrets of a text in order, at most `limit`.
    package static func all(
        in text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram? = nil,
        isThorough: Bool = false, atMost limit: Int = .max
    ) -> [Credential] {
        var found: [Credential] = []
        add(to: &found, from: text, named: name, of: program, isThorough: isThorough, atMost: limit)
        return found
    }

    /// Appends the secrets of a text in order, at most `limit`.
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
    /// Returns the whole text as a secret if its name and value say so.
    fileprivate func credential(in text: Span<UInt8>) -> Credential? {
        let content = CredentialText.trimmed(text, 0..<text.count)
        if isLogin {
            return LoginProgram.password(in: text, content, isLogin: true).map {
                Credential(kind: kind, range: $0, line: 1)
            }
        }
        guard CredentialText.isSecret(text, content, of: self) else { return nil }
        // A text with several lines is a file, such as `passwd`.
        if kind == .password { for at in content where text[at] == UInt8(ascii: "\n") { return nil } }
        return Credential(kind: kind, range: content, line: 1)
    }
}
