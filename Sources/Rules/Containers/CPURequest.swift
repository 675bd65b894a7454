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
            The CPU request determines scheduling, the nodes that Karpenter adds and the CPU share on a busy node. Without it, \
            nodes are overcommitted, and autoscaling by CPU utilization does not work.
            """,
        level: .deny,
        concern: .reliability,
        scope: .containerResources,
        clauses: [missing, limitAlone, zero],
        // Its controller sets the request.
        filledInKinds: ["sparkoperator.k8s.io/SparkApplication"],
        fix: .adds(
            "Sets the request to the CPU limit if only a limit is set, as the API server does for a Pod."),
        examples: cases,
        check: checkCPURequests
    )
}

private let missing = Clause("missing", "each container has a CPU request, or its pod has one")
private let limitAlone = Clause("limit-alone", "the CPU request is set explicitly if a CPU limit is set")
private let zero = Clause("zero", "the CPU request is greater than 0")

private func checkCPURequests(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let pod = try template.resources()
    if let request = try pod?.request("cpu"), request.quantity.isPositive { return }
    for container in template.nonEphemeralContainers {
        let resources = try container.resources()
        let request = try resources?.request("cpu")
        if let request, request.quantity.isPositive { continue }
        let limit = try resources?.limit("cpu").flatMap { $0.quantity.isPositive ? $0 : nil }
        let field = try container.resourcesField["requests"]["cpu"]
        // Containers share the pod-level resources.
        let suggestion =
            pod == nil
            ? "set resources.requests.cpu to the CPU that the container uses under load"
            : "set resources.requests.cpu of the pod spec to the CPU that the pod uses under load"
        let amount = pod == nil ? limit.map { Literal.string($0.description) } : nil
        if let request {
            findings.add(zero, at: field, "is \(request); no CPU is reserved for the container", set: amount) {
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
    .good("a CPU request", "containers: [{name: app, resources: {requests: {cpu: 1m}}}]"),
    .bad(
        "no CPU request", missing, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: null}}}]"),
    .bad(
        "no container resources", missing, at: "containers[app].resources.requests.cpu",
        """
        resources: {requests: {memory: 256Mi}, limits: {memory: 256Mi}}
        containers: [{name: app, resources: null}]
        """),
    .bad(
        "a CPU request of 0", zero, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 0}}}]"),
    .bad(
        "a CPU limit only", limitAlone, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 500m}}}]", isFixed: true),
    .bad(
        "a CPU limit only, with pod-level resources", limitAlone, at: "containers[app].resources.requests.cpu",
        """
        resources: {requests: {memory: 256Mi}, limits: {memory: 256Mi}}
        containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 500m}}}]
        """),
    .good(
        "a pod-level CPU request",
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
        "a running Pod that is resized to 0", zero, at: "containers[app].resources.requests.cpu",
        "containers: [{name: app, resources: {requests: {cpu: 0}}}]", before: "{}", request: .resize),
    .good(
        "an ephemeral container needs no CPU request",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug),
]
