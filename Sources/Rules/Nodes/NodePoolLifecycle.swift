import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let nodePoolLifecycle = Rule(
        id: "node-pool-lifecycle",
        title: "NodePools let Karpenter replace nodes, but not all at once",
        group: .nodes,
        section: .scalingAndResources,
        rationale: """
            Nodes that are never replaced run an outdated operating system, and unused ones still cost money. If all nodes are \
            replaced at once, all pods stop at once.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(ResourceKinds(.nodePool)),
        clauses: [consolidation, expiry, gradual, stopped],
        settings: [RuleSettings.maximumNodeLife],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            // Karpenter does not consolidate static pools.
            let isStatic = try spec["replicas"].isPresent
            let consolidateAfter = try spec["disruption"]["consolidateAfter"]
            if !isStatic, try consolidateAfter.equals("Never") {
                findings.add(
                    consolidation, at: consolidateAfter, "is \"Never\"; unused nodes are not removed", set: "1m")
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
        "Longest `expireAfter` of a NodePool; a longer value gives a hint.")
}

private let consolidation = Clause("consolidation", "`consolidateAfter` is not `Never`")
private let expiry = Clause("expiry", "`expireAfter` is not `Never` and not longer than `PLAYBOOK_MAX_NODE_LIFE`")
private let gradual = Clause(
    "gradual", "for each reason, a disruption budget that always applies allows less than 100 % of nodes")
private let stopped = Clause(
    "stopped", "the disruption budgets that always apply allow at least one node for some reason")

private func checkExpiry(_ template: Field, _ most: Duration, _ findings: FindingCollector) throws(CannotEvaluate) {
    let expireAfter = try template["expireAfter"]
    guard let text = try expireAfter.text() else { return }
    if text.equals("Never") {
        findings.add(expiry, at: expireAfter, "is \"Never\"; nodes keep an outdated operating system", set: "720h") {
            $0.advice = boundedDrain(template)
        }
        return
    }
    guard let life = seconds(in: text.text), life > most.components.seconds else { return }
    findings.add(
        expiry, at: expireAfter, "is \(text.text); at most \(most.components.seconds / 3600)h is allowed", set: "720h",
        excess: Double(life), traits: .init(isHint: true)
    ) { $0.advice = boundedDrain(template) }
}

/// The seconds of a duration such as `1h30m`; nil if the text is not a duration.
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

/// Advice on the drain time: disruption budgets limit consolidation and drift, but not expiry.
private func boundedDrain(_ template: Field) -> String {
    let path = template.member("terminationGracePeriod").isPresent ? "" : "spec.template.spec."
    return "budgets do not limit expiry; set \(path)terminationGracePeriod to limit the drain time"
}

/// A disruption budget that always applies.
private struct Budget {
    enum Size: Int, Comparable {
        case none, some, all

        static func < (one: Size, other: Size) -> Bool { one.rawValue < other.rawValue }
    }

    /// The entry's `nodes`.
    let nodes: Field
    let size: Size
    /// For each of ``reasons``, true if the budget applies to it.
    let isFor: [Bool]

    static let reasons: [StaticString] = ["Underutilized", "Empty", "Drifted"]
}

private func checkBudgets(
    _ budgets: Field, _ template: Field, isStatic: Bool, _ findings: FindingCollector
) throws(CannotEvaluate) {
    // The default is one budget of 10 %; if no budget applies, there is no limit (Karpenter, `GetAllowedDisruptionsByReason`).
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
        // The CRD's default is 10 %.
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
                stopped, budget.nodes,
                "is \(budget.nodes.base.text); Karpenter does not consolidate nodes or replace drifted ones",
                template, findings)
        }
        return
    }
    // Karpenter disrupts nodes of static pools only for drift.
    let reasons = Budget.reasons.indices.filter { !isStatic || "\(Budget.reasons[$0])" == "Drifted" }
    var reported: Set<NodeID> = []
    for budget in reasons.compactMap({ smallest[$0] }) where budget.size == .all {
        guard reported.insert(budget.nodes.base.id).inserted else { continue }
        report(gradual, budget.nodes, "is 100%; all nodes can be disrupted at once", template, findings)
    }
    let open = reasons.filter { smallest[$0] == nil }.map { "\(Budget.reasons[$0])" }
    guard !open.isEmpty else { return }
    let isForAll = open.count == Budget.reasons.count || isStatic
    let names = isForAll ? "" : " for \(open.joined(separator: ", "))"
    findings.add(
        gradual, at: budgets,
        "sets no limit\(names)\(hasWindow ? " outside its schedules" : ""); all nodes can be disrupted at once",
        choice: open.joined(separator: " ")
    ) {
        let budget: Literal =
            isForAll ? ["nodes": "10%"] : ["nodes": "10%", "reasons": .array(open.map { .string($0) })]
        // Includes the existing budgets, because lists of budgets are merged by index.
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

private func covered(by reasons: Field) throws(CannotEvaluate) -> [Bool] {
    guard reasons.isPresent else { return [true, true, true] }
    // An empty list covers no reason; an absent list covers all of them.
    var covered = [false, false, false]
    for name in try reasons.strings() {
        if let index = Budget.reasons.firstIndex(where: { name.base.equals($0) }) { covered[index] = true }
    }
    return covered
}

/// True if a budget's schedule starts again before its duration ends.
private func isAlwaysOn(_ budget: Field) throws(CannotEvaluate) -> Bool {
    guard let schedule = try budget["schedule"].string(), let duration = try budget["duration"].string(),
        let length = seconds(in: duration), let gap = longestGap(of: schedule)
    else { return false }
    return length >= gap
}

/// The longest time between two starts of a schedule, in seconds; nil if it is not a macro and does not run every day.
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
    // Bounds the work.
    guard schedule.utf8.count <= 256 else { return nil }
    let fields = schedule.split(separator: " ").map(String.init)
    guard fields.count == 5, isEvery(fields[2], of: 1...31), isEvery(fields[3], of: 1...12),
        isEvery(fields[4], of: 0...6), let minutes = values(of: fields[0], in: 0...59),
        let hours = values(of: fields[1], in: 0...23), let firstMinute = minutes.first, let lastMinute = minutes.last,
        let firstHour = hours.first
    else { return nil }
    // Each hour has the same minutes, so the longest gap is between two minutes or between two hours.
    let inHour = zip(minutes, minutes.dropFirst()).map { $1 - $0 }.max() ?? 0
    let betweenHours = zip(hours, hours.dropFirst() + [firstHour + 24]).map { $1 - $0 }.max() ?? 24
    return Int64(max(inHour, betweenHours * 60 - lastMinute + firstMinute)) * 60
}

/// True if a field of a cron schedule matches every value.
private func isEvery(_ field: String, of range: ClosedRange<Int>) -> Bool {
    field == "?" || values(of: field, in: range)?.count == range.count || field == "0-7" && range == 0...6
}

/// The sorted values of a field of a cron schedule: `*`, `*/15`, numbers and ranges; nil for other forms.
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
    /// True if the value is zero, as a number or a percentage, with any number of digits.
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
    .good("Karpenter's defaults", pool("")),
    .good(
        "consolidation after an hour, expiry after 30 days", pool("consolidateAfter: 1h", template: "expireAfter: 720h")
    ),
    .good("a budget of 99 %", pool("budgets: [{nodes: '99%'}]")),
    .good("a budget of 100 % and one of 10 %", pool("budgets: [{nodes: '100%'}, {nodes: '10%'}]")),
    .good("a budget of 100 % and one with the default of 10 %", pool("budgets: [{nodes: '100%'}, {}]")),
    .good(
        "no disruption in working hours, two nodes at other times",
        pool("budgets: [{nodes: '0', schedule: '0 9 * * 1-5', duration: 8h}, {nodes: '2'}]")
    ),
    .good(
        "100 % of empty nodes within a budget of 10 % for all reasons",
        pool("budgets: [{nodes: '100%', reasons: [Empty]}, {nodes: '10%'}]")),
    .good("a static pool", pool("consolidateAfter: Never", "replicas: 3")),
    .bad(
        "consolidation disabled", consolidation, at: "spec.disruption.consolidateAfter", pool("consolidateAfter: Never")
    ),
    .bad(
        "nodes that never expire", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: Never")),
    .bad(
        "a budget of 100 %", gradual, at: "spec.disruption.budgets[0].nodes", pool("budgets: [{nodes: '100%'}]")),
    .bad(
        "a budget of 100 % for each reason", gradual, at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '100%', reasons: [Empty, Drifted, Underutilized]}]")),
    .good("a budget of 0 without reasons", pool("budgets: [{nodes: '0', reasons: []}, {nodes: '10%'}]")),
    .bad("an empty list of budgets", gradual, at: "spec.disruption.budgets", pool("budgets: []")),
    .bad("a budget of 0", stopped, at: "spec.disruption.budgets[0].nodes", pool("budgets: [{nodes: '0'}]")),
    .bad(
        "a budget of 0 %", stopped, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '50%'}, {nodes: '0%'}]")),
    .good("a budget of 0 for drifted nodes only", pool("budgets: [{nodes: '10%'}, {nodes: '0', reasons: [Drifted]}]")),
    .good(
        "budgets that together cover each reason",
        pool("budgets: [{nodes: '5', reasons: [Empty, Drifted]}, {nodes: '10%', reasons: [Underutilized]}]")),
    .good(
        "a static pool with a budget for drift", pool("budgets: [{nodes: '10%', reasons: [Drifted]}]", "replicas: 3")),
    .bad(
        "budgets of 0 that together cover each reason", stopped, at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '0', reasons: [Empty]}, {nodes: '0%', reasons: [Drifted, Underutilized]}]")),
    .bad(
        "a budget of 0 with a schedule that covers every day", stopped, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '10%'}, {nodes: '0', schedule: '@daily', duration: 24h}]")),
    .bad(
        "a budget of 0 with a schedule that repeats as soon as it ends", stopped,
        at: "spec.disruption.budgets[0].nodes",
        pool("budgets: [{nodes: '0', schedule: '*/15 * * * *', duration: 15m}]")),
    .bad(
        "no disruption in working hours, no limit at other times", gradual, at: "spec.disruption.budgets",
        pool("budgets: [{nodes: '0', schedule: '0 9 * * 1-5', duration: 8h}]")),
    .bad(
        "a budget for one reason and none for the others", gradual, at: "spec.disruption.budgets",
        pool("budgets: [{nodes: '10%', reasons: [Drifted]}]")),
    .bad(
        "a budget of 100 % for one reason", gradual, at: "spec.disruption.budgets[1].nodes",
        pool("budgets: [{nodes: '10%', reasons: [Drifted, Underutilized]}, {nodes: '100%', reasons: [Empty]}]")),
    .bad(
        "nodes that expire after ten years", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: 87600h"), isHint: true),
    .bad(
        "nodes that expire later than the setting allows", expiry, at: "spec.template.spec.expireAfter",
        pool("", template: "expireAfter: 720h0m1s"), settings: ["PLAYBOOK_MAX_NODE_LIFE": "720h"], isHint: true),
]
