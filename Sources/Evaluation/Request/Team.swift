import JSON
public import Kubernetes

extension Settings {
    /// Returns the team label of the object or of its pods; empty if neither has it.
    public func team(of review: AdmissionReview) -> String {
        guard let object = review.object ?? review.oldObject else { return "" }
        let pods = PodTemplate.metadata(of: object, kind: review.kind).map { ObjectMeta(metadata: $0) }
        return SecretMask.masked(ObjectMeta(of: object).labels[teamLabel] ?? pods?.labels[teamLabel] ?? "")
    }
}
