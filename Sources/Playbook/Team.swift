import JSON
public import Kubernetes

extension Settings {
    /// Whose an object is, as its label says or that of its pods; empty where neither does.
    public func team(of review: AdmissionReview) -> String {
        guard let object = review.object ?? review.oldObject else { return "" }
        let template = object["spec"]?["template"].map { ObjectMeta(of: $0) }
        return ObjectMeta(of: object).labels[teamLabel] ?? template?.labels[teamLabel] ?? ""
    }
}
