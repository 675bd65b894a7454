import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let defaultNamespace = Rule(
        id: "default-namespace",
        title: "Nothing lives in the default namespace",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            Quotas, limits, network policies and access are given by namespace. What lands in `default` by a forgotten flag has \
            none of them.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope([.withPodSpec, ResourceKinds(.service, .configMap, .secret, .argoApplication)]),
        clauses: [inDefault, destination],
        examples: [
            .good("a namespace of its own", "{}"),
            .bad("a Deployment", inDefault, at: "metadata.namespace", "metadata: {namespace: default}"),
            .bad(
                "a Secret", inDefault, at: "metadata.namespace",
                """
                apiVersion: v1
                kind: Secret
                metadata: {name: web, namespace: default}
                """),
            .good(
                "the API server's own Service",
                """
                apiVersion: v1
                kind: Service
                metadata: {name: kubernetes, namespace: default}
                spec: {ports: [{port: 443}]}
                """),
            .good(
                "the cluster's certificate",
                """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: kube-root-ca.crt, namespace: default}
                data: {ca.crt: none}
                """),
            .good(
                "the certificate of Istio's control plane",
                """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: istio-ca-root-cert, namespace: default}
                data: {root-cert.pem: none}
                """),
            .good(
                "a ConfigMap of trust-manager's Bundle",
                """
                apiVersion: v1
                kind: ConfigMap
                metadata:
                  name: corporate-ca
                  namespace: default
                  ownerReferences:
                  - {apiVersion: trust.cert-manager.io/v1alpha1, kind: Bundle, name: corporate-ca, uid: u, controller: true}
                data: {ca.pem: none}
                """),
            .good(
                "a ConfigMap that an operator writes", configMap, request: .by("system:serviceaccount:operators:certs")),
            .bad(
                "a ConfigMap that a tool applies", inDefault, at: "metadata.namespace", configMap,
                request: .by("system:serviceaccount:argocd:argocd-application-controller")),
            .bad(
                "an Argo CD Application that deploys there", destination, at: "spec.destination.namespace",
                application("{server: 'https://kubernetes.default.svc', namespace: default}")),
            .good(
                "an Argo CD Application that deploys elsewhere",
                application("{server: 'https://kubernetes.default.svc', namespace: shop}")),
            .good(
                "an Argo CD Application whose objects name their namespaces",
                application("{server: 'https://kubernetes.default.svc'}")),
            .good(
                "a ServiceAccount named default is another matter",
                """
                apiVersion: v1
                kind: ServiceAccount
                metadata: {name: default, namespace: default}
                """),
            .good(
                "containers do not matter",
                "initContainers: [{name: proxy, restartPolicy: Always}]"),
        ],
        checks: [
            .init(ResourceKinds(.argoApplication), checkDestination),
            .init([.withPodSpec, ResourceKinds(.service, .configMap, .secret)], checkNamespace),
        ]
    )
}

private let inDefault = Clause("in-default", "the namespace is not `default`")

private let destination = Clause("destination", "no Argo CD Application deploys to `default`")

private func checkNamespace(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard subject.namespace == "default", !isTheClustersOwn(subject, context) else { return }
    findings.add(
        inDefault, at: subject.root.member("metadata").member("namespace"),
        "is default: applications have namespaces of their own"
    ) { $0.advice = "use the application's own namespace (metadata.namespace, or kubectl -n)" }
}

/// Looks at where Argo CD brings objects that name no namespace (application-crd.yaml of Argo CD at 0252c02).
private func checkDestination(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let namespace = try subject.field("spec")["destination"]["namespace"]
    guard try namespace.equals("default") else { return }
    findings.add(destination, at: namespace, "is default: applications have namespaces of their own") {
        $0.advice = "use the application's own namespace"
    }
}

/// What the cluster keeps in `default` itself, and what operators bring into every namespace.
private func isTheClustersOwn(_ subject: Subject, _ context: Context) -> Bool {
    switch subject.kind {
    case .service: return subject.name == "kubernetes"
    case .configMap where ["kube-root-ca.crt", "istio-ca-root-cert"].contains(subject.name): return true
    case .configMap, .secret:
        if let owner = subject.metadata.controller, owner.kindName == "Bundle", owner.group == "trust.cert-manager.io" {
            return true
        }
        return subject.review.user.serviceAccount != nil && Requester(of: subject.review, context) != .deployer
    default: return false
    }
}

private let configMap = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: corporate-ca, namespace: default}
    data: {ca.pem: none}
    """

private func application(_ destination: String) -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: shop, namespace: shop}
    spec: {project: shop, source: {repoURL: 'https://git.example.com/shop', path: deploy}, destination: \(destination)}
    """
}
