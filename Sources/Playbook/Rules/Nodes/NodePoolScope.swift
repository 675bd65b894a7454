import JSON
import Kubernetes

extension Rule {
    static let nodePoolScope = Rule(
        id: "node-pool-scope",
        title: "A NodePool has one architecture, a stated capacity type and limits",
        group: .nodes,
        section: .scalingAndResources,
        rationale: """
            Nodes of two architectures in one pool take an image of one of them where it cannot run. What says nothing of Spot \
            takes what is cheapest today, and without limits a mistake in one Deployment buys nodes without end.
            """,
        level: .warn,
        scope: Scope(ResourceKinds(.nodePool)),
        clauses: [architecture, capacity, limits],
        examples: cases,
        check: { (subject, _) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            let template = try spec.object("template")
            let labels = try template?.object("metadata")?.labels("labels") ?? .none
            var findings: [Finding] = []
            if let finding = try architectureFinding(template, labels) { findings.append(finding) }
            if try !statesCapacity(template, labels) {
                findings.append(
                    Finding(
                        capacity, at: requirements, "do not say \(capacityType)",
                        edits: [requirement(capacityType, "on-demand", in: template)]
                    ).with { $0.advice = "or spot, or both, for what can run there" })
            }
            // A pool of a fixed size is its own limit, and may have no other.
            if spec.present("replicas") == nil,
                try spec.object("limits")?.members.contains(where: { _ in true }) != true
            {
                let place: Pointer = "/spec/limits"
                findings.append(
                    Finding(
                        limits, at: place, "are unset: the pool grows without end",
                        edits: [.set(place, ["cpu": "100", "memory": "400Gi"])]
                    ).with { $0.advice = "as much as the pool may have at most" })
            }
            return findings
        }
    )
}

private let architecture = Clause("architecture", "all nodes of a pool have one architecture")
private let capacity = Clause("capacity-type", "`karpenter.sh/capacity-type` is stated: on-demand, spot, reserved")
private let limits = Clause("limits", "the pool has limits")

private let architectureKey: StaticString = "kubernetes.io/arch"
private let capacityType: StaticString = "karpenter.sh/capacity-type"
private let requirements: Pointer = "/spec/template/spec/requirements"

/// The requirements about a label.
private func requirements(_ key: StaticString, in template: Value?) throws(CannotJudge) -> [(index: Int, value: Value)]
{
    guard let spec = try template?.object("spec") else { return [] }
    var found: [(index: Int, value: Value)] = []
    for (index, entry) in try spec.objects("requirements").enumerated()
    where try entry.text("key")?.equals(key) ?? false {
        found.append((index, entry))
    }
    return found
}

private func architectureFinding(_ template: Value?, _ labels: Labels) throws(CannotJudge) -> Finding? {
    // A label of the template is a requirement too.
    if labels.has("\(architectureKey)") { return nil }
    var allowed = ["amd64", "arm64"]
    var excluded: Set<String> = []
    var last: Int?
    for (index, entry) in try requirements(architectureKey, in: template) {
        let values = try architectures(of: entry)
        let comparison = try entry.text("operator")
        if comparison?.equals("In") ?? false {
            // There may be others in time.
            allowed = last == nil ? values : allowed.filter { values.contains($0) }
            last = index
        } else if comparison?.equals("NotIn") ?? false {
            excluded.formUnion(values)
        }
    }
    allowed.removeAll { excluded.contains($0) }
    guard Set(allowed).count > 1 else { return nil }
    let seen = allowed.joined(separator: ", ")
    guard let last else {
        return Finding(
            architecture, at: requirements, "leave the architecture open",
            edits: [requirement(architectureKey, "amd64", in: template)]
        ).with { $0.advice = "or arm64; a pool for each" }
    }
    let place = requirements / String(last) / "values"
    return Finding(
        architecture, at: place, "are \(seen): two architectures in one pool",
        edits: [.set(place, .array([.string(allowed[0])]))]
    ).with {
        $0.choice = seen
        $0.advice = "and a pool for each of the others"
    }
}

private func architectures(of entry: Value) throws(CannotJudge) -> [String] {
    guard let values = try entry.strings("values") else { return [] }
    var names: [String] = []
    for value in values.elements {
        // AWS has two.
        guard names.count < 100 else { throw .malformed(values.id, expected: "at most 100 architectures") }
        names.append(value.text)
    }
    return names
}

private func statesCapacity(_ template: Value?, _ labels: Labels) throws(CannotJudge) -> Bool {
    if labels.has("\(capacityType)") { return true }
    for (_, entry) in try requirements(capacityType, in: template) {
        let comparison = try entry.text("operator")
        if comparison?.equals("In") ?? false || comparison?.equals("NotIn") ?? false { return true }
    }
    return false
}

private func requirement(_ key: StaticString, _ value: Literal, in template: Value?) -> Edit {
    let entry: Literal = ["key": "\(key)", "operator": "In", "values": [value]]
    let isThere = template?["spec"]?.present("requirements") != nil
    return isThere ? .set(requirements / "-", entry) : .set(requirements, [entry])
}

private func pool(_ requirements: String, _ more: String = "limits: {cpu: 100, memory: 400Gi}", labels: String = "")
    -> String
{
    """
    apiVersion: karpenter.sh/v1
    kind: NodePool
    metadata: {name: general}
    spec:
      template:
        metadata: {labels: {\(labels)}}
        spec:
          nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
          requirements: [\(requirements)]
      \(more)
    """
}

private let amd64 = "{key: kubernetes.io/arch, operator: In, values: [amd64]}"
private let onDemand = "{key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}"

private let cases: [Example] = [
    .good("one architecture, on demand, within limits", pool("\(amd64), \(onDemand)")),
    .good(
        "Spot and on demand",
        pool("\(amd64), {key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}")),
    .good("by what it is not", pool("{key: kubernetes.io/arch, operator: NotIn, values: [amd64]}, \(onDemand)")),
    .good(
        "one of two that is left",
        pool(
            "{key: kubernetes.io/arch, operator: NotIn, values: [arm64]}, {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, \(onDemand)"
        )),
    .good("by labels", pool("", labels: "kubernetes.io/arch: arm64, karpenter.sh/capacity-type: spot")),
    .good("a pool of a fixed size", pool("\(amd64), \(onDemand)", "replicas: 3")),
    .bad("any architecture", architecture, at: "spec.template.spec.requirements", pool(onDemand)),
    .bad(
        "two architectures", architecture, at: "spec.template.spec.requirements[kubernetes.io/arch].values",
        pool("{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, \(onDemand)")),
    .bad("no word on Spot", capacity, at: "spec.template.spec.requirements", pool(amd64)),
    .bad(
        "any capacity", capacity, at: "spec.template.spec.requirements",
        pool("\(amd64), {key: karpenter.sh/capacity-type, operator: Exists}")),
    .bad("no limits", limits, at: "spec.limits", pool("\(amd64), \(onDemand)", "weight: 10")),
    .bad("limits of nothing", limits, at: "spec.limits", pool("\(amd64), \(onDemand)", "limits: {}")),
]
