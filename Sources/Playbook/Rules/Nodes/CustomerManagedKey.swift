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
        scope: EBSVolumes.scope,
        clauses: [parameter, device],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            if subject.kind == .storageClass {
                findings.add(contentsOf: try parameterFindings(subject.object))
            } else if let spec = try subject.spec() {
                try evaluateDevices(spec, findings)
            }
        }
    )
}

private let parameter = Clause("parameter", "the `kmsKeyId` parameter of an EBS StorageClass names a key of one's own")
private let device = Clause("device", "every volume of an EC2NodeClass names a key of one's own")

private func parameterFindings(_ storageClass: Value) throws(CannotJudge) -> [Finding] {
    guard let parameters = try EBSVolumes.parameters("kmskeyid", of: storageClass) else { return [] }
    let advice = "set kmsKeyId to the ARN of a KMS key of this risk domain"
    guard !parameters.isEmpty else {
        return [finding(parameter, at: "/parameters/kmsKeyId", nil, advice)]
    }
    return parameters.filter { !$0.value.namesOwnKey }.map { key, value in
        finding(parameter, at: "/parameters" / key, value, advice)
    }
}

private func evaluateDevices(_ spec: Value, _ findings: FindingCollector) throws(CannotJudge) {
    // Karpenter makes the root volume by itself then.
    if try spec.objects("blockDeviceMappings").isEmpty {
        findings.add(
            Finding(device, at: "/spec/blockDeviceMappings", "is empty: AWS's own key encrypts the root volume").with {
                $0.advice =
                    "list the root volume (deviceName: /dev/xvda) with ebs: {volumeSize: 20Gi, volumeType: gp3, encrypted: true, kmsKeyID: the ARN of a KMS key of this risk domain}"
            })
    }
    try EBSVolumes.forEachDevice(of: spec, findings) { (ebs) throws(CannotJudge) in
        let key = try ebs.text("kmsKeyID")
        if key?.namesOwnKey ?? false { return }
        findings.add(at: ebs, below: ["kmsKeyID"], choice: key?.text) { place in
            finding(device, at: place, key, "set kmsKeyID to the ARN of a KMS key of this risk domain")
        }
    }
}

private func finding(_ clause: Clause, at place: Pointer, _ seen: Value?, _ advice: String) -> Finding {
    let words =
        switch seen {
        case nil: "is unset"
        case let key? where key.contentLength == 0: "is empty"
        case let key?: "is \(key.text)"
        }
    return Finding(clause, at: place, "\(words): AWS's own key is used").with {
        $0.choice = seen?.text
        $0.advice = advice
    }
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
