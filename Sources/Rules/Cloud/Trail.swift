import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let trail = Rule(
        id: "trail",
        title: "CloudTrail is multi-Region and validates log files",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            Activity in a Region that is not recorded goes unnoticed. Log files are no evidence if they can be changed without \
            detection.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.cloudtrailTrail)),
        clauses: [everywhere, validated, encrypted],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard let spec = try subject.field("spec").present else { return }
            let isEverywhere = try spec["isMultiRegionTrail"]
            if try isEverywhere.boolean() != true {
                findings.add(
                    everywhere, at: isEverywhere, "is not true; activity in other Regions is not recorded", set: true)
            }
            let isValidated = try spec["enableLogFileValidation"]
            if try isValidated.boolean() != true {
                findings.add(validated, at: isValidated, "is not true; changed log files are not detected", set: true)
            }
            let key = try spec["kmsKeyID"]
            if try key.filledText() == nil {
                findings.add(encrypted, at: key, "is not set; log files are encrypted with S3 managed keys") {
                    $0.advice = "set it to the ARN or alias of a KMS key that CloudTrail can use"
                }
            }
        }
    )
}

private let everywhere = Clause("everywhere", "the trail records all Regions")
private let validated = Clause("validated", "log file validation is enabled")
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
        "a multi-Region trail with validation and a key",
        trail("isMultiRegionTrail: true, enableLogFileValidation: true, kmsKeyID: alias/audit")),
    .bad(
        "a trail for one Region", everywhere, at: "spec.isMultiRegionTrail",
        trail("enableLogFileValidation: true, kmsKeyID: alias/audit")),
    .bad(
        "a trail without validation", validated, at: "spec.enableLogFileValidation",
        trail("isMultiRegionTrail: true, enableLogFileValidation: false, kmsKeyID: alias/audit")),
    .bad(
        "a trail without a key", encrypted, at: "spec.kmsKeyID",
        trail("isMultiRegionTrail: true, enableLogFileValidation: true")),
]
