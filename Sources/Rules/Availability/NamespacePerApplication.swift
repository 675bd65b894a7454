import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let namespacePerApplication = Rule(
        id: "namespace-per-application",
        title: "A namespace holds one application",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            Quotas, access and network policies are given by namespace: applications that share one share those, too, and each \
            other's mistakes.
            """,
        level: .off,
        concern: .convention,
        scope: Scope(.replicated, readsMetadata: true),
        clauses: [other, unlabelled],
        relatedObjects: [.deployment, .statefulSet, .rollout],
        examples: cases,
        check: checkApplication
    )
}

private let other = Clause("other", "the workloads of the namespace have the same `app.kubernetes.io/part-of`")
private let unlabelled = Clause("unlabelled", "a workload has the label where the others of the namespace have it")

private func checkApplication(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard ResourceKinds.replicated.kinds.contains(where: { context.relatedObjects.knows($0, in: subject.namespace) })
    else {
        throw .unknown(relatedObject: "the workloads of the namespace")
    }
    guard let template = try subject.template() else { return }
    let own = Workload.application(subject.metadata.labels, try template.labels())
    let neighbour = context.relatedObjects.workloads(in: subject.namespace).first { workload in
        let isItself = workload.kind == subject.kind && workload.name == subject.name
        return !isItself && workload.application != own && (own == nil || workload.application != nil)
    }
    guard let neighbour, let application = neighbour.application else { return }
    let label = subject.root.member("metadata").member("labels").member("app.kubernetes.io/part-of")
    let what = "\(neighbour.kind.name) \(neighbour.name) is part of \(application)"
    if let own {
        findings.add(other, at: label, "is \(own), while \(what)", choice: own) {
            $0.advice = "move it to a namespace of its own, or say that both are part of \(application)"
        }
    } else {
        findings.add(unlabelled, at: label, "is unset, while \(what)", set: .string(application)) {
            $0.advice = "or move it to a namespace of its own"
        }
    }
}

private func neighbour(_ labels: String) -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api, namespace: shop, labels: {\(labels)}}
    spec: {template: {metadata: {labels: {app: api}}}}
    """
}

private let shop = neighbour("app.kubernetes.io/part-of: shop")
private let on = ["PLAYBOOK_RULE_NAMESPACE_PER_APPLICATION": "warn"]
private let path = "metadata.labels[app.kubernetes.io/part-of]"
private func labelled(_ name: String) -> String { "metadata: {labels: {app.kubernetes.io/part-of: \(name)}}" }

private let cases: [Example] = [
    .good("two parts of one application", labelled("shop"), relatedObjects: shop, settings: on),
    .good(
        "by the labels of its pods",
        "spec: {template: {metadata: {labels: {app.kubernetes.io/part-of: shop}}}}", relatedObjects: shop, settings: on),
    .good("nobody has the label", "{}", relatedObjects: neighbour("app: api"), settings: on),
    .good("the neighbour has none", labelled("shop"), relatedObjects: neighbour("app: api"), settings: on),
    .bad("a part of another application", other, at: path, labelled("bank"), relatedObjects: shop, settings: on),
    .bad("the label is missing", unlabelled, at: path, "{}", relatedObjects: shop, settings: on),
    .bad(
        "moved to another application", other, at: path, labelled("bank"), relatedObjects: shop,
        before: labelled("shop"), settings: on),
    .good(
        "its own old self is no neighbour", labelled("bank"),
        relatedObjects: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop, labels: {app.kubernetes.io/part-of: shop}}
            """, before: labelled("shop"), settings: on),
    .good("where the neighbours are not known, nothing is said", labelled("bank"), settings: on),
    .good("while the rule is off", labelled("bank"), relatedObjects: shop),
]
