internal import HTTP
internal import JSON
internal import Kubernetes

/// The keeper's calls to the cluster: the Secret, and the registrations that are to trust what is in it.
struct CertificateCalls {
    private let client: APIClient
    private let options: CertificateKeeperOptions

    /// The plurals of the registrations, in the order of their numbers.
    static let registrations = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]

    init(_ client: APIClient, _ options: CertificateKeeperOptions) {
        self.client = client
        self.options = options
    }

    // MARK: Reading

    /// Reads a registration; nil when there is none.
    func readRegistration(_ number: Int, _ completion: @escaping (Result<Literal?, APIError>) -> Void) {
        read(registrationPath(number), completion)
    }

    /// Reads the Secret; nil when there is none.
    func readSecret(_ completion: @escaping (Result<Literal?, APIError>) -> Void) { read(secretPath, completion) }

    private func read(_ path: String, _ completion: @escaping (Result<Literal?, APIError>) -> Void) {
        client.send(APIRequest(.get, path, attempts: 2, limit: .seconds(15), maximumResponse: 4 << 20)) { result in
            switch result {
            case .success(let response):
                // What is wrong with a Secret is not quoted: it would be a part of it.
                guard let object = try? Literal(parsing: response.body), case .object = object else {
                    return completion(.failure(.malformed("it is no object")))
                }
                completion(.success(object))
            case .failure(.status(let status)) where status.code == 404: completion(.success(nil))
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    // MARK: Writing

    /// What came of writing an object.
    enum Outcome {
        case written
        /// Another replica was first, or the object came or went.
        case overtaken
        case failed(APIError)
    }

    /// Writes a registration that was read, with other authorities in it.
    func writeRegistration(
        _ number: Int, _ object: Literal, trusting authorities: [String], _ completion: @escaping (Outcome) -> Void
    ) {
        write(.put, registrationPath(number), object.trusting(authorities), completion)
    }

    /// Puts data into the Secret that was read, or into a new one where there was none.
    func writeSecret(_ secret: Literal?, data: Literal, _ completion: @escaping (Outcome) -> Void) {
        let (verb, path): (OutgoingRequest.Verb, String) = secret == nil ? (.post, secretsPath) : (.put, secretPath)
        write(verb, path, (secret ?? emptySecret).replacing("data", by: data)) { outcome in
            guard case .failed(.status(let status)) = outcome else { return completion(outcome) }
            // Nobody can say what a proxy quotes of a body that it does not like.
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

    // MARK: Where they are

    /// A registration's path.
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

    /// The Secret as deploy/components/self-certificates has it.
    private var emptySecret: Literal {
        [
            "apiVersion": "v1", "kind": "Secret", "type": "playbook.superinc.com/certificates",
            "metadata": ["name": .string(options.secret), "namespace": .string(options.namespace)],
        ]
    }
}

extension RegistrationTrust {
    /// Reads a registration.
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
    /// The registration with other authorities, and else as it is: so too its version, by which the API server knows
    /// whether somebody wrote it meanwhile.
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
