import JSON
import Kubernetes

extension Subject {
    /// True if the requester is allowed to set the requested number of replicas, so that autoscaling is not delayed.
    ///
    /// The HPA controller and trusted controllers can set any number. Another service account that is not a deployer can raise
    /// the number, and lower it within the bounds of an autoscaler that targets the workload.
    /// - Parameters:
    /// - Parameters:
    ///   - count: The requested number of replicas.
    ///   - context: The settings and related objects.
    /// - Returns: True if the number needs no finding.
    package func maySet(count: Int, _ context: Context) -> Bool {
        if review.user.isNamed("system:serviceaccount:kube-system:horizontal-pod-autoscaler") { return true }
        guard review.user.mayBeServiceAccount else { return false }
        switch Requester(of: review, context) {
        case .deployer, .workloadController: return false
        case .trustedController: return review.operation == .update
        case .serviceAccount:
            guard review.operation == .update, let old = review.oldObject else { return false }
            let past = old["spec"]?["replicas"]?.text ?? (review.subresource == .scale ? "0" : "1")
            if let past = Int(past), count >= past { return true }
            let kind = review.subresource == .scale ? scaledKind : kind
            let autoscaler = try? context.relatedObjects.autoscaler(of: kind, name ?? "", in: namespace)
            return autoscaler.map { $0.minimum <= count && count <= $0.maximum } ?? false
        }
    }
}
