import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let memoryRequestEqualsLimit = Rule(
        id: "memory-request-equals-limit",
        title: "Containers have equal memory requests and limits",
        group: .containers,
        section: .scalingAndResources,
        rationale: """
            A pod is scheduled by its memory request and killed at its limit. If the two differ, nodes are overcommitted, and \
            pods are evicted or killed when a node runs out of memory.
            """,
        level: .deny,
        concern: .reliability,
        scope: .containerResources,
        clauses: [noLimit, differs],
        relatedObjects: [.resourceQuota],
        // Its controller sets the amounts.
        filledInKinds: ["sparkoperator.k8s.io/SparkApplication"],
        fix: .changes(
            "Sets the request to the limit, unless this would or, for a DaemonSet, could exceed a known ResourceQuota. A missing limit is not added."
        ),
        examples: cases,
        check: checkMemory
    )
}

private let noLimit = Clause("no-limit", "a memory limit is set")
private let differs = Clause("differs", "the memory request equals the limit")

private func checkMemory(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    // Pod-level memory overrides the containers' (Kubernetes, "Pod-level resource specification").
    guard let pod = try template.resources(), try pod.sets("memory") else {
        for container in template.nonEphemeralContainers {
            try check(container.resources(), at: container.resourcesField, template, subject, context, findings)
        }
        return
    }
    try check(pod, at: Field(pod.value), template, subject, context, findings)
    if try pod.request("memory") == nil, let limit = try pod.limit("memory"), limit.quantity.isPositive,
        let request = try requestOfContainers(in: template), request != limit.quantity.approximate
    {
        findings.add(
            differs, at: Field(pod.value),
            "has a memory limit of \(limit), but the containers request a different total",
            excess: abs(limit.quantity.approximate - request)
        ) { suggest(limit, &$0, template, subject, context) }
    }
}

private func check(
    _ resources: Resources?, at place: Field, _ template: PodTemplate, _ subject: Subject, _ context: Context,
    _ findings: FindingCollector
) throws(CannotEvaluate) {
    let request = try resources?.request("memory")
    // The kubelet ignores a limit of 0.
    guard let limit = try resources?.limit("memory"), limit.quantity.isPositive else {
        // A missing limit is worse than any difference.
        findings.add(
            noLimit, at: place, request.map { "requests \($0) of memory without a limit" } ?? "has no memory limit",
            excess: .infinity
        ) {
            if let request, request.quantity.isPositive {
                $0.edits = [
                    .set($0.place / "requests" / "memory", .string(request.description)),
                    .set($0.place / "limits" / "memory", .string(request.description)),
                ]
            } else {
                $0.advice = "set requests.memory and limits.memory to the peak memory usage"
            }
        }
        return
    }
    // Without a request, the limit is the request.
    guard let request, request.quantity != limit.quantity else { return }
    findings.add(
        differs, at: place, "requests \(request) of memory, but the limit is \(limit)",
        excess: abs(limit.quantity.approximate - request.quantity.approximate)
    ) { suggest(limit, &$0, template, subject, context) }
}

private func suggest(
    _ limit: Amount, _ finding: inout Finding, _ template: PodTemplate, _ subject: Subject, _ context: Context
) {
    finding.edits = [.set(finding.place / "requests" / "memory", .string(limit.description))]
    finding.isFixable = !exceedsQuota(template, subject, context)
}

/// Returns the total memory that the containers request, in bytes; nil if none requests any.
///
/// The API server uses it as the pod's request if the pod has only a limit. With `isRaised`, each limit replaces its request.
private func requestOfContainers(in template: PodTemplate, isRaised: Bool = false) throws(CannotEvaluate) -> Double? {
    var (running, peak, isAsked) = (0.0, 0.0, false)
    // Main containers and sidecars run together; an init container runs with the sidecars before it.
    var sidecars = 0.0
    for container in template.nonEphemeralContainers {
        let resources = try container.resources()
        let (request, limit) = (try resources?.request("memory"), try resources?.limit("memory"))
        guard let amount = isRaised ? limit ?? request : request ?? limit else { continue }
        isAsked = true
        let bytes = amount.quantity.approximate
        switch container.role {
        case .main, .ephemeral: running += bytes
        case .sidecar: (running, sidecars) = (running + bytes, sidecars + bytes)
        case .initial: peak = max(peak, sidecars + bytes)
        }
    }
    return isAsked ? max(running, peak) : nil
}

/// Returns true if the pods would exceed a known quota of the namespace with each request raised to its limit.
///
/// The full requests count, not the difference: on CREATE the pods are new, and on UPDATE the old pods still run.
private func exceedsQuota(_ template: PodTemplate, _ subject: Subject, _ context: Context) -> Bool {
    guard let quotas = try? context.relatedObjects.quotas(in: subject.namespace) else { return false }
    return quotas.contains { quota in
        guard let most = quota.requestedMemory else { return false }
        guard let pods = podsAtATime(subject), let bytes = try? raisedRequest(of: template) else { return true }
        return (quota.usedMemory ?? 0) + bytes * Double(pods) > most
    }
}

/// Returns a pod's memory request in bytes with each request raised to its limit.
private func raisedRequest(of template: PodTemplate) throws(CannotEvaluate) -> Double {
    if let limit = try template.resources()?.limit("memory") { return limit.quantity.approximate }
    return try requestOfContainers(in: template, isRaised: true) ?? 0
}

/// Returns the number of pods that run at a time; nil if it depends on the nodes or the field is malformed.
private func podsAtATime(_ subject: Subject) -> Int? {
    do throws(CannotEvaluate) {
        let spec = try subject.field("spec")
        return switch subject.kind {
        case .daemonSet: nil
        case .job: try spec["parallelism"].integer() ?? 1
        case .cronJob: try spec["jobTemplate"]["spec"]["parallelism"].integer() ?? 1
        default: try spec["replicas"].integer() ?? 1
        }
    } catch {
        return nil
    }
}

private let cases: [Example] = [
    .good(
        "equal amounts in different units",
        "containers: [{name: app, resources: {requests: {memory: 1Gi}, limits: {memory: 1024Mi}}}]"),
    .good(
        "a limit only",
        "containers: [{name: app, resources: {requests: {memory: null}, limits: {memory: 1Gi}}}]"),
    .bad(
        "a smaller request", differs, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: 512Mi}, limits: {memory: 1Gi}}}]",
        settings: ["PLAYBOOK_FIX": "all"], isFixed: true),
    .bad(
        "a smaller request, and no room in the ResourceQuota", differs, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: 512Mi}, limits: {memory: 1Gi}}}]",
        relatedObjects: """
            apiVersion: v1
            kind: ResourceQuota
            metadata: {name: shop, namespace: shop}
            spec: {hard: {requests.memory: 2Gi}}
            status: {used: {requests.memory: 1Gi}}
            """, settings: ["PLAYBOOK_FIX": "all"]),
    .bad(
        "no limit", noLimit, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: 1Gi}, limits: {memory: null}}}]"),
    .bad(
        "no request and no limit", noLimit, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: null}, limits: null}}]"),
    .good(
        "a pod-level request and limit",
        """
        resources: {requests: {memory: 1Gi, cpu: 500m}, limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        """),
    .good(
        "a pod-level limit only, without container requests",
        """
        resources: {limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: null}, limits: {memory: null}}}]
        """),
    .good(
        "a pod-level limit equal to the containers' requests",
        """
        resources: {limits: {memory: 640Mi}}
        containers: [{name: app, resources: {requests: {memory: 512Mi}, limits: {memory: null}}}]
        initContainers:
        - {name: proxy, restartPolicy: Always, resources: {requests: {memory: 128Mi}, limits: {memory: null}}}
        - {name: migrate, resources: {requests: {memory: null}, limits: {memory: 256Mi}}}
        """),
    .good(
        "a pod-level limit equal to the requests of an init container and a sidecar",
        """
        resources: {limits: {memory: 640Mi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        initContainers:
        - {name: proxy, restartPolicy: Always, resources: {requests: {memory: 128Mi}, limits: {memory: null}}}
        - {name: migrate, resources: {requests: {memory: null}, limits: {memory: 512Mi}}}
        """),
    .bad(
        "a pod-level limit above the containers' requests", differs, at: "resources",
        """
        resources: {limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        """),
    .bad(
        "a pod-level request below the limit", differs, at: "resources",
        """
        resources: {requests: {memory: 1Gi}, limits: {memory: 2Gi}}
        """),
    .bad(
        "a sidecar", differs, at: "initContainers[proxy].resources",
        "initContainers: [{name: proxy, restartPolicy: Always, resources: {limits: {memory: 512Mi}}}]"),
    .bad(
        "an init container", noLimit, at: "initContainers[migrate].resources",
        "initContainers: [{name: migrate, resources: {requests: {memory: null}, limits: {memory: null}}}]"),
    .bad(
        "a running Pod that is resized", differs, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: 128Mi}}}]", before: "{}", request: .resize),
    .good(
        "an ephemeral container needs no memory limit",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
