/// Properties of API groups.
public enum APIGroup {
    /// True if Kubernetes itself serves a group; all others belong to CustomResourceDefinitions or aggregated APIs.
    ///
    /// The suffix `k8s.io` does not decide: `gateway.networking.k8s.io` and `sparkoperator.k8s.io` are custom groups.
    public static func isBuiltIn(_ group: String) -> Bool { builtIn.contains(group) }

    /// The groups of Kubernetes 1.36 with all alpha APIs enabled (`kubectl api-versions`), and one that was served before 1.22.
    private static let builtIn: Set<String> = [
        // The core group has an empty name.
        "",
        "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps",
        "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io",
        "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io",
        "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
    ]
}
