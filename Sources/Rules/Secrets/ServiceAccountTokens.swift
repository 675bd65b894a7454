import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let serviceAccountTokens = Rule(
        id: "service-account-tokens",
        title: "ServiceAccount tokens expire",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            The token in a Secret of type `kubernetes.io/service-account-token` never expires and is not bound to a pod: anyone \
            who reads it can act as the ServiceAccount until the Secret is deleted. A projected token expires \
            after one hour by default, and with its pod.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.secret), readsMetadata: true),
        clauses: [lasting],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            let type = try subject.field("type")
            guard try type.equals("kubernetes.io/service-account-token") else { return }
            let account = subject.metadata.annotation("kubernetes.io/service-account.name")
            let name = account ?? "NAME"
            findings.add(
                lasting, at: type, "requests a token for ServiceAccount \(name) that never expires", choice: account
            ) {
                $0.advice = """
                    remove the Secret; pods get a token that is renewed automatically; outside the cluster, use \
                    kubectl create token \(name) -n \(subject.namespace)
                    """
            }
        }
    )
}

private let lasting = Clause("lasting", "no Secret has the type `kubernetes.io/service-account-token`")

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
        "a projected token for one hour",
        """
        volumes:
        - name: vault
          projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 3600}}]}
        """),
    .bad("a Secret with a token that never expires", lasting, at: "type", token()),
    .bad(
        "the same Secret from a deployer", lasting, at: "type", token(),
        request: .by("system:serviceaccount:argocd:argocd-server")),
    .bad("a token for another ServiceAccount than before", lasting, at: "type", token("admin"), before: token()),
    .good("a Secret of another type", token(type: "kubernetes.io/tls")),
    .good("a token Secret from the control plane", token(), request: .by("system:kube-controller-manager")),
]
