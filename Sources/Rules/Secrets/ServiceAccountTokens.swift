import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let serviceAccountTokens = Rule(
        id: "service-account-tokens",
        title: "No token of a ServiceAccount lasts for ever",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            The token in such a Secret never expires and is bound to no pod: who has read it once acts as the ServiceAccount until \
            somebody deletes it. A projected token holds for an hour and ends with its pod.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.secret), readsMetadata: true),
        clauses: [lasting],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            let type = try subject.field("type")
            guard try type.equals("kubernetes.io/service-account-token") else { return }
            let account = subject.metadata.annotation("kubernetes.io/service-account.name")
            let name = account ?? "NAME"
            findings.add(
                lasting, at: type, "asks for a token of ServiceAccount \(name) that never expires", choice: account
            ) {
                $0.advice = """
                    leave the Secret out: pods get a token that is renewed for them; outside the cluster: kubectl create token \(name) \
                    -n \(subject.namespace)
                    """
            }
        }
    )
}

private let lasting = Clause("lasting", "no Secret is of the type `kubernetes.io/service-account-token`")

private func token(
    _ account: String = "web", type: String = "kubernetes.io/service-account-token", labels: String = ""
) -> String {
    """
    apiVersion: v1
    kind: Secret
    metadata: {name: web-token, namespace: shop, annotations: {kubernetes.io/service-account.name: \(account)}\(labels)}
    type: \(type)
    """
}

private let cases: [Example] = [
    .good(
        "a token for an hour, in a volume",
        """
        volumes:
        - name: vault
          projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 3600}}]}
        """),
    .bad("a token for ever", lasting, at: "type", token()),
    .bad(
        "by a pipeline", lasting, at: "type", token(), request: .by("system:serviceaccount:argocd:argocd-server")),
    .bad("for another account than before", lasting, at: "type", token("admin"), before: token()),
    .good("a Secret of another type", token(type: "kubernetes.io/tls")),
    .good("what the control plane makes", token(), request: .by("system:kube-controller-manager")),
]
