internal import HTTP
internal import JSON
public import Kubernetes
internal import Net

/// The annotation on a cluster's ValidatingWebhookConfiguration that records when enforcement started.
public struct EnforcementAnnotation: Sendable {
    /// The name of the ValidatingWebhookConfiguration.
    public var configuration: String
    /// The annotation's name, as in `playbook.superinc.com/enforced-since`.
    public var name: String
    /// The time to write if the annotation does not exist.
    public var now: Timestamp

    /// Creates the description of an annotation.
    public init(on configuration: String, named name: String, now: Timestamp) {
        self.configuration = configuration
        self.name = name
        self.now = now
    }
}

/// The calls that read or write the time at which enforcement started.
final class EnforcementStart {
    private let client: APIClient
    private let annotation: EnforcementAnnotation
    private let completion: (Result<Timestamp, APIError>) -> Void
    private var backoff = Backoff()

    init(
        _ client: APIClient, _ annotation: EnforcementAnnotation,
        _ completion: @escaping (Result<Timestamp, APIError>) -> Void
    ) {
        self.client = client
        self.annotation = annotation
        self.completion = completion
    }

    private var path: String {
        APIResource(
            group: "admissionregistration.k8s.io", version: "v1", plural: "validatingwebhookconfigurations"
        ).path(name: annotation.configuration)
    }

    /// Reads the annotation, or writes it if it does not exist; calls the completion once, with a final result.
    func find() {
        client.send(APIRequest(.get, path, attempts: 1, limit: .seconds(15), maximumResponse: 4 << 20)) {
            [self] result in
            switch result {
            case .failure(let error): fail(error)
            case .success(let response):
                guard let object = try? Literal(parsing: response.body) else {
                    return completion(.failure(.malformed("not a JSON object")))
                }
                switch object["metadata"]?["annotations"]?[annotation.name] {
                case .string(let text): complete(text)
                default: write(object["metadata"]?["resourceVersion"] ?? nil)
                }
            }
        }
    }

    private func complete(_ text: String) {
        guard let since = Timestamp(text) ?? Timestamp(startOf: text) else {
            return completion(.failure(.malformed("the annotation \(annotation.name) is not an RFC 3339 date or time")))
        }
        completion(.success(since))
    }

    /// Writes the annotation, unless another replica has written the configuration since.
    private func write(_ version: Literal) {
        let change: Literal = [
            "metadata": [
                "resourceVersion": version,
                "annotations": .object([.init(annotation.name, .string("\(annotation.now)"))]),
            ]
        ]
        let request = APIRequest(
            .patch, path, body: Array(change.json.utf8), contentType: "application/merge-patch+json", attempts: 1,
            limit: .seconds(15), maximumResponse: 4 << 20)
        client.send(request) { [self] result in
            switch result {
            case .success: completion(.success(annotation.now))
            case .failure(let error): fail(error)
            }
        }
    }

    private func fail(_ error: APIError) {
        // A retry would not help: a permission that is granted later takes effect at the next start.
        if case .status(let status) = error, [400, 403, 404, 422].contains(status.code) {
            return completion(.failure(error))
        }
        client.loop.after(backoff.wait(client.options.chance())) { [self] in find() }
    }
}
