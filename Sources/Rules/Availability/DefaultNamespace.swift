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
        scope: Scope([.withPodSpec, ResourceKinds(.service, .configMap, .secret)]),
        clauses: [inDefault],
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
        check: { (subject, _, findings) throws(CannotJudge) in
            guard subject.namespace == "default", !isTheClustersOwn(subject) else { return }
            let labels = subject.metadata.labels
            let own = labels["app.kubernetes.io/part-of"] ?? labels["app.kubernetes.io/name"] ?? labels["app"]
            let suggestion = [own, subject.name].lazy.compactMap(\.self).first(where: isNamespaceName) ?? "shop"
            findings.add(
                inDefault, at: subject.root.member("metadata").member("namespace"),
                "is default: applications have namespaces of their own", set: .string(suggestion)
            ) { $0.advice = "the application's own namespace" }
        }
    )
}

private let inDefault = Clause("in-default", "the namespace is not `default`")

/// Whether a namespace other than `default` may have this name (RFC 1123, a label).
private func isNamespaceName(_ text: String) -> Bool {
    let isWord: (UInt8) -> Bool = { $0 &- UInt8(ascii: "0") <= 9 || $0 &- UInt8(ascii: "a") < 26 }
    guard let first = text.utf8.first, let last = text.utf8.last, isWord(first), isWord(last) else { return false }
    return text != "default" && text.utf8.count <= 63 && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") }
}

/// What the cluster keeps in `default` itself.
private func isTheClustersOwn(_ subject: Subject) -> Bool {
    switch subject.kind {
    case .service: subject.name == "kubernetes"
    case .configMap: subject.name == "kube-root-ca.crt"
    default: false
    }
}
