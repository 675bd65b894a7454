import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let namespaceQuota = Rule(
        id: "namespace-quota",
        title: "Namespaces have a ResourceQuota and a LimitRange",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            Without a ResourceQuota, one application can use the capacity of all others, and Karpenter keeps adding nodes for \
            it. A LimitRange sets defaults for containers without requests, which a ResourceQuota rejects.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(.withPodSpec),
        clauses: [quota, limits],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.resourceQuota, .limitRange],
        fault: .namespace,
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let namespace = subject.namespace
            // A manifest can omit its namespace.
            guard !namespace.isEmpty else { throw .unknown(relatedObject: "its namespace's quotas") }
            try findings.separately(checkQuotas(subject, context, findings))
            if try context.relatedObjects.objects(.limitRange, in: namespace).isEmpty {
                report(
                    .limitRange, limits, "with defaultRequest.cpu, and defaultRequest.memory equal to default.memory",
                    subject, findings)
            }
        }
    )
}

private let quota = Clause("quota", "the namespace has a ResourceQuota")
private let limits = Clause("limits", "the namespace has a LimitRange")

private func checkQuotas(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard try context.relatedObjects.quotas(in: subject.namespace).isEmpty else { return }
    report(
        .resourceQuota, quota, "for requests.cpu, requests.memory and limits.memory, but not for limits.cpu", subject,
        findings)
}

private func report(
    _ kind: ResourceKind, _ clause: Clause, _ amounts: String, _ subject: Subject, _ findings: FindingCollector
) {
    let namespace = subject.namespace
    findings.add(
        clause, at: subject.root.member("metadata").member("namespace"),
        "is \"\(namespace)\", which has no \(kind.name)",
        traits: .init(awaitsRelatedObject: true, absent: kind)
    ) {
        $0.advice = "create a \(kind.name) \(amounts)"
    }
}

private let quotaOfShop = """
    apiVersion: v1
    kind: ResourceQuota
    metadata: {name: shop, namespace: shop}
    spec: {hard: {requests.cpu: '20', requests.memory: 64Gi}}
    """

private let limitsOfShop = """
    apiVersion: v1
    kind: LimitRange
    metadata: {name: shop, namespace: shop}
    spec: {limits: [{type: Container, default: {memory: 256Mi}}]}
    """

private let both = ResourceKinds(.resourceQuota, .limitRange)

private let cases: [Example] = [
    .good("a ResourceQuota and a LimitRange", "{}", relatedObjects: documents(quotaOfShop, limitsOfShop)),
    .bad("no ResourceQuota", quota, at: "metadata.namespace", "{}", relatedObjects: limitsOfShop, without: both),
    .bad("no LimitRange", limits, at: "metadata.namespace", "{}", relatedObjects: quotaOfShop, without: both),
    .bad(
        "a ResourceQuota in another namespace", quota, at: "metadata.namespace", "metadata: {namespace: bank}",
        relatedObjects: documents(quotaOfShop, limitsOfShop, inBank(limitsOfShop)), without: both),
    .bad(
        "an update in a namespace without a ResourceQuota", quota, at: "metadata.namespace", "spec: {replicas: 4}",
        relatedObjects: limitsOfShop,
        without: both, before: "spec: {replicas: 3}"),
    .good("not evaluated because both are unknown", "{}"),
    .good("not evaluated because LimitRanges are unknown", "{}", relatedObjects: quotaOfShop),
    .good(
        "a Service needs no ResourceQuota",
        """
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop}
        spec: {ports: [{port: 80}], selector: {app: web}}
        """, without: both),
]

private func inBank(_ manifest: String) -> String {
    manifest.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.hasPrefix("metadata") ? "metadata: {name: bank, namespace: bank}" : String($0) }.joined(
            separator: "\n")
}
