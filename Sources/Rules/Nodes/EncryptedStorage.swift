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
            A disk is read by whoever gets a snapshot of it. Encryption is chosen when a volume is made; one that is there already \
            has to be copied.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.storageClass, .ec2NodeClass, .efsFileSystem)),
        clauses: [parameter, device, fileSystem],
        examples: cases,
        checks: [
            .init(ResourceKinds(.storageClass)) { (subject, _, findings) throws(CannotJudge) in
                // Where it is there twice the driver may read either.
                try EBSVolumes.forEachParameter("encrypted", of: subject.root) { (field) throws(CannotJudge) in
                    checkEncryption(parameter, field, try field.string(), "true", findings)
                }
            },
            .init(ResourceKinds(.ec2NodeClass)) { (subject, _, findings) throws(CannotJudge) in
                try EBSVolumes.forEachDevice(of: subject.field("spec"), findings) { (ebs) throws(CannotJudge) in
                    let field = try ebs["encrypted"]
                    checkEncryption(device, field, try field.boolean().map { "\($0)" }, true, findings)
                }
            },
            .init(.efsFileSystem) { (subject, _, findings) throws(CannotJudge) in
                guard let spec = try subject.field("spec").present else { return }
                let field = try spec["encrypted"]
                // Absent it is false (EFS, CreateFileSystem).
                checkEncryption(fileSystem, field, try field.boolean().map { "\($0)" }, true, findings)
            },
        ]
    )
}

private let parameter = Clause("parameter", "the `encrypted` parameter of an EBS StorageClass is `\"true\"`")
private let device = Clause("device", "every volume that an EC2NodeClass lists is encrypted")

private let fileSystem = Clause("file-system", "a file system of EFS is encrypted")

private func checkEncryption(
    _ clause: Clause, _ field: Field, _ seen: String?, _ wanted: Literal, _ findings: FindingCollector
) {
    if seen == "true" { return }
    findings.add(
        clause, at: field,
        "is \(seen.map { $0.isEmpty ? "empty" : $0 } ?? "unset"): what is stored can be read from a snapshot",
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
    .good("a class that encrypts", EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "whatever the case of the name", EBSVolumes.storageClass("Encrypted: 'true', KmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "another kind of storage",
        EBSVolumes.storageClass("provisioningMode: efs-ap", provisioner: "efs.csi.aws.com")),
    .good(
        "what Karpenter does by itself, with AWS's key", EBSVolumes.nodeClass(""),
        settings: ["PLAYBOOK_RULE_CUSTOMER_MANAGED_KEY": "off"]),
    .good("encrypted disks of nodes", EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'")),
    .good("a disk from a snapshot, encrypted as that is", EBSVolumes.devices("snapshotID: snap-0a1b2c3d")),
    .bad(
        "a class that says nothing", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "a class that does not encrypt", parameter, at: "parameters.Encrypted",
        EBSVolumes.storageClass("Encrypted: 'false', kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "both at once", parameter, at: "parameters.Encrypted",
        EBSVolumes.storageClass("encrypted: 'true', Encrypted: 'no', kmsKeyId: '\(EBSVolumes.key)'")),
    .bad(
        "a class of EKS's own driver", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("type: gp3", provisioner: "ebs.csi.eks.amazonaws.com")),
    .bad(
        "a class of the old driver", parameter, at: "parameters.encrypted",
        EBSVolumes.storageClass("type: gp2", provisioner: "kubernetes.io/aws-ebs")),
    .bad(
        "disks of nodes that say nothing", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.encrypted",
        EBSVolumes.devices("kmsKeyID: '\(EBSVolumes.key)'")),
    .bad(
        "disks of nodes that are not", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.encrypted",
        EBSVolumes.devices("encrypted: false")),
    .good("an encrypted file system", elastic("encrypted: true, kmsKeyRef: {from: {name: uploads}}")),
    .bad(
        "a file system that says nothing", fileSystem, at: "spec.encrypted",
        elastic("kmsKeyRef: {from: {name: uploads}}")),
    .bad(
        "a file system that is not encrypted", fileSystem, at: "spec.encrypted",
        elastic("encrypted: false, kmsKeyRef: {from: {name: uploads}}")),
]
