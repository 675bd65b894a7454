import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let webFirewall = Rule(
        id: "web-firewall",
        title: "What the public reaches stands behind a firewall and a TLS policy",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            A web ACL turns attacks away before they reach anything of ours, and a TLS policy that is chosen keeps old protocols \
            from being agreed on by default.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.cloudfrontDistribution, .elbv2Listener)),
        clauses: [acl, policy],
        examples: cases,
        checks: [.init(.cloudfrontDistribution, check: checkDistribution), .init(.elbv2Listener, check: checkListener)]
    )
}

private let acl = Clause("acl", "a CloudFront distribution has a web ACL")
private let policy = Clause("policy", "a listener that speaks TLS names its policy")

private func checkDistribution(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let spec = try subject.field("spec").present else { return }
    let id = try spec["distributionConfig"]["webACLID"]
    // The API writes no ACL as the empty text.
    if try id.filledText() != nil { return }
    findings.add(acl, at: id, "is \(id.isPresent ? "empty" : "unset"): there is no firewall") {
        $0.advice = "name a WAF web ACL of scope CLOUDFRONT (in us-east-1) by its ARN"
    }
}

private func checkListener(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let spec = try subject.field("spec")
    guard try spec["protocol"].equals(oneOf: "HTTPS", "TLS") else { return }
    let chosen = try spec["sslPolicy"]
    if try chosen.filledText() != nil { return }
    findings.add(
        policy, at: chosen, "is \(chosen.isPresent ? "empty" : "unset"): the default accepts TLS 1.0",
        set: "ELBSecurityPolicy-TLS13-1-2-2021-06")
}

private func distribution(_ lines: String) -> String {
    """
    apiVersion: cloudfront.services.k8s.aws/v1alpha1
    kind: Distribution
    metadata: {name: web, namespace: shop}
    spec:
      distributionConfig:
        enabled: true
        comment: the shop's static files\(lines)
    """
}

private func listener(_ lines: String) -> String {
    """
    apiVersion: elbv2.services.k8s.aws/v1alpha1
    kind: Listener
    metadata: {name: web, namespace: shop}
    spec:
      loadBalancerRef: {from: {name: web}}
    \(lines.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
    """
}

private let forward = "defaultActions: [{type: forward, targetGroupRef: {from: {name: web}}}]"

private let cases: [Example] = [
    .good(
        "a distribution with a web ACL",
        distribution(
            "\n    webACLID: arn:aws:wafv2:us-east-1:222222222222:global/webacl/web/0a1b2c3d-1111-2222-3333-444455556666"
        )),
    .bad("a distribution without one", acl, at: "spec.distributionConfig.webACLID", distribution("")),
    .bad(
        "a distribution with none on purpose", acl, at: "spec.distributionConfig.webACLID",
        distribution("\n    webACLID: ''")),
    .good(
        "a listener with a policy",
        listener("port: 443\nprotocol: HTTPS\nsslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06\n\(forward)")),
    .good(
        "a listener that only redirects",
        listener(
            "port: 80\nprotocol: HTTP\ndefaultActions: [{type: redirect, redirectConfig: {protocol: HTTPS, port: '443', statusCode: HTTP_301}}]"
        )),
    .bad(
        "a listener without a policy", policy, at: "spec.sslPolicy", listener("port: 443\nprotocol: HTTPS\n\(forward)")),
    .bad(
        "a network load balancer's listener without one", policy, at: "spec.sslPolicy",
        listener("port: 443\nprotocol: TLS\nsslPolicy: ''\n\(forward)")),
]
