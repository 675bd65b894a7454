import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let networkPolicy = Rule(
        id: "network-policy",
        title: "Pods are selected by a NetworkPolicy",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            Pods that no NetworkPolicy selects accept traffic from every pod in the cluster, so one compromised pod can reach \
            all of them.
            """,
        level: .off,
        concern: .security,
        scope: .replicated,
        clauses: [selected],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.networkPolicy],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            // First, because without known NetworkPolicies there is nothing to check.
            try context.relatedObjects.require(.networkPolicy, in: subject.namespace)
            guard let template = try subject.template() else { return }
            let labels = try template.labels()
            let policies = try context.relatedObjects.objects(
                .networkPolicy, thatMaySelect: labels, in: subject.namespace)
            // An empty `podSelector` selects every pod.
            if policies.contains(where: { ($0[.selector] ?? LabelSelector(.null)).matches(labels) }) { return }
            findings.add(
                selected, at: try subject.field("spec")["template"]["metadata"]["labels"],
                "are not selected by any NetworkPolicy",
                traits: .init(awaitsRelatedObject: true, absent: .networkPolicy)
            ) {
                if let selector = ownSelector(of: subject, labels) {
                    $0.relatedObject = policy(named: subject.name ?? "web", in: subject.namespace, selector)
                    $0.advice =
                        "this policy allows traffic from pods in the namespace; add other clients that need access"
                } else {
                    $0.advice = selectionAdvice + " with a NetworkPolicy"
                }
            }
        }
    )
}

extension RelatedKind {
    static let networkPolicy = RelatedKind(
        .networkPolicy, selecting: { [RecordKey]($0[.selector]?.labels ?? []) },
        read: { (object, fields) throws(CannotEvaluate) in
            guard let selector = try object.object("spec")?.object("podSelector") else { return }
            fields[.selector] = try LabelSelector(selector)
        })
}

private let selected = Clause("selected", "a NetworkPolicy in the namespace selects the pods")

private func policy(named name: String, in namespace: String, _ selector: Literal) -> Literal {
    [
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": [
            "podSelector": selector,
            "policyTypes": ["Ingress"], "ingress": [["from": [["podSelector": .object([])]]]],
        ],
    ]
}

private func policies(_ selector: String, in namespace: String = "shop") -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: some, namespace: \(namespace)}
    spec: {podSelector: \(selector), policyTypes: [Ingress]}
    """
}

private let on = ["PLAYBOOK_RULE_NETWORK_POLICY": "warn"]

private let cases: [Example] = [
    .good("a policy that selects the pods", "{}", relatedObjects: policies("{matchLabels: {app: web}}"), settings: on),
    .good(
        "a policy that selects the pods with an expression", "{}",
        relatedObjects: policies("{matchExpressions: [{key: app, operator: In, values: [web, api]}]}"), settings: on),
    .good("a policy that selects every pod", "{}", relatedObjects: policies("{}"), settings: on),
    .good("NetworkPolicies are unknown", "{}", settings: on),
    .bad(
        "a policy that selects other pods", selected, at: "spec.template.metadata.labels", "{}",
        relatedObjects: policies("{matchLabels: {app: api}}"), settings: on),
]
