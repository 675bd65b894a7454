public import JSON

/// An object as a request that nobody has sent: that would create it, or write it as it is.
public final class UnsentRequest {
    // What the review's own members point into; the object's are in its own document.
    private let envelope: Document
    /// The request; not to be kept beyond this or the object.
    public let review: AdmissionReview

    /// Makes the request.
    ///
    /// - Parameters:
    ///   - object: The object; it has to outlive this.
    ///   - kind: Its kind.
    ///   - apiVersion: Its group and version.
    ///   - namespace: Where it goes when it does not say so itself; empty where that is not known.
    ///   - operation: What the request does.
    ///   - isNamespaced: Whether a kind that no rule knows belongs to a namespace.
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
                // In its own document; see below.
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
