import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let limitRange = Rule(
        id: "limit-range",
        title: "A namespace's defaults are those of the playbook",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            What a LimitRange fills in is what pods run with, though no manifest says so: a CPU limit that throttles, a memory limit \
            that nobody has requested. A quota that counts `limits.cpu` refuses every container without such a limit.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.limitRange, .resourceQuota)),
        clauses: [cpuDefault, memory, cpuQuota],
        examples: cases,
        checks: [
            .init(ResourceKinds(.resourceQuota), checkQuota),
            .init(ResourceKinds(.limitRange), checkRange),
        ]
    )
}

private let cpuDefault = Clause("cpu-default", "no container gets a CPU limit by default")
private let memory = Clause("memory", "the memory that containers request by default is their limit by default")
private let cpuQuota = Clause("cpu-quota", "the quota does not count `limits.cpu`")

// MARK: Quotas

private func checkQuota(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let limit = try subject.field("spec")["hard"]["limits.cpu"]
    guard let amount = limit.value else { return }
    findings.add(cpuQuota, at: limit, "is \(amount.text), which forces a CPU limit on every container") {
        $0.edits = [.remove($0.place)]
        $0.advice = "requests.cpu is what reserves nodes: count that"
    }
}

// MARK: Limit ranges

private func checkRange(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    for (index, item) in try subject.field("spec")["limits"].objects().enumerated() {
        try findings.step()
        guard try item["type"].text()?.equals("Container") ?? false else { continue }
        // The API takes one item of a type.
        guard index < 1000 else { throw .tooLong(item.base.id, expected: "one of at most 1000 limits") }
        try checkCPU(item, findings)
        try checkMemory(item, findings)
    }
}

private func checkCPU(_ item: Field, _ findings: FindingCollector) throws(CannotJudge) {
    // The API server makes the largest limit the default one, where there is no other, so both have to go.
    let (usual, largest) = (try item["default"]["cpu"], try item["max"]["cpu"])
    let first = usual.isPresent ? usual : largest
    guard let amount = first.value else { return }
    let what = usual.isPresent ? "a CPU limit that every container gets" : "a CPU limit, and so the default one"
    findings.add(cpuDefault, at: first, "is \(amount.text), \(what)") {
        $0.edits = [.remove($0.place)]
        if usual.isPresent, largest.isPresent { $0.edits.append(.remove(findings.place(of: largest))) }
    }
}

private func checkMemory(_ item: Field, _ findings: FindingCollector) throws(CannotJudge) {
    // As the API server fills in what is not said (SetDefaults_LimitRangeItem).
    let (usual, asked) = (try item["default"]["memory"], try item["defaultRequest"]["memory"])
    let largest = try item["max"]["memory"].amount()
    let stated = try usual.amount()
    let wanted = try asked.amount()
    let least = try item["min"]["memory"].amount()
    let limit = stated ?? largest
    guard let request = wanted ?? limit ?? least, request.quantity != limit?.quantity else { return }
    guard let limit else {
        findings.add(
            memory, at: usual, "is unset, while containers request \(request) by default", excess: .infinity
        ) { $0.edits = [.set(findings.place(of: item), complete(item.base, "default", "\(request)"))] }
        return
    }
    findings.add(
        memory, at: asked, "is \(request), while the limit by default is \(limit)",
        excess: abs(limit.quantity.approximate - request.quantity.approximate)
    ) { $0.edits = [.set(findings.place(of: item), complete(item.base, "defaultRequest", "\(limit)"))] }
}

/// The whole item with another amount of memory: it has no name by which a part of it could be told from another's.
private func complete(_ item: Value, _ key: String, _ amount: String) -> Literal {
    guard case .object(var members) = Literal(item) else { return Literal(item) }
    var amounts: [Literal.Member] = []
    if case .object(let present) = members.first(where: { $0.key == key })?.value { amounts = present }
    amounts.removeAll { $0.key == "memory" }
    amounts.append(.init("memory", .string(amount)))
    members.removeAll { $0.key == key }
    members.append(.init(key, .object(amounts)))
    return .object(members)
}

private func range(_ item: String) -> String {
    """
    apiVersion: v1
    kind: LimitRange
    metadata: {name: shop, namespace: shop}
    spec: {limits: [\(item)]}
    """
}

private func quota(_ hard: String) -> String {
    """
    apiVersion: v1
    kind: ResourceQuota
    metadata: {name: shop, namespace: shop}
    spec: {hard: {\(hard)}}
    """
}

private let even = "defaultRequest: {cpu: 100m, memory: 1Gi}, default: {memory: 1024Mi}"

private let cases: [Example] = [
    .good("a memory limit that is requested, and CPU requested alone", range("{type: Container, \(even)}")),
    .good("a limit alone is the request too", range("{type: Container, default: {memory: 256Mi}}")),
    .good("nothing but bounds", range("{type: Container, min: {cpu: 10m}, max: {memory: 8Gi}}")),
    .good("bounds of whole pods", range("{type: Pod, max: {cpu: '8', memory: 16Gi}}")),
    .good("bounds of claims", range("{type: PersistentVolumeClaim, max: {storage: 100Gi}}")),
    .bad(
        "a CPU limit by default", cpuDefault, at: "spec.limits[0].default.cpu",
        range("{type: Container, default: {cpu: 500m, memory: 256Mi}}")),
    .bad(
        "the largest CPU limit becomes the default", cpuDefault, at: "spec.limits[0].max.cpu",
        range("{type: Container, max: {cpu: '2'}}")),
    .bad(
        "both, as the API server has filled it in", cpuDefault, at: "spec.limits[1].default.cpu",
        range("{type: Pod, max: {cpu: '8'}}, {type: Container, max: {cpu: '2'}, default: {cpu: '2'}}")),
    .bad(
        "less memory requested than allowed", memory, at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, default: {memory: 512Mi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "further apart than before", memory, at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, default: {memory: 2Gi}, defaultRequest: {memory: 128Mi}}"),
        before: range("{type: Container, default: {memory: 512Mi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "less than the largest limit, which becomes the default", memory, at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, max: {memory: 4Gi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "a request without a limit", memory, at: "spec.limits[0].default.memory",
        range("{type: Container, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "the least becomes the request", memory, at: "spec.limits[0].default.memory",
        range("{type: Container, min: {memory: 64Mi}}")),
    .good("a quota of requests", quota("requests.cpu: '20', requests.memory: 64Gi, limits.memory: 64Gi, pods: '50'")),
    .bad("a quota of CPU limits", cpuQuota, at: "spec.hard[limits.cpu]", quota("limits.cpu: '40'")),
]
