import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let webFirewall = Rule(
        id: "web-firewall",
        title: "Public endpoints have a web ACL and require TLS 1.2 or later",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            A web ACL blocks common attacks before they reach the application. Without an explicit TLS policy, clients can \
            connect with outdated protocol versions.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.cloudfrontDistribution, .elbv2Listener)),
        clauses: [acl, policy, minimum],
        examples: cases,
        checks: [.init(.cloudfrontDistribution, check: checkDistribution), .init(.elbv2Listener, check: checkListener)]
    )
}

private let acl = Clause("acl", "a CloudFront distribution has a web ACL")
private let policy = Clause("policy", "an HTTPS or TLS listener sets a policy that requires TLS 1.2 or later")
private let minimum = Clause(
    "minimum", "if a CloudFront distribution sets a minimum protocol version, it is TLS 1.2 or later")

private func checkDistribution(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let version = try spec["distributionConfig"]["viewerCertificate"]["minimumProtocolVersion"]
    if try version.equals(oneOf: "SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016") {
        findings.add(
            minimum, at: version, "is \"\(version.base.text)\"; TLS 1.2 or later is required", set: "TLSv1.2_2021",
            choice: version.base.text)
    }
    let id = try spec["distributionConfig"]["webACLID"]
    // In the API, an empty string means no web ACL.
    if try id.filledText() != nil { return }
    findings.add(acl, at: id, "is \(id.isPresent ? "empty" : "not set"); no web ACL filters requests") {
        $0.advice = "set it to the ARN of a WAF web ACL with scope CLOUDFRONT (in us-east-1)"
    }
}

private func checkListener(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    let spec = try subject.field("spec")
    guard try spec["protocol"].equals(oneOf: "HTTPS", "TLS") else { return }
    let chosen = try spec["sslPolicy"]
    if let name = try chosen.filledText() {
        guard name.acceptsOldTLS else { return }
        findings.add(
            policy, at: chosen, "is \"\(name.text)\", which allows versions older than TLS 1.2",
            set: "ELBSecurityPolicy-TLS13-1-2-2021-06", choice: name.text)
        return
    }
    findings.add(
        policy, at: chosen, "is \(chosen.isPresent ? "empty" : "not set"); the default allows TLS 1.0",
        set: "ELBSecurityPolicy-TLS13-1-2-2021-06")
}

extension Value {
    /// True if a security policy of Elastic Load Balancing allows TLS 1.0 or 1.1.
    ///
    /// Source: AWS, "Security policies for your Application Load Balancer", 2025.
    fileprivate var acceptsOldTLS: Bool {
        let old: [StaticString] = [
            "ELBSecurityPolicy-20", "ELBSecurityPolicy-TLS-1-0-", "ELBSecurityPolicy-TLS-1-1-",
            "ELBSecurityPolicy-TLS13-1-0-", "ELBSecurityPolicy-TLS13-1-1-", "ELBSecurityPolicy-FS-2018-06",
            "ELBSecurityPolicy-FS-1-1-",
        ]
        return old.contains { hasPrefix($0) }
    }
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
    .bad("a distribution without a web ACL", acl, at: "spec.distributionConfig.webACLID", distribution("")),
    .bad(
        "a distribution with an empty web ACL", acl, at: "spec.distributionConfig.webACLID",
        distribution("\n    webACLID: ''")),
    .good(
        "a listener with a TLS 1.2 policy",
        listener("port: 443\nprotocol: HTTPS\nsslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06\n\(forward)")),
    .good(
        "a listener that only redirects",
        listener(
            "port: 80\nprotocol: HTTP\ndefaultActions: [{type: redirect, redirectConfig: {protocol: HTTPS, port: '443', statusCode: HTTP_301}}]"
        )),
    .bad(
        "a listener without a policy", policy, at: "spec.sslPolicy", listener("port: 443\nprotocol: HTTPS\n\(forward)")),
    .bad(
        "a Network Load Balancer listener without a policy", policy, at: "spec.sslPolicy",
        listener("port: 443\nprotocol: TLS\nsslPolicy: ''\n\(forward)")),
    .bad(
        "a policy that allows TLS 1.0", policy, at: "spec.sslPolicy",
        listener("port: 443\nprotocol: HTTPS\nsslPolicy: ELBSecurityPolicy-TLS-1-0-2015-04\n\(forward)")),
    .bad(
        "AWS's default policy", policy, at: "spec.sslPolicy",
        listener("port: 443\nprotocol: HTTPS\nsslPolicy: ELBSecurityPolicy-2016-08\n\(forward)")),
    .bad(
        "a policy that allows TLS 1.1 to 1.3", policy, at: "spec.sslPolicy",
        listener("port: 443\nprotocol: TLS\nsslPolicy: ELBSecurityPolicy-TLS13-1-1-2021-06\n\(forward)")),
    .good(
        "a TLS 1.2 policy with forward secrecy",
        listener("port: 443\nprotocol: HTTPS\nsslPolicy: ELBSecurityPolicy-FS-1-2-Res-2020-10\n\(forward)")),
    .bad(
        "a distribution that allows TLS 1.0", minimum,
        at: "spec.distributionConfig.viewerCertificate.minimumProtocolVersion",
        distribution("\n    webACLID: web\n    viewerCertificate: {minimumProtocolVersion: TLSv1}")),
    .good(
        "a distribution that requires TLS 1.2",
        distribution("\n    webACLID: web\n    viewerCertificate: {minimumProtocolVersion: TLSv1.2_2021}")),
]
