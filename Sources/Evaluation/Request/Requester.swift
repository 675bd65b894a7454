import JSON
package import Kubernetes
import Languages

/// The requester, classified by how far its owner references are trusted.
package enum Requester {
    /// A workload controller of Kubernetes.
    case workloadController
    /// A user of `PLAYBOOK_TRUSTED_CONTROLLERS`; a default one only while its product's kind is served.
    case trustedController
    /// A person, or a tool that applies manifests; its owner references are never trusted.
    case deployer
    /// Any other service account, which can be an operator.
    case serviceAccount

    package init(of review: AdmissionReview, _ context: Context) {
        let user = review.user
        if user.isWorkloadController {
            self = .workloadController
        } else if FieldManager.isDeployer(review.fieldManager) {
            self = .deployer
        } else if user.matches(context.settings.trustedControllers), review.unprovenKind(context) == nil {
            self = .trustedController
        } else if user.serviceAccount != nil, !user.matches(context.settings.deployers) {
            self = .serviceAccount
        } else {
            self = .deployer
        }
    }
}

extension Subject {
    /// True if a deployer wrote the spec or data of an object in the cluster, according to `managedFields`.
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

/// The field manager names of clients.
///
/// A client can choose any name, so a name can only reduce trust.
enum FieldManager {
    /// True if the name belongs to a tool that applies manifests.
    static func isDeployer(_ name: String) -> Bool { !name.isEmpty && deployers.contains { $0.matches(name) } }

    private static let deployers = [
        "kubectl*", "helm", "argocd-controller", "kustomize-controller", "helm-controller", "terraform*", "Terraform",
        "HashiCorp", "pulumi*", "kapp*", "fleet*", "gitlab-agent", "ansible*", "OpenAPI-Generator",
    ].map { Glob($0) }
}

extension AdmissionReview {
    /// The kind of the requester's product if the requester is a default trusted controller and the API server is not known to
    /// serve the kind; otherwise nil.
    ///
    /// If the product is not installed, a user who can create its namespace can create its service account.
    func unprovenKind(_ context: Context) -> ResourceKind? {
        let name = user.name
        guard let controller = Settings.provenControllers.first(where: { $0.name == name }),
            case let patterns = context.settings.trustedControllers, patterns.contains(controller.name),
            !user.matches(patterns.filter { $0 != controller.name }), !FieldManager.isDeployer(fieldManager),
            context.relatedObjects.serves(controller.kind) != true
        else { return nil }
        return controller.kind
    }
}

extension User {
    /// True for Kubernetes' workload controllers, by service account.
    fileprivate var isWorkloadController: Bool {
        guard let account = serviceAccount, account.namespace == "kube-system" else { return false }
        return User.workloadControllers.contains(account.name)
    }

    private static let workloadControllers: Set<Substring> = [
        "replicaset-controller", "replication-controller", "statefulset-controller", "daemon-set-controller",
        "job-controller", "cronjob-controller", "deployment-controller",
    ]

    /// True if one of the patterns matches the user's name.
    func matches(_ patterns: [String]) -> Bool {
        guard !patterns.isEmpty else { return false }
        let name = name
        return patterns.contains { Glob($0).matches(name) }
    }
}
