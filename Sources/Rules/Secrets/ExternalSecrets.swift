import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let externalSecrets = Rule(
        id: "external-secrets",
        title: "Secrets come from outside the cluster",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            A Secret that somebody applies lies in a file, a pipeline or a shell's history too, and is rotated by hand or never. The \
            External Secrets operator copies it from where it is kept, watched and rotated.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.secret)),
        clauses: [handmade],
        settings: [RuleSettings.writers], sharedSettings: ["PLAYBOOK_DEPLOYERS"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let type = try subject.field("type")
            guard
                try !type.equals(
                    oneOf: "kubernetes.io/tls", "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg",
                    "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1")
            else { return }
            let name = try type.filledText()?.text ?? "Opaque"
            guard !isWrittenByController(subject, context), !isWriter(subject.review.user, context) else { return }
            findings.add(handmade, at: type, "is \(name), and the External Secrets operator did not write it") {
                $0.relatedObject = externalSecret(subject.secretName, of: name, in: subject.namespace)
                $0.isReplacement = true
                $0.advice =
                    "and keep its values outside the cluster; or name who writes it in PLAYBOOK_SECRET_WRITERS"
            }
        }
    )
}

extension RuleSettings {
    static let writers: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_SECRET_WRITERS", .list("names"), default: [],
        "Users who may write Secrets, beside the External Secrets operator and other controllers: `system:serviceaccount:argocd:*`. `*` stands for any text."
    )
}

private let handmade = Clause(
    "handmade",
    "a Secret of an application is written by the External Secrets operator, another controller, or one of `PLAYBOOK_SECRET_WRITERS`"
)

/// True if a controller writes it: the External Secrets operator, or one that makes the secret itself, such as cert-manager.
private func isWrittenByController(_ subject: Subject, _ context: Context) -> Bool {
    // Of what is in a cluster already its manager is known.
    if context.source == .cluster { return !subject.isWrittenByDeployer && subject.isWrittenByManager }
    guard subject.review.user.serviceAccount != nil else { return false }
    if case .deployer = Requester(of: subject.review, context) { return false }
    return true
}

extension Subject {
    /// True if some client wrote the data of an object that is in the cluster, or an ExternalSecret has it.
    fileprivate var isWrittenByManager: Bool {
        if metadata.controller?.kind == .externalSecret { return true }
        let entries = metadata.value?["managedFields"]
        return entries?.elements.contains { $0["fieldsV1"]?["f:data"] != nil } ?? false
    }
}

private func isWriter(_ user: User, _ context: Context) -> Bool {
    let writers = context[RuleSettings.writers]
    return !writers.isEmpty && writers.contains { Glob($0).matches(user.name) }
}

/// The ExternalSecret to write instead: every key of one secret that is kept under the Secret's own name.
private func externalSecret(_ name: String, of type: String, in namespace: String) -> Literal {
    var target: Literal = ["name": .string(name)]
    if type != "Opaque" { target = ["name": .string(name), "template": ["type": .string(type)]] }
    return [
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": [
            "refreshInterval": "1h",
            "secretStoreRef": ["kind": "ClusterSecretStore", "name": "aws-secrets-manager"],
            "target": target,
            "dataFrom": [["extract": ["key": .string("\(namespace)/\(name)")]]],
        ],
    ]
}

private func secret(_ rest: String = "type: Opaque", metadata: String = "name: web, namespace: shop") -> String {
    """
    apiVersion: v1
    kind: Secret
    metadata: {\(metadata)}
    data: {DB_PASSWORD: aHVudGVyMg==}
    \(rest)
    """
}

private func owned(in group: String = "external-secrets.io") -> String {
    """
    name: web, namespace: shop, ownerReferences: [{apiVersion: \(group)/v1, kind: ExternalSecret, name: web, \
    uid: u, controller: true}]
    """
}

private let cases: [Example] = [
    .good(
        "an ExternalSecret",
        """
        apiVersion: external-secrets.io/v1
        kind: ExternalSecret
        metadata: {name: web, namespace: shop}
        spec:
          refreshInterval: 1h
          secretStoreRef: {kind: ClusterSecretStore, name: aws-secrets-manager}
          target: {name: web}
          dataFrom: [{extract: {key: shop/web}}]
        """),
    .good("what the operator makes", secret(), request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "an operator of another name, for an ExternalSecret", secret(metadata: owned()),
        request: .by("system:serviceaccount:platform:eso")),
    .bad("by hand", handmade, at: "type", secret()),
    .bad("of no type, which is Opaque", handmade, at: "type", secret("")),
    .bad("of an empty type, which is Opaque too", handmade, at: "type", secret("type: ''")),
    .bad("an owner that its author made up", handmade, at: "type", secret(metadata: owned())),
    .bad(
        "an owner that a tool applies with the rest", handmade, at: "type", secret(metadata: owned()),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .good(
        "a controller that makes the secret itself",
        secret(metadata: "name: web, namespace: shop, labels: {cnpg.io/cluster: web}"),
        request: .by("system:serviceaccount:cnpg-system:cnpg-manager")),
    .bad(
        "a login by hand", handmade, at: "type", secret("type: kubernetes.io/basic-auth")),
    .bad("a key of SSH by hand", handmade, at: "type", secret("type: kubernetes.io/ssh-auth")),
    .bad("of a type of one's own", handmade, at: "type", secret("type: example.com/login")),
    .bad("changed by hand", handmade, at: "type", secret(), before: secret("immutable: false")),
    .good(
        "one of those who may", secret(), request: .by("system:serviceaccount:argocd:argocd-server"),
        settings: ["PLAYBOOK_SECRET_WRITERS": "ci, system:serviceaccount:argocd:*"]),
    .bad(
        "none of those who may", handmade, at: "type", secret(),
        request: .by("system:serviceaccount:argo-cd:argocd-server"),
        settings: ["PLAYBOOK_SECRET_WRITERS": "ci, system:serviceaccount:argocd:*"]),
    .good("a certificate", secret("type: kubernetes.io/tls")),
    .good("a registry's password", secret("type: kubernetes.io/dockerconfigjson")),
    .good("the same in its old form", secret("type: kubernetes.io/dockercfg")),
    .good("a token that lets nodes in", secret("type: bootstrap.kubernetes.io/token")),
    .good("a release of Helm's", secret("type: helm.sh/release.v1")),
]
