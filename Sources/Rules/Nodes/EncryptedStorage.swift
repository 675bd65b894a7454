import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let encryptedStorage = Rule(
        id: "encrypted-storage",
        title: "Volumes are encrypted",
        group: .nodes,
        section: .keyManagement,
        rationale: """
            Anyone who gets a snapshot of an unencrypted volume can read its data. Encryption is set when a volume is created; \
            to encrypt an existing volume, you must copy it.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.storageClass, .ec2NodeClass, .efsFileSystem)),
        clauses: [parameter, device, fileSystem],
        examples: cases,
        checks: [
            .init(ResourceKinds(.storageClass)) { (subject, _, findings) throws(CannotEvaluate) in
                // If the parameter is present twice, the driver may read either.
                try EBSVolumes.forEachParameter("encrypted", of: subject.root) { (field) throws(CannotEvaluate) in
                    checkEncryption(parameter, field, try field.string(), "true", findings)
                }
            },
            .init(ResourceKinds(.ec2NodeClass)) { (subject, _, findings) throws(CannotEvaluate) in
                try EBSVolumes.forEachDevice(of: subject.field("spec"), findings) { (ebs) throws(CannotEvaluate) in
                    let field = try ebs["encrypted"]
                    checkEncryption(device, field, try field.boolean().map { "\($0)" }, true, findings)
                }
            },
            .init(.efsFileSystem) { (subject, _, findings) throws(CannotEvaluate) in
                guard let spec = try subject.field("spec").present else { return }
                let field = try spec["encrypted"]
                // The default is false (EFS, CreateFileSystem).
                checkEncryption(fileSystem, field, try field.boolean().map { "\($0)" }, true, findings)
            },
        ]
    )
}

private let parameter = Clause("parameter", "the `encrypted` parameter of an EBS StorageClass is `\"true\"`")
private let device = Clause("device", "every volume in an EC2NodeClass is encrypted")

private let fileSystem = Clause("file-system", "an EFS file system is encrypted")

private func checkEncryption(
    _ clause: Clause, _ field: Field, _ seen: String?, _ wanted: Literal, _ findings: FindingCollector
) {
    if seen == "true" { return }
    let shown = seen == "" ? "empty" : wanted == true ? seen ?? "not set" : field.quoted
    findings.add(
        clause, at: field, "is \(shown); data can be read from a snapshot",
        set: wanted, choice: seen)
}

private func elastic(_ lines: String) -> String {
    """
    apiVersion: efs.services.k8s.aws/v1alpha1
    kind: FileSystem
    metadata: {name: uploads, namespace: shop}
    spec: {performanceMode: generalPurpose, \(lines)}
    """
}

private let cases: [Example] = [
    .good("a StorageClass that encrypts", EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "the parameters' names in mixed case",
        EBSVolumes.storageClass("Encrypted: 'true', KmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "a StorageClass that is not for EBS",
        EBSVolumes.storageClass("provisioningMode: efs-ap", provisioner: "efs.csi.aws.com")),
    .good(
        "Karpenter's defaults, which encrypt with an AWS managed key", EBSVolumes.nodeClass(""),
        settings: ["PLAYBOOK_RULE_CUSTOMER_MANAGED_KEY": "off"]),
    .good("encrypted node volumes", EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'")),
    .good("a node volume from a snapshot", EBSVolumes.devices("snapshotID: snap-0a1b2c3d")),
    .bad(
        "a StorageClass without the parameter", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "a StorageClass that does not encrypt", parameter, at: "parameters.Encrypted",
        EBSVolumes.storageClass("Encrypted: 'false', kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "the parameter twice, once with another value", parameter, at: "parameters.Encrypted",
        EBSVolumes.storageClass("encrypted: 'true', Encrypted: 'no', kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "a StorageClass of EKS Auto Mode's driver", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("type: gp3", provisioner: "ebs.csi.eks.amazonaws.com")),
    .bad(
        "a StorageClass of the in-tree driver", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("type: gp2", provisioner: "kubernetes.io/aws-ebs")),
    .bad(
        "node volumes without the field", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.encrypted",
        EBSVolumes.devices("kmsKeyID: '\(EBSVolumes.key)'")),
    .bad(
        "unencrypted node volumes", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.encrypted",
        EBSVolumes.devices("encrypted: false")),
    .good("an encrypted file system", elastic("encrypted: true, kmsKeyRef: {from: {name: uploads}}")),
    .bad(
        "a file system without the field", fileSystem, at: "spec.encrypted",
        elastic("kmsKeyRef: {from: {name: uploads}}")),
    .bad(
        "an unencrypted file system", fileSystem, at: "spec.encrypted",
        elastic("encrypted: false, kmsKeyRef: {from: {name: uploads}}")),
]
