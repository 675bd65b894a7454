public import Net

/// Why there is no way into a cluster: which file, which field of it, and what is wrong.
///
/// No text of it holds a token, a key or anything else that was read.
public enum CredentialsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no service account, and no kubeconfig either.
    case nothingFound
    /// A file cannot be read.
    case unreadable(SystemError)
    /// A file, or a variable of the environment, is not as it has to be.
    case malformed(file: String, field: String, reason: String)
    /// Certificates or a key cannot be used.
    case unusable(source: String, TLSError)
    /// A credential plugin gave none.
    case plugin(command: String, reason: String)
    /// There is a token to show, but no TLS to keep it secret.
    case notSecure(origin: String)

    /// The place and the reason.
    public var description: String {
        switch self {
        case .nothingFound:
            "no cluster is configured: run in a Pod with a service account, or name a kubeconfig by KUBECONFIG"
        case .unreadable(let error): "\(error)"
        case .malformed(let file, let field, let reason):
            field.isEmpty ? "\(file): \(reason)" : "\(file): \(field): \(reason)"
        case .unusable(let source, let error): "\(source): \(error)"
        case .notSecure(let origin): "\(origin): a token is not sent to a server without TLS"
        case .plugin(let command, let reason): "credential plugin \(command): \(reason)"
        }
    }
}
