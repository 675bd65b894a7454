import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let containerRepository = Rule(
        id: "container-repository",
        title: "ECR repositories scan, expire and encrypt images, and have immutable tags",
        group: .cloud,
        section: .containerization,
        rationale: """
            Scans find known vulnerabilities before an image runs, and lifecycle policies delete old images. If a tag can be \
            moved, an image can run that was never tested.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.ecrRepository)),
        clauses: [scan, lifecycle, encryption, immutable],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard let spec = try subject.field("spec").present else { return }
            let scans = try spec["imageScanningConfiguration"]["scanOnPush"]
            if try scans.boolean() != true {
                findings.add(scan, at: scans, "is not true; images are not scanned", set: true)
            }
            let policy = try spec["lifecyclePolicy"]
            let text = try policy.filledText()
            if !(text?.hasRules ?? false) {
                findings.add(
                    lifecycle, at: policy, "\(text == nil ? "is not set" : "has no rules"); images are never deleted",
                    set: .string(expiry))
            }
            let type = try spec["encryptionConfiguration"]["encryptionType"]
            if try !type.equals(oneOf: "KMS", "KMS_DSSE") {
                findings.add(encryption, at: type, "is \(type.quoted); KMS is required", set: "KMS") {
                    $0.advice = "this cannot be changed later; set kmsKey to a customer managed key"
                }
            }
            let tags = try spec["imageTagMutability"]
            // With exclusions, some tags can change; the author chooses which.
            if try !tags.equals(oneOf: "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION") {
                findings.add(
                    immutable, at: tags, "is \(tags.quoted); a tag can be moved to another image",
                    set: "IMMUTABLE")
            }
        }
    )
}

private let scan = Clause("scan", "images are scanned when they are pushed")
private let lifecycle = Clause("lifecycle", "a lifecycle policy deletes old images")
private let encryption = Clause("encryption", "images are encrypted with KMS")
private let immutable = Clause("immutable", "tags are immutable")

extension Value {
    /// True if a lifecycle policy, JSON in a string, has a rule.
    fileprivate var hasRules: Bool {
        guard let policy = try? Literal(parsing: Array(text.utf8)) else { return false }
        return !(policy["rules"]?.elements ?? []).isEmpty
    }
}

private let expiry = """
    {"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days",\
    "countNumber":14},"action":{"type":"expire"}}]}
    """

private func repository(
    _ scan: String = "imageScanningConfiguration: {scanOnPush: true}",
    lifecycle: String = "lifecyclePolicy: '\(expiry)'",
    encryption: String = "encryptionConfiguration: {encryptionType: KMS, kmsKey: alias/shop}",
    tags: String = "imageTagMutability: IMMUTABLE"
) -> String {
    """
    apiVersion: ecr.services.k8s.aws/v1alpha1
    kind: Repository
    metadata: {name: web, namespace: shop}
    spec:
      name: shop/web
      \([scan, lifecycle, encryption, tags].filter { !$0.isEmpty }.joined(separator: "\n  "))
    """
}

private let cases: [Example] = [
    .good("a repository with scans, a lifecycle policy, a key and immutable tags", repository()),
    .good(
        "immutable tags with exclusions",
        repository(
            encryption: "encryptionConfiguration: {encryptionType: KMS_DSSE, kmsKey: alias/shop}",
            tags: "imageTagMutability: IMMUTABLE_WITH_EXCLUSION")),
    .bad("no scan setting", scan, at: "spec.imageScanningConfiguration.scanOnPush", repository("")),
    .bad(
        "scans disabled", scan, at: "spec.imageScanningConfiguration.scanOnPush",
        repository("imageScanningConfiguration: {scanOnPush: false}")),
    .bad("no lifecycle policy", lifecycle, at: "spec.lifecyclePolicy", repository(lifecycle: "")),
    .bad(
        "a lifecycle policy without rules", lifecycle, at: "spec.lifecyclePolicy",
        repository(lifecycle: "lifecyclePolicy: '{\"rules\": []}'")),
    .bad(
        "AES256 encryption", encryption, at: "spec.encryptionConfiguration.encryptionType",
        repository(encryption: "encryptionConfiguration: {encryptionType: AES256}")),
    .bad(
        "the default encryption", encryption, at: "spec.encryptionConfiguration.encryptionType",
        repository(encryption: "")),
    .bad(
        "mutable tags", immutable, at: "spec.imageTagMutability",
        repository(tags: "imageTagMutability: MUTABLE")),
    .bad("mutable tags by default", immutable, at: "spec.imageTagMutability", repository(tags: "")),
]
