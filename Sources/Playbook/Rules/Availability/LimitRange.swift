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
        scope: Scope(ResourceKinds(.limitRange, .resourceQuota)),
        clauses: [cpuDefault, memory, cpuQuota],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            if subject.kind == .resourceQuota {
                findings.add(contentsOf: try quotaFindings(subject))
            } else {
                try evaluateRange(subject, findings)
            }
        }
    )
}

private let cpuDefault = Clause("cpu-default", "no container gets a CPU limit by default")
private let memory = Clause("memory", "the memory that containers request by default is their limit by default")
private let cpuQuota = Clause("cpu-quota", "the quota does not count `limits.cpu`")

// MARK: Quotas

private func quotaFindings(_ subject: Subject) throws(CannotJudge) -> [Finding] {
    guard let amount = try subject.spec()?.object("hard")?.present("limits.cpu") else { return [] }
    let place: Pointer = "/spec/hard/limits.cpu"
    return [
        Finding(
            cpuQuota, at: place, "is \(amount.text), which forces a CPU limit on every container",
            edits: [.remove(place)]
        )
        .with { $0.advice = "requests.cpu is what reserves nodes: count that" }
    ]
}

// MARK: Limit ranges

private func evaluateRange(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard let items = try subject.spec()?.objects("limits") else { return }
    for (index, item) in items.enumerated() {
        try findings.step()
        guard try item.text("type")?.equals("Container") ?? false else { continue }
        let place: Pointer = "/spec/limits" / String(index)
        // The API takes one item of a type.
        guard index < 1000 else { throw .malformed(item.id, expected: "one of at most 1000 limits") }
        if let finding = try cpuFinding(item, place) { findings.add(finding) }
        if let finding = try memoryFinding(item, place) { findings.add(finding) }
    }
}

private func cpuFinding(_ item: Value, _ place: Pointer) throws(CannotJudge) -> Finding? {
    // The API server makes the largest limit the default one, where there is no other, so both have to go.
    var places: [StaticString] = []
    for key in ["default", "max"] as [StaticString] where try item.object(key)?.present("cpu") != nil {
        places.append(key)
    }
    guard let first = places.first, let amount = item[first]?["cpu"] else { return nil }
    let what = "default" == "\(first)" ? "a CPU limit that every container gets" : "a CPU limit, and so the default one"
    return Finding(
        cpuDefault, at: place / "\(first)" / "cpu", "is \(amount.text), \(what)",
        edits: places.map { .remove(place / "\($0)" / "cpu") })
}

private func memoryFinding(_ item: Value, _ place: Pointer) throws(CannotJudge) -> Finding? {
    // As the API server fills in what is not said (SetDefaults_LimitRangeItem).
    let largest = try item.object("max")?.quantity("memory")
    let stated = try item.object("default")?.quantity("memory")
    let limit = stated ?? largest
    let asked = try item.object("defaultRequest")?.quantity("memory")
    let least = try item.object("min")?.quantity("memory")
    guard let request = asked ?? limit ?? least, request != limit else { return nil }
    let amounts = [("default", stated), ("max", largest), ("defaultRequest", asked), ("min", least)]
    func text(_ quantity: Quantity?) -> String? {
        guard let quantity else { return nil }
        return amounts.first { $0.1 == quantity }.flatMap { item[name: $0.0]?["memory"]?.text }
    }
    let requested = text(request) ?? ""
    guard let limit, let limited = text(limit) else {
        return Finding(
            memory, at: place / "default" / "memory", "is unset, while containers request \(requested) by default",
            edits: [.set(place, complete(item, "default", requested))]
        ).with { $0.excess = .infinity }
    }
    return Finding(
        memory, at: place / "defaultRequest" / "memory", "is \(requested), while the limit by default is \(limited)",
        edits: [.set(place, complete(item, "defaultRequest", limited))]
    ).with { $0.excess = abs(limit.approximate - request.approximate) }
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
