import JSON
import Kubernetes

extension Rule {
    static let baseNodeGroup = Rule(
        id: "base-node-group",
        title: "Applications stay off the base node group",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            The base node group is small and does not grow: it carries Karpenter, CoreDNS and whatever else must run before there \
            are other nodes. An application that comes to stand there takes their room.
            """,
        level: .deny,
        scope: Scope(ResourceKinds.holders.subtracting(ResourceKinds(.daemonSet))),
        clauses: [
            BaseNodeClause.toleration, BaseNodeClause.blanket, BaseNodeClause.selector, BaseNodeClause.affinity,
        ],
        settings: [RuleSettings.baseNodeTaints, RuleSettings.baseNodeLabels],
        examples: baseNodeExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            guard let template = try subject.template() else { return }
            try evaluateTolerations(template, context.settings[RuleSettings.baseNodeTaints], findings)
            findings.add(contentsOf: try selectorFindings(template, context.settings[RuleSettings.baseNodeLabels]))
            try evaluateAffinity(template, context.settings[RuleSettings.baseNodeLabels], findings)
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum BaseNodeClause {
    static let toleration = Clause("toleration", "no toleration names a taint of the base node group")
    static let blanket = Clause("blanket", "no toleration is for every taint: `operator: Exists` without a key")
    static let selector = Clause("selector", "no node selector asks for the base node group's label")
    static let affinity = Clause("affinity", "no node affinity asks for the base node group's label")
}

// MARK: Tolerations

private func evaluateTolerations(
    _ template: PodTemplate, _ taints: [NodeTaint], _ findings: FindingCollector
) throws(CannotJudge) {
    for value in try template.spec.objects("tolerations") {
        try findings.step()
        let toleration = try Toleration(value)
        guard let taint = taints.first(where: { toleration.tolerates($0) }) else { continue }
        findings.add(at: value, choice: toleration.description) { place in
            let finding =
                toleration.key.isEmpty
                ? Finding(
                    BaseNodeClause.blanket, at: place,
                    "is for every taint, that of the base node group (\(taint.key)) too", edits: [.remove(place)]
                ).with { $0.advice = "name the keys of the taints that are meant" }
                : Finding(
                    BaseNodeClause.toleration, at: place, "lets pods onto the base node group", edits: [.remove(place)])
            return finding.with { $0.choice = toleration.description }
        }
    }
}

/// A pod's toleration (`v1.Toleration`).
private struct Toleration: CustomStringConvertible {
    let key: String
    let isForAnyValue: Bool
    let value: String
    /// Empty for all effects.
    let effect: String

    init(_ toleration: Value) throws(CannotJudge) {
        key = try toleration.string("key") ?? ""
        isForAnyValue = try toleration.text("operator")?.equals("Exists") ?? false
        value = try toleration.string("value") ?? ""
        effect = try toleration.string("effect") ?? ""
    }

    /// What it is for; with another effect it is still the same choice.
    var description: String { key + (isForAnyValue ? "" : "=\(value)") }

    func tolerates(_ taint: NodeTaint) -> Bool {
        guard hasEffect(of: taint) else { return false }
        if key.isEmpty { return isForAnyValue }
        return key == taint.key && (isForAnyValue || taint.value.map { $0 == value } ?? true)
    }

    private func hasEffect(of taint: NodeTaint) -> Bool {
        if effect.isEmpty || effect == taint.effect { return true }
        // Where it is not said, it is NoSchedule; who names the taint beside another effect means it all the same.
        return taint.effect == nil && (effect == "NoSchedule" || (effect == "NoExecute" && !key.isEmpty))
    }
}

// MARK: Labels

private func selectorFindings(_ template: PodTemplate, _ labels: [NodeLabel]) throws(CannotJudge) -> [Finding] {
    guard !labels.isEmpty else { return [] }
    let selector = try template.spec.labels("nodeSelector")
    return labels.compactMap { label in
        guard let value = selector[label.key], label.value.map({ $0 == value }) ?? true else { return nil }
        let place = template.pointer / "nodeSelector" / label.key
        return Finding(
            BaseNodeClause.selector, at: place, "is \(value), the base node group's", edits: [.remove(place)]
        ).with { $0.choice = value }
    }
}

private func evaluateAffinity(
    _ template: PodTemplate, _ labels: [NodeLabel], _ findings: FindingCollector
) throws(CannotJudge) {
    guard !labels.isEmpty, let affinity = try template.spec.object("affinity")?.object("nodeAffinity") else { return }
    if let required = try affinity.object("requiredDuringSchedulingIgnoredDuringExecution") {
        for term in try required.objects("nodeSelectorTerms") { try evaluate(term, labels, findings) }
    }
    for wish in try affinity.objects("preferredDuringSchedulingIgnoredDuringExecution") {
        try findings.step()
        if let preference = try wish.object("preference") { try evaluate(preference, labels, findings) }
    }
}

private func evaluate(_ term: Value, _ labels: [NodeLabel], _ findings: FindingCollector) throws(CannotJudge) {
    try findings.step()
    for expression in try term.objects("matchExpressions") {
        try findings.step()
        var asked: NodeLabel?
        for label in labels where try label.isAskedFor(by: expression) { asked = label }
        guard let label = asked else { continue }
        findings.add(at: expression, choice: label.description) { place in
            Finding(
                BaseNodeClause.affinity, at: place, "asks for the base node group", edits: [.set(place, label.avoided)]
            ).with { $0.choice = label.description }
        }
    }
}

extension NodeLabel {
    /// Whether a requirement of a node affinity lets the base node group's nodes in by their label.
    fileprivate func isAskedFor(by expression: Value) throws(CannotJudge) -> Bool {
        guard try expression.text("key")?.equals(string: key) ?? false, let name = try expression.text("operator")
        else {
            return false
        }
        guard let value else { return name.equals("In") || name.equals("Exists") }
        guard name.equals("In"), let values = try expression.array("values") else { return false }
        return values.elements.contains { $0.equals(string: value) }
    }

    /// The requirement to run anywhere else.
    fileprivate var avoided: Literal {
        guard let value else { return ["key": .string(key), "operator": "DoesNotExist"] }
        return ["key": .string(key), "operator": "NotIn", "values": [.string(value)]]
    }
}
