public import JSON

/// An object as the request that would create it, for what nobody has sent to an API server yet.
public final class Creation {
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
    public init?(of object: Value, kind: String, apiVersion: String, in namespace: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let known = ResourceKind(kind: kind, apiVersion: apiVersion)
        let metadata = ObjectMeta(of: object)
        let place =
            if known == .namespace { metadata.name ?? "" } else {
                metadata.namespace ?? (known == .other || ResourceKinds.clusterWide.contains(known) ? "" : namespace)
            }
        let request: Literal = [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": "-", "operation": "CREATE", "namespace": .string(place),
                "kind": [
                    "group": .string(parts.count > 1 ? parts[0] : ""), "version": .string(parts.last ?? ""),
                    "kind": .string(kind),
                ],
            ],
        ]
        guard let envelope = try? Document(parsing: Array(request.json.utf8)),
            let review = try? AdmissionReview(envelope.root)
        else { return nil }
        self.envelope = envelope
        self.review = review.replacingObject(with: object)
    }
}
