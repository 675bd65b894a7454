internal import JSON
internal import Kubernetes
internal import Net

/// A program that prints credentials, such as `aws eks get-token`
/// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
struct CredentialPlugin: Sendable {
    let program: Subprocess
    let apiVersion: String

    /// What it printed.
    struct Credential: Sendable {
        var token: String?
        var certificate: [UInt8]?
        var privateKey: [UInt8]?
        /// When it ends, in seconds since 1970; nil when nobody says.
        var expiry: Int64?
    }

    private static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

    init(_ entry: KubeconfigEntry, _ environment: [String: String]) throws(CredentialsError) {
        apiVersion = try entry.required("apiVersion")
        guard CredentialPlugin.versions.contains(apiVersion) else {
            throw entry.malformed(
                "apiVersion", "it must be \(CredentialPlugin.versions.joined(separator: " or "))")
        }
        guard try entry.text("interactiveMode") != "Always" else {
            throw entry.malformed("interactiveMode", "there is nobody to answer questions")
        }
        guard entry.fields["provideClusterInfo"] != true else {
            throw entry.malformed("provideClusterInfo", "it is not supported")
        }
        let command = try entry.required("command")
        var variables = environment
        for variable in try CredentialPlugin.elements("env", of: entry) {
            guard case .string(let name) = variable["name"], case .string(let value) = variable["value"] else {
                throw entry.malformed("env", "each of it must have a name and a value")
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
            guard case .string(let text) = argument else { throw entry.malformed("args", "each must be a string") }
            arguments.append(text)
        }
        program = Subprocess(
            // A bare name is looked up; a path is relative to the kubeconfig.
            command: command.contains("/") ? entry.resolved(command) : command, arguments: arguments,
            environment: variables)
    }

    private static func elements(_ field: String, of entry: KubeconfigEntry) throws(CredentialsError) -> [Literal] {
        switch entry.fields[field] {
        case nil, .null: return []
        case .array(let elements): return elements
        default: throw entry.malformed(field, "it must be a list")
        }
    }

    /// Runs the program and waits for it: not on a loop's thread.
    func run(within limit: Duration) -> Result<Credential, CredentialsError> {
        do throws(SystemError) {
            let result = try program.run(within: limit)
            guard result.status == 0 else {
                // What it says about itself is meant to be read; what it prints for us is not.
                let message = String(decoding: result.messages, as: UTF8.self).split(separator: "\n").last ?? ""
                return .failure(error("it ended with status \(result.status): \(printable(message))"))
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
                    return .failure(error("it printed another version than \(apiVersion)"))
                }
                guard let status = root["status"] else { return .failure(error("it printed no status")) }
                var credential = Credential()
                credential.token = status["token"]?.string
                credential.certificate = status["clientCertificateData"]?.string.map { Array($0.utf8) }
                credential.privateKey = status["clientKeyData"]?.string.map { Array($0.utf8) }
                guard credential.token != nil || credential.certificate != nil && credential.privateKey != nil else {
                    return .failure(error("it printed neither a token nor a certificate with its key"))
                }
                if let text = status["expirationTimestamp"]?.string {
                    guard let moment = Timestamp(text) else {
                        return .failure(error("its expirationTimestamp is no time"))
                    }
                    credential.expiry = moment.seconds
                }
                return .success(credential)
            }
        } catch {
            return .failure(self.error("it printed no JSON"))
        }
    }

    private func error(_ reason: String) -> CredentialsError { .plugin(command: program.command, reason: reason) }
}

/// A text from elsewhere for a message: one line, and not too long.
func printable(_ text: some StringProtocol, atMost maximum: Int = 400) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(maximum) {
        result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
    return trimmed(result)
}
