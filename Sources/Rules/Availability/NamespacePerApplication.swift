import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let namespacePerApplication = Rule(
        id: "namespace-per-application",
        title: "Namespaces contain one application",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            Quotas, access and network policies apply to a namespace. Applications that share one can use up each other's quota \
            and access each other's objects.
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

private let other = Clause("other", "all workloads of the namespace have the same label `app.kubernetes.io/part-of`")
private let unlabelled = Clause("unlabelled", "a workload has the label if others in the namespace have it")

private func checkApplication(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
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
    let what = "\(neighbour.kind.name) \(neighbour.name) is part of \"\(application)\""
    if let own {
        findings.add(other, at: label, "is \"\(own)\", but \(what)", choice: own) {
            $0.advice = "move it to another namespace, or set the label to \(application) if both belong to it"
        }
    } else {
        findings.add(unlabelled, at: label, "is not set, but \(what)", set: .string(application)) {
            $0.advice = "or move it to another namespace"
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
        "the label on the pod template",
        "spec: {template: {metadata: {labels: {app.kubernetes.io/part-of: shop}}}}", relatedObjects: shop, settings: on),
    .good("no workload has the label", "{}", relatedObjects: neighbour("app: api"), settings: on),
    .good(
        "the other workload does not have the label", labelled("shop"), relatedObjects: neighbour("app: api"),
        settings: on),
    .bad("a part of another application", other, at: path, labelled("bank"), relatedObjects: shop, settings: on),
    .bad("the label is missing", unlabelled, at: path, "{}", relatedObjects: shop, settings: on),
    .bad(
        "the label is changed to another application", other, at: path, labelled("bank"), relatedObjects: shop,
        before: labelled("shop"), settings: on),
    .good(
        "the workload before the update is not another workload", labelled("bank"),
        relatedObjects: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop, labels: {app.kubernetes.io/part-of: shop}}
            """, before: labelled("shop"), settings: on),
    .good("not evaluated because other workloads are unknown", labelled("bank"), settings: on),
    .good("the rule is off", labelled("bank"), relatedObjects: shop),
]
