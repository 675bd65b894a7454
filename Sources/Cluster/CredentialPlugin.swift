internal import JSON
internal import Kubernetes
internal import Net

/// A credential plugin, such as `aws eks get-token`
/// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
struct CredentialPlugin: Sendable {
    let program: Subprocess
    let apiVersion: String

    /// The credential that the plugin printed.
    struct Credential: Sendable {
        var token: String?
        var certificate: [UInt8]?
        var privateKey: [UInt8]?
        /// The expiry time, in seconds since 1970; nil if none was given.
        var expiry: Int64?
    }

    private static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

    init(_ entry: KubeconfigEntry, _ environment: [String: String]) throws(CredentialsError) {
        apiVersion = try entry.required("apiVersion")
        guard CredentialPlugin.versions.contains(apiVersion) else {
            throw entry.malformed(
                "apiVersion", "must be \(CredentialPlugin.versions.joined(separator: " or "))")
        }
        guard try entry.text("interactiveMode") != "Always" else {
            throw entry.malformed("interactiveMode", "interactive plugins are not supported")
        }
        guard entry.fields["provideClusterInfo"] != true else {
            throw entry.malformed("provideClusterInfo", "not supported")
        }
        let command = try entry.required("command")
        var variables = environment
        for variable in try CredentialPlugin.elements("env", of: entry) {
            guard case .string(let name) = variable["name"], case .string(let value) = variable["value"] else {
                throw entry.malformed("env", "each entry must have a name and a value")
            }
            variables[name] = value
        }
        variables["KUBERNETES_EXEC_INFO"] =
            Literal.object([
                .init("apiVersion", .string(apiVersion)), .init("kind", "ExecCredential"),
                .init("spec", ["interactive": false]),
            ]).json
        var arguments: [String] = []
        for argument in try CredentialPlugin.elements("args", of: entry) {
            guard case .string(let text) = argument else { throw entry.malformed("args", "entries must be strings") }
            arguments.append(text)
        }
        program = Subprocess(
            // A bare name is looked up in PATH; a path is relative to the kubeconfig.
            command: command.contains("/") ? entry.resolved(command) : command, arguments: arguments,
            environment: variables)
    }

    private static func elements(_ field: String, of entry: KubeconfigEntry) throws(CredentialsError) -> [Literal] {
        switch entry.fields[field] {
        case nil, .null: return []
        case .array(let elements): return elements
        default: throw entry.malformed(field, "must be a list")
        }
    }

    /// Runs the program and waits for it; must not be called on a loop's thread.
    func run(within limit: Duration) -> Result<Credential, CredentialsError> {
        do throws(SystemError) {
            let result = try program.run(within: limit)
            guard result.status == 0 else {
                // Its standard error is meant to be read; its standard output may contain secrets.
                let message = String(decoding: result.messages, as: UTF8.self).split(separator: "\n").last ?? ""
                return .failure(error("it exited with status \(result.status): \(printable(message))"))
            }
            return read(result.output)
        } catch {
            return .failure(self.error("\(error)"))
        }
    }

    private func read(_ output: [UInt8]) -> Result<Credential, CredentialsError> {
        do throws(ParseError) {
            return try Document().read(output.span, .strict) { root in
                guard root["kind"]?.equals("ExecCredential") ?? false else {
                    return .failure(error("it printed no ExecCredential"))
                }
                guard root["apiVersion"]?.equals(string: apiVersion) ?? false else {
                    return .failure(error("its ExecCredential does not have apiVersion \(apiVersion)"))
                }
                guard let status = root["status"] else { return .failure(error("its ExecCredential has no status")) }
                var credential = Credential()
                credential.token = status["token"]?.string
                credential.certificate = status["clientCertificateData"]?.string.map { Array($0.utf8) }
                credential.privateKey = status["clientKeyData"]?.string.map { Array($0.utf8) }
                guard credential.token != nil || credential.certificate != nil && credential.privateKey != nil else {
                    return .failure(error("its ExecCredential has no token and no client certificate with key"))
                }
                if let text = status["expirationTimestamp"]?.string {
                    guard let moment = Timestamp(text) else {
                        return .failure(error("its expirationTimestamp is not an RFC 3339 time"))
                    }
                    credential.expiry = moment.seconds
                }
                return .success(credential)
            }
        } catch {
            return .failure(self.error("its output is not JSON"))
        }
    }

    private func error(_ reason: String) -> CredentialsError { .plugin(command: program.command, reason: reason) }
}

/// Makes an external text safe for a message: one line of limited length.
func printable(_ text: some StringProtocol, atMost maximum: Int = 400) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(maximum) {
        result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
    return trimmed(result)
}
