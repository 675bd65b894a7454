import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsKeyDeletion = Rule(
        id: "kms-key-deletion",
        title: "KMS keys outlive the objects that made them",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            What a deleted key has encrypted is lost for good, backups included. A key is scheduled for deletion by hand, after \
            its data has been moved, and never because a manifest went away.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey), on: [.delete]),
        clauses: [retained],
        relatedObjects: [.namespace],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            guard subject.review.operation == .delete else { return }
            let policy = try subject.field("metadata")["annotations"]["services.k8s.aws/deletion-policy"]
            if try policy.equals("retain") { return }
            // Where a key says nothing, its Namespace does; one that is not known says nothing either.
            if !policy.isPresent, (try? context.relatedObjects.namespace(subject.namespace))?.keepsKeys ?? false {
                return
            }
            findings.add(
                retained, at: policy,
                "is \(policy.isPresent ? "not retain" : "unset"): the key is scheduled for deletion, with all that it has encrypted"
            ) {
                $0.advice = """
                    cancel the key's deletion now; and before their objects go, annotate keys with \
                    services.k8s.aws/deletion-policy: retain, or their Namespace with \
                    \(NamespaceRecord.keyDeletionPolicy): retain
                    """
            }
        }
    )
}

private let retained = Clause(
    "retained", "a Key that is deleted has the deletion policy `retain`, or its Namespace has it for KMS")

private func key(_ annotation: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop\(annotation)}
    spec: {description: what the orders are encrypted with, \(keyPolicyField), enableKeyRotation: true}
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
        "a key that stays when its object goes",
        key(", annotations: {services.k8s.aws/deletion-policy: retain}"), request: .delete),
    .good("a key that is made", key("")),
    .bad(
        "a key that goes with its object", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]", key(""), request: .delete),
    .bad(
        "a key that goes on purpose", retained, at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(", annotations: {services.k8s.aws/deletion-policy: delete}"), request: .delete),
    .good(
        "a namespace whose keys stay", key(""),
        relatedObjects: namespace("kms.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "a key that goes whatever its namespace says", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(", annotations: {services.k8s.aws/deletion-policy: delete}"),
        relatedObjects: namespace("kms.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "a namespace whose buckets stay", retained, at: "metadata.annotations[services.k8s.aws/deletion-policy]",
        key(""), relatedObjects: namespace("s3.services.k8s.aws/deletion-policy: retain"), request: .delete),
    .bad(
        "a namespace that names no service, which ACK does not read", retained,
        at: "metadata.annotations[services.k8s.aws/deletion-policy]", key(""),
        relatedObjects: namespace("services.k8s.aws/deletion-policy: retain"), request: .delete),
]
