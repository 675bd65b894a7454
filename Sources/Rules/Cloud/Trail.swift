import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let trail = Rule(
        id: "trail",
        title: "CloudTrail sees every Region, and its files cannot be forged",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            An audit that misses a Region misses the one an intruder picks; one whose files can be changed or read by anybody \
            proves nothing.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.cloudtrailTrail)),
        clauses: [everywhere, validated, encrypted],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let spec = try subject.field("spec").present else { return }
            let isEverywhere = try spec["isMultiRegionTrail"]
            if try isEverywhere.boolean() != true {
                findings.add(everywhere, at: isEverywhere, "is not true: other Regions are not seen", set: true)
            }
            let isValidated = try spec["enableLogFileValidation"]
            if try isValidated.boolean() != true {
                findings.add(validated, at: isValidated, "is not true: a changed file is not noticed", set: true)
            }
            let key = try spec["kmsKeyID"]
            if try key.filledText() == nil {
                findings.add(encrypted, at: key, "is unset: the files are encrypted with S3's own key") {
                    $0.advice = "name a KMS key that CloudTrail may use, by its ARN or alias"
                }
            }
        }
    )
}

private let everywhere = Clause("everywhere", "the trail is for all Regions")
private let validated = Clause("validated", "log files are validated")
private let encrypted = Clause("encrypted", "log files are encrypted with a KMS key")

private func trail(_ lines: String) -> String {
    """
    apiVersion: cloudtrail.services.k8s.aws/v1alpha1
    kind: Trail
    metadata: {name: audit, namespace: management}
    spec: {name: audit, s3BucketName: superinc-audit, \(lines)}
    """
}

private let cases: [Example] = [
    .good(
        "a trail that has all three",
        trail("isMultiRegionTrail: true, enableLogFileValidation: true, kmsKeyID: alias/audit")),
    .bad(
        "one Region", everywhere, at: "spec.isMultiRegionTrail",
        trail("enableLogFileValidation: true, kmsKeyID: alias/audit")),
    .bad(
        "files that can be forged", validated, at: "spec.enableLogFileValidation",
        trail("isMultiRegionTrail: true, enableLogFileValidation: false, kmsKeyID: alias/audit")),
    .bad(
        "no key", encrypted, at: "spec.kmsKeyID", trail("isMultiRegionTrail: true, enableLogFileValidation: true")),
]
