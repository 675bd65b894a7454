import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let defaultNamespace = Rule(
        id: "default-namespace",
        title: "Applications do not use the default namespace",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            Quotas, limits, network policies and access are configured by namespace. Objects that are created in `default`, \
            often because a flag is missing, have none of them.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope([.withPodSpec, ResourceKinds(.service, .configMap, .secret, .argoApplication)]),
        clauses: [inDefault, destination],
        examples: [
            .good("another namespace", "{}"),
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
                "the cluster's CA certificate",
                """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: kube-root-ca.crt, namespace: default}
                data: {ca.crt: none}
                """),
            .good(
                "Istio's CA certificate",
                """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: istio-ca-root-cert, namespace: default}
                data: {root-cert.pem: none}
                """),
            .good(
                "a ConfigMap of a trust-manager Bundle",
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
                "a ConfigMap created by an operator", configMap, request: .by("system:serviceaccount:operators:certs")),
            .bad(
                "a ConfigMap applied by Argo CD", inDefault, at: "metadata.namespace", configMap,
                request: .by("system:serviceaccount:argocd:argocd-application-controller")),
            .bad(
                "an Argo CD Application that deploys to default", destination, at: "spec.destination.namespace",
                application("{server: 'https://kubernetes.default.svc', namespace: default}")),
            .good(
                "an Argo CD Application that deploys to another namespace",
                application("{server: 'https://kubernetes.default.svc', namespace: shop}")),
            .good(
                "an Argo CD Application without a destination namespace",
                application("{server: 'https://kubernetes.default.svc'}")),
            .good(
                "the default ServiceAccount",
                """
                apiVersion: v1
                kind: ServiceAccount
                metadata: {name: default, namespace: default}
                """),
            .good(
                "init and sidecar containers are not checked",
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
) throws(CannotEvaluate) {
    guard subject.namespace == "default", !isTheClustersOwn(subject, context) else { return }
    findings.add(
        inDefault, at: subject.root.member("metadata").member("namespace"),
        "is \"default\"; applications must use another namespace"
    ) { $0.advice = "set the application's namespace (metadata.namespace, or kubectl -n)" }
}

/// Checks the namespace where Argo CD creates objects without a namespace (application-crd.yaml of Argo CD at 0252c02).
private func checkDestination(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let namespace = try subject.field("spec")["destination"]["namespace"]
    guard try namespace.equals("default") else { return }
    findings.add(destination, at: namespace, "is \"default\"; applications must use another namespace") {
        $0.advice = "set the application's namespace"
    }
}

/// Returns true for objects that the cluster keeps in `default`, and for those that operators create in every namespace.
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
