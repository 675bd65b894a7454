import JSON
import Kubernetes

extension Subject {
    /// The number of replicas before an UPDATE; nil if it is not a number.
    var pastCount: Int? { count(in: review.oldObject) }

    /// Returns the number of replicas in a state of the object; nil if it is not a number.
    func count(in object: Value?) -> Int? {
        // A Scale to zero omits the field; the default of a workload is 1.
        Int(object?["spec"]?["replicas"]?.text ?? (review.subresource == .scale ? "0" : "1"))
    }

    /// True if the requester is allowed to set the requested number of replicas, so that autoscaling is not delayed.
    ///
    /// The HPA controller can set any number, and so can trusted controllers that change nothing else. Another service account that is not a deployer can raise
    /// the number, and lower it within the bounds of an autoscaler that targets the workload.
    /// - Parameters:
    ///   - count: The requested number of replicas.
    ///   - context: The settings and related objects.
    /// - Returns: True if the number needs no finding.
    package func maySet(count: Int, _ context: Context) -> Bool {
        if review.user.isNamed("system:serviceaccount:kube-system:horizontal-pod-autoscaler") { return true }
        guard review.user.mayBeServiceAccount else { return false }
        switch Requester(of: review, context) {
        case .deployer, .workloadController: return false
        case .trustedController: return review.operation == .update && changesOnlyCount
        case .serviceAccount:
            guard review.operation == .update, review.oldObject != nil else { return false }
            if let pastCount, count >= pastCount { return true }
            let kind = review.subresource == .scale ? scaledKind : kind
            let autoscaler = try? context.relatedObjects.autoscaler(of: kind, name ?? "", in: namespace)
            return autoscaler.map { $0.minimum <= count && count <= $0.maximum } ?? false
        }
    }
}
