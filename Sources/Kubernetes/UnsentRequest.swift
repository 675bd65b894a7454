public import JSON

/// A request that was not sent, which would create an object or update it without changes.
public final class UnsentRequest {
    // The document of the review's own members; the object is in another document.
    private let envelope: Document
    /// The request; it must not be kept longer than this object or the document of the object.
    public let review: AdmissionReview

    /// Creates the request.
    ///
    /// - Parameters:
    ///   - object: The object; its document must exist as long as the request.
    ///   - kind: The kind of the object.
    ///   - apiVersion: The API group and version of the object.
    ///   - namespace: The namespace if the object has none; empty if it is unknown.
    ///   - operation: The operation of the request.
    ///   - isNamespaced: True if a kind that rules do not know is namespaced.
    public init?(
        of object: Value, kind: String, apiVersion: String, in namespace: String = "", operation: Operation = .create,
        isNamespaced: Bool = false
    ) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let known = ResourceKind(kind: kind, apiVersion: apiVersion)
        let metadata = ObjectMeta(of: object)
        let place =
            if known == .namespace { metadata.name ?? "" } else {
                metadata.namespace
                    ?? (known == .other && !isNamespaced || ResourceKinds.clusterWide.contains(known) ? "" : namespace)
            }
        let request: Literal = [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": "-", "operation": .string("\(operation.name)"), "namespace": .string(place),
                "kind": [
                    "group": .string(parts.count > 1 ? parts[0] : ""), "version": .string(parts.last ?? ""),
                    "kind": .string(kind),
                ],
                // A placeholder for the object, which is in another document.
                "object": .object([]),
            ],
        ]
        guard let envelope = try? Document(parsing: Array(request.json.utf8)),
            let review = try? AdmissionReview(envelope.root)
        else { return nil }
        self.envelope = envelope
        self.review = review.replacingObject(with: object)
    }
}
