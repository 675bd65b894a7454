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
        scope: .replicated,
        clauses: [missing, selectsNothing, skewed],
        settings: [RuleSettings.maximumSkew],
        exemptWith: "replicas",
        fix: .adds("Adds a constraint on zones with `maxSkew: 1`, `ScheduleAnyway`, and the workload's own selector."),
        examples: cases,
        check: evaluateSpread
    )
}

private let missing = Clause("missing", "there is a constraint on `topology.kubernetes.io/zone`")
private let selectsNothing = Clause("selects-nothing", "the constraint's selector matches the pods' own labels")
private let skewed = Clause("skewed", "the constraint's `maxSkew` is no more than `PLAYBOOK_MAX_SKEW`")

private let zone = "topology.kubernetes.io/zone"

private func evaluateSpread(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    let largest = context.settings[RuleSettings.maximumSkew]
    // One sound constraint is enough, so one finding is, too.
    var first: (constraint: Value, skew: Int?)?
    let constraints = try template.spec.objects("topologySpreadConstraints")
    for constraint in constraints {
        try findings.step()
        guard constraint["topologyKey"]?.equals("topology.kubernetes.io/zone") ?? false else { continue }
        // Without a selector it counts no pod; `matchLabelKeys` only add what every pod of the template has.
        let selector = try constraint.object("labelSelector")
        if try selector.map({ (value) throws(CannotJudge) in try LabelSelector.matches(value, labels) }) != true {
            first = first ?? (constraint, nil)
            continue
        }
        let skew = try constraint.integer("maxSkew") ?? 1
        guard skew > largest else { return }
        first = first ?? (constraint, skew)
    }
    switch first {
    case nil: findings.add(missingFinding(subject, template, labels, hasOthers: !constraints.isEmpty))
    case (let constraint, let skew?)?:
        findings.add(at: constraint, below: ["maxSkew"], excess: Double(skew)) { place in
            Finding(
                skewed, at: place, "is \(skew), more than \(largest)", edits: [.set(place, .number(String(largest)))]
            ).with { $0.excess = Double(skew) }
        }
    case (let constraint, nil)?:
        findings.add(at: constraint) { selectionFinding(constraint, labels, subject, at: $0) }
    }
}

/// A constraint whose selector does not match the pods.
private func selectionFinding(
    _ constraint: Value, _ labels: Labels, _ subject: Subject, at place: Pointer
) -> Finding {
    let selector = constraint.present("labelSelector")
    let part = selector.flatMap { $0.nodeCount > 1000 ? nil : try? LabelSelector($0).mismatch(with: labels) }
    return Finding(
        selectsNothing, at: place,
        "does nothing: \(part.map { "the pods do not match \($0)" } ?? (selector == nil ? "it has no labelSelector" : "the pods do not match"))",
        edits: ownSelector(of: subject, labels).map { [.set(place / "labelSelector", $0)] } ?? []
    ).with { $0.advice = $0.edits.isEmpty ? selectionAdvice : nil }
}

private func missingFinding(
    _ subject: Subject, _ template: PodTemplate, _ labels: Labels, hasOthers: Bool
) -> Finding {
    let place = template.pointer / "topologySpreadConstraints"
    let finding = Finding(missing, at: place, "has nothing for \(zone)")
    guard let selector = ownSelector(of: subject, labels) else {
        return finding.with { $0.advice = selectionAdvice }
    }
    var constraint: [Literal.Member] = [
        .init("maxSkew", 1), .init("topologyKey", .string(zone)), .init("whenUnsatisfiable", "ScheduleAnyway"),
        .init("labelSelector", selector),
    ]
    if subject.kind == .deployment { constraint.append(.init("matchLabelKeys", ["pod-template-hash"])) }
    return finding.with {
        $0.edits = [hasOthers ? .set(place / "-", .object(constraint)) : .set(place, .array([.object(constraint)]))]
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
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        """),
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
              containers:
              - name: agent
                image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/agent:1.4.2-9f3c1ab
                ports: [{name: http, containerPort: 8080}]
                resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
                livenessProbe: {httpGet: {path: /livez, port: http}}
                readinessProbe: {httpGet: {path: /readyz, port: http}}
        """),
]
