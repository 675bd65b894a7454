import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsMultiRegion = Rule(
        id: "kms-multi-region",
        title: "KMS keys are multi-Region",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            A key cannot become multi-Region later. Data that a single-Region key encrypted must be encrypted again before \
            another Region can use it.
            """,
        level: .off,
        concern: .reliability,
        scope: Scope(ResourceKinds(.kmsKey)),
        clauses: [multiRegion],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            // Keys in a custom key store cannot be multi-Region.
            guard let spec = try subject.field("spec").present, try !spec["customKeyStoreID"].isPresent else { return }
            let isMulti = try spec["multiRegion"]
            if try isMulti.boolean() == true { return }
            findings.add(
                multiRegion, at: isMulti,
                "is \(isMulti.isPresent ? "false" : "not set"); the key cannot be used in another Region", set: true
            ) { $0.advice = "replace an existing key with a new one" }
        }
    )
}

private let multiRegion = Clause("multi-region", "the Key is multi-Region")

private func key(_ spec: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec: {description: encrypts the orders, \(keyPolicyField), enableKeyRotation: true\(spec)}
    """
}

private let on = ["PLAYBOOK_RULE_KMS_MULTI_REGION": "warn"]

private let cases: [Example] = [
    .good("a multi-Region key", key(", multiRegion: true"), settings: on),
    .good("a key in a custom key store", key(", customKeyStoreID: cks-0a1b2c3d"), settings: on),
    .bad("a key that does not set multiRegion", multiRegion, at: "spec.multiRegion", key(""), settings: on),
    .bad(
        "a single-Region key", multiRegion, at: "spec.multiRegion", key(", multiRegion: false"), settings: on
    ),
]
