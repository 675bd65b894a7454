import Evaluation
import JSON
import Kubernetes

/// Somebody to whom a RoleBinding or a ClusterRoleBinding gives a role (`rbac.authorization.k8s.io/v1`, Subject).
struct BindingSubject {
    /// `User`, `Group` or `ServiceAccount`.
    let kind: String
    /// Who that is to the API server: a service account has the name of the user that it is, `system:serviceaccount:shop:web`.
    let user: String

    /// What tells it from others, and who it is for people: `Group developers`.
    var title: String { "\(kind) \(user)" }

    /// Reads an entry of `subjects` of a binding in a namespace.
    init(_ entry: Field, in namespace: String) throws(CannotJudge) {
        kind = try entry["kind"].string() ?? ""
        let name = try entry["name"].string() ?? ""
        user =
            kind == "ServiceAccount"
            ? "system:serviceaccount:\(try entry["namespace"].string() ?? namespace):\(name)" : name
    }
}

extension Subject {
    /// Whether it binds to a ClusterRole of this name.
    func binds(toClusterRole name: String) throws(CannotJudge) -> Bool {
        let role = try field("roleRef")
        guard try role["kind"].equals("ClusterRole") else { return false }
        return try role["name"].text()?.equals(string: name) ?? false
    }
}
