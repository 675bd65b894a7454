import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let customerManagedKey = Rule(
        id: "customer-managed-key",
        title: "Volumes are encrypted with a key of one's own",
        group: .nodes,
        section: .keyManagement,
        rationale: """
            A key of AWS's own has no policy that one could write, and what it encrypts cannot be shared with a backup account. One \
            key for each risk domain keeps them apart.
            """,
        level: .warn,
        concern: .security,
        scope: EBSVolumes.scope,
        clauses: [parameter, device],
        examples: cases,
        checks: [
            .init(ResourceKinds(.storageClass)) { (subject, _, findings) throws(CannotJudge) in
                try EBSVolumes.forEachParameter("kmsKeyId", of: subject.root) { (key) throws(CannotJudge) in
                    try checkKey(parameter, key, "set kmsKeyId to the ARN of a KMS key of this risk domain", findings)
                }
            },
            .init(ResourceKinds(.ec2NodeClass), checkDevices),
        ]
    )
}

private let parameter = Clause("parameter", "the `kmsKeyId` parameter of an EBS StorageClass names a key of one's own")
private let device = Clause("device", "every volume of an EC2NodeClass names a key of one's own")

private func checkDevices(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let spec = try subject.field("spec")
    guard spec.isPresent else { return }
    let mappings = try spec["blockDeviceMappings"]
    // Karpenter makes the root volume by itself then.
    if try mappings.objects().isEmpty {
        findings.add(device, at: mappings, "is empty: AWS's own key encrypts the root volume") {
            $0.advice =
                "list the root volume (deviceName: /dev/xvda) with ebs: {volumeSize: 20Gi, volumeType: gp3, encrypted: true, kmsKeyID: the ARN of a KMS key of this risk domain}"
        }
    }
    try EBSVolumes.forEachDevice(of: spec, findings) { (ebs) throws(CannotJudge) in
        try checkKey(device, ebs["kmsKeyID"], "set kmsKeyID to the ARN of a KMS key of this risk domain", findings)
    }
}

private func checkKey(
    _ clause: Clause, _ key: Field, _ advice: String, _ findings: FindingCollector
) throws(CannotJudge) {
    let seen = try key.text()
    if seen?.namesOwnKey ?? false { return }
    var words: String { seen.map { $0.contentLength == 0 ? "is empty" : "is \($0.text)" } ?? "is unset" }
    findings.add(clause, at: key, "\(words): AWS's own key is used", choice: seen?.text) { $0.advice = advice }
}

extension Value {
    fileprivate var namesOwnKey: Bool { contentLength > 0 && !isAWSManagedKey }
}

private let cases: [Example] = [
    .good("a class with a key", EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "whatever the case of the name", EBSVolumes.storageClass("encrypted: 'true', KMSKEYID: alias/shop")),
    .good("another kind of storage", EBSVolumes.storageClass("fsType: ext4", provisioner: "efs.csi.aws.com")),
    .good("disks of nodes with a key", EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'")),
    .good("a disk from a snapshot, encrypted as that is", EBSVolumes.devices("snapshotID: snap-0a1b2c3d")),
    .bad(
        "a class without a key", parameter, at: "parameters.kmsKeyId", EBSVolumes.storageClass("encrypted: 'true'")),
    .bad(
        "AWS's key by its alias", parameter, at: "parameters.kmsKeyId",
        EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: 'arn:aws:kms:eu-west-1:222222222222:alias/aws/ebs'")),
    .bad(
        "an empty key", parameter, at: "parameters.kmskeyid",
        EBSVolumes.storageClass("encrypted: 'true', kmskeyid: ''")),
    .bad(
        "disks of nodes without a key", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true")),
    .bad(
        "disks of nodes with AWS's key", device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true, kmsKeyID: alias/aws/ebs")),
    .bad("disks that Karpenter makes by itself", device, at: "spec.blockDeviceMappings", EBSVolumes.nodeClass("")),
]
