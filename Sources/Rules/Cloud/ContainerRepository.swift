import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let containerRepository = Rule(
        id: "container-repository",
        title: "Repositories scan, expire, encrypt and never change a tag",
        group: .cloud,
        section: .containerization,
        rationale: """
            A scan finds what is known to be weak before it runs, a lifecycle policy keeps old images from piling up, and a tag \
            that cannot change makes sure that what was tested is what runs.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.ecrRepository)),
        clauses: [scan, lifecycle, encryption, immutable],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let spec = try subject.field("spec").present else { return }
            let scans = try spec["imageScanningConfiguration"]["scanOnPush"]
            if try scans.boolean() != true {
                findings.add(scan, at: scans, "is not true: nothing is scanned", set: true)
            }
            let policy = try spec["lifecyclePolicy"]
            let text = try policy.filledText()
            if !(text?.hasRules ?? false) {
                findings.add(
                    lifecycle, at: policy, "\(text == nil ? "is unset" : "has no rules"): no image ever goes",
                    set: .string(expiry))
            }
            let type = try spec["encryptionConfiguration"]["encryptionType"]
            if try !type.equals(oneOf: "KMS", "KMS_DSSE") {
                findings.add(encryption, at: type, "is \(type.value?.text ?? "unset"), not KMS", set: "KMS") {
                    $0.advice = "it cannot be changed later; kmsKey names a key of one's own"
                }
            }
            let tags = try spec["imageTagMutability"]
            // With exclusions some tags may change; which ones is the author's choice.
            if try !tags.equals(oneOf: "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION") {
                findings.add(
                    immutable, at: tags, "is \(tags.value?.text ?? "unset"): a tag can become another image",
                    set: "IMMUTABLE")
            }
        }
    )
}

private let scan = Clause("scan", "images are scanned when they are pushed")
private let lifecycle = Clause("lifecycle", "a lifecycle policy lets old images go")
private let encryption = Clause("encryption", "images are encrypted with KMS")
private let immutable = Clause("immutable", "tags are immutable")

extension Value {
    /// Whether a lifecycle policy, JSON in a string, has a rule.
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
    .good("a repository that has all four", repository()),
    .good(
        "other tags than one may change",
        repository(
            encryption: "encryptionConfiguration: {encryptionType: KMS_DSSE, kmsKey: alias/shop}",
            tags: "imageTagMutability: IMMUTABLE_WITH_EXCLUSION")),
    .bad("no scan", scan, at: "spec.imageScanningConfiguration.scanOnPush", repository("")),
    .bad(
        "a scan switched off", scan, at: "spec.imageScanningConfiguration.scanOnPush",
        repository("imageScanningConfiguration: {scanOnPush: false}")),
    .bad("no lifecycle policy", lifecycle, at: "spec.lifecyclePolicy", repository(lifecycle: "")),
    .bad(
        "a lifecycle policy without rules", lifecycle, at: "spec.lifecyclePolicy",
        repository(lifecycle: "lifecyclePolicy: '{\"rules\": []}'")),
    .bad(
        "ECR's own encryption", encryption, at: "spec.encryptionConfiguration.encryptionType",
        repository(encryption: "encryptionConfiguration: {encryptionType: AES256}")),
    .bad(
        "encryption by default", encryption, at: "spec.encryptionConfiguration.encryptionType",
        repository(encryption: "")),
    .bad(
        "tags that may change", immutable, at: "spec.imageTagMutability",
        repository(tags: "imageTagMutability: MUTABLE")),
    .bad("tags by default", immutable, at: "spec.imageTagMutability", repository(tags: "")),
]
