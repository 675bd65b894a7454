import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsKeyDeletion = Rule(
        id: "kms-key-deletion",
        title: "KMS keys are kept when their Key objects are deleted",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            Data encrypted with a deleted key cannot be recovered, not even from backups. Removing a manifest must not schedule \
            the key for deletion.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey), on: [.delete]),
        clauses: [retained],
        relatedObjects: [.namespace],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            guard subject.review.operation == .delete else { return }
            let policy = try subject.field("metadata")["annotations"]["services.k8s.aws/deletion-policy"]
            if try policy.equals("retain") { return }
            // The Namespace's annotation applies to keys without one; an unknown Namespace counts as one without it.
            if !policy.isPresent, (try? context.relatedObjects.namespace(subject.namespace))?.keepsKeys ?? false {
                return
            }
            findings.add(
                retained, at: policy,
                """
                is not \(policy.isPresent ? "retain" : "set"); data encrypted with the key will be lost
                """
            ) {
                $0.advice = """
                    cancel the key's deletion now; before you delete other Key objects, annotate them with \
                    services.k8s.aws/deletion-policy: retain, or their Namespace with \
                    \(NamespaceRecord.keyDeletionPolicy): retain
                    """
            }
        }
    )
}

private let retained = Clause(
    "retained",
    "a Key that is deleted has the deletion policy `retain`, by its own annotation or by that of its Namespace for KMS")

private func key(_ annotation: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop\(annotation)}
    spec: {description: encrypts the orders, \(keyPolicyField), enableKeyRotation: true}
    """
}

private func namespace(_ annotation: String) -> String {
    """
    apiVersion: v1
    kind: Namespace
    metadata: {name: shop, annotations: {\(annotation)}}
    """
}

private let cases: [Example] = [
    .good(
        "deleting a key with the policy retain",
        key(", annotations: {services.k8s.aws/deletion-policy: retain}"), request: .delete),
    .good("creating a key", key("")),
    .bad(
        "deleting a key without a policy", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]", key(""), request: .delete),
    .bad(
        "deleting a key with the policy delete", retained, at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(", annotations: {services.k8s.aws/deletion-policy: delete}"), request: .delete),
    .good(
        "the policy retain for KMS on the Namespace", key(""),
        relatedObjects: namespace("kms.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "a key's policy delete overrides the Namespace's", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(", annotations: {services.k8s.aws/deletion-policy: delete}"),
        relatedObjects: namespace("kms.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "the policy retain for S3 on the Namespace", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(""), relatedObjects: namespace("s3.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "a policy without a service on the Namespace, which ACK ignores", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]", key(""),
        relatedObjects: namespace("services.k8s.aws/deletion-policy: retain"), request: .delete),
]
