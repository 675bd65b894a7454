import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let tokenLifetime = Rule(
        id: "token-lifetime",
        title: "ServiceAccount tokens are short-lived",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            A leaked token can be used until it expires, and can be revoked only by deleting its ServiceAccount or its pod. The \
            kubelet renews tokens in volumes automatically.
            """,
        level: .warn,
        concern: .security,
        scope: Scope([.withPodSpec, ResourceKinds(.tokenRequest)], of: [.none, .token]),
        clauses: [requested, projected],
        settings: [RuleSettings.maximumTokenLifetime],
        examples: cases,
        checks: [
            .init(.tokenRequest) { (subject, context, findings) throws(CannotEvaluate) in
                try Lifetime(context[RuleSettings.maximumTokenLifetime]).check(
                    subject.field("spec"), requested, choice: nil, findings)
            },
            .init(.withPodSpec) { (subject, context, findings) throws(CannotEvaluate) in
                guard let template = try subject.template() else { return }
                let limit = Lifetime(context[RuleSettings.maximumTokenLifetime])
                for volume in try template.volumes.objects() {
                    try findings.step()
                    for source in try volume["projected"]["sources"].objects() {
                        try findings.step()
                        let token = try source["serviceAccountToken"]
                        try limit.check(token, projected, choice: token["path"].string(), findings)
                    }
                }
            },
        ]
    )
}

extension RuleSettings {
    static let maximumTokenLifetime = RuleSetting(
        "PLAYBOOK_MAX_TOKEN_LIFETIME", .duration, default: .seconds(24 * 3600),
        "The longest lifetime of a ServiceAccount token. The API server's minimum is 10m.")
}

private let requested = Clause(
    "requested", "no token is requested for longer than `PLAYBOOK_MAX_TOKEN_LIFETIME`")
private let projected = Clause(
    "projected", "no volume projects a token for longer than `PLAYBOOK_MAX_TOKEN_LIFETIME`")

/// The longest lifetime of a token.
private struct Lifetime {
    let seconds: Int

    init(_ maximum: Duration) {
        // The API server's minimum is 10 minutes.
        seconds = max(600, Int(maximum.components.seconds))
    }

    /// Checks a token request; the default of the API server is one hour.
    func check(
        _ token: Field, _ clause: Clause, choice: String?, _ findings: FindingCollector
    ) throws(CannotEvaluate) {
        let asked = try token["expirationSeconds"]
        guard let seen = try asked.integer(), seen > seconds else { return }
        findings.add(
            clause, at: asked, "is \(seen); at most \(seconds) seconds are allowed",
            set: .number(String(seconds)), choice: choice, excess: Double(seen - seconds))
    }
}

private func request(_ seconds: String) -> String {
    """
    apiVersion: authentication.k8s.io/v1
    kind: TokenRequest
    metadata: {name: web, namespace: shop}
    spec: {audiences: [vault]\(seconds)}
    """
}

private func volume(_ seconds: Int?, others: String = "") -> String {
    let expiry = seconds.map { ", expirationSeconds: \($0)" } ?? ""
    return """
        volumes:
        - name: vault
          projected: {sources: [\(others){serviceAccountToken: {path: token, audience: vault\(expiry)}}]}
        """
}

private let cases: [Example] = [
    .good("a request for one hour", request(", expirationSeconds: 3600"), request: .token),
    .good("a request for one day, the limit", request(", expirationSeconds: 86400"), request: .token),
    .good("a request without a lifetime, which is one hour", request(""), request: .token),
    .bad(
        "a request for one second more than the limit", requested, at: "spec.expirationSeconds",
        request(", expirationSeconds: 86401"),
        request: .token),
    .bad(
        "a request for more than the configured limit", requested, at: "spec.expirationSeconds",
        request(", expirationSeconds: 3601"),
        request: .token, settings: ["PLAYBOOK_MAX_TOKEN_LIFETIME": "1h"]),
    .good(
        "a request for the API server's minimum", request(", expirationSeconds: 600"), request: .token,
        settings: ["PLAYBOOK_MAX_TOKEN_LIFETIME": "5m"]),
    .good("a projected token for one hour", volume(3600)),
    .good("a projected token for one day", volume(86400)),
    .good("a projected token without a lifetime", volume(nil)),
    .bad(
        "a projected token for one year", projected,
        at: "volumes[vault].projected.sources[0].serviceAccountToken.expirationSeconds", volume(31_536_000)),
    .bad(
        "a longer lifetime than before", projected,
        at: "volumes[vault].projected.sources[0].serviceAccountToken.expirationSeconds", volume(259_200),
        before: volume(172_800)),
    .bad(
        "a token among other sources of a projected volume", projected,
        at: "volumes[vault].projected.sources[1].serviceAccountToken.expirationSeconds",
        volume(86_401, others: "{configMap: {name: kube-root-ca.crt}}, ")),
    .good("other volumes", "volumes: [{name: cache, emptyDir: {}}]"),
]
