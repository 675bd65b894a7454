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
        settings: [RuleSettings.maximumNodeLife],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            // Karpenter consolidates pools of no fixed size alone.
            let isStatic = try spec["replicas"].isPresent
            let consolidateAfter = try spec["disruption"]["consolidateAfter"]
            if !isStatic, try consolidateAfter.equals("Never") {
                findings.add(
                    consolidation, at: consolidateAfter, "is Never: empty nodes are kept and paid for", set: "1m")
            }
            let template = try spec["template"]["spec"]
            try checkExpiry(template, context[RuleSettings.maximumNodeLife], findings)
            try checkBudgets(spec["disruption"]["budgets"], template, isStatic: isStatic, findings)
        }
    )
}

extension RuleSettings {
    static let maximumNodeLife = RuleSetting(
        "PLAYBOOK_MAX_NODE_LIFE", .duration, default: .seconds(8760 * 3600),
        "How long a node of Karpenter's may live before a longer expireAfter gives a hint.")
}

private let consolidation = Clause("consolidation", "`consolidateAfter` is not `Never`")
private let expiry = Clause("expiry", "`expireAfter` is not `Never`, nor longer than `PLAYBOOK_MAX_NODE_LIFE`")
private let gradual = Clause("gradual", "for each reason, what may always be disrupted is less than 100 %")
private let stopped = Clause("stopped", "for some reason, what may always be disrupted is not 0")

private func checkExpiry(_ template: Field, _ most: Duration, _ findings: FindingCollector) throws(CannotJudge) {
    let expireAfter = try template["expireAfter"]
    guard let text = try expireAfter.text() else { return }
    if text.equals("Never") {
        findings.add(expiry, at: expireAfter, "is Never: nodes grow old with what they run", set: "720h") {
            $0.advice = boundedDrain(template)
        }
        return
    }
    guard let life = seconds(in: text.text), life > most.components.seconds else { return }
    findings.add(
        expiry, at: expireAfter, "is \(text.text); at most \(most.components.seconds / 3600)h is expected", set: "720h",
        excess: Double(life), traits: .init(isHint: true)
    ) { $0.advice = boundedDrain(template) }
}

/// The seconds of a duration such as `1h30m`; nil where the text is none.
private func seconds(in text: String) -> Int64? {
    var (total, number): (Int64, Int64?) = (0, nil)
    for byte in text.utf8.prefix(64) {
        if byte &- 48 <= 9 {
            number = min((number ?? 0) * 10 + Int64(byte - 48), 1 << 40)
            continue
        }
        let units: [UInt8: Int64] = [UInt8(ascii: "h"): 3600, UInt8(ascii: "m"): 60, UInt8(ascii: "s"): 1]
        guard let unit = units[byte], let count = number else { return nil }
        total += count * unit
        number = nil
    }
    return number == nil && !text.isEmpty ? total : nil
}

/// What to know of budgets: they slow consolidation and drift, and never expiry.
private func boundedDrain(_ template: Field) -> String {
    let path = template.member("terminationGracePeriod").isPresent ? "" : "spec.template.spec."
    return "budgets do not slow expiry: \(path)terminationGracePeriod says how long draining may take"
}

/// A budget that always holds.
private struct Budget {
    enum Size: Int, Comparable {
        case none, some, all

        static func < (one: Size, other: Size) -> Bool { one.rawValue < other.rawValue }
    }

    /// The entry's `nodes`.
    let nodes: Field
    let size: Size
    /// Which of ``reasons`` it is for.
    let isFor: [Bool]

    static let reasons: [StaticString] = ["Underutilized", "Empty", "Drifted"]
}

private func checkBudgets(
    _ budgets: Field, _ template: Field, isStatic: Bool, _ findings: FindingCollector
) throws(CannotJudge) {
    // Absent there is one of a tenth; where none holds there is no limit (Karpenter, `GetAllowedDisruptionsByReason`).
    guard budgets.isPresent else { return }
    var always: [Budget] = []
    var hasWindow = false
    for budget in try budgets.objects() {
        try findings.step()
        if try budget["schedule"].isPresent, try !isAlwaysOn(budget) {
            hasWindow = true
            continue
        }
        let nodes = try budget["nodes"]
        let seen = try nodes.text()
        // The CRD's default is a tenth.
        let size: Budget.Size = seen.map { $0.isNone ? .none : $0.equals("100%") ? .all : .some } ?? .some
        always.append(Budget(nodes: nodes, size: size, isFor: try covered(by: budget["reasons"])))
    }
    let smallest = Budget.reasons.indices.map { reason in
        always.filter { $0.isFor[reason] }.min { $0.size < $1.size }
    }
    if smallest.allSatisfy({ $0?.size == Budget.Size.none }) {
        let whole = always.filter { $0.size == .none && !$0.isFor.contains(false) }
        for budget in whole.isEmpty ? [always.first { $0.size == .none }].compactMap(\.self) : whole {
            report(
                stopped, budget.nodes, "is \(budget.nodes.base.text): nothing is consolidated, and no drift mended",
                template, findings)
        }
        return
    }
    // Of a pool of a fixed size only what has drifted is replaced.
    let reasons = Budget.reasons.indices.filter { !isStatic || "\(Budget.reasons[$0])" == "Drifted" }
    var reported: Set<NodeID> = []
    for budget in reasons.compactMap({ smallest[$0] }) where budget.size == .all {
        guard reported.insert(budget.nodes.base.id).inserted else { continue }
        report(gradual, budget.nodes, "is 100%: all nodes may go at once", template, findings)
    }
    let open = reasons.filter { smallest[$0] == nil }.map { "\(Budget.reasons[$0])" }
    guard !open.isEmpty else { return }
    let isForAll = open.count == Budget.reasons.count || isStatic
    let names = isForAll ? "" : " for \(open.joined(separator: ", "))"
    findings.add(
        gradual, at: budgets,
        "set no limit\(names)\(hasWindow ? " outside their schedules" : ""): all nodes may go at once",
        choice: open.joined(separator: " ")
    ) {
        let budget: Literal =
            isForAll ? ["nodes": "10%"] : ["nodes": "10%", "reasons": .array(open.map { .string($0) })]
        // Written with those that are there: lists of budgets are merged by their places.
        $0.edits = [.set($0.place, .array(budgets.base.elements.prefix(50).map { Literal($0) } + [budget]))]
        $0.advice = boundedDrain(template)
    }
}

private func report(
    _ clause: Clause, _ nodes: Field, _ message: @autoclosure () -> String, _ template: Field,
    _ findings: FindingCollector
) {
    findings.add(clause, at: nodes, message(), set: "10%", choice: nodes.base.text) {
        $0.advice = boundedDrain(template)
    }
}

private func covered(by reasons: Field) throws(CannotJudge) -> [Bool] {
    guard reasons.isPresent else { return [true, true, true] }
    // A list of none, unlike none, covers none.
    var covered = [false, false, false]
    for name in try reasons.strings() {
        if let index = Budget.reasons.firstIndex(where: { name.base.equals($0) }) { covered[index] = true }
    }
    return covered
}

/// True if a budget's schedule begins anew before its duration is over.
private func isAlwaysOn(_ budget: Field) throws(CannotJudge) -> Bool {
    guard let schedule = try budget["schedule"].string(), let duration = try budget["duration"].string(),
        let length = seconds(in: duration), let gap = longestGap(of: schedule)
    else { return false }
    return length >= gap
}

/// The longest time between two beginnings of a schedule, in seconds, for schedules by days, hours and minutes.
private func longestGap(of schedule: String) -> Int64? {
    let (hour, day): (Int64, Int64) = (3600, 86_400)
    switch schedule {
    case "@hourly": return hour
    case "@daily", "@midnight": return day
    case "@weekly": return 7 * day
    case "@monthly": return 31 * day
    case "@yearly", "@annually": return 366 * day
    default: break
    }
    // Nobody writes a longer one.
    guard schedule.utf8.count <= 256 else { return nil }
    let fields = schedule.split(separator: " ").map(String.init)
    guard fields.count == 5, isEvery(fields[2], of: 1...31), isEvery(fields[3], of: 1...12),
        isEvery(fields[4], of: 0...6), let minutes = values(of: fields[0], in: 0...59),
        let hours = values(of: fields[1], in: 0...23), let firstMinute = minutes.first, let lastMinute = minutes.last,
        let firstHour = hours.first
    else { return nil }
    // Each hour has the same minutes, so the longest gap is one between minutes, or one from an hour to the next one.
    let inHour = zip(minutes, minutes.dropFirst()).map { $1 - $0 }.max() ?? 0
    let betweenHours = zip(hours, hours.dropFirst() + [firstHour + 24]).map { $1 - $0 }.max() ?? 24
    return Int64(max(inHour, betweenHours * 60 - lastMinute + firstMinute)) * 60
}

/// True if a field of a cron schedule has every value.
private func isEvery(_ field: String, of range: ClosedRange<Int>) -> Bool {
    field == "?" || values(of: field, in: range)?.count == range.count || field == "0-7" && range == 0...6
}

/// The values of a field of a cron schedule in their order: `*`, `*/15`, numbers and ranges; nil for other forms.
private func values(of field: String, in range: ClosedRange<Int>) -> [Int]? {
    var isSet = Array(repeating: false, count: range.upperBound + 1)
    for part in field.split(separator: ",", omittingEmptySubsequences: false) {
        let halves = part.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count <= 2, let step = halves.count == 2 ? Int(halves[1]) : 1, step > 0 else { return nil }
        let bounds = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        let (first, last): (Int, Int)
        switch bounds.count {
        case _ where halves[0] == "*": (first, last) = (range.lowerBound, range.upperBound)
        case 1:
            guard let only = bounds[0] else { return nil }
            (first, last) = (only, halves.count == 2 ? range.upperBound : only)
        case 2:
            guard let from = bounds[0], let to = bounds[1] else { return nil }
            (first, last) = (from, to)
        default: return nil
        }
        guard range.contains(first), range.contains(last), first <= last else { return nil }
        for value in stride(from: first, through: last, by: min(step, 60)) { isSet[value] = true }
    }
    return isSet.indices.filter { isSet[$0] }
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
    .good("none of what has drifted", pool("budgets: [{nodes: '10%'}, {nodes: '0', reasons: [Drifted]}]")),
    .good(
        "a budget for each reason",
        pool("budgets: [{nodes: '5', reasons: [Empty, Drifted]}, {nodes: '10%', reasons: [Underutilized]}]")),
    .good(
        "a fixed size, with a budget for drift", pool("budgets: [{nodes: '10%', reasons: [Drifted]}]", "replicas: 3")),
    .bad(
        "no node for each of the reasons in turn", stopped, at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '0', reasons: [Empty]}, {nodes: '0%', reasons: [Drifted, Underutilized]}]")),
    .bad(
        "no node, all day and every day", stopped, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '10%'}, {nodes: '0', schedule: '@daily', duration: 24h}]")),
    .bad(
        "no node, each quarter of an hour for as long", stopped, at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '0', schedule: '*/15 * * * *', duration: 15m}]")),
    .bad(
        "nothing in working hours, and all else at once", gradual, at: "spec.disruption.budgets",
        pool("budgets: [{nodes: '0', schedule: '0 9 * * 1-5', duration: 8h}]")),
    .bad(
        "a few for one reason, and all for the others", gradual, at: "spec.disruption.budgets",
        pool("budgets: [{nodes: '10%', reasons: [Drifted]}]")),
    .bad(
        "all empty nodes at once", gradual, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '10%', reasons: [Drifted, Underutilized]}, {nodes: '100%', reasons: [Empty]}]")),
    .bad(
        "nodes that live for ten years", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: 87600h"), isHint: true),
    .bad(
        "nodes that live for longer than the team wants", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: 720h0m1s"), settings: ["PLAYBOOK_MAX_NODE_LIFE": "720h"], isHint: true),
]
