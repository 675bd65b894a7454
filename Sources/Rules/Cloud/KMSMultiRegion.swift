import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsMultiRegion = Rule(
        id: "kms-multi-region",
        title: "KMS keys are multi-Region from the start",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            A key cannot become multi-Region later, and neither can what it has encrypted: a replica or a restore in another \
            Region then means encrypting everything anew.
            """,
        level: .off,
        concern: .reliability,
        scope: Scope(ResourceKinds(.kmsKey)),
        clauses: [multiRegion],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            // KMS makes none in a custom key store.
            guard let spec = try subject.field("spec").present, try !spec["customKeyStoreID"].isPresent else { return }
            let isMulti = try spec["multiRegion"]
            if try isMulti.boolean() == true { return }
            findings.add(
                multiRegion, at: isMulti,
                "is \(isMulti.isPresent ? "false" : "unset"): the key stays in its Region", set: true
            ) { $0.advice = "a key that is there already has to be replaced by a new one" }
        }
    )
}

private let multiRegion = Clause("multi-region", "a Key is multi-Region")

private func key(_ spec: String) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec: {description: what the orders are encrypted with, \(keyPolicyField), enableKeyRotation: true\(spec)}
    """
}

private let on = ["PLAYBOOK_RULE_KMS_MULTI_REGION": "warn"]

private let cases: [Example] = [
    .good("a multi-Region key", key(", multiRegion: true"), settings: on),
    .good("a key in a store of one's own", key(", customKeyStoreID: cks-0a1b2c3d"), settings: on),
    .bad("a key of one Region", multiRegion, at: "spec.multiRegion", key(""), settings: on),
    .bad(
        "a key of one Region on purpose", multiRegion, at: "spec.multiRegion", key(", multiRegion: false"), settings: on
    ),
]
