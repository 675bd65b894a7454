import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let memoryRequestEqualsLimit = Rule(
        id: "memory-request-equals-limit",
        title: "Memory request equals memory limit",
        group: .containers,
        section: .scalingAndResources,
        rationale: """
            A pod is placed by its request and killed by its limit. Where the two differ, a node promises memory that it does not \
            have, and whoever runs there when it falls short pays for it.
            """,
        level: .deny,
        concern: .reliability,
        scope: .containerResources,
        clauses: [noLimit, differs],
        relatedObjects: [.resourceQuota],
        // Its controller fills it in.
        filledInKinds: ["sparkoperator.k8s.io/SparkApplication"],
        fix: .changes(
            "The request becomes the limit, unless a ResourceQuota that is known would be exceeded, or might be (a DaemonSet). Where no limit is set, the amount is the author's to choose."
        ),
        examples: cases,
        check: checkMemory
    )
}

private let noLimit = Clause("no-limit", "a memory limit is set")
private let differs = Clause("differs", "the memory request in force is the same amount as the limit")

private func checkMemory(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    // A pair for the whole pod counts instead of the containers' (Kubernetes, "Pod-level resource specification").
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
            "is limited to \(limit) of memory, and its containers request another amount together",
            excess: abs(limit.quantity.approximate - request)
        ) { suggest(limit, &$0, template, subject, context) }
    }
}

private func check(
    _ resources: Resources?, at place: Field, _ template: PodTemplate, _ subject: Subject, _ context: Context,
    _ findings: FindingCollector
) throws(CannotJudge) {
    let request = try resources?.request("memory")
    // A limit of zero is none to the kubelet.
    guard let limit = try resources?.limit("memory"), limit.quantity.isPositive else {
        // Further from equal than any two amounts.
        findings.add(
            noLimit, at: place, request.map { "requests \($0) of memory without a limit" } ?? "sets no memory limit",
            excess: .infinity
        ) {
            if let request, request.quantity.isPositive {
                $0.edits = [
                    .set($0.place / "requests" / "memory", .string(request.description)),
                    .set($0.place / "limits" / "memory", .string(request.description)),
                ]
            } else {
                $0.advice = "set requests.memory and limits.memory to the same amount: what is used at the peak"
            }
        }
        return
    }
    // A limit alone is in force as the request too.
    guard let request, request.quantity != limit.quantity else { return }
    findings.add(
        differs, at: place, "requests \(request) of memory, limited to \(limit)",
        excess: abs(limit.quantity.approximate - request.quantity.approximate)
    ) { suggest(limit, &$0, template, subject, context) }
}

private func suggest(
    _ limit: Amount, _ finding: inout Finding, _ template: PodTemplate, _ subject: Subject, _ context: Context
) {
    finding.edits = [.set(finding.place / "requests" / "memory", .string(limit.description))]
    finding.isFixable = !exceedsQuota(template, subject, context)
}

/// The memory that containers ask for together, in bytes; nil where none asks for any.
///
/// The API server makes it the pod's request where the pod has a limit alone. With `isRaised` each request is taken for as much
/// as its limit.
private func requestOfContainers(in template: PodTemplate, isRaised: Bool = false) throws(CannotJudge) -> Double? {
    var (running, peak, isAsked) = (0.0, 0.0, false)
    // Main containers and sidecars run together; one that prepares runs beside the sidecars before it.
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

/// Whether a known quota of the namespace has no room for the pods with each request raised to its limit.
///
/// All that they ask for is counted, not what is added alone: they are new on CREATE, and on UPDATE the old ones go one by one.
private func exceedsQuota(_ template: PodTemplate, _ subject: Subject, _ context: Context) -> Bool {
    guard let quotas = try? context.relatedObjects.quotas(in: subject.namespace) else { return false }
    return quotas.contains { quota in
        guard let most = quota.requestedMemory else { return false }
        guard let pods = podsAtATime(subject), let bytes = try? raisedRequest(of: template) else { return true }
        return (quota.usedMemory ?? 0) + bytes * Double(pods) > most
    }
}

/// What a pod asks for once each request is as much as its limit.
private func raisedRequest(of template: PodTemplate) throws(CannotJudge) -> Double {
    if let limit = try template.resources()?.limit("memory") { return limit.quantity.approximate }
    return try requestOfContainers(in: template, isRaised: true) ?? 0
}

/// How many pods of the subject there are at a time; nil where that depends on the nodes, or is not as the API has it.
private func podsAtATime(_ subject: Subject) -> Int? {
    do throws(CannotJudge) {
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
        "equal as quantities",
        "containers: [{name: app, resources: {requests: {memory: 1Gi}, limits: {memory: 1024Mi}}}]"),
    .good(
        "a limit alone is the request too",
        "containers: [{name: app, resources: {requests: {memory: null}, limits: {memory: 1Gi}}}]"),
    .bad(
        "a smaller request", differs, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: 512Mi}, limits: {memory: 1Gi}}}]",
        settings: ["PLAYBOOK_FIX": "all"], isFixed: true),
    .bad(
        "a smaller request, and no room in the quota", differs, at: "containers[app].resources",
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
        "nothing at all", noLimit, at: "containers[app].resources",
        "containers: [{name: app, resources: {requests: {memory: null}, limits: null}}]"),
    .good(
        "a pair for the whole pod",
        """
        resources: {requests: {memory: 1Gi, cpu: 500m}, limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        """),
    .good(
        "a limit alone for the whole pod, of which no container asks for memory",
        """
        resources: {limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: null}, limits: {memory: null}}}]
        """),
    .good(
        "a limit for the whole pod that is what its containers ask for together",
        """
        resources: {limits: {memory: 640Mi}}
        containers: [{name: app, resources: {requests: {memory: 512Mi}, limits: {memory: null}}}]
        initContainers:
        - {name: proxy, restartPolicy: Always, resources: {requests: {memory: 128Mi}, limits: {memory: null}}}
        - {name: migrate, resources: {requests: {memory: null}, limits: {memory: 256Mi}}}
        """),
    .good(
        "a limit for the whole pod that an init container needs beside a sidecar",
        """
        resources: {limits: {memory: 640Mi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        initContainers:
        - {name: proxy, restartPolicy: Always, resources: {requests: {memory: 128Mi}, limits: {memory: null}}}
        - {name: migrate, resources: {requests: {memory: null}, limits: {memory: 512Mi}}}
        """),
    .bad(
        "a limit for the whole pod, of which its containers ask for less", differs, at: "resources",
        """
        resources: {limits: {memory: 1Gi}}
        containers: [{name: app, resources: {requests: {memory: 256Mi}, limits: {memory: null}}}]
        """),
    .bad(
        "an uneven pair for the whole pod", differs, at: "resources",
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
        "an ephemeral container may set none",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
