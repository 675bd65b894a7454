import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let limitRange = Rule(
        id: "limit-range",
        title: "LimitRanges and ResourceQuotas do not impose CPU limits or unequal memory",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A LimitRange changes pods without a trace in their manifests: a default CPU limit throttles them, and a default \
            memory limit above the request overcommits nodes. A quota for `limits.cpu` rejects containers without a CPU limit.
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

private let cpuDefault = Clause("cpu-default", "no LimitRange sets a default CPU limit")
private let memory = Clause("memory", "the default memory request equals the default memory limit")
private let cpuQuota = Clause("cpu-quota", "no ResourceQuota counts `limits.cpu`")

// MARK: Quotas

private func checkQuota(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let limit = try subject.field("spec")["hard"]["limits.cpu"]
    guard let amount = limit.value else { return }
    findings.add(cpuQuota, at: limit, "is \(amount.text), which requires a CPU limit on every container") {
        $0.edits = [.remove($0.place)]
        $0.advice = "use a quota for requests.cpu instead"
    }
}

// MARK: Limit ranges

private func checkRange(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    for (index, item) in try subject.field("spec")["limits"].objects().enumerated() {
        try findings.step()
        guard try item["type"].text()?.equals("Container") ?? false else { continue }
        // The API allows one item of each type.
        guard index < 1000 else { throw .tooLong(item.base.id, expected: "one of at most 1000 limits") }
        try checkCPU(item, findings)
        try checkMemory(item, isOld: subject.isOld, findings)
    }
}

private func checkCPU(_ item: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    // The API server uses max as the default limit if there is none, so both must be removed.
    let (usual, largest) = (try item["default"]["cpu"], try item["max"]["cpu"])
    let first = usual.isPresent ? usual : largest
    guard let amount = first.value else { return }
    let what =
        usual.isPresent ? "which throttles containers that set no CPU limit" : "which becomes the default CPU limit"
    findings.add(cpuDefault, at: first, "is \(amount.text), \(what)") {
        $0.edits = [.remove($0.place)]
        if usual.isPresent, largest.isPresent { $0.edits.append(.remove(findings.place(of: largest))) }
    }
}

private func checkMemory(_ item: Field, isOld: Bool, _ findings: FindingCollector) throws(CannotEvaluate) {
    // The API server's defaults (SetDefaults_LimitRangeItem).
    let (usual, asked) = (try item["default"]["memory"], try item["defaultRequest"]["memory"])
    let largest = try item["max"]["memory"].amount()
    let stated = try usual.amount()
    let wanted = try asked.amount()
    let least = try item["min"]["memory"].amount()
    let limit = stated ?? largest
    guard let request = wanted ?? limit ?? least, request.quantity != limit?.quantity else { return }
    guard let limit else {
        findings.add(
            memory, at: usual, "is not set, but the default memory request is \(request)", excess: .infinity
        ) { $0.edits = [.set(findings.place(of: item), complete(item.base, "default", "\(request)"))] }
        // The finding about a limit that is set, but differs, is at the request.
        if isOld { findings.add(memory, at: asked, "is \(request), without a default memory limit", excess: .infinity) }
        return
    }
    findings.add(
        memory, at: asked, "is \(request), but the default memory limit is \(limit)",
        excess: abs(limit.quantity.approximate - request.quantity.approximate)
    ) { $0.edits = [.set(findings.place(of: item), complete(item.base, "defaultRequest", "\(limit)"))] }
}

/// Returns the whole item with another amount of memory, because an item has no name that identifies it in a patch.
///
/// The CPU limits that ``checkCPU(_:_:)`` reports are removed, so that both suggestions agree.
private func complete(_ item: Value, _ key: String, _ amount: String) -> Literal {
    var limits = Literal(item).members
    for limit in ["default", "max"] {
        guard let index = limits.firstIndex(where: { $0.key == limit }) else { continue }
        let others = limits[index].value.members.filter { $0.key != "cpu" }
        if others.isEmpty { limits.remove(at: index) } else { limits[index] = .init(limit, .object(others)) }
    }
    let amounts = limits.first { $0.key == key }?.value.members.filter { $0.key != "memory" } ?? []
    limits.removeAll { $0.key == key }
    limits.append(.init(key, .object(amounts + [.init("memory", .string(amount))])))
    return .object(limits)
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
    .good("equal memory amounts, and a CPU request", range("{type: Container, \(even)}")),
    .good("a default memory limit only", range("{type: Container, default: {memory: 256Mi}}")),
    .good("minimum CPU and maximum memory", range("{type: Container, min: {cpu: 10m}, max: {memory: 8Gi}}")),
    .good("bounds for pods", range("{type: Pod, max: {cpu: '8', memory: 16Gi}}")),
    .good("bounds for PersistentVolumeClaims", range("{type: PersistentVolumeClaim, max: {storage: 100Gi}}")),
    .bad(
        "a default CPU limit", cpuDefault, at: "spec.limits[0].default.cpu",
        range("{type: Container, default: {cpu: 500m, memory: 256Mi}}")),
    .bad(
        "a maximum CPU limit, which becomes the default", cpuDefault, at: "spec.limits[0].max.cpu",
        range("{type: Container, max: {cpu: '2'}}")),
    .bad(
        "a maximum CPU limit, and the default set by the API server", cpuDefault, at: "spec.limits[1].default.cpu",
        range("{type: Pod, max: {cpu: '8'}}, {type: Container, max: {cpu: '2'}, default: {cpu: '2'}}")),
    .bad(
        "a default memory request below the default limit", memory, at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, default: {memory: 512Mi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "a larger difference than before", memory, at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, default: {memory: 2Gi}, defaultRequest: {memory: 128Mi}}"),
        before: range("{type: Container, default: {memory: 512Mi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "a default memory request below the maximum, which becomes the default limit", memory,
        at: "spec.limits[0].defaultRequest.memory",
        range("{type: Container, max: {memory: 4Gi}, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "a default memory request without a limit", memory, at: "spec.limits[0].default.memory",
        range("{type: Container, defaultRequest: {memory: 128Mi}}")),
    .bad(
        "a minimum memory request, which becomes the default", memory, at: "spec.limits[0].default.memory",
        range("{type: Container, min: {memory: 64Mi}}")),
    .good("a quota for requests", quota("requests.cpu: '20', requests.memory: 64Gi, limits.memory: 64Gi, pods: '50'")),
    .bad("a quota for CPU limits", cpuQuota, at: "spec.hard[limits.cpu]", quota("limits.cpu: '40'")),
]
