import JSON
import Kubernetes
import Languages

extension Finding {
    /// Creates a finding about a kind or version that no API server has; nil if the object's may exist.
    ///
    /// Custom kinds are not known here: only groups of Kubernetes itself are checked, and groups without a dot, which a
    /// CustomResourceDefinition cannot have.
    init?(unknownKindOf review: AdmissionReview) {
        let (kind, group, apiVersion) = (review.kindName, review.group, review.groupVersion)
        let elsewhere = BuiltInKinds.apiVersion(of: kind)
        let use = elsewhere.map { "; use \($0)" } ?? ""
        let names = BuiltInKinds.names(in: group)
        if apiVersion.isEmpty {
            self.init(.kind, at: "/apiVersion", "is not set\(use)")
        } else if let release = BuiltInKinds.removal(of: kind, in: apiVersion) {
            self.init(.kind, at: "/apiVersion", "is \"\(apiVersion)\", which Kubernetes \(release) removed\(use)")
        } else if !names.isEmpty, !names.contains(kind) {
            if elsewhere != nil {
                self.init(.kind, at: "/apiVersion", "is \"\(apiVersion)\", which has no kind \"\(kind)\"\(use)")
            } else if let near = nearest(to: kind, in: names) {
                self.init(
                    .kind, at: "/kind",
                    "\"\(clipped(kind))\" does not exist in \(apiVersion); did you mean \"\(near)\"?")
            } else if ["apps", "batch"].contains(group) {
                self.init(.kind, at: "/kind", "\"\(clipped(kind))\" does not exist in \(apiVersion)")
            } else {
                return nil
            }
        } else if names.isEmpty, elsewhere != nil, !group.contains("."), !APIGroup.isBuiltIn(group) {
            self.init(
                .kind, at: "/apiVersion", "is \"\(clipped(apiVersion))\", and this API group does not exist\(use)")
        } else {
            return nil
        }
        advice = "write a kind and an apiVersion that the cluster serves"
    }
}

extension Clause {
    /// The requirement that Kubernetes has the kind in this version; checked in files only.
    static let kind = Clause("kind", "in files, kind and apiVersion exist in Kubernetes (custom kinds are not checked)")
}
