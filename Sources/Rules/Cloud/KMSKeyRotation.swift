import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsKeyRotation = Rule(
        id: "kms-key-rotation",
        title: "KMS keys are rotated automatically",
        group: .cloud,
        section: .keyManagement,
        rationale:
            "If the material of a key that is never rotated leaks, all data that the key has ever encrypted can be read.",
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey)),
        clauses: [rotation],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard let spec = try subject.field("spec").present, try canRotate(spec) else { return }
            let isOn = try spec["enableKeyRotation"]
            if try isOn.boolean() == true { return }
            findings.add(
                rotation, at: isOn, "is \(isOn.isPresent ? "false" : "not set"); the key is never rotated", set: true)
        }
    )
}

private let rotation = Clause("rotation", "automatic rotation is enabled if the key supports it")

/// True if KMS can rotate the key: only symmetric encryption keys whose material KMS created.
private func canRotate(_ spec: Field) throws(CannotEvaluate) -> Bool {
    if let kind = try spec["keySpec"].text(), !kind.equals("SYMMETRIC_DEFAULT") { return false }
    if let origin = try spec["origin"].text(), !origin.equals("AWS_KMS") { return false }
    return try !spec["customKeyStoreID"].isPresent
}

private func key(_ spec: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec: {description: encrypts the orders, \(keyPolicyField)\(spec)}
    """
}

private let cases: [Example] = [
    .good("a key with rotation enabled", key(", enableKeyRotation: true")),
    .good("a signing key, which cannot be rotated", key(", keySpec: ECC_NIST_P256, keyUsage: SIGN_VERIFY")),
    .good("a key with imported material", key(", origin: EXTERNAL")),
    .good("a key in a custom key store", key(", origin: AWS_CLOUDHSM, customKeyStoreID: cks-0a1b2c3d")),
    .bad("a key that does not set rotation", rotation, at: "spec.enableKeyRotation", key("")),
    .bad(
        "a key with rotation disabled", rotation, at: "spec.enableKeyRotation",
        key(", keySpec: SYMMETRIC_DEFAULT, enableKeyRotation: false")),
]
