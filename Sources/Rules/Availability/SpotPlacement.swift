import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let spotPlacement = Rule(
        id: "spot-placement",
        title: "What is pinned to Spot can be interrupted",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A Spot node goes two minutes after it is told. A workload of one pod is then gone, and a pod that needs longer to shut \
            down is killed in the middle of it.
            """,
        level: .warn,
        concern: .reliability,
        // Whether it is exempt from another rule is said by its annotations.
        scope: Scope(.withPodSpec, isLongRunningOnly: true, readsMetadata: true),
        clauses: [single, grace],
        examples: cases,
        check: checkSpot
    )
}

private let single = Clause("single", "what is pinned to Spot is not exempt from `replicas`")
private let grace = Clause(
    "grace", "what is pinned to Spot shuts down within the 120 seconds of an interruption's notice")

private let notice = 120

private func checkSpot(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template(), let pin = try Pin(template) else { return }
    if ResourceKinds.replicated.contains(subject.kind),
        Exemptions(of: subject, in: context).exemption(from: .replicas, at: context.now) != nil
    {
        findings.add(
            single, at: pin.field, "pins what is exempt from replicas to Spot: an interruption takes it down"
        ) { $0.edits = pin.loosened(findings) }
    }
    let period = try template.field["terminationGracePeriodSeconds"]
    if let seconds = try period.integer(), seconds > notice {
        findings.add(
            grace, at: period, "is \(seconds), and a Spot node goes after \(notice) seconds",
            set: .number("\(notice)"), excess: Double(seconds - notice))
    }
}

/// What lets pods run on Spot nodes alone.
private struct Pin {
    /// The label of the node selector, or the requirement of the first term.
    let field: Field
    /// The requirements of the other terms.
    private var others: [Field] = []

    init?(_ template: PodTemplate) throws(CannotJudge) {
        let selector = try template.field["nodeSelector"]
        for capacity in Capacity.labels where try selector[capacity.key].equals(capacity.spot) {
            field = try selector[capacity.key]
            return
        }
        let affinity = try template.field["affinity"]
        guard affinity.isPresent else { return nil }
        let terms = try affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        var first: Field?
        for term in try terms.objects() {
            // One of the terms is enough for a node; an empty one is for none.
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

    /// What lets them run on others, too.
    func loosened(_ findings: FindingCollector) -> [Edit] {
        if field.base.kind == .string { return [.remove(findings.place(of: field))] }
        // With more terms than anybody writes, no suggestion takes them all.
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

/// A label of nodes that says how they are bought.
private struct Capacity {
    let key, spot, onDemand: StaticString

    /// Karpenter's, and that of EKS managed node groups.
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
    /// Whether it is the requirement that the capacity is Spot: that alone, or nothing on demand.
    fileprivate func isSpotAlone() throws(CannotJudge) -> Bool {
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
        "pinned, with two minutes",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 120}"),
    .good(
        "three minutes on demand",
        "{nodeSelector: {karpenter.sh/capacity-type: on-demand}, terminationGracePeriodSeconds: 180}"),
    .good("three minutes on whatever there is", "terminationGracePeriodSeconds: 180"),
    .bad(
        "a second too long", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 121}"),
    .bad(
        "pinned by affinity", grace, at: "terminationGracePeriodSeconds",
        "{\(required(spotTerm)), terminationGracePeriodSeconds: 300}"),
    .bad(
        "an hour instead of five minutes", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 3600}",
        before: "{nodeSelector: {karpenter.sh/capacity-type: spot}, terminationGracePeriodSeconds: 300}"),
    .bad(
        "pinned by not on demand", grace, at: "terminationGracePeriodSeconds",
        "{\(required(notOnDemandTerm)), terminationGracePeriodSeconds: 300}"),
    .bad(
        "a singleton by not on demand", single,
        at:
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[karpenter.sh/capacity-type]",
        singleton(required(notOnDemandTerm))),
    .bad(
        "pinned to a managed node group's Spot nodes", grace, at: "terminationGracePeriodSeconds",
        "{nodeSelector: {eks.amazonaws.com/capacityType: SPOT}, terminationGracePeriodSeconds: 300}"),
    .bad(
        "pinned to them by affinity", grace, at: "terminationGracePeriodSeconds",
        "{\(required(managedTerm)), terminationGracePeriodSeconds: 300}"),
    .good("not on Spot", "{\(required(notSpotTerm)), terminationGracePeriodSeconds: 300}"),
    .good("Spot or not", "{\(required(eitherTerm)), terminationGracePeriodSeconds: 300}"),
    .good("Spot, or any node for arm64", "{\(required(spotTerm, armTerm)), terminationGracePeriodSeconds: 300}"),
    .good(
        "a wish is no pin",
        """
        terminationGracePeriodSeconds: 300
        affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: \(spotTerm)}]}}
        """),
    .bad(
        "a singleton", single, at: "nodeSelector[karpenter.sh/capacity-type]",
        singleton("nodeSelector: {karpenter.sh/capacity-type: spot}")),
    .bad(
        "a singleton by affinity", single,
        at:
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[karpenter.sh/capacity-type]",
        singleton(required(spotTerm))),
    .good(
        "a singleton that may run anywhere", exempt),
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
