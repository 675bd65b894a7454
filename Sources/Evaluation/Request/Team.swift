import JSON
public import Kubernetes

extension Settings {
    /// Whose an object is, as its label says or that of its pods; empty where neither does.
    public func team(of review: AdmissionReview) -> String {
        guard let object = review.object ?? review.oldObject else { return "" }
        let pods = PodTemplate.metadata(of: object, kind: review.kind).map { ObjectMeta(metadata: $0) }
        return SecretMask.masked(ObjectMeta(of: object).labels[teamLabel] ?? pods?.labels[teamLabel] ?? "")
    }
}
