import Evaluation
import JSON
import Kubernetes

/// A subject of a RoleBinding or a ClusterRoleBinding (`rbac.authorization.k8s.io/v1`, Subject).
struct BindingSubject {
    /// `User`, `Group` or `ServiceAccount`.
    let kind: String
    /// The user or group name in the API server; that of a service account is `system:serviceaccount:shop:web`.
    let user: String

    /// The kind and the name, which identify the subject: `Group developers`.
    var title: String { "\(kind) \(user)" }

    /// Reads an entry of `subjects` of a binding in a namespace.
    init(_ entry: Field, in namespace: String) throws(CannotEvaluate) {
        kind = try entry["kind"].string() ?? ""
        let name = try entry["name"].string() ?? ""
        user =
            kind == "ServiceAccount"
            ? "system:serviceaccount:\(try entry["namespace"].string() ?? namespace):\(name)" : name
    }
}

extension Subject {
    /// Returns true if a binding's role is the ClusterRole of this name.
    func binds(toClusterRole name: String) throws(CannotEvaluate) -> Bool {
        let role = try field("roleRef")
        guard try role["kind"].equals("ClusterRole") else { return false }
        return try role["name"].text()?.equals(string: name) ?? false
    }
}
