import Evaluation
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
        concern: .reliability,
        scope: Scope(ResourceKinds(.nodePool)),
        clauses: [consolidation, expiry, gradual, stopped],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            let consolidateAfter = try spec["disruption"]["consolidateAfter"]
            // Karpenter looks at it for pools of no fixed size alone.
            if try !spec["replicas"].isPresent, try consolidateAfter.text()?.equals("Never") ?? false {
                findings.add(
                    consolidation, at: consolidateAfter, "is Never: empty nodes are kept and paid for", set: "1m")
            }
            let template = try spec["template"]["spec"]
            let expireAfter = try template["expireAfter"]
            if try expireAfter.text()?.equals("Never") ?? false {
                findings.add(expiry, at: expireAfter, "is Never: nodes grow old with what they run", set: "720h") {
                    $0.advice = boundedDrain(template)
                }
            }
            try checkBudgets(spec["disruption"]["budgets"], template, findings)
        }
    )
}

private let consolidation = Clause("consolidation", "`consolidateAfter` is not `Never`")
private let expiry = Clause("expiry", "`expireAfter` is not `Never`")
private let gradual = Clause("gradual", "what may always be disrupted, for any reason, is less than 100 %")
private let stopped = Clause("stopped", "what may always be disrupted, for any reason, is not 0")

/// What to know of budgets: they slow consolidation and drift, and never expiry.
private func boundedDrain(_ template: Field) -> String {
    let path = template.member("terminationGracePeriod").isPresent ? "" : "spec.template.spec."
    return "budgets do not slow expiry: \(path)terminationGracePeriod says how long draining may take"
}

private func checkBudgets(_ budgets: Field, _ template: Field, _ findings: FindingCollector) throws(CannotJudge) {
    // Absent there is one of a tenth; a list of none limits nothing (Karpenter, `GetAllowedDisruptionsByReason`).
    if budgets.isPresent, try budgets.objects().isEmpty {
        findings.add(gradual, at: budgets, "are empty: all nodes may go at once", set: [["nodes": "10%"]]) {
            $0.advice = boundedDrain(template)
        }
    }
    var whole: Field?
    var isLimited = false
    for budget in try budgets.objects() {
        try findings.step()
        guard try !budget["schedule"].isPresent, try coversAllReasons(budget["reasons"]) else { continue }
        let nodes = try budget["nodes"]
        guard let seen = try nodes.text() else {
            // The CRD's default is a tenth.
            isLimited = true
            continue
        }
        if seen.isNone {
            report(stopped, nodes, "is \(seen.text): nothing is consolidated, and no drift mended", template, findings)
        }
        // Of several the strictest holds.
        if seen.equals("100%") { whole = whole ?? nodes } else { isLimited = true }
    }
    guard !isLimited, let whole else { return }
    report(gradual, whole, "is 100%: all nodes may go at once", template, findings)
}

private func report(
    _ clause: Clause, _ nodes: Field, _ message: @autoclosure () -> String, _ template: Field,
    _ findings: FindingCollector
) {
    findings.add(clause, at: nodes, message(), set: "10%", choice: nodes.base.text) {
        $0.advice = boundedDrain(template)
    }
}

private func coversAllReasons(_ reasons: Field) throws(CannotJudge) -> Bool {
    guard reasons.isPresent else { return true }
    let covered = try reasons.strings()
    // A list of none, unlike none, covers none.
    return ["Underutilized", "Empty", "Drifted"].allSatisfy { (reason: StaticString) in
        covered.contains { $0.base.equals(reason) }
    }
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
