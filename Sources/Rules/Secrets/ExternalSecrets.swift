import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let externalSecrets = Rule(
        id: "external-secrets",
        title: "Secrets are written by External Secrets or another controller",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            A Secret that is applied by hand is also in a file, a pipeline or a shell history, and is rarely rotated. External \
            Secrets copies the value from a store in which it is audited and rotated.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.secret)),
        clauses: [handmade],
        settings: [RuleSettings.writers], sharedSettings: ["PLAYBOOK_DEPLOYERS"],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let type = try subject.field("type")
            guard
                try !type.equals(
                    oneOf: "kubernetes.io/tls", "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg",
                    "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1")
            else { return }
            let name = try type.filledText()?.text ?? "Opaque"
            guard !isWrittenByController(subject, context), !isWriter(subject.review.user, context) else { return }
            // The server fills it, so that it is in no file.
            if name == Settings.certificateSecretType, !hasData(subject) { return }
            findings.add(
                handmade, at: type, "is \"\(name)\"; neither External Secrets nor another controller writes this Secret"
            ) {
                guard hasData(subject) else {
                    $0.advice =
                        "let the controller that fills it create it, or add its writer to PLAYBOOK_SECRET_WRITERS"
                    return
                }
                $0.relatedObject = externalSecret(subject.secretName, of: name, in: subject.namespace)
                $0.isReplacement = true
                $0.advice =
                    "store its values outside the cluster, or add its writer to PLAYBOOK_SECRET_WRITERS"
            }
        }
    )
}

extension RuleSettings {
    static let writers: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_SECRET_WRITERS", .list("names"), default: [],
        "Users who are allowed to write Secrets, besides External Secrets and other controllers, for example `system:serviceaccount:argocd:*`. `*` matches any text."
    )
}

private let handmade = Clause(
    "handmade",
    "a Secret with application data is written by External Secrets, another controller, or one of `PLAYBOOK_SECRET_WRITERS`"
)

/// True if a controller writes it: External Secrets, or one that generates the secret, such as cert-manager.
private func isWrittenByController(_ subject: Subject, _ context: Context) -> Bool {
    // In audit, the field manager shows who wrote the object.
    if context.source == .cluster { return !subject.isWrittenByDeployer && subject.isWrittenByManager }
    guard subject.review.user.serviceAccount != nil else { return false }
    if case .deployer = Requester(of: subject.review, context) { return false }
    return true
}

extension Subject {
    /// True if an ExternalSecret owns an object in the cluster, or a field manager manages its data.
    fileprivate var isWrittenByManager: Bool {
        if metadata.controller?.kind == .externalSecret { return true }
        let entries = metadata.value?["managedFields"]
        return entries?.elements.contains { $0["fieldsV1"]?["f:data"] != nil } ?? false
    }
}

/// True if the Secret contains data; a controller usually fills one without data.
private func hasData(_ subject: Subject) -> Bool {
    ["data", "stringData"].contains { (key: StaticString) in
        subject.object[key]?.members.contains { _ in true } ?? false
    }
}

private func isWriter(_ user: User, _ context: Context) -> Bool {
    let writers = context[RuleSettings.writers]
    return !writers.isEmpty && writers.contains { Glob($0).matches(user.name) }
}

/// The suggested ExternalSecret: all keys of the external secret that has the Secret's name.
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

/// The Secret of deploy/components/self-certificates.
private func ownSecret(_ data: String = "") -> String {
    """
    apiVersion: v1
    kind: Secret
    metadata: {name: playbook-certificates, namespace: policy-system}
    type: \(Settings.certificateSecretType)
    \(data)
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
    .good(
        "a Secret that External Secrets writes", secret(),
        request: .by("system:serviceaccount:external-secrets:external-secrets")),
    .good(
        "a Secret that External Secrets writes with another service account", secret(metadata: owned()),
        request: .by("system:serviceaccount:platform:eso")),
    .bad("a Secret applied by a user", handmade, at: "type", secret()),
    .bad(
        "a Secret without data", handmade, at: "type",
        "{apiVersion: v1, kind: Secret, metadata: {name: web, namespace: shop}, type: Opaque}"),
    .good("the Secret for the server's own certificate, without data", ownSecret()),
    .bad("a certificate applied by a user", handmade, at: "type", ownSecret("data: {tls.key: aHVudGVyMg==}")),
    .bad("a certificate as text, applied by a user", handmade, at: "type", ownSecret("stringData: {tls.key: hunter2}")),
    .bad(
        "a change by a user that adds a certificate", handmade, at: "type", ownSecret("data: {tls.key: aHVudGVyMg==}"),
        before: ownSecret()),
    .bad("a Secret without a type, which is Opaque", handmade, at: "type", secret("")),
    .bad("a Secret with an empty type, which is Opaque", handmade, at: "type", secret("type: ''")),
    .bad("an owner reference set by a user", handmade, at: "type", secret(metadata: owned())),
    .bad(
        "an owner reference set by a deployer", handmade, at: "type", secret(metadata: owned()),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .good(
        "a Secret that another controller generates",
        secret(metadata: "name: web, namespace: shop, labels: {cnpg.io/cluster: web}"),
        request: .by("system:serviceaccount:cnpg-system:cnpg-manager")),
    .bad(
        "a basic-auth Secret applied by a user", handmade, at: "type", secret("type: kubernetes.io/basic-auth")),
    .bad("an SSH key applied by a user", handmade, at: "type", secret("type: kubernetes.io/ssh-auth")),
    .bad("a Secret with a custom type", handmade, at: "type", secret("type: example.com/login")),
    .bad("a change by a user", handmade, at: "type", secret(), before: secret("immutable: false")),
    .good(
        "a user in the setting", secret(), request: .by("system:serviceaccount:argocd:argocd-server"),
        settings: ["PLAYBOOK_SECRET_WRITERS": "ci, system:serviceaccount:argocd:*"]),
    .bad(
        "a user that is not in the setting", handmade, at: "type", secret(),
        request: .by("system:serviceaccount:argo-cd:argocd-server"),
        settings: ["PLAYBOOK_SECRET_WRITERS": "ci, system:serviceaccount:argocd:*"]),
    .good("a TLS certificate", secret("type: kubernetes.io/tls")),
    .good("a registry credential", secret("type: kubernetes.io/dockerconfigjson")),
    .good("a registry credential in the legacy format", secret("type: kubernetes.io/dockercfg")),
    .good("a bootstrap token", secret("type: bootstrap.kubernetes.io/token")),
    .good("a Helm release", secret("type: helm.sh/release.v1")),
]
