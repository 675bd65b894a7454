internal import JSON
internal import Languages
internal import Net
internal import YAML

/// A kubeconfig: clusters, users, and contexts that combine them.
///
/// If several files define a name, the first one counts, as in kubectl.
struct Kubeconfig {
    private struct Source {
        let path: String
        let root: Literal
    }

    private let sources: [Source]

    init(files: [String], isListed: Bool) throws(CredentialsError) {
        var sources: [Source] = []
        var missing: SystemError?
        for path in files {
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try readFile(path, mayWait: true)
            } catch {
                // Not all files of a list need to exist.
                guard error.isMissingFile else { throw .unreadable(error) }
                missing = error
                continue
            }
            sources.append(Source(path: path, root: try Kubeconfig.parse(bytes, path)))
        }
        if sources.isEmpty {
            guard isListed, let missing else { throw .nothingFound }
            throw .unreadable(missing)
        }
        self.sources = sources
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(CredentialsError) -> Literal {
        let (documents, error) = Reader.documents(in: bytes)
        if let error { throw .malformed(file: path, field: "", reason: "\(error)") }
        guard let document = documents.first else { return .object([]) }
        let root: Literal
        do throws(ParseError) {
            root = try Literal(parsing: document.json)
        } catch {
            throw .malformed(file: path, field: "", reason: "\(error)")
        }
        guard case .object = root else { throw .malformed(file: path, field: "", reason: "not a kubeconfig") }
        return root
    }

    // MARK: Resolving

    func access(context: String?, environment: [String: String]) throws(CredentialsError) -> ClusterAccess {
        let name = if let context { context } else { try currentContext() }
        let chosen = try entry("contexts", name, "context")
        let cluster = try entry("clusters", chosen.required("cluster"), "cluster")
        // kubectl writes "" for no user.
        let userName = try chosen.text("user") ?? ""
        let user = userName.isEmpty ? nil : try entry("users", userName, "user")
        let server = try ServerURL(cluster.required("server"), cluster)
        try refuseUnsupported(cluster, user)
        return ClusterAccess(
            endpoint: Endpoint(host: server.host, port: server.port, serverName: try cluster.text("tls-server-name")),
            basePath: server.path, isSecure: server.isSecure, namespace: try chosen.text("namespace"),
            origin: "\(chosen.file), context \(name)", authorities: try cluster.material("certificate-authority"),
            certificate: try user?.material("client-certificate"), privateKey: try user?.material("client-key"),
            token: try user.flatMap { (user) throws(CredentialsError) in try token(user, environment) })
    }

    private func currentContext() throws(CredentialsError) -> String {
        for source in sources {
            if case .string(let name) = source.root["current-context"], !name.isEmpty { return name }
        }
        throw .malformed(
            file: sources[0].path, field: "current-context", reason: "no current context; name one with --context")
    }

    /// Returns a named entry of a list, and the member of it that holds the configuration.
    private func entry(_ list: String, _ name: String, _ member: String) throws(CredentialsError) -> KubeconfigEntry {
        for source in sources {
            guard case .array(let entries) = source.root[list] else { continue }
            for entry in entries where entry["name"] == .string(name) {
                let field = "\(list)[\(name)].\(member)"
                guard let fields = entry[member], case .object = fields else {
                    throw .malformed(file: source.path, field: field, reason: "missing")
                }
                return KubeconfigEntry(file: source.path, place: field, fields: fields)
            }
        }
        throw .malformed(
            file: sources.map(\.path).joined(separator: ":"), field: list, reason: "no entry is named \"\(name)\"")
    }

    /// Rejects fields that change identity or trust and are not supported.
    private func refuseUnsupported(_ cluster: KubeconfigEntry, _ user: KubeconfigEntry?) throws(CredentialsError) {
        if cluster.fields["insecure-skip-tls-verify"] == true {
            throw cluster.malformed(
                "insecure-skip-tls-verify", "not supported; set certificate-authority instead")
        }
        for field in ["proxy-url"] where cluster.fields[field] != nil {
            throw cluster.malformed(field, "proxies are not supported")
        }
        guard let user else { return }
        for field in ["auth-provider", "username", "as", "as-groups", "as-uid"] where user.fields[field] != nil {
            throw user.malformed(field, "not supported; use a token, a client certificate or exec")
        }
    }

    /// Returns the token source in kubectl's order: a token file, a token, then a plugin.
    private func token(
        _ user: KubeconfigEntry, _ environment: [String: String]
    ) throws(CredentialsError) -> ClusterAccess.TokenSource? {
        if let path = try user.path("tokenFile") { return .file(path) }
        if let token = try user.text("token"), !token.isEmpty { return .fixed(token) }
        guard let exec = user.fields["exec"], exec != .null else { return nil }
        return .plugin(
            try CredentialPlugin(
                KubeconfigEntry(file: user.file, place: "\(user.place).exec", fields: exec), environment))
    }
}

/// An object of a kubeconfig, with its location for messages.
struct KubeconfigEntry {
    let file: String
    let place: String
    let fields: Literal

    func malformed(_ field: String, _ reason: String) -> CredentialsError {
        .malformed(file: file, field: "\(place).\(field)", reason: reason)
    }

    func text(_ field: String) throws(CredentialsError) -> String? {
        switch fields[field] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw malformed(field, "must be a string")
        }
    }

    func required(_ field: String) throws(CredentialsError) -> String {
        guard let text = try text(field), !text.isEmpty else { throw malformed(field, "missing") }
        return text
    }

    /// A file's path; a relative path starts at the kubeconfig's directory.
    func path(_ field: String) throws(CredentialsError) -> String? {
        guard let path = try text(field), !path.isEmpty else { return nil }
        return resolved(path)
    }

    func resolved(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return "\(file[..<slash])/\(path)"
    }

    /// The content of `FIELD-data`, which is base64, or the file that `FIELD` names.
    func material(_ field: String) throws(CredentialsError) -> ClusterAccess.Material? {
        if let data = try text("\(field)-data"), !data.isEmpty {
            guard let bytes = base64Decoded(data) else { throw malformed("\(field)-data", "not base64") }
            return .inline(bytes)
        }
        return try path(field).map { .file($0) }
    }
}

/// The parts of a cluster's `server`.
private struct ServerURL {
    var isSecure = true
    var host = ""
    var port: UInt16 = 443
    var path = ""

    init(_ text: String, _ cluster: KubeconfigEntry) throws(CredentialsError) {
        let malformed = cluster.malformed("server", "must be https://HOST[:PORT][/PATH]")
        var rest: Substring
        if text.hasPrefix("https://") {
            rest = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            rest = text.dropFirst(7)
            isSecure = false
            port = 80
        } else {
            throw malformed
        }
        if let slash = rest.firstIndex(of: "/") {
            path = String(rest[slash...])
            while path.hasSuffix("/") { path.removeLast() }
            rest = rest[..<slash]
        }
        if let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { throw malformed }
            port = number
            rest = rest[..<colon]
        }
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        host = String(rest)
        // A URL with credentials or a query is rejected: neither would be used.
        guard !host.isEmpty, !host.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || "@?#[]/".utf8.contains($0) })
        else {
            throw malformed
        }
    }
}
