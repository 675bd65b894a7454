public import Net

/// The address and credentials of an API server, as found in the configuration; nothing has been used yet.
public struct ClusterAccess: Sendable {
    /// Given content, or a file whose content may change.
    enum Material: Sendable, Hashable {
        case inline([UInt8])
        case file(String)
    }

    /// The source of the bearer token.
    enum TokenSource: Sendable {
        case fixed(String)
        case file(String)
        case plugin(CredentialPlugin)
    }

    /// The API server's host and port.
    public let endpoint: Endpoint
    /// The part of the URL before `/api`; usually empty.
    public let basePath: String
    /// True if TLS is used; only a local proxy does without.
    public let isSecure: Bool
    /// The default namespace.
    public let namespace: String?
    /// The source of the configuration, for messages: `the service account`, or a file and its context.
    public let origin: String
    /// The trusted CAs; nil for the system's CAs.
    let authorities: Material?
    let certificate: Material?
    let privateKey: Material?
    let token: TokenSource?
}

extension ClusterAccess {
    /// The directory of a Pod's service account.
    public static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Finds the cluster to use, in this order: a named file or context, `KUBECONFIG`, the Pod's service account,
    /// `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - environment: The environment variables; credential plugins get them too.
    ///   - kubeconfig: The kubeconfig file; nil for those of the environment.
    ///   - context: The kubeconfig context; nil for the current context.
    ///   - folder: The directory of the service account.
    /// - Returns: The configuration.
    /// - Throws: A ``CredentialsError`` with the file and the field.
    public static func find(
        environment: [String: String], kubeconfig: String? = nil, context: String? = nil,
        serviceAccount folder: String = serviceAccountFolder
    ) throws(CredentialsError) -> ClusterAccess {
        if let kubeconfig {
            return try Kubeconfig(files: [kubeconfig], isListed: true).access(
                context: context, environment: environment)
        }
        let listed = environment["KUBECONFIG"] ?? ""
        if context == nil, listed.isEmpty, environment["KUBERNETES_SERVICE_HOST"] != nil {
            return try inCluster(environment: environment, serviceAccount: folder)
        }
        var files = listed.split(separator: ":").map(String.init)
        if files.isEmpty, let home = environment["HOME"] { files = ["\(home)/.kube/config"] }
        guard !files.isEmpty else { throw .nothingFound }
        let configuration = try Kubeconfig(files: files, isListed: !listed.isEmpty)
        return try configuration.access(context: context, environment: environment)
    }

    /// Reads the service account that the kubelet mounts into every Pod; the token and the CA are read at each use.
    ///
    /// - Parameters:
    ///   - environment: The environment variables.
    ///   - folder: The directory of the service account.
    /// - Returns: The configuration of the cluster that this Pod runs in.
    /// - Throws: A ``CredentialsError`` with the variable or the file.
    public static func inCluster(
        environment: [String: String], serviceAccount folder: String = serviceAccountFolder
    ) throws(CredentialsError) -> ClusterAccess {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else { throw .nothingFound }
        let name =
            environment["KUBERNETES_SERVICE_PORT"] == nil ? "KUBERNETES_SERVICE_PORT_HTTPS" : "KUBERNETES_SERVICE_PORT"
        guard let port = UInt16(environment[name] ?? ""), port > 0 else {
            throw .malformed(file: "environment", field: name, reason: "not a port number")
        }
        // The namespace is optional: only calls for our own objects need it.
        let namespace = (try? readFile("\(folder)/namespace")).map { trimmed(String(decoding: $0, as: UTF8.self)) }
        return ClusterAccess(
            endpoint: Endpoint(host: host, port: port), basePath: "", isSecure: true, namespace: namespace,
            origin: "the service account", authorities: .file("\(folder)/ca.crt"), certificate: nil, privateKey: nil,
            token: .file("\(folder)/token"))
    }
}

/// Returns the text without surrounding white space.
func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop { $0.isWhitespace }
    var end = start[...]
    while end.last?.isWhitespace ?? false { end = end.dropLast() }
    return String(end)
}
