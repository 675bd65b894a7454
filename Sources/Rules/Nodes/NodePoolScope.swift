import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let nodePoolScope = Rule(
        id: "node-pool-scope",
        title: "NodePools have one architecture, an explicit capacity type and limits",
        group: .nodes,
        section: .scalingAndResources,
        rationale: """
            In a pool with two architectures, a single-architecture image can be scheduled to a node where it cannot run. \
            Without limits, a mistake in one Deployment can add nodes without bound.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope(ResourceKinds(.nodePool)),
        clauses: [architecture, capacity, limits],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            let requirements = try spec["template"]["spec"]["requirements"]
            let labels = try spec["template"]["metadata"]["labels"].labels()
            // A label in the template is also a requirement.
            if !labels.has("\(architectureKey)"), !InstanceArchitecture.isFixed(by: labels) {
                try checkArchitecture(requirements, findings)
            }
            if !labels.has("\(capacityType)"), try !stateCapacity(requirements, findings) {
                findings.add(capacity, at: requirements, "does not restrict \(capacityType)") {
                    $0.edits = [requirement(capacityType, "on-demand", requirements, at: $0.place)]
                    $0.advice = "use spot, or both, if the workloads tolerate interruption"
                }
            }
            let most = try spec["limits"]
            // A static pool is limited by its replicas.
            if try !spec["replicas"].isPresent, try most.members()?.contains(where: { _ in true }) != true {
                findings.add(limits, at: most, "is not set; the pool can grow without bound") {
                    $0.advice = "set limits.cpu and limits.memory to the most that the pool should have"
                }
            }
        }
    )
}

private let architecture = Clause("architecture", "all nodes of a NodePool have the same architecture")
private let capacity = Clause(
    "capacity-type", "the NodePool restricts `karpenter.sh/capacity-type` (on-demand, spot, reserved)")
private let limits = Clause("limits", "the NodePool has `limits`")

private let architectureKey: StaticString = "kubernetes.io/arch"
private let capacityType: StaticString = "karpenter.sh/capacity-type"

private func checkArchitecture(_ requirements: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    var allowed = ["amd64", "arm64"]
    var excluded: Set<String> = []
    var last: Field?
    for entry in try requirements.objects() {
        try findings.step()
        guard let key = try entry["key"].text() else { continue }
        let values = try entry["values"]
        guard key.equals(architectureKey) else {
            if let read = InstanceArchitecture.reader(of: key), try entry["operator"].equals("In") {
                var possible: Set<String> = []
                for name in try architectures(values) { possible.formUnion(read(name)) }
                allowed.removeAll { !possible.contains($0) }
            }
            continue
        }
        let names = try architectures(values)
        let comparison = try entry["operator"].text()
        if comparison?.equals("In") ?? false {
            // The first list replaces the default one, because EC2 may add architectures.
            allowed = last == nil ? names : allowed.filter { names.contains($0) }
            last = values
        } else if comparison?.equals("NotIn") ?? false {
            excluded.formUnion(names)
        }
    }
    allowed.removeAll { excluded.contains($0) }
    guard Set(allowed).count > 1 else { return }
    guard let last else {
        findings.add(architecture, at: requirements, "does not restrict \(architectureKey)") {
            $0.edits = [requirement(architectureKey, "amd64", requirements, at: $0.place)]
            $0.advice = "or use arm64; use one NodePool for each architecture"
        }
        return
    }
    let seen = allowed.joined(separator: ", ")
    findings.add(
        architecture, at: last, "allows \(seen); use one architecture per NodePool", set: [.string(allowed[0])],
        choice: seen
    ) { $0.advice = "create another NodePool for each other architecture" }
}

private func architectures(_ values: Field) throws(CannotEvaluate) -> [String] {
    var names: [String] = []
    for value in try values.strings() {
        // EC2 has two architectures; this bounds the work.
        guard names.count < 100 else { throw .tooLong(values.base.id, expected: "at most 100 architectures") }
        names.append(value.base.text)
    }
    return names
}

private func stateCapacity(_ requirements: Field, _ findings: FindingCollector) throws(CannotEvaluate) -> Bool {
    for entry in try requirements.objects() where try entry["key"].text()?.equals(capacityType) ?? false {
        try findings.step()
        let comparison = try entry["operator"].text()
        if comparison?.equals("In") ?? false || comparison?.equals("NotIn") ?? false { return true }
    }
    return false
}

private func requirement(_ key: StaticString, _ value: Literal, _ requirements: Field, at place: Pointer) -> Edit {
    let entry: Literal = ["key": "\(key)", "operator": "In", "values": [value]]
    return requirements.isPresent ? .set(place / "-", entry) : .set(place, [entry])
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
    .good("one architecture, on-demand capacity and limits", pool("\(amd64), \(onDemand)")),
    .good(
        "Spot and on-demand capacity",
        pool("\(amd64), {key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}")),
    .good(
        "one architecture excluded with NotIn",
        pool("{key: kubernetes.io/arch, operator: NotIn, values: [amd64]}, \(onDemand)")),
    .good(
        "two architectures, one of them excluded",
        pool(
            "{key: kubernetes.io/arch, operator: NotIn, values: [arm64]}, {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, \(onDemand)"
        )),
    .good(
        "labels in the template instead of requirements",
        pool("", labels: "kubernetes.io/arch: arm64, karpenter.sh/capacity-type: spot")),
    .good("a static pool", pool("\(amd64), \(onDemand)", "replicas: 3")),
    .bad("no requirement for the architecture", architecture, at: "spec.template.spec.requirements", pool(onDemand)),
    .bad(
        "two architectures", architecture, at: "spec.template.spec.requirements[kubernetes.io/arch].values",
        pool("{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, \(onDemand)")),
    .bad("no requirement for the capacity type", capacity, at: "spec.template.spec.requirements", pool(amd64)),
    .bad(
        "any capacity type", capacity, at: "spec.template.spec.requirements",
        pool("\(amd64), {key: karpenter.sh/capacity-type, operator: Exists}")),
    .bad("no limits", limits, at: "spec.limits", pool("\(amd64), \(onDemand)", "weight: 10")),
    .bad("empty limits", limits, at: "spec.limits", pool("\(amd64), \(onDemand)", "limits: {}")),
    .good(
        "instance types with one architecture",
        pool("{key: node.kubernetes.io/instance-type, operator: In, values: [m7g.large, c7gn.xlarge]}, \(onDemand)")),
    .good(
        "instance families with one architecture",
        pool(
            "{key: karpenter.k8s.aws/instance-family, operator: In, values: [inf2, trn1, g4dn, m7i-flex]}, \(onDemand)")
    ),
    .good(
        "an instance family in EKS Auto Mode",
        pool("{key: eks.amazonaws.com/instance-family, operator: In, values: [r8g]}, \(onDemand)")
    ),
    .good(
        "instance categories with one architecture",
        pool("{key: karpenter.k8s.aws/instance-category, operator: In, values: [inf, trn]}, \(onDemand)")),
    .good("an instance family as a label", pool(onDemand, labels: "karpenter.k8s.aws/instance-family: m7g")),
    .good(
        "two architectures, but an instance family with one",
        pool(
            "{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, {key: karpenter.k8s.aws/instance-family, operator: In, values: [m6i]}, \(onDemand)"
        )),
    .bad(
        "instance families with different architectures", architecture, at: "spec.template.spec.requirements",
        pool("{key: karpenter.k8s.aws/instance-family, operator: In, values: [m7g, m7i]}, \(onDemand)")),
    .bad(
        "an instance category with two architectures", architecture, at: "spec.template.spec.requirements",
        pool("{key: karpenter.k8s.aws/instance-category, operator: In, values: [m]}, \(onDemand)")),
    .bad(
        "an instance family excluded with NotIn", architecture, at: "spec.template.spec.requirements",
        pool("{key: karpenter.k8s.aws/instance-family, operator: NotIn, values: [m7g]}, \(onDemand)")),
]
