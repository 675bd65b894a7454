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
        scope: EBSVolumes.scope,
        clauses: [parameter, device],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            if subject.kind == .storageClass {
                findings.add(contentsOf: try parameterFindings(subject.object))
            } else if let spec = try subject.spec() {
                try EBSVolumes.forEachDevice(of: spec, findings) { (ebs) throws(CannotJudge) in
                    let seen = try ebs.boolean("encrypted").map { "\($0)" }
                    guard seen != "true" else { return }
                    findings.add(at: ebs, below: ["encrypted"], choice: seen) { finding(device, at: $0, seen, true) }
                }
            }
        }
    )
}

private let parameter = Clause("parameter", "the `encrypted` parameter of an EBS StorageClass is `\"true\"`")
private let device = Clause("device", "every volume that an EC2NodeClass lists is encrypted")

private func parameterFindings(_ storageClass: Value) throws(CannotJudge) -> [Finding] {
    guard let parameters = try EBSVolumes.parameters("encrypted", of: storageClass) else { return [] }
    guard !parameters.isEmpty else {
        return [finding(parameter, at: "/parameters/encrypted", nil, "true")]
    }
    // Where it is there twice the driver may read either.
    return parameters.filter { !$0.value.equals("true") }.map { key, value in
        finding(parameter, at: "/parameters" / key, value.text, "true")
    }
}

private func finding(_ clause: Clause, at place: Pointer, _ seen: String?, _ wanted: Literal) -> Finding {
    Finding(
        clause, at: place,
        "is \(seen.map { $0.isEmpty ? "empty" : $0 } ?? "unset"): what is stored can be read from a snapshot",
        edits: [.set(place, wanted)]
    ).with { $0.choice = seen }
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
]
