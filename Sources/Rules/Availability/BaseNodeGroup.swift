import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let baseNodeGroup = Rule(
        id: "base-node-group",
        title: "Applications do not run on the base node group",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            The base node group is small and has a fixed size. It runs Karpenter, CoreDNS and other components that must run \
            before other nodes exist; an application can take the capacity that they need.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(ResourceKinds.withPodSpec.subtracting(ResourceKinds(.daemonSet))),
        clauses: [
            BaseNodeClause.toleration, BaseNodeClause.blanket, BaseNodeClause.selector, BaseNodeClause.affinity,
        ],
        settings: [RuleSettings.baseNodeTaints, RuleSettings.baseNodeLabels],
        examples: baseNodeExamples,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            guard let template = try subject.template() else { return }
            let labels = context[RuleSettings.baseNodeLabels]
            try checkTolerations(template, context[RuleSettings.baseNodeTaints], findings)
            try checkSelector(template, labels, findings)
            try checkAffinity(template, labels, findings)
        }
    )
}

extension RuleSettings {
    static let baseNodeTaints = RuleSetting(
        "PLAYBOOK_BASE_NODE_TAINTS",
        .parsedList("taints") { (text) throws(Misplaced) in
            guard let taint = NodeTaint(text) else {
                throw Misplaced(expected: "a taint such as CriticalAddonsOnly or dedicated=base:NoSchedule")
            }
            return taint
        }, default: [NodeTaint("CriticalAddonsOnly")].compactMap(\.self),
        "Taints of the base node group: `key`, `key=value` or `key=value:effect`; the default effect is `NoSchedule`."
    )

    static let baseNodeLabels: RuleSetting<[NodeLabel]> = RuleSetting(
        "PLAYBOOK_BASE_NODE_LABELS",
        .parsedList("labels") { (text) throws(Misplaced) in
            guard let label = NodeLabel(text) else {
                throw Misplaced(expected: "a label such as eks.amazonaws.com/nodegroup=base")
            }
            return label
        }, default: [],
        "Labels of the base node group's nodes, `key` or `key=value`, that pods must not select; empty: none.")
}

/// The clauses of `base-node-group`.
enum BaseNodeClause {
    static let toleration = Clause("toleration", "no toleration names a taint of the base node group")
    static let blanket = Clause("blanket", "no toleration matches every taint (`operator: Exists` without a key)")
    static let selector = Clause("selector", "no node selector selects a label of the base node group")
    static let affinity = Clause("affinity", "no node affinity selects a label of the base node group")
}

// MARK: Tolerations

private func checkTolerations(
    _ template: PodTemplate, _ taints: [NodeTaint], _ findings: FindingCollector
) throws(CannotEvaluate) {
    for field in try template.tolerations.objects() {
        try findings.step()
        let toleration = try Toleration(field)
        guard let taint = taints.first(where: { toleration.tolerates($0) }) else { continue }
        let isBlanket = toleration.key.isEmpty
        findings.add(
            isBlanket ? BaseNodeClause.blanket : BaseNodeClause.toleration, at: field,
            isBlanket
                ? "tolerates every taint, including \(taint.key) of the base node group"
                : "allows pods on the base node group, which is reserved for Karpenter and CoreDNS",
            choice: toleration.description
        ) {
            $0.edits = [.remove($0.place)]
            if isBlanket { $0.advice = "if the pods need other taints, tolerate them by key" }
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

    init(_ toleration: Field) throws(CannotEvaluate) {
        key = try toleration["key"].string() ?? ""
        isForAnyValue = try toleration["operator"].text()?.equals("Exists") ?? false
        value = try toleration["value"].string() ?? ""
        effect = try toleration["effect"].string() ?? ""
    }

    /// The key and the value, which identify a finding; the effect does not.
    var description: String { key + (isForAnyValue ? "" : "=\(value)") }

    func tolerates(_ taint: NodeTaint) -> Bool {
        guard hasEffect(of: taint) else { return false }
        if key.isEmpty { return isForAnyValue }
        return key == taint.key && (isForAnyValue || taint.value.map { $0 == value } ?? true)
    }

    private func hasEffect(of taint: NodeTaint) -> Bool {
        if effect.isEmpty || effect == taint.effect { return true }
        // A taint's default effect is NoSchedule; a NoExecute toleration that names the key counts too.
        return taint.effect == nil && (effect == "NoSchedule" || (effect == "NoExecute" && !key.isEmpty))
    }
}

// MARK: Labels

private func checkSelector(
    _ template: PodTemplate, _ labels: [NodeLabel], _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard !labels.isEmpty else { return }
    let selector = try template.field["nodeSelector"]
    _ = try selector.labels()
    for label in labels {
        guard let seen = selector.value?[name: label.key], label.value.map({ seen.equals(string: $0) }) ?? true else {
            continue
        }
        findings.add(
            BaseNodeClause.selector, at: Field(seen), "is \"\(seen.text)\", which selects the base node group",
            choice: seen.text
        ) { $0.edits = [.remove($0.place)] }
    }
}

private func checkAffinity(
    _ template: PodTemplate, _ labels: [NodeLabel], _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard !labels.isEmpty else { return }
    let affinity = try template.affinity["nodeAffinity"]
    guard affinity.isPresent else { return }
    for term in try affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].objects() {
        try check(term, labels, findings)
    }
    for wish in try affinity["preferredDuringSchedulingIgnoredDuringExecution"].objects() {
        try findings.step()
        try check(wish["preference"], labels, findings)
    }
}

private func check(_ term: Field, _ labels: [NodeLabel], _ findings: FindingCollector) throws(CannotEvaluate) {
    try findings.step()
    for expression in try term["matchExpressions"].objects() {
        try findings.step()
        var asked: NodeLabel?
        for label in labels where try label.isAskedFor(by: expression) { asked = label }
        guard let label = asked else { continue }
        findings.add(
            BaseNodeClause.affinity, at: expression,
            "selects the base node group, which is reserved for Karpenter and CoreDNS", set: label.avoided,
            choice: label.description)
    }
}

extension NodeLabel {
    /// Returns true if a node affinity requirement selects this label of the base node group.
    fileprivate func isAskedFor(by expression: Field) throws(CannotEvaluate) -> Bool {
        guard try expression["key"].text()?.equals(string: key) ?? false, let name = try expression["operator"].text()
        else { return false }
        guard let value else { return name.equals("In") || name.equals("Exists") }
        guard name.equals("In") else { return false }
        return try expression["values"].elements().contains { $0.base.equals(string: value) }
    }

    /// The requirement that excludes the label.
    fileprivate var avoided: Literal {
        guard let value else { return ["key": .string(key), "operator": "DoesNotExist"] }
        return ["key": .string(key), "operator": "NotIn", "values": [.string(value)]]
    }
}
