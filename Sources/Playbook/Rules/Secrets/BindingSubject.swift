import JSON
import Kubernetes

/// Somebody to whom a RoleBinding or a ClusterRoleBinding gives a role (`rbac.authorization.k8s.io/v1`, Subject).
struct BindingSubject {
    /// `User`, `Group` or `ServiceAccount`.
    let kind: String
    /// Who that is to the API server: a service account has the name of the user that it is, `system:serviceaccount:shop:web`.
    let user: String
    /// Where it stands in the binding.
    let place: Pointer

    /// What tells it from others, and who it is for people: `Group developers`.
    var title: String { "\(kind) \(user)" }
}

extension Subject {
    /// Whether it binds to a ClusterRole of this name.
    func binds(toClusterRole name: String) throws(CannotJudge) -> Bool {
        guard let role = try object.object("roleRef"), try role.text("kind")?.equals("ClusterRole") ?? false else {
            return false
        }
        return try role.text("name")?.equals(string: name) ?? false
    }

    /// Everybody to whom a binding gives its role.
    func bindingSubjects() throws(CannotJudge) -> [BindingSubject] {
        var subjects: [BindingSubject] = []
        for entry in try object.objects("subjects") {
            let kind = try entry.string("kind") ?? ""
            var user = try entry.string("name") ?? ""
            if kind == "ServiceAccount" {
                user = "system:serviceaccount:\(try entry.string("namespace") ?? namespace):\(user)"
            }
            let place = Pointer(["subjects", String(subjects.count)])
            subjects.append(BindingSubject(kind: kind, user: user, place: place))
        }
        return subjects
    }
}
