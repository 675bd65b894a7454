import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let privateNodes = Rule(
        id: "private-nodes",
        title: "Nodes are private, and keep their credentials to themselves",
        group: .nodes,
        section: .networkSecurity,
        rationale: """
            A node with a public address is on the internet beside the load balancer. The metadata service hands out the node's \
            own role: without tokens to any request that a pod can be talked into, and over a second hop to every pod.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.ec2NodeClass, .eksNodeClass)),
        clauses: [publicAddress, publicSubnets, tokens, hops],
        examples: cases,
        checks: [
            .init(.ec2NodeClass) { (subject, _, findings) throws(CannotJudge) in
                let spec = try subject.field("spec")
                try checkAddress(spec["associatePublicIPAddress"], findings)
                try checkSubnets(spec["subnetSelectorTerms"], findings)
                try checkMetadataService(spec["metadataOptions"], findings)
            },
            // Of EKS Auto Mode, whose metadata service EKS sets up.
            .init(.eksNodeClass) { (subject, _, findings) throws(CannotJudge) in
                let spec = try subject.field("spec")
                try checkAddress(spec["advancedNetworking"]["associatePublicIPAddress"], findings)
                try checkSubnets(spec["subnetSelectorTerms"], findings)
            },
        ]
    )
}

private let publicAddress = Clause("public-address", "nodes get no public address")
private let publicSubnets = Clause(
    "public-subnets", "nodes are not in the subnets of public load balancers (`kubernetes.io/role/elb`)")
private let tokens = Clause("tokens", "the metadata service wants tokens (IMDSv2)")
private let hops = Clause("hops", "the metadata service's answers go no further than the node (a hop limit of 1)")

private func checkAddress(_ address: Field, _ findings: FindingCollector) throws(CannotJudge) {
    if try address.boolean() ?? false {
        findings.add(publicAddress, at: address, "is true: nodes get public addresses", set: false)
    }
}

private func checkSubnets(_ terms: Field, _ findings: FindingCollector) throws(CannotJudge) {
    for term in try terms.objects() {
        try findings.step()
        let tag = try term["tags"]["kubernetes.io/role/elb"]
        guard tag.isPresent else { continue }
        findings.add(publicSubnets, at: tag, "selects the public subnets, those of load balancers") {
            $0.advice = "select the private subnets, as by their id or the tag kubernetes.io/role/internal-elb"
        }
    }
}

/// What is absent is as the CRD's defaults have it: `required`, and 1.
private func checkMetadataService(_ options: Field, _ findings: FindingCollector) throws(CannotJudge) {
    if try options["httpEndpoint"].text()?.equals("disabled") ?? false { return }
    let mode = try options["httpTokens"]
    if let seen = try mode.string(), seen != "required" {
        findings.add(
            tokens, at: mode, "is \(seen): credentials of the node are given out without a token", set: "required",
            choice: seen)
    }
    let limit = try options["httpPutResponseHopLimit"]
    if let seen = try limit.integer(), seen != 1 {
        findings.add(hops, at: limit, "is \(seen): pods get the node's credentials", set: 1, excess: Double(seen)) {
            $0.advice = "pods that need AWS have a role of their own (Pod Identity, IRSA)"
        }
    }
}

/// With a disk that no other rule has anything against.
private func nodeClass(_ lines: String) -> String {
    EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'") + "\n  " + lines
}

private func autoModeClass(_ lines: String) -> String {
    """
    apiVersion: eks.amazonaws.com/v1
    kind: NodeClass
    metadata: {name: default}
    spec:
      role: shop-nodes
      securityGroupSelectorTerms: [{tags: {karpenter.sh/discovery: shop}}]
      ephemeralStorage: {size: 80Gi, kmsKeyID: '\(EBSVolumes.key)'}
      \(lines)
    """
}

private let cases: [Example] = [
    .good("what Karpenter does by itself", nodeClass("")),
    .good("the same in words", nodeClass("associatePublicIPAddress: false")),
    .good(
        "tokens, and one hop",
        nodeClass("metadataOptions: {httpEndpoint: enabled, httpTokens: required, httpPutResponseHopLimit: 1}")),
    .good("one of them, and the default", nodeClass("metadataOptions: {httpProtocolIPv6: enabled}")),
    .good(
        "no metadata service", nodeClass("metadataOptions: {httpEndpoint: disabled, httpTokens: optional}")),
    .bad(
        "nodes on the internet", publicAddress, at: "spec.associatePublicIPAddress",
        nodeClass("associatePublicIPAddress: true")),
    .bad(
        "IMDSv1", tokens, at: "spec.metadataOptions.httpTokens",
        nodeClass("metadataOptions: {httpTokens: optional, httpPutResponseHopLimit: 1}")),
    .bad(
        "a second hop", hops, at: "spec.metadataOptions.httpPutResponseHopLimit",
        nodeClass("metadataOptions: {httpTokens: required, httpPutResponseHopLimit: 2}")),
    .good(
        "nodes of EKS Auto Mode", autoModeClass("subnetSelectorTerms: [{tags: {kubernetes.io/role/internal-elb: '1'}}]")
    ),
    .bad(
        "nodes of EKS Auto Mode on the internet", publicAddress, at: "spec.advancedNetworking.associatePublicIPAddress",
        autoModeClass("advancedNetworking: {associatePublicIPAddress: true}")),
    .bad(
        "nodes of EKS Auto Mode in public subnets", publicSubnets,
        at: "spec.subnetSelectorTerms[1].tags[kubernetes.io/role/elb]",
        autoModeClass("subnetSelectorTerms: [{id: subnet-0a1b2c3d}, {tags: {kubernetes.io/role/elb: '1'}}]")),
    .bad(
        "nodes in public subnets", publicSubnets, at: "spec.subnetSelectorTerms[0].tags[kubernetes.io/role/elb]",
        EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'", subnets: "kubernetes.io/role/elb: '*'")),
]
