import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let tokenLifetime = Rule(
        id: "token-lifetime",
        title: "Tokens of ServiceAccounts are short-lived",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            A token that got out is good for as long as it holds, and none can be called back but by deleting its ServiceAccount or \
            its pod. The kubelet renews the ones in volumes by itself.
            """,
        level: .warn,
        concern: .security,
        scope: Scope([.withPodSpec, ResourceKinds(.tokenRequest)], of: [.none, .token]),
        clauses: [requested, projected],
        settings: [RuleSettings.maximumTokenLifetime],
        examples: cases,
        checks: [
            .init(.tokenRequest) { (subject, context, findings) throws(CannotJudge) in
                try Lifetime(context[RuleSettings.maximumTokenLifetime]).check(
                    subject.field("spec"), requested, choice: nil, findings)
            },
            .init(.withPodSpec) { (subject, context, findings) throws(CannotJudge) in
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
        "The longest that a ServiceAccount's token may hold; the API makes none for less than 10m.")
}

private let requested = Clause(
    "requested", "no token is asked for that holds longer than `PLAYBOOK_MAX_TOKEN_LIFETIME`")
private let projected = Clause(
    "projected", "no volume has a token that holds longer than `PLAYBOOK_MAX_TOKEN_LIFETIME`")

/// How long a token may hold.
private struct Lifetime {
    let seconds: Int

    init(_ maximum: Duration) {
        // The API makes none for less than ten minutes.
        seconds = max(600, Int(maximum.components.seconds))
    }

    /// Checks the request for a token; absent, the API server fills in an hour.
    func check(
        _ token: Field, _ clause: Clause, choice: String?, _ findings: FindingCollector
    ) throws(CannotJudge) {
        let asked = try token["expirationSeconds"]
        guard let seen = try asked.integer(), seen > seconds else { return }
        findings.add(
            clause, at: asked, "is \(seen), more than the \(seconds) seconds that are allowed",
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
    .good("an hour, asked for", request(", expirationSeconds: 3600"), request: .token),
    .good("a day, which is the most", request(", expirationSeconds: 86400"), request: .token),
    .good("no word on it, which is an hour", request(""), request: .token),
    .bad(
        "a second more", requested, at: "spec.expirationSeconds", request(", expirationSeconds: 86401"),
        request: .token),
    .bad(
        "more than a limit of one's own", requested, at: "spec.expirationSeconds", request(", expirationSeconds: 3601"),
        request: .token, settings: ["PLAYBOOK_MAX_TOKEN_LIFETIME": "1h"]),
    .good(
        "the shortest that there is", request(", expirationSeconds: 600"), request: .token,
        settings: ["PLAYBOOK_MAX_TOKEN_LIFETIME": "5m"]),
    .good("an hour, in a volume", volume(3600)),
    .good("a day, in a volume", volume(86400)),
    .good("no word on it in a volume", volume(nil)),
    .bad(
        "a year, in a volume", projected,
        at: "volumes[vault].projected.sources[0].serviceAccountToken.expirationSeconds", volume(31_536_000)),
    .bad(
        "longer than before", projected,
        at: "volumes[vault].projected.sources[0].serviceAccountToken.expirationSeconds", volume(259_200),
        before: volume(172_800)),
    .bad(
        "beside other sources", projected,
        at: "volumes[vault].projected.sources[1].serviceAccountToken.expirationSeconds",
        volume(86_401, others: "{configMap: {name: kube-root-ca.crt}}, ")),
    .good("other volumes", "volumes: [{name: cache, emptyDir: {}}]"),
]
