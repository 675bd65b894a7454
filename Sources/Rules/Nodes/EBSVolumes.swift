import Evaluation
import JSON
import Kubernetes

/// Readers of EBS volume settings: of a StorageClass, or of the block devices of an EC2NodeClass.
enum EBSVolumes {
    private static let provisioners: [StaticString] = [
        "ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs",
    ]

    /// Calls `body` with each parameter of that name, or with the absent one, if a StorageClass provisions EBS volumes.
    ///
    /// The drivers ignore the case of parameter names, so a parameter can be present twice.
    static func forEachParameter(
        _ name: StaticString, of storageClass: Field, _ body: (Field) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        guard let provisioner = try storageClass["provisioner"].text(),
            provisioners.contains(where: { provisioner.equals($0) })
        else { return }
        let parameters = try storageClass["parameters"]
        let wanted = "\(name)".lowercased()
        var isThere = false
        if let members = try parameters.members() {
            for member in members
            where member.key.contentLength == wanted.utf8.count && member.key.text.lowercased() == wanted {
                guard member.value.kind == .string else {
                    throw .malformed(member.value.id, expected: "a string, like every parameter")
                }
                isThere = true
                try body(Field(member.value))
            }
        }
        if !isThere { try body(parameters[name]) }
    }

    /// Calls `body` with each volume that an EC2NodeClass lists, except those made from a snapshot.
    static func forEachDevice(
        of spec: Field, _ findings: FindingCollector, _ body: (Field) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        for mapping in try spec["blockDeviceMappings"].objects() {
            try findings.step()
            let ebs = try mapping["ebs"]
            if ebs.isPresent, try ebs["snapshotID"].text()?.contentLength ?? 0 == 0 { try body(ebs) }
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

    static func nodeClass(
        _ lines: String, alias: String = "al2023@v20260101", subnets: String = "karpenter.sh/discovery: shop"
    ) -> String {
        """
        apiVersion: karpenter.k8s.aws/v1
        kind: EC2NodeClass
        metadata: {name: default}
        spec:
          role: shop-nodes
          amiSelectorTerms: [{alias: \(alias)}]
          subnetSelectorTerms: [{tags: {\(subnets)}}]
          securityGroupSelectorTerms: [{tags: {karpenter.sh/discovery: shop}}]
          \(lines)
        """
    }

    static func devices(_ ebs: String, subnets: String = "karpenter.sh/discovery: shop") -> String {
        nodeClass(
            "blockDeviceMappings: [{deviceName: /dev/xvda, ebs: {volumeSize: 20Gi, volumeType: gp3, \(ebs)}}]",
            subnets: subnets)
    }

    static let key = "arn:aws:kms:eu-west-1:222222222222:key/0a1b2c3d-1111-2222-3333-444455556666"
}
