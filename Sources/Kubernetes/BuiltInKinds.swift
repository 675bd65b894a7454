/// The kinds that Kubernetes itself serves (1.36, with alpha APIs), and versions that it no longer serves.
public enum BuiltInKinds {
    /// Returns the names of a group's kinds; empty for a custom group.
    public static func names(in group: String) -> [String] { kinds[group] ?? [] }

    /// All names of kinds.
    public static let allNames: [String] = kinds.values.flatMap(\.self).sorted()

    /// Returns the `apiVersion` to write for a kind; nil if no group has it.
    public static func apiVersion(of kind: String) -> String? {
        guard let group = groups.first(where: { kinds[$0]?.contains(kind) ?? false }) else { return nil }
        return group.isEmpty ? "v1" : "\(group)/\(stableVersion(of: group, kind))"
    }

    /// Returns the Kubernetes release that removed a version of a kind; nil if it is served or was never known.
    public static func removal(of kind: String, in apiVersion: String) -> String? {
        removed.first { $0.apiVersion == apiVersion && ($0.kinds.isEmpty || $0.kinds.contains(kind)) }?.release
    }

    private static func stableVersion(of group: String, _ kind: String) -> String {
        group == "autoscaling" && kind == "HorizontalPodAutoscaler" ? "v2" : "v1"
    }

    /// The groups in the order in which a kind is looked up: of two groups with an `Event`, the core group comes first.
    private static let groups = [""] + kinds.keys.filter { !$0.isEmpty }.sorted()

    private static let kinds: [String: [String]] = [
        "": [
            "Binding", "ComponentStatus", "ConfigMap", "Endpoints", "Event", "LimitRange", "List", "Namespace", "Node",
            "PersistentVolume", "PersistentVolumeClaim", "Pod", "PodTemplate", "ReplicationController",
            "ResourceQuota", "Secret", "Service", "ServiceAccount",
        ],
        "admissionregistration.k8s.io": [
            "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        ],
        "apiextensions.k8s.io": ["CustomResourceDefinition"],
        "apiregistration.k8s.io": ["APIService"],
        "apps": ["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
        "authentication.k8s.io": ["SelfSubjectReview", "TokenRequest", "TokenReview"],
        "authorization.k8s.io": [
            "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview",
        ],
        "autoscaling": ["HorizontalPodAutoscaler", "Scale"],
        "batch": ["CronJob", "Job"],
        "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle", "PodCertificateRequest"],
        "coordination.k8s.io": ["Lease", "LeaseCandidate"],
        "discovery.k8s.io": ["EndpointSlice"],
        "events.k8s.io": ["Event"],
        "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
        "networking.k8s.io": ["IPAddress", "Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR"],
        "node.k8s.io": ["RuntimeClass"],
        "policy": ["Eviction", "PodDisruptionBudget"],
        "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        "scheduling.k8s.io": ["PodGroup", "PriorityClass", "Workload"],
        "storage.k8s.io": [
            "CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment", "VolumeAttributesClass",
        ],
    ]

    /// The removed versions with their kinds, none for all, and the release
    /// (https://kubernetes.io/docs/reference/using-api/deprecation-guide/).
    private static let removed: [(apiVersion: String, release: String, kinds: [String])] = [
        ("extensions/v1beta1", "1.22", ["Ingress"]),
        ("extensions/v1beta1", "1.16", []),
        ("apps/v1beta1", "1.16", []),
        ("apps/v1beta2", "1.16", []),
        (
            "admissionregistration.k8s.io/v1beta1", "1.22",
            ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
        ),
        ("apiextensions.k8s.io/v1beta1", "1.22", []),
        ("apiregistration.k8s.io/v1beta1", "1.22", []),
        ("autoscaling/v2beta1", "1.25", []),
        ("autoscaling/v2beta2", "1.26", []),
        ("batch/v1beta1", "1.25", []),
        ("batch/v2alpha1", "1.21", []),
        ("certificates.k8s.io/v1beta1", "1.22", ["CertificateSigningRequest"]),
        ("coordination.k8s.io/v1beta1", "1.22", ["Lease"]),
        ("discovery.k8s.io/v1beta1", "1.25", []),
        ("events.k8s.io/v1beta1", "1.25", []),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "1.26", []),
        ("flowcontrol.apiserver.k8s.io/v1beta2", "1.29", []),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "1.32", []),
        ("networking.k8s.io/v1beta1", "1.22", ["Ingress", "IngressClass"]),
        ("node.k8s.io/v1beta1", "1.25", []),
        ("policy/v1beta1", "1.25", []),
        ("rbac.authorization.k8s.io/v1alpha1", "1.22", []),
        ("rbac.authorization.k8s.io/v1beta1", "1.22", []),
        ("scheduling.k8s.io/v1beta1", "1.22", ["PriorityClass"]),
        (
            "storage.k8s.io/v1beta1", "1.27",
            ["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]
        ),
    ]
}
