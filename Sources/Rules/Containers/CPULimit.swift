import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let cpuLimit = Rule(
        id: "cpu-limit",
        title: "Containers do not set a CPU limit",
        group: .containers,
        section: .scalingAndResources,
        rationale: """
            A CPU limit throttles a container even while its node has idle CPU. CPU requests alone share a busy node fairly.
            """,
        level: .warn,
        concern: .reliability,
        scope: .containerResources,
        clauses: [limited],
        relatedObjects: [.resourceQuota],
        fix: .changes(
            "Removes the limit if a CPU request is set. The limit is kept in each of these cases: a ResourceQuota counts `limits.cpu`; the quotas are unknown; or the limit is a whole number of CPUs and equals the request (static CPU manager policy)."
        ),
        examples: cases,
        check: checkCPULimits
    )
}

private let limited = Clause("limited", "no CPU limit is set")

private func checkCPULimits(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    guard let template = try subject.template() else { return }
    if let pod = try template.resources(), let limit = try pod.limit("cpu") {
        try report(limit, of: pod, subject, context, findings)
    }
    for container in template.nonEphemeralContainers {
        guard let resources = try container.resources(), let limit = try resources.limit("cpu") else { continue }
        try report(limit, of: resources, subject, context, findings)
    }
}

private func report(
    _ limit: Amount, of resources: Resources, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let request = try resources.request("cpu")
    let field = try Field(resources.value)["limits"]["cpu"]
    findings.add(limited, at: field, "is \(limit); the container cannot use more, even if the node has idle CPU") {
        let isPinned = request?.quantity == limit.quantity && limit.quantity.isWhole
        $0.edits = [.remove($0.place)]
        $0.isFixable = request?.quantity.isPositive ?? false && !isPinned && !isCounted(subject, context)
    }
}

/// Returns true if a quota counts CPU limits and would reject pods without one; on a server, also if quotas are unknown.
private func isCounted(_ subject: Subject, _ context: Context) -> Bool {
    guard let quotas = try? context.relatedObjects.quotas(in: subject.namespace) else {
        return context.source != .files
    }
    return quotas.contains { $0.countsCPULimits }
}

private let quota = """
    apiVersion: v1
    kind: ResourceQuota
    metadata: {name: shop, namespace: shop}
    spec: {hard: {requests.cpu: 10}}
    """

private let countingQuota = """
    apiVersion: v1
    kind: ResourceQuota
    metadata: {name: shop, namespace: shop}
    spec: {hard: {limits.cpu: 10}}
    """

private let cases: [Example] = [
    .good("a CPU request without a limit", "containers: [{name: app, resources: {requests: {cpu: 500m}}}]"),
    .bad(
        "a CPU limit", limited, at: "containers[app].resources.limits.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 250m}, limits: {cpu: 500m}}}]", relatedObjects: quota,
        settings: ["PLAYBOOK_FIX": "all"], isFixed: true),
    .bad(
        "a CPU limit, with unknown quotas", limited, at: "containers[app].resources.limits.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 250m}, limits: {cpu: 500m}}}]",
        settings: ["PLAYBOOK_FIX": "all"]),
    .bad(
        "a CPU limit that a ResourceQuota counts", limited, at: "containers[app].resources.limits.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 250m}, limits: {cpu: 500m}}}]",
        relatedObjects: countingQuota,
        settings: ["PLAYBOOK_FIX": "all"]),
    .bad(
        "a CPU limit for exclusive CPUs", limited, at: "containers[app].resources.limits.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 2}, limits: {cpu: 2000m}}}]", relatedObjects: quota,
        settings: ["PLAYBOOK_FIX": "all"]),
    .bad(
        "a pod-level CPU limit", limited, at: "resources.limits.cpu",
        "resources: {requests: {cpu: 250m, memory: 256Mi}, limits: {cpu: 1, memory: 256Mi}}"),
    .bad(
        "a sidecar", limited, at: "initContainers[proxy].resources.limits.cpu",
        "initContainers: [{name: proxy, restartPolicy: Always, resources: {limits: {cpu: 100m}}}]"),
    .bad(
        "an init container", limited, at: "initContainers[migrate].resources.limits.cpu",
        "initContainers: [{name: migrate, resources: {limits: {cpu: 100m}}}]"),
    .bad(
        "a running Pod that is resized", limited, at: "containers[app].resources.limits.cpu",
        "containers: [{name: app, resources: {limits: {cpu: 1}}}]", before: "{}", request: .resize),
    .good(
        "an ephemeral container has no CPU limit",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
