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
        scope: Scope(ResourceKinds(.cloudtrailTrail)),
        clauses: [everywhere, validated, encrypted],
        examples: cases,
        check: { (subject, _) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            var findings: [Finding] = []
            if try spec.boolean("isMultiRegionTrail") != true {
                let place: Pointer = "/spec/isMultiRegionTrail"
                findings.append(
                    Finding(
                        everywhere, at: place, "is not true: other Regions are not seen", edits: [.set(place, true)]))
            }
            if try spec.boolean("enableLogFileValidation") != true {
                let place: Pointer = "/spec/enableLogFileValidation"
                findings.append(
                    Finding(
                        validated, at: place, "is not true: a changed file is not noticed", edits: [.set(place, true)]))
            }
            if try spec.text("kmsKeyID")?.contentLength ?? 0 == 0 {
                findings.append(
                    Finding(encrypted, at: "/spec/kmsKeyID", "is unset: the files are encrypted with S3's own key").with
                    {
                        $0.advice = "name a KMS key that CloudTrail may use, by its ARN or alias"
                    })
            }
            return findings
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
