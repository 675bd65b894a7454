public import Net

/// The reason that a cluster cannot be accessed: the file, the field and the problem.
///
/// It never contains a token, a key or other content of the files.
public enum CredentialsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Neither a service account nor a kubeconfig was found.
    case nothingFound
    /// A file cannot be read.
    case unreadable(SystemError)
    /// A file or an environment variable is malformed.
    case malformed(file: String, field: String, reason: String)
    /// Certificates or a key cannot be used.
    case unusable(source: String, TLSError)
    /// A credential plugin failed.
    case plugin(command: String, reason: String)
    /// A token without TLS to protect it.
    case notSecure(origin: String)

    /// The place and the reason.
    public var description: String {
        switch self {
        case .nothingFound:
            "no cluster is configured; run in a Pod with a service account, or name a kubeconfig file with --kubeconfig or KUBECONFIG"
        case .unreadable(let error): "\(error)"
        case .malformed(let file, let field, let reason):
            field.isEmpty ? "\(file): \(reason)" : "\(file): \(field): \(reason)"
        case .unusable(let source, let error): "\(source): \(error)"
        case .notSecure(let origin): "\(origin): the server URL is not https; a token is not sent without TLS"
        case .plugin(let command, let reason): "credential plugin \(command): \(reason)"
        }
    }
}
