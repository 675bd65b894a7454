import JSON
package import Kubernetes

/// The sender of a request, by how far its owner references are believed.
package enum Requester {
    /// One of Kubernetes' own workload controllers.
    case workloadController
    /// A user of `PLAYBOOK_TRUSTED_CONTROLLERS`.
    case trustedController
    /// A person, or a tool that applies what others wrote: never believed.
    case deployer
    /// Any other service account: perhaps an operator.
    case serviceAccount

    package init(of review: AdmissionReview, _ context: Context) {
        let user = review.user
        if user.isWorkloadController {
            self = .workloadController
        } else if FieldManager.isDeployer(review.fieldManager) {
            self = .deployer
        } else if user.matches(context.settings.trustedControllers) {
            self = .trustedController
        } else if user.serviceAccount != nil, !user.matches(context.settings.deployers) {
            self = .serviceAccount
        } else {
            self = .deployer
        }
    }
}

extension Subject {
    /// Whether a deployer wrote the spec or the data of an object that is in the cluster, by `managedFields`.
    package var isWrittenByDeployer: Bool {
        guard let entries = metadata.value?["managedFields"] else { return false }
        return entries.elements.contains { entry in
            guard entry["subresource"]?.equals("") ?? true, let fields = entry["fieldsV1"],
                fields["f:spec"] != nil || fields["f:data"] != nil
            else { return false }
            return FieldManager.isDeployer(entry["manager"]?.string ?? "")
        }
    }
}

/// The names that clients give themselves for server-side apply.
///
/// A name is the client's own word, so it takes trust away and gives none.
enum FieldManager {
    /// Whether a tool that applies what others wrote has this name.
    static func isDeployer(_ name: String) -> Bool { !name.isEmpty && deployers.contains { $0.matches(name) } }

    private static let deployers = [
        "kubectl*", "helm", "argocd-controller", "kustomize-controller", "helm-controller", "terraform*", "Terraform",
        "HashiCorp", "pulumi*", "kapp*", "fleet*", "gitlab-agent", "ansible*", "OpenAPI-Generator",
    ].map { Glob($0) }
}

extension User {
    /// True if this is one of Kubernetes' own workload controllers: by its service account, or by the user that runs them all.
    fileprivate var isWorkloadController: Bool {
        guard let account = serviceAccount, account.namespace == "kube-system" else { return false }
        return User.workloadControllers.contains(account.name)
    }

    private static let workloadControllers: Set<Substring> = [
        "replicaset-controller", "replication-controller", "statefulset-controller", "daemon-set-controller",
        "job-controller", "cronjob-controller", "deployment-controller",
    ]

    /// Whether one of the patterns matches the user's name.
    func matches(_ patterns: [String]) -> Bool {
        guard !patterns.isEmpty else { return false }
        let name = name
        return patterns.contains { Glob($0).matches(name) }
    }
}
