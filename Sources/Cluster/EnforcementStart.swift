internal import HTTP
internal import JSON
public import Kubernetes
internal import Net

/// The annotation that says since when a cluster's server enforces, on its own ValidatingWebhookConfiguration.
public struct EnforcementAnnotation: Sendable {
    /// The name of the ValidatingWebhookConfiguration.
    public var configuration: String
    /// The annotation's name, as in `playbook.superinc.com/enforced-since`.
    public var name: String
    /// The time that is written where there is no annotation yet.
    public var now: Timestamp

    /// Names the annotation.
    public init(on configuration: String, named name: String, now: Timestamp) {
        self.configuration = configuration
        self.name = name
        self.now = now
    }
}

/// The calls that find out since when a cluster's server enforces: the annotation is read, and written where there is none.
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

    /// Reads the annotation; calls the completion once, when there is an answer that will not change by itself.
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

    /// Writes the annotation, unless another replica wrote the configuration meanwhile.
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
        // Trying again would not help: a right that is granted later takes effect at the next start.
        if case .status(let status) = error, [401, 403, 404].contains(status.code) {
            return completion(.failure(error))
        }
        client.loop.after(backoff.wait(client.options.chance())) { [self] in find() }
    }
}
