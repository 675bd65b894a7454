internal import Evaluation
internal import HTTP
internal import JSON
internal import Languages

/// The certificate keeper's API calls: they read and write the Secret and the webhook configurations.
struct CertificateCalls {
    private let client: APIClient
    private let options: CertificateKeeperOptions

    /// The plural names of the webhook configurations, in the order of their numbers.
    static let registrations = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]

    init(_ client: APIClient, _ options: CertificateKeeperOptions) {
        self.client = client
        self.options = options
    }

    // MARK: Reading

    /// Reads a webhook configuration; nil if it does not exist.
    func readRegistration(_ number: Int, _ completion: @escaping (Result<Literal?, APIError>) -> Void) {
        read(registrationPath(number), completion)
    }

    /// Reads the Secret; nil if it does not exist.
    func readSecret(_ completion: @escaping (Result<Literal?, APIError>) -> Void) { read(secretPath, completion) }

    private func read(_ path: String, _ completion: @escaping (Result<Literal?, APIError>) -> Void) {
        client.send(APIRequest(.get, path, attempts: 2, limit: .seconds(15), maximumResponse: 4 << 20)) { result in
            switch result {
            case .success(let response):
                // The parse error is not quoted: it would contain parts of the Secret.
                guard let object = try? Literal(parsing: response.body), case .object = object else {
                    return completion(.failure(.malformed("not a JSON object")))
                }
                completion(.success(object))
            case .failure(.status(let status)) where status.code == 404: completion(.success(nil))
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    // MARK: Writing

    /// The result of writing an object.
    enum Outcome {
        case written
        /// A conflict: another replica wrote the object first, or it was created or deleted.
        case overtaken
        case failed(APIError)
    }

    /// Writes a webhook configuration that was read, with other CAs in its caBundles.
    func writeRegistration(
        _ number: Int, _ object: Literal, trusting authorities: [String], _ completion: @escaping (Outcome) -> Void
    ) {
        write(.put, registrationPath(number), object.trusting(authorities), completion)
    }

    /// Writes data into the Secret that was read, or creates it.
    func writeSecret(_ secret: Literal?, data: Literal, _ completion: @escaping (Outcome) -> Void) {
        let (verb, path): (OutgoingRequest.Verb, String) = secret == nil ? (.post, secretsPath) : (.put, secretPath)
        write(verb, path, (secret ?? emptySecret).replacing("data", by: data)) { outcome in
            guard case .failed(.status(let status)) = outcome else { return completion(outcome) }
            // The message is dropped: a proxy might quote the body.
            completion(.failed(.status(APIStatus(code: status.code, reason: status.reason, message: ""))))
        }
    }

    private func write(
        _ verb: OutgoingRequest.Verb, _ path: String, _ object: Literal, _ completion: @escaping (Outcome) -> Void
    ) {
        var body: [UInt8] = []
        object.write(to: &body)
        client.send(APIRequest(verb, path, body: body, attempts: 2, limit: .seconds(15))) { result in
            switch result {
            case .success: completion(.written)
            case .failure(.status(let status)) where [404, 409].contains(status.code): completion(.overtaken)
            case .failure(let error): completion(.failed(error))
            }
        }
    }

    // MARK: Paths

    /// Returns the path of a webhook configuration.
    func registrationPath(_ number: Int) -> String {
        let plural = CertificateCalls.registrations[number]
        return APIResource(group: "admissionregistration.k8s.io", version: "v1", plural: plural)
            .path(name: options.registration)
    }

    private var secretsPath: String {
        APIResource(group: "", version: "v1", plural: "secrets").path(in: options.namespace)
    }

    private var secretPath: String {
        APIResource(group: "", version: "v1", plural: "secrets").path(in: options.namespace, name: options.secret)
    }

    /// An empty Secret, as in deploy/components/self-certificates.
    private var emptySecret: Literal {
        [
            "apiVersion": "v1", "kind": "Secret", "type": .string(Settings.certificateSecretType),
            "metadata": ["name": .string(options.secret), "namespace": .string(options.namespace)],
        ]
    }
}

extension RegistrationTrust {
    /// Reads the caBundles of a webhook configuration.
    init(_ registration: Literal) {
        guard case .array(let webhooks) = registration["webhooks"] else {
            self = .bundles([])
            return
        }
        self = .bundles(
            webhooks.map { webhook in
                guard case .string(let encoded) = webhook["clientConfig"]?["caBundle"] else { return nil }
                return base64Decoded(encoded).flatMap { certificateTexts(inPEM: $0) }
            })
    }
}

extension Literal {
    /// Returns the webhook configuration with other CAs.
    ///
    /// Its resourceVersion is kept, so that the API server detects conflicts.
    fileprivate func trusting(_ authorities: [String]) -> Literal {
        guard case .array(let webhooks) = self["webhooks"] else { return self }
        let bundle = Literal.string(base64Encoded(authorities.joined().utf8))
        return replacing(
            "webhooks",
            by: .array(
                webhooks.map { webhook in
                    let configuration = webhook["clientConfig"] ?? .object([])
                    return webhook.replacing("clientConfig", by: configuration.replacing("caBundle", by: bundle))
                }))
    }

    fileprivate func replacing(_ key: String, by value: Literal) -> Literal {
        guard case .object(var members) = self else { return self }
        if let index = members.firstIndex(where: { $0.key == key }) {
            members[index].value = value
        } else {
            members.append(Member(key, value))
        }
        return .object(members)
    }
}
