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
        // Whether it is exempt from another rule is said by its annotations.
        scope: Scope(.holders, isLongRunningOnly: true, readsMetadata: true),
        clauses: [single, grace],
        examples: cases,
        check: spotFindings
    )
}

private let single = Clause("single", "what is pinned to Spot is not exempt from `replicas`")
private let grace = Clause(
    "grace", "what is pinned to Spot shuts down within the 120 seconds of an interruption's notice")

private let notice = 120

private func spotFindings(_ subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard let template = try subject.template(), let pin = try Pin(template, subject) else { return [] }
    var findings: [Finding] = []
    if ResourceKinds.replicated.contains(subject.kind) {
        let exemptions = Exemptions(of: subject, in: context)
        if exemptions.exemption(from: .replicas, at: context.now) != nil {
            findings.append(
                Finding(
                    single, at: pin.place, "pins what is exempt from replicas to Spot: an interruption takes it down",
                    edits: pin.loosened))
        }
    }
    if let seconds = try template.spec.integer("terminationGracePeriodSeconds"), seconds > notice {
        let place = template.pointer / "terminationGracePeriodSeconds"
        findings.append(
            Finding(
                grace, at: place, "is \(seconds), and a Spot node goes after \(notice) seconds",
                edits: [.set(place, .number("\(notice)"))]
            ).with { $0.excess = Double(seconds - notice) })
    }
    return findings
}

/// What lets pods run on Spot nodes alone.
private struct Pin {
    let place: Pointer
    /// What lets them run on others, too.
    let loosened: [Edit]
    private static let mostPlaces = 100

    init?(_ template: PodTemplate, _ subject: Subject) throws(CannotJudge) {
        if try template.spec.object("nodeSelector")?.text("karpenter.sh/capacity-type")?.equals("spot") ?? false {
            place = template.pointer / "nodeSelector" / "karpenter.sh/capacity-type"
            loosened = [.remove(place)]
            return
        }
        guard
            let terms = try template.spec.object("affinity")?.object("nodeAffinity")?
                .object("requiredDuringSchedulingIgnoredDuringExecution")?.objects("nodeSelectorTerms")
        else { return nil }
        var pins: [Value] = []
        for term in terms {
            // One of the terms is enough for a node; an empty one is for none.
            guard !term.isEmptyTerm else { continue }
            var pin: Value?
            for expression in try term.objects("matchExpressions") where try expression.isSpotAlone() {
                pin = expression
            }
            guard let pin else { return nil }
            pins.append(pin)
        }
        let places = pins.prefix(Pin.mostPlaces).map { subject.pointer(to: $0) }
        guard let first = places.first else { return nil }
        place = first
        // With more terms than anybody writes, no suggestion takes them all.
        loosened = pins.count > places.count ? [] : places.map { .set($0 / "values", ["spot", "on-demand"]) }
    }
}

extension Value {
    fileprivate var isEmptyTerm: Bool {
        ["matchExpressions", "matchFields"].allSatisfy { (key: StaticString) in
            self[key]?.elements.first { _ in true } == nil
        }
    }

    /// Whether it is the requirement that the capacity is Spot.
    fileprivate func isSpotAlone() throws(CannotJudge) -> Bool {
        guard try text("key")?.equals("karpenter.sh/capacity-type") ?? false,
            try text("operator")?.equals("In") ?? false, let values = try array("values")
        else { return false }
        return values.elements.contains { _ in true } && values.elements.allSatisfy { $0.equals("spot") }
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
