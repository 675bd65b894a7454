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
        scope: Scope(ResourceKinds(.ec2NodeClass)),
        clauses: [publicAddress, tokens, hops],
        examples: cases,
        check: { (subject, _) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            var findings: [Finding] = []
            if try spec.boolean("associatePublicIPAddress") ?? false {
                let place: Pointer = "/spec/associatePublicIPAddress"
                findings.append(
                    Finding(
                        publicAddress, at: place, "is true: nodes get public addresses", edits: [.set(place, false)]))
            }
            return try findings + metadataFindings(spec)
        }
    )
}

private let publicAddress = Clause("public-address", "nodes get no public address")
private let tokens = Clause("tokens", "the metadata service wants tokens (IMDSv2)")
private let hops = Clause("hops", "the metadata service's answers go no further than the node (a hop limit of 1)")

/// What is absent is as the CRD's defaults have it: `required`, and 1.
private func metadataFindings(_ spec: Value) throws(CannotJudge) -> [Finding] {
    guard let options = try spec.object("metadataOptions") else { return [] }
    if try options.text("httpEndpoint")?.equals("disabled") ?? false { return [] }
    var findings: [Finding] = []
    if let mode = try options.text("httpTokens"), !mode.equals("required") {
        let place: Pointer = "/spec/metadataOptions/httpTokens"
        findings.append(
            Finding(
                tokens, at: place, "is \(mode.text): credentials of the node are given out without a token",
                edits: [.set(place, "required")]
            ).with { $0.choice = mode.text })
    }
    if let limit = try options.integer("httpPutResponseHopLimit"), limit != 1 {
        let place: Pointer = "/spec/metadataOptions/httpPutResponseHopLimit"
        findings.append(
            Finding(hops, at: place, "is \(limit): pods get the node's credentials", edits: [.set(place, 1)]).with {
                $0.excess = Double(limit)
                $0.advice = "pods that need AWS have a role of their own (Pod Identity, IRSA)"
            })
    }
    return findings
}

/// With a disk that no other rule has anything against.
private func nodeClass(_ lines: String) -> String {
    EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'") + "\n  " + lines
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
]
