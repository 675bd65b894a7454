import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let cpuRequest = Rule(
        id: "cpu-request",
        title: "Containers request CPU",
        group: .containers,
        section: .scalingAndResources,
        rationale: """
            The request is a container's share when a node is busy, what the scheduler and Karpenter count with, and what an \
            autoscaler measures against.
            """,
        level: .deny,
        concern: .reliability,
        scope: .containerResources,
        clauses: [missing, limitAlone, zero],
        // Its controller fills it in.
        filledInKinds: ["sparkoperator.k8s.io/SparkApplication"],
        fix: .adds(
            "Where a CPU limit is set alone, the request is set to it, which is what the API server does for a Pod."),
        examples: cases,
        check: checkCPURequests
    )
}

private let missing = Clause("missing", "a CPU request is set")
private let limitAlone = Clause("limit-alone", "the request is written down where a limit stands for it")
private let zero = Clause("zero", "the CPU request is over zero")

private func checkCPURequests(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let pod = try template.resources()
    if let request = try pod?.request("cpu"), request.quantity.isPositive { return }
    for container in template.nonEphemeralContainers {
        let resources = try container.resources()
        let request = try resources?.request("cpu")
        if let request, request.quantity.isPositive { continue }
        let limit = try resources?.limit("cpu").flatMap { $0.quantity.isPositive ? $0 : nil }
        let field = try container.resourcesField["requests"]["cpu"]
        // The containers of a pod with resources of its own share those.
        let suggestion =
            pod == nil
            ? "request as much CPU as the container uses when it is busy"
            : "set resources.requests.cpu of the pod spec to what the pod uses when it is busy"
        let amount = pod == nil ? limit.map { Literal.string($0.description) } : nil
        if let request {
            findings.add(zero, at: field, "is \(request): the container is promised nothing", set: amount) {
                if amount == nil { $0.advice = suggestion }
            }
        } else if let limit {
            findings.add(limitAlone, at: field, "is not set (a limit of \(limit) is set)", set: amount) {
                $0.isFixable = amount != nil
                if amount == nil { $0.advice = suggestion }
            }
        } else {
            findings.add(missing, at: field, "is not set") { $0.advice = suggestion }
        }
    }
}

private let cases: [Example] = [
    .good("a request", "containers: [{name: app, resources: {requests: {cpu: 1m}}}]"),
    .bad(
        "none", missing, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: null}}}]"),
    .bad(
        "no resources at all", missing, at: "containers[app].resources.requests.cpu",
        """
        resources: {requests: {memory: 256Mi}, limits: {memory: 256Mi}}
        containers: [{name: app, resources: null}]
        """),
    .bad(
        "zero", zero, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 0}}}]"),
    .bad(
        "a limit alone", limitAlone, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 500m}}}]", isFixed: true),
    .bad(
        "a limit alone beside resources of the pod", limitAlone, at: "containers[app].resources.requests.cpu",
        """
        resources: {requests: {memory: 256Mi}, limits: {memory: 256Mi}}
        containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 500m}}}]
        """),
    .good(
        "a request for the whole pod",
        """
        resources: {requests: {cpu: 500m, memory: 256Mi}, limits: {memory: 256Mi}}
        containers: [{name: app, resources: null}]
        """),
    .bad(
        "a sidecar", missing, at: "initContainers[proxy].resources.requests.cpu",
        "initContainers: [{name: proxy, restartPolicy: Always, resources: {requests: {cpu: null}}}]"),
    .bad(
        "an init container", zero, at: "initContainers[migrate].resources.requests.cpu",
        "initContainers: [{name: migrate, resources: {requests: {cpu: 0m}}}]"),
    .bad(
        "a running Pod that is resized to none", zero, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 0}}}]", before: "{}", request: .resize),
    .good(
        "an ephemeral container may set none",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
