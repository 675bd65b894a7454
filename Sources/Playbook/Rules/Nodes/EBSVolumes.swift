import JSON
import Kubernetes

/// What describes volumes of EBS: a StorageClass, or the block devices of Karpenter's nodes.
enum EBSVolumes {
    static let scope = Scope(ResourceKinds(.storageClass, .ec2NodeClass))

    private static let provisioners: [StaticString] = [
        "ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs",
    ]

    /// The parameters by a name, given in small letters, of a StorageClass; nil where it makes no volumes of EBS.
    ///
    /// The drivers take names in any case, so that one may be there twice.
    static func parameters(
        _ name: String, of storageClass: Value
    ) throws(CannotJudge) -> [(key: String, value: Value)]? {
        guard let provisioner = try storageClass.text("provisioner"),
            provisioners.contains(where: { provisioner.equals($0) })
        else { return nil }
        var found: [(key: String, value: Value)] = []
        guard let parameters = try storageClass.object("parameters") else { return found }
        for member in parameters.members
        where member.key.contentLength == name.utf8.count && member.key.text.lowercased() == name {
            guard member.value.kind == .string else {
                throw .malformed(member.value.id, expected: "a string, as all parameters are")
            }
            found.append((member.key.text, member.value))
        }
        return found
    }

    /// Hands out the volumes that an EC2NodeClass lists; what comes from a snapshot is as that is.
    static func forEachDevice(
        of spec: Value, _ findings: FindingCollector, _ body: (Value) throws(CannotJudge) -> Void
    ) throws(CannotJudge) {
        for mapping in try spec.objects("blockDeviceMappings") {
            try findings.step()
            guard let ebs = try mapping.object("ebs"), try ebs.text("snapshotID")?.contentLength ?? 0 == 0 else {
                continue
            }
            try body(ebs)
        }
    }

    // MARK: Examples

    static func storageClass(_ parameters: String, provisioner: String = "ebs.csi.aws.com") -> String {
        """
        apiVersion: storage.k8s.io/v1
        kind: StorageClass
        metadata: {name: gp3}
        provisioner: \(provisioner)
        parameters: {\(parameters)}
        volumeBindingMode: WaitForFirstConsumer
        """
    }

    static func nodeClass(_ lines: String) -> String {
        """
        apiVersion: karpenter.k8s.aws/v1
        kind: EC2NodeClass
        metadata: {name: default}
        spec:
          role: shop-nodes
          amiSelectorTerms: [{alias: al2023@v20260101}]
          subnetSelectorTerms: [{tags: {karpenter.sh/discovery: shop}}]
          securityGroupSelectorTerms: [{tags: {karpenter.sh/discovery: shop}}]
          \(lines)
        """
    }

    static func devices(_ ebs: String) -> String {
        nodeClass("blockDeviceMappings: [{deviceName: /dev/xvda, ebs: {volumeSize: 20Gi, volumeType: gp3, \(ebs)}}]")
    }

    static let key = "arn:aws:kms:eu-west-1:222222222222:key/0a1b2c3d-1111-2222-3333-444455556666"
}
