import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let privateNodes = Rule(
        id: "private-nodes",
        title: "Nodes have no public IP address and restrict access to instance metadata",
        group: .nodes,
        section: .networkSecurity,
        rationale: """
            A node with a public IP address can be reached from the internet without the load balancer. Without IMDSv2 and a hop \
            limit of 1, pods can get the node's credentials from the instance metadata service.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.ec2NodeClass, .eksNodeClass)),
        clauses: [publicAddress, publicSubnets, tokens, hops],
        examples: cases,
        checks: [
            .init(.ec2NodeClass) { (subject, _, findings) throws(CannotEvaluate) in
                let spec = try subject.field("spec")
                try checkAddress(spec["associatePublicIPAddress"], findings)
                try checkSubnets(spec["subnetSelectorTerms"], findings)
                try checkMetadataService(spec["metadataOptions"], findings)
            },
            // EKS Auto Mode: EKS configures the metadata service.
            .init(.eksNodeClass) { (subject, _, findings) throws(CannotEvaluate) in
                let spec = try subject.field("spec")
                try checkAddress(spec["advancedNetworking"]["associatePublicIPAddress"], findings)
                try checkSubnets(spec["subnetSelectorTerms"], findings)
            },
        ]
    )
}

private let publicAddress = Clause("public-address", "nodes have no public IP address")
private let publicSubnets = Clause(
    "public-subnets", "nodes do not run in the subnets of public load balancers (`kubernetes.io/role/elb`)")
private let tokens = Clause("tokens", "the instance metadata service requires tokens (IMDSv2)")
private let hops = Clause("hops", "the hop limit of the instance metadata service is 1")

private func checkAddress(_ address: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    if try address.boolean() ?? false {
        findings.add(publicAddress, at: address, "is true; nodes get public IP addresses", set: false)
    }
}

private func checkSubnets(_ terms: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    for term in try terms.objects() {
        try findings.step()
        let tag = try term["tags"]["kubernetes.io/role/elb"]
        guard tag.isPresent else { continue }
        findings.add(publicSubnets, at: tag, "selects the subnets of public load balancers") {
            $0.advice = "select private subnets, for example by id or by the tag kubernetes.io/role/internal-elb"
        }
    }
}

/// Absent fields have the CRD's defaults: `required` and 1.
private func checkMetadataService(_ options: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    if try options["httpEndpoint"].text()?.equals("disabled") ?? false { return }
    let mode = try options["httpTokens"]
    if let seen = try mode.string(), seen != "required" {
        findings.add(
            tokens, at: mode, "is \"\(seen)\"; the node's credentials are available without a token", set: "required",
            choice: seen)
    }
    let limit = try options["httpPutResponseHopLimit"]
    if let seen = try limit.integer(), seen != 1 {
        findings.add(hops, at: limit, "is \(seen); pods can get the node's credentials", set: 1, excess: Double(seen)) {
            $0.advice = "give pods that call AWS APIs their own role (EKS Pod Identity or IRSA)"
        }
    }
}

/// An EC2NodeClass whose volume violates no other rule.
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
    .good("Karpenter's defaults", nodeClass("")),
    .good("public IP addresses disabled explicitly", nodeClass("associatePublicIPAddress: false")),
    .good(
        "tokens are required and the hop limit is 1",
        nodeClass("metadataOptions: {httpEndpoint: enabled, httpTokens: required, httpPutResponseHopLimit: 1}")),
    .good("metadata options without the checked fields", nodeClass("metadataOptions: {httpProtocolIPv6: enabled}")),
    .good(
        "the metadata service is disabled", nodeClass("metadataOptions: {httpEndpoint: disabled, httpTokens: optional}")
    ),
    .bad(
        "nodes with public IP addresses", publicAddress, at: "spec.associatePublicIPAddress",
        nodeClass("associatePublicIPAddress: true")),
    .bad(
        "IMDSv1 is allowed", tokens, at: "spec.metadataOptions.httpTokens",
        nodeClass("metadataOptions: {httpTokens: optional, httpPutResponseHopLimit: 1}")),
    .bad(
        "a hop limit of 2", hops, at: "spec.metadataOptions.httpPutResponseHopLimit",
        nodeClass("metadataOptions: {httpTokens: required, httpPutResponseHopLimit: 2}")),
    .good(
        "EKS Auto Mode nodes in private subnets",
        autoModeClass("subnetSelectorTerms: [{tags: {kubernetes.io/role/internal-elb: '1'}}]")
    ),
    .bad(
        "EKS Auto Mode nodes with public IP addresses", publicAddress,
        at: "spec.advancedNetworking.associatePublicIPAddress",
        autoModeClass("advancedNetworking: {associatePublicIPAddress: true}")),
    .bad(
        "EKS Auto Mode nodes in public subnets", publicSubnets,
        at: "spec.subnetSelectorTerms[1].tags[kubernetes.io/role/elb]",
        autoModeClass("subnetSelectorTerms: [{id: subnet-0a1b2c3d}, {tags: {kubernetes.io/role/elb: '1'}}]")),
    .bad(
        "nodes in public subnets", publicSubnets, at: "spec.subnetSelectorTerms[0].tags[kubernetes.io/role/elb]",
        EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'", subnets: "kubernetes.io/role/elb: '*'")),
]
