public import Net

/// Where a cluster's API server is, and what we show there: the configuration as it was found, nothing of it used yet.
public struct ClusterAccess: Sendable {
    /// Contents that are given, or a file that holds them and may change.
    enum Material: Sendable, Hashable {
        case inline([UInt8])
        case file(String)
    }

    /// Where the token comes from that says who we are.
    enum TokenSource: Sendable {
        case fixed(String)
        case file(String)
        case plugin(CredentialPlugin)
    }

    /// The API server.
    public let endpoint: Endpoint
    /// The part of its URL that comes before `/api`; empty for nearly all.
    public let basePath: String
    /// Whether TLS is spoken; only a proxy on the same machine goes without.
    public let isSecure: Bool
    /// The namespace that is meant where none is said.
    public let namespace: String?
    /// Where this was found, for messages: `the service account`, or a file and its context.
    public let origin: String
    /// Whose certificates are trusted; nil trusts those of the system.
    let authorities: Material?
    let certificate: Material?
    let privateKey: Material?
    let token: TokenSource?
}

extension ClusterAccess {
    /// Where a Pod finds its service account.
    public static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Finds the cluster that is meant: a context that is named, then `KUBECONFIG`, then the Pod's service account, then
    /// `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - environment: The process's variables; credential plugins get them too.
    ///   - context: The kubeconfig's context to use; nil takes the one that it names.
    ///   - folder: Where the service account is.
    /// - Returns: What was found.
    /// - Throws: A ``CredentialsError`` with the file and the field.
    public static func find(
        environment: [String: String], context: String? = nil, serviceAccount folder: String = serviceAccountFolder
    ) throws(CredentialsError) -> ClusterAccess {
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

    /// Reads what the kubelet gives every Pod; the token and the authority are read when they are used, again and again.
    ///
    /// - Parameters:
    ///   - environment: The process's variables.
    ///   - folder: Where the service account is.
    /// - Returns: The way to the cluster that we run in.
    /// - Throws: A ``CredentialsError`` with the variable or the file.
    public static func inCluster(
        environment: [String: String], serviceAccount folder: String = serviceAccountFolder
    ) throws(CredentialsError) -> ClusterAccess {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else { throw .nothingFound }
        let name =
            environment["KUBERNETES_SERVICE_PORT"] == nil ? "KUBERNETES_SERVICE_PORT_HTTPS" : "KUBERNETES_SERVICE_PORT"
        guard let port = UInt16(environment[name] ?? ""), port > 0 else {
            throw .malformed(file: "environment", field: name, reason: "it is no port")
        }
        // A namespace is not needed for anything but what is in our own.
        let namespace = (try? readFile("\(folder)/namespace")).map { trimmed(String(decoding: $0, as: UTF8.self)) }
        return ClusterAccess(
            endpoint: Endpoint(host: host, port: port), basePath: "", isSecure: true, namespace: namespace,
            origin: "the service account", authorities: .file("\(folder)/ca.crt"), certificate: nil, privateKey: nil,
            token: .file("\(folder)/token"))
    }
}

/// The text without white space around it.
func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop { $0.isWhitespace }
    var end = start[...]
    while end.last?.isWhitespace ?? false { end = end.dropLast() }
    return String(end)
}
