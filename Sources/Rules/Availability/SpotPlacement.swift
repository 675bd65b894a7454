import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let spotPlacement = Rule(
        id: "spot-placement",
        title: "Workloads pinned to Spot tolerate interruptions",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A Spot node is reclaimed two minutes after the interruption notice. A workload with a single replica is then \
            unavailable, and a pod that needs longer to shut down is killed.
            """,
        level: .warn,
        concern: .reliability,
        // The exemption from `replicas` is in the annotations.
        scope: Scope(.withPodSpec, isLongRunningOnly: true, readsMetadata: true),
        clauses: [single, grace],
        examples: cases,
        check: checkSpot
    )
}

private let single = Clause("single", "a workload that is pinned to Spot is not exempt from `replicas`")
private let grace = Clause(
    "grace",
    "a pod that is pinned to Spot has a grace period of at most 120 seconds, the time after an interruption notice")

private let notice = 120

private func checkSpot(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template(), let pin = try Pin(template) else { return }
    if ResourceKinds.replicated.contains(subject.kind),
        Exemptions(of: subject, in: context).exemption(from: .replicas, at: context.now) != nil
    {
        findings.add(
            single, at: pin.field,
            "pins a workload that is exempt from replicas to Spot; an interruption makes it unavailable"
        ) { $0.edits = pin.loosened(findings) }
    }
    let period = template.terminationGracePeriodSeconds
    if let seconds = try period.integer(), seconds > notice {
        findings.add(
            grace, at: period, "is \(seconds), but a Spot node is reclaimed after \(notice) seconds",
            set: .number("\(notice)"), excess: Double(seconds - notice))
    }
}

/// The node selector or node affinity that restricts pods to Spot nodes.
private struct Pin {
    /// The label of the node selector, or the requirement of the first term.
    let field: Field
    /// The requirements of the other terms.
    private var others: [Field] = []

    init?(_ template: PodTemplate) throws(CannotEvaluate) {
        let selector = try template.field["nodeSelector"]
        for capacity in Capacity.labels where try selector[capacity.key].equals(capacity.spot) {
            field = try selector[capacity.key]
            return
        }
        let affinity = template.affinity
        guard affinity.isPresent else { return nil }
        let terms = try affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        var first: Field?
        for term in try terms.objects() {
            // A node must match one term; an empty term matches no node.
            guard !term.base.isEmptyTerm else { continue }
            var pin: Field?
            for expression in try term["matchExpressions"].objects() where try expression.isSpotAlone() {
                pin = expression
            }
            guard let pin else { return nil }
            if first == nil { first = pin } else { others.append(pin) }
        }
        guard let first else { return nil }
        field = first
    }

    /// Returns the edits that also allow On-Demand nodes.
    func loosened(_ findings: FindingCollector) -> [Edit] {
        if field.base.kind == .string { return [.remove(findings.place(of: field))] }
        // The size of the suggested change is limited.
        guard others.count < 100 else { return [] }
        return ([field] + others).flatMap { expression -> [Edit] in
            let capacity = Capacity.labels.first { expression.base["key"]?.equals($0.key) ?? false }
            guard let capacity else { return [] }
            let values: Literal = [.string("\(capacity.spot)"), .string("\(capacity.onDemand)")]
            return [
                .set(findings.place(of: expression.member("operator")), "In"),
                .set(findings.place(of: expression.member("values")), values),
            ]
        }
    }
}

/// A node label with the capacity type.
private struct Capacity {
    let key, spot, onDemand: StaticString

    /// The labels of Karpenter and of EKS managed node groups.
    static let labels = [
        Capacity(key: "karpenter.sh/capacity-type", spot: "spot", onDemand: "on-demand"),
        Capacity(key: "eks.amazonaws.com/capacityType", spot: "SPOT", onDemand: "ON_DEMAND"),
    ]
}

extension Value {
    fileprivate var isEmptyTerm: Bool {
        ["matchExpressions", "matchFields"].allSatisfy { (key: StaticString) in
            self[key]?.elements.first { _ in true } == nil
        }
    }
}

extension Field {
    /// Returns true if a requirement allows only Spot: its values are Spot, or it excludes On-Demand.
    fileprivate func isSpotAlone() throws(CannotEvaluate) -> Bool {
        guard let key = try self["key"].text(), let capacity = Capacity.labels.first(where: { key.equals($0.key) })
        else { return false }
        let values = try self["values"].elements()
        if try self["operator"].equals("NotIn") { return values.contains { $0.base.equals(capacity.onDemand) } }
        guard try self["operator"].equals("In") else { return false }
        return !values.isEmpty && values.allSatisfy { $0.base.equals(capacity.spot) }
    }
}

private let exempt = """
    metadata:
      annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
    """

private func required(_ terms: String...) -> String {
    """
    affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\(terms.joined(separator: ", "))]}}}
    """
}

private let spotTerm = "{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]}"
private let eitherTerm =
    "{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}]}"
private let notOnDemandTerm =
    "{matchExpressions: [{key: karpenter.sh/capacity-type, operator: NotIn, values: [on-demand]}]}"
private let notSpotTerm = "{matchExpressions: [{key: karpenter.sh/capacity-type, operator: NotIn, values: [spot]}]}"
private let managedTerm = "{matchExpressions: [{key: eks.amazonaws.com/capacityType, operator: In, values: [SPOT]}]}"
private let armTerm = "{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64]}]}"

private let cases: [Example] = [
    .good(
        "pinned to Spot with 120 seconds",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 120}"),
    .good(
        "pinned to On-Demand with 180 seconds",
        "{nodeSelector: {karpenter.sh/capacity-type: on-demand}, terminationGracePeriodSeconds: 180}"),
    .good("not pinned, with 180 seconds", "terminationGracePeriodSeconds: 180"),
    .bad(
        "pinned to Spot with 121 seconds", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 121}"),
    .bad(
        "pinned to Spot by affinity", grace, at: "terminationGracePeriodSeconds",
        "{\(required(spotTerm)), terminationGracePeriodSeconds: 300}"),
    .bad(
        "a grace period raised from 300 to 3600 seconds", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 3600}",
        before: "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 300}"),
    .bad(
        "pinned to Spot by excluding On-Demand", grace, at: "terminationGracePeriodSeconds",
        "{\(required(notOnDemandTerm)), terminationGracePeriodSeconds: 300}"),
    .bad(
        "a single replica, pinned to Spot by excluding On-Demand", single,
        at:
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[karpenter.sh/capacity-type]",
        singleton(required(notOnDemandTerm))),
    .bad(
        "pinned to Spot nodes of a managed node group", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {eks.amazonaws.com/capacityType: SPOT}, terminationGracePeriodSeconds: 300}"),
    .bad(
        "pinned to Spot nodes of a managed node group by affinity", grace, at: "terminationGracePeriodSeconds",
        "{\(required(managedTerm)), terminationGracePeriodSeconds: 300}"),
    .good("an affinity that excludes Spot", "{\(required(notSpotTerm)), terminationGracePeriodSeconds: 300}"),
    .good("an affinity for Spot or On-Demand", "{\(required(eitherTerm)), terminationGracePeriodSeconds: 300}"),
    .good(
        "an affinity for Spot or any arm64 node", "{\(required(spotTerm, armTerm)), terminationGracePeriodSeconds: 300}"
    ),
    .good(
        "a preferred affinity for Spot",
        """
        terminationGracePeriodSeconds: 300
        affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: \(spotTerm)}]}}
        """),
    .bad(
        "a single replica, pinned to Spot", single, at: "nodeSelector[karpenter.sh/capacity-type]",
        singleton("nodeSelector: {karpenter.sh/capacity-type: spot}")),
    .bad(
        "a single replica, pinned to Spot by affinity", single,
        at:
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[karpenter.sh/capacity-type]",
        singleton(required(spotTerm))),
    .good(
        "a single replica that is not pinned", exempt),
]

private func singleton(_ pin: String) -> String {
    """
    apiVersion: apps/v1
    kind: StatefulSet
    \(exempt)
      name: licence
      namespace: shop
    spec:
      replicas: 1
      template:
        spec:
          \(pin)
          containers: [{name: app}]
    """
}
