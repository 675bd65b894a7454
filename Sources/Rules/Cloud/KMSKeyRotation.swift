import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsKeyRotation = Rule(
        id: "kms-key-rotation",
        title: "KMS keys rotate by themselves",
        group: .cloud,
        section: .keyManagement,
        rationale:
            "A key that is never renewed protects ever more data, for as long as anybody has a copy of its material.",
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey)),
        clauses: [rotation],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let spec = try subject.field("spec").present, try canRotate(spec) else { return }
            let isOn = try spec["enableKeyRotation"]
            if try isOn.boolean() == true { return }
            findings.add(
                rotation, at: isOn, "is \(isOn.isPresent ? "false" : "unset"): the key is never renewed", set: true)
        }
    )
}

private let rotation = Clause("rotation", "automatic rotation is on, where the kind of key knows it")

/// Whether KMS can renew the key: only symmetric encryption keys whose material it made itself.
private func canRotate(_ spec: Field) throws(CannotJudge) -> Bool {
    if let kind = try spec["keySpec"].text(), !kind.equals("SYMMETRIC_DEFAULT") { return false }
    if let origin = try spec["origin"].text(), !origin.equals("AWS_KMS") { return false }
    return try !spec["customKeyStoreID"].isPresent
}

private func key(_ spec: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec: {description: what the orders are encrypted with, \(keyPolicyField)\(spec)}
    """
}

private let cases: [Example] = [
    .good("a key that rotates", key(", enableKeyRotation: true")),
    .good("a key for signatures, which cannot", key(", keySpec: ECC_NIST_P256, keyUsage: SIGN_VERIFY")),
    .good("a key whose material comes from elsewhere", key(", origin: EXTERNAL")),
    .good("a key in a store of one's own", key(", origin: AWS_CLOUDHSM, customKeyStoreID: cks-0a1b2c3d")),
    .bad("a key that nothing is said of", rotation, at: "spec.enableKeyRotation", key("")),
    .bad(
        "a key that does not rotate", rotation, at: "spec.enableKeyRotation",
        key(", keySpec: SYMMETRIC_DEFAULT, enableKeyRotation: false")),
]
