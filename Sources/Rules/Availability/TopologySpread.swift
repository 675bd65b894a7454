import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let topologySpread = Rule(
        id: "topology-spread",
        title: "Replicas spread over zones",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            Zones fail, and Karpenter buys nodes where they are cheapest: without a constraint all replicas may stand in one zone.
            """,
        level: .deny,
        concern: .reliability,
        scope: .replicated,
        clauses: [missing, selectsNothing, skewed],
        settings: [RuleSettings.maximumSkew],
        exemptWith: "replicas",
        fix: .adds("Adds a constraint on zones with `maxSkew: 1`, `ScheduleAnyway`, and the workload's own selector."),
        examples: cases,
        check: checkSpread
    )
}

extension RuleSettings {
    static let maximumSkew = RuleSetting(
        "PLAYBOOK_MAX_SKEW", .integer(1...1000), default: 1, "The largest skew between zones.")
}

private let missing = Clause(
    "missing",
    "there is a constraint on `topology.kubernetes.io/zone` or `topology.k8s.aws/zone-id`, or a required anti-affinity over zones"
)
private let selectsNothing = Clause("selects-nothing", "the constraint's selector matches the pods' own labels")
private let skewed = Clause("skewed", "the constraint's `maxSkew` is no more than `PLAYBOOK_MAX_SKEW`")

private let zone = "topology.kubernetes.io/zone"

private func checkSpread(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    let largest = context[RuleSettings.maximumSkew]
    // One sound constraint is enough, so one finding is, too.
    var first: (field: Field, skew: Int?)?
    let constraints = try template.field["topologySpreadConstraints"]
    for constraint in try constraints.objects() {
        try findings.step()
        guard constraint.isOverZones else { continue }
        // Without a selector it counts no pod; `matchLabelKeys` only add what every pod of the template has.
        let selector = try constraint["labelSelector"].object()
        if try selector.map({ (value) throws(CannotJudge) in try LabelSelector.matches(value, labels) }) != true {
            first = first ?? (constraint, nil)
            continue
        }
        let skew = try constraint["maxSkew"].integer() ?? 1
        guard skew > largest else { return }
        first = first ?? (constraint.member("maxSkew"), skew)
    }
    if try keepsZonesApart(template, labels, subject, findings) { return }
    switch first {
    case nil: reportMissing(constraints, labels, subject, findings)
    case (let field, let skew?)?:
        findings.add(
            skewed, at: field, "is \(skew), more than \(largest)", set: .number(String(largest)), excess: Double(skew))
    case (let constraint, nil)?:
        findings.add(selectsNothing, at: constraint, "does nothing: \(mismatch(constraint, labels))") { finding in
            let selector = ownSelector(of: subject, labels)
            finding.edits = selector.map { [.set(finding.place / "labelSelector", $0)] } ?? []
            if selector == nil { finding.advice = selectionAdvice }
        }
    }
}

extension Field {
    /// True if a constraint or an affinity term is about zones: by their name, or by AWS's own id.
    fileprivate var isOverZones: Bool {
        guard let key = base["topologyKey"] else { return false }
        return key.equals("topology.kubernetes.io/zone") || key.equals("topology.k8s.aws/zone-id")
    }
}

/// True if no two of the pods may run in one zone, which is stricter than a spread.
private func keepsZonesApart(
    _ template: PodTemplate, _ labels: Labels, _ subject: Subject, _ findings: FindingCollector
) throws(CannotJudge) -> Bool {
    let affinity = try template.field["affinity"]
    guard affinity.isPresent else { return false }
    for term in try affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].objects() {
        try findings.step()
        guard term.isOverZones, try term["mismatchLabelKeys"].elements().isEmpty,
            let selector = try term["labelSelector"].object(), try LabelSelector.matches(selector, labels)
        else { continue }
        // Without a word about namespaces the pod's own is meant; the empty selector means all.
        let namespaces = try term["namespaces"].strings()
        let others = try term["namespaceSelector"].object()
        if let others, others.members.first(where: { _ in true }) == nil { return true }
        if namespaces.isEmpty
            ? others == nil : namespaces.contains(where: { $0.base.equals(string: subject.namespace) })
        {
            return true
        }
    }
    return false
}

/// Why a constraint's selector does not match the pods.
private func mismatch(_ constraint: Field, _ labels: Labels) -> String {
    guard let selector = constraint.member("labelSelector").value else { return "it has no labelSelector" }
    let part = selector.nodeCount > 1000 ? nil : try? LabelSelector(selector).mismatch(with: labels)
    return part.map { "the pods do not match \($0)" } ?? "the pods do not match"
}

private func reportMissing(_ constraints: Field, _ labels: Labels, _ subject: Subject, _ findings: FindingCollector) {
    findings.add(missing, at: constraints, "has nothing for \(zone)") {
        guard let selector = ownSelector(of: subject, labels) else {
            $0.advice = selectionAdvice
            return
        }
        var constraint: [Literal.Member] = [
            .init("maxSkew", 1), .init("topologyKey", .string(zone)), .init("whenUnsatisfiable", "ScheduleAnyway"),
            .init("labelSelector", selector),
        ]
        if subject.kind == .deployment { constraint.append(.init("matchLabelKeys", ["pod-template-hash"])) }
        let hasOthers = constraints.value?.elements.contains { _ in true } ?? false
        $0.edits = [
            hasOthers ? .set($0.place / "-", .object(constraint)) : .set($0.place, .array([.object(constraint)]))
        ]
        $0.isFixable = true
    }
}

/// What selects a workload's pods: its own selector's labels where the pods have them, else theirs.
///
/// Nil where they have none: the empty selector would take in all pods of the namespace. Nor is anything suggested for more labels
/// than anybody would write.
func ownSelector(of subject: Subject, _ labels: Labels) -> Literal? {
    guard !labels.isEmpty, labels.count <= mostSuggestedLabels else { return nil }
    if let selector = subject.object["spec"]?["selector"], let parsed = try? LabelSelector(selector),
        !parsed.labels.isEmpty, parsed.labels.count <= mostSuggestedLabels, parsed.matches(labels)
    {
        return ["matchLabels": .object(parsed.labels.map { .init($0.key, .string($0.value)) })]
    }
    return ["matchLabels": .object(labels.pairs.map { .init($0.key, .string($0.value)) })]
}

private let mostSuggestedLabels = 64

/// What to do about pods that nothing can select alone.
let selectionAdvice = "give the pods a label of their own, and select it"

private let cases: [Example] = [
    .good(
        "over zones, by the pods' own label",
        """
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}, matchLabelKeys: [pod-template-hash]}
        """),
    .good(
        "over zones by AWS's id of them",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, $patch: delete}
        - {maxSkew: 1, topologyKey: topology.k8s.aws/zone-id, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
        """),
    .good(
        "no two in one zone",
        antiAffinity("topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}")),
    .bad(
        "no two on one node", missing, at: "topologySpreadConstraints",
        antiAffinity("topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}"), isFixed: true),
    .bad(
        "none in one zone with other pods", missing, at: "topologySpreadConstraints",
        antiAffinity("topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: api}}"),
        isFixed: true),
    .bad(
        "none in one zone with pods of another namespace", missing, at: "topologySpreadConstraints",
        antiAffinity(
            "topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}, namespaces: [bank]"),
        isFixed: true),
    .bad("no constraint", missing, at: "topologySpreadConstraints", "topologySpreadConstraints: null", isFixed: true),
    .bad(
        "over nodes only", missing, at: "topologySpreadConstraints",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, $patch: delete}
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
        """, isFixed: true),
    .bad(
        "a selector that the pods do not match", selectsNothing,
        at: "topologySpreadConstraints[topology.kubernetes.io/zone]",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: website}}}
        """),
    .bad(
        "no selector counts no pod", selectsNothing, at: "topologySpreadConstraints[topology.kubernetes.io/zone]",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, labelSelector: null}
        """),
    .bad(
        "a skew of two", skewed, at: "topologySpreadConstraints[topology.kubernetes.io/zone].maxSkew",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, maxSkew: 2}
        """),
    .good(
        "a skew of two where the team allows it",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, maxSkew: 2}
        """, settings: ["PLAYBOOK_MAX_SKEW": "2"]),
    .bad(
        "no replicas now, more tomorrow", missing, at: "topologySpreadConstraints",
        """
        spec:
          replicas: 0
          template: {spec: {topologySpreadConstraints: null}}
        """, isFixed: true),
    .good(
        "what is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        spec:
          template: {spec: {topologySpreadConstraints: null}}
        """),
    .good(
        "containers do not matter",
        "initContainers: [{name: proxy, restartPolicy: Always}]"),
    .good(
        "a DaemonSet runs on every node anyway",
        """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: agent, namespace: shop}
        spec:
          selector: {matchLabels: {app: agent}}
          template:
            metadata: {labels: {app: agent}}
            spec:
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: agent}]
        """),
]

private func antiAffinity(_ term: String) -> String {
    """
    topologySpreadConstraints: null
    affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{\(term)}]}}
    """
}
