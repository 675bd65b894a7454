import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let topologySpread = Rule(
        id: "topology-spread",
        title: "Workloads spread replicas across zones",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            Without a topology spread constraint, all replicas can run in one zone, and the failure of that zone makes the \
            application unavailable.
            """,
        level: .deny,
        concern: .reliability,
        scope: .replicated,
        clauses: [missing, selectsNothing, skewed],
        settings: [RuleSettings.maximumSkew],
        exemptWith: "replicas",
        fix: .adds("Adds a zone constraint with `maxSkew: 1`, `ScheduleAnyway` and the workload's selector."),
        examples: cases,
        check: checkSpread
    )
}

extension RuleSettings {
    static let maximumSkew = RuleSetting(
        "PLAYBOOK_MAX_SKEW", .integer(1...1000), default: 1, "Maximum `maxSkew` of a zone constraint.")
}

private let missing = Clause(
    "missing",
    "a spread constraint or a required pod anti-affinity for `topology.kubernetes.io/zone` or `topology.k8s.aws/zone-id` is set"
)
private let selectsNothing = Clause("selects-nothing", "the constraint's selector matches the pods' labels")
private let skewed = Clause("skewed", "the constraint's `maxSkew` is at most `PLAYBOOK_MAX_SKEW`")

private let zone = "topology.kubernetes.io/zone"

private func checkSpread(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    let largest = context[RuleSettings.maximumSkew]
    // One valid constraint is enough, so one finding is enough.
    var first: (field: Field, skew: Int?)?
    let constraints = template.topologySpreadConstraints
    for constraint in try constraints.objects() {
        try findings.step()
        guard constraint.isOverZones else { continue }
        // Without a selector it counts no pods; `matchLabelKeys` only adds labels that all pods of the template have.
        let selector = try constraint["labelSelector"].object()
        if try selector.map({ (value) throws(CannotEvaluate) in try LabelSelector.matches(value, labels) }) != true {
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
            skewed, at: field, "is \(skew); at most \(largest) is allowed", set: .number(String(largest)),
            excess: Double(skew))
    case (let constraint, nil)?:
        findings.add(selectsNothing, at: constraint, "has no effect: \(mismatch(constraint, labels))") { finding in
            let selector = ownSelector(of: subject, labels)
            finding.edits = selector.map { [.set(finding.place / "labelSelector", $0)] } ?? []
            if selector == nil { finding.advice = selectionAdvice }
        }
    }
}

extension Field {
    /// True if a constraint or an affinity term is for zones, by name or by AWS's zone ID.
    fileprivate var isOverZones: Bool {
        guard let key = base["topologyKey"] else { return false }
        return key.equals("topology.kubernetes.io/zone") || key.equals("topology.k8s.aws/zone-id")
    }
}

/// Returns true if no two of the pods can run in one zone, which is stricter than a spread constraint.
private func keepsZonesApart(
    _ template: PodTemplate, _ labels: Labels, _ subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) -> Bool {
    let affinity = template.affinity
    guard affinity.isPresent else { return false }
    for term in try affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].objects() {
        try findings.step()
        guard term.isOverZones, try term["mismatchLabelKeys"].elements().isEmpty,
            let selector = try term["labelSelector"].object(), try LabelSelector.matches(selector, labels)
        else { continue }
        // By default the term applies to the pod's namespace; an empty selector selects all namespaces.
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

/// Returns why a constraint's selector does not match the pods.
private func mismatch(_ constraint: Field, _ labels: Labels) -> String {
    guard let selector = constraint.member("labelSelector").value else { return "it has no labelSelector" }
    let part = selector.nodeCount > 1000 ? nil : try? LabelSelector(selector).mismatch(with: labels)
    return part.map { "the pods do not match \($0)" } ?? "the pods do not match"
}

private func reportMissing(_ constraints: Field, _ labels: Labels, _ subject: Subject, _ findings: FindingCollector) {
    findings.add(missing, at: constraints, "has no constraint for \(zone)") {
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

/// Returns a selector for a workload's pods: the labels of the workload's selector if the pods match them, else the pods' labels.
///
/// Nil if the pods have no labels, because an empty selector selects all pods of the namespace. Nil also for too many labels.
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

/// The advice for pods that cannot be selected by a label.
let selectionAdvice = "give the pods a unique label, and select it"

private let cases: [Example] = [
    .good(
        "a zone constraint with the pods' label",
        """
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}, matchLabelKeys: [pod-template-hash]}
        """),
    .good(
        "a constraint for AWS zone IDs",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, $patch: delete}
        - {maxSkew: 1, topologyKey: topology.k8s.aws/zone-id, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
        """),
    .good(
        "a pod anti-affinity for zones",
        antiAffinity("topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}")),
    .bad(
        "a pod anti-affinity for nodes", missing, at: "topologySpreadConstraints",
        antiAffinity("topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}"), isFixed: true),
    .bad(
        "a pod anti-affinity for zones, with other pods", missing, at: "topologySpreadConstraints",
        antiAffinity("topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: api}}"),
        isFixed: true),
    .bad(
        "a pod anti-affinity for zones, with pods of another namespace", missing, at: "topologySpreadConstraints",
        antiAffinity(
            "topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}, namespaces: [bank]"),
        isFixed: true),
    .bad("no constraint", missing, at: "topologySpreadConstraints", "topologySpreadConstraints: null", isFixed: true),
    .bad(
        "a constraint for nodes only", missing, at: "topologySpreadConstraints",
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
        "a constraint without a selector", selectsNothing, at: "topologySpreadConstraints[topology.kubernetes.io/zone]",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, labelSelector: null}
        """),
    .bad(
        "maxSkew 2", skewed, at: "topologySpreadConstraints[topology.kubernetes.io/zone].maxSkew",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, maxSkew: 2}
        """),
    .good(
        "an allowed maxSkew of 2",
        """
        topologySpreadConstraints:
        - {topologyKey: topology.kubernetes.io/zone, maxSkew: 2}
        """, settings: ["PLAYBOOK_MAX_SKEW": "2"]),
    .bad(
        "a workload with zero replicas", missing, at: "topologySpreadConstraints",
        """
        spec:
          replicas: 0
          template: {spec: {topologySpreadConstraints: null}}
        """, isFixed: true),
    .good(
        "a workload that is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        spec:
          template: {spec: {topologySpreadConstraints: null}}
        """),
    .good(
        "init and sidecar containers are not checked",
        "initContainers: [{name: proxy, restartPolicy: Always}]"),
    .good(
        "a DaemonSet runs on every node",
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
