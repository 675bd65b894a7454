import JSON
import Kubernetes

extension Rule {
    static let nodePoolLifecycle = Rule(
        id: "node-pool-lifecycle",
        title: "Karpenter replaces nodes, a few at a time",
        group: .nodes,
        section: .scalingAndResources,
        rationale: """
            Nodes that are never replaced keep their old kernel and are paid for when nobody needs them any more. Nodes that are \
            replaced all at once take every pod with them.
            """,
        level: .deny,
        scope: Scope(ResourceKinds(.nodePool)),
        clauses: [consolidation, expiry, gradual, stopped],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return }
            let disruption = try spec.object("disruption")
            // Karpenter looks at it for pools of no fixed size alone.
            if spec.present("replicas") == nil, try disruption?.text("consolidateAfter")?.equals("Never") ?? false {
                let place: Pointer = "/spec/disruption/consolidateAfter"
                findings.add(
                    Finding(
                        consolidation, at: place, "is Never: empty nodes are kept and paid for",
                        edits: [.set(place, "1m")]))
            }
            let template = try spec.object("template")?.object("spec")
            if try template?.text("expireAfter")?.equals("Never") ?? false {
                let place: Pointer = "/spec/template/spec/expireAfter"
                findings.add(
                    Finding(
                        expiry, at: place, "is Never: nodes grow old with what they run", edits: [.set(place, "720h")]
                    ).with { $0.advice = boundedDrain(template) })
            }
            if let disruption { try evaluateBudgets(disruption, template, findings) }
        }
    )
}

private let consolidation = Clause("consolidation", "`consolidateAfter` is not `Never`")
private let expiry = Clause("expiry", "`expireAfter` is not `Never`")
private let gradual = Clause("gradual", "what may always be disrupted, for any reason, is less than 100 %")
private let stopped = Clause("stopped", "what may always be disrupted, for any reason, is not 0")

/// What to know of budgets: they slow consolidation and drift, and never expiry.
private func boundedDrain(_ template: Value?) -> String {
    template?.present("terminationGracePeriod") == nil
        ? "budgets do not slow expiry: spec.template.spec.terminationGracePeriod says how long draining may take"
        : "budgets do not slow expiry: terminationGracePeriod says how long draining may take"
}

private func evaluateBudgets(
    _ disruption: Value, _ template: Value?, _ findings: FindingCollector
) throws(CannotJudge) {
    // Absent there is one of a tenth; a list of none limits nothing (Karpenter, `GetAllowedDisruptionsByReason`).
    if disruption.present("budgets") != nil, try disruption.objects("budgets").isEmpty {
        let place: Pointer = "/spec/disruption/budgets"
        findings.add(
            Finding(
                gradual, at: place, "are empty: all nodes may go at once", edits: [.set(place, [["nodes": "10%"]])]
            ).with { $0.advice = boundedDrain(template) })
        return
    }
    var whole: Value?
    var isLimited = false
    for budget in try disruption.objects("budgets") {
        try findings.step()
        guard budget.present("schedule") == nil, try coversAllReasons(budget) else { continue }
        guard let nodes = try budget.text("nodes") else {
            // The CRD's default is a tenth.
            isLimited = true
            continue
        }
        if nodes.isNone {
            add(stopped, "is \(nodes.text): nothing is consolidated, and no drift mended", nodes, template, findings)
        }
        // Of several the strictest holds.
        if nodes.equals("100%") { whole = whole ?? nodes } else { isLimited = true }
    }
    guard !isLimited, let whole else { return }
    add(gradual, "is 100%: all nodes may go at once", whole, template, findings)
}

private func add(
    _ clause: Clause, _ message: @autoclosure () -> String, _ nodes: Value, _ template: Value?,
    _ findings: FindingCollector
) {
    findings.add(at: nodes, choice: nodes.text) { place in
        Finding(clause, at: place, message(), edits: [.set(place, "10%")]).with {
            $0.choice = nodes.text
            $0.advice = boundedDrain(template)
        }
    }
}
private func coversAllReasons(_ budget: Value) throws(CannotJudge) -> Bool {
    guard let reasons = try budget.strings("reasons") else { return true }
    // A list of none, unlike none, covers none.
    for reason: StaticString in ["Underutilized", "Empty", "Drifted"] {
        guard reasons.elements.contains(where: { $0.equals(reason) }) else { return false }
    }
    return true
}

extension Value {
    /// Whether it is no node at all, in numbers or percent, however many zeros it is written with.
    fileprivate var isNone: Bool {
        withContents { text in
            var hasZero = false
            for at in text.indices where text[at] != UInt8(ascii: "%") {
                guard text[at] == UInt8(ascii: "0") else { return false }
                hasZero = true
            }
            return hasZero
        }
    }
}

private func pool(_ disruption: String, template: String = "", _ more: String = "limits: {cpu: 100}") -> String {
    """
    apiVersion: karpenter.sh/v1
    kind: NodePool
    metadata: {name: general}
    spec:
      \(more)
      disruption: {\(disruption)}
      template:
        spec:
          nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
          requirements:
          - {key: kubernetes.io/arch, operator: In, values: [arm64]}
          - {key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}
          \(template)
    """
}

private let cases: [Example] = [
    .good("what Karpenter does by itself", pool("")),
    .good(
        "slow consolidation, a month of life", pool("consolidateAfter: 1h", template: "expireAfter: 720h")),
    .good("all but everything", pool("budgets: [{nodes: '99%'}]")),
    .good("everything, but a few for any reason", pool("budgets: [{nodes: '100%'}, {nodes: '10%'}]")),
    .good("everything, but by default a few for any reason", pool("budgets: [{nodes: '100%'}, {}]")),
    .good(
        "nothing in working hours", pool("budgets: [{nodes: '0', schedule: '0 9 * * 1-5', duration: 8h}, {nodes: '2'}]")
    ),
    .good("all empty ones", pool("budgets: [{nodes: '100%', reasons: [Empty]}, {nodes: '10%'}]")),
    .good("a pool of a fixed size", pool("consolidateAfter: Never", "replicas: 3")),
    .bad(
        "no consolidation", consolidation, at: "spec.disruption.consolidateAfter", pool("consolidateAfter: Never")),
    .bad(
        "nodes that live for ever", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: Never")),
    .bad(
        "all nodes at once", gradual, at: "spec.disruption.budgets[0].nodes", pool("budgets: [{nodes: '100%'}]")),
    .bad(
        "all nodes at once, for each of the reasons", gradual, at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '100%', reasons: [Empty, Drifted, Underutilized]}]")),
    .good("none that is of any reason", pool("budgets: [{nodes: '0', reasons: []}, {nodes: '10%'}]")),
    .bad("budgets of none", gradual, at: "spec.disruption.budgets", pool("budgets: []")),
    .bad("no node", stopped, at: "spec.disruption.budgets[0].nodes", pool("budgets: [{nodes: '0'}]")),
    .bad(
        "no node, in percent", stopped, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '50%'}, {nodes: '0%'}]")),
]
