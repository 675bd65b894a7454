import JSON
import Kubernetes

extension Rule {
    static let autoscalerBounds = Rule(
        id: "autoscaler-bounds",
        title: "Autoscalers keep two pods, may add more, and can measure",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            An autoscaler owns the count: with a minimum of 1 it scales down to an outage at each quiet hour, with a maximum that is \
            its minimum it does nothing, and a share of CPU requests that nobody makes is never measured.
            """,
        level: .deny,
        scope: Scope(ResourceKinds(.horizontalPodAutoscaler, .scaledObject)),
        clauses: [BoundsClause.minimum, BoundsClause.maximum, BoundsClause.request],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        companions: [.scaledObject, .deployment, .statefulSet, .rollout, .limitRange],
        examples: boundsExamples,
        check: { (subject, context) throws(CannotJudge) in
            let owner = subject.metadata.controller.flatMap { $0.kind == .scaledObject ? $0 : nil }
            if let owner, try isMadeByKEDA(subject, for: owner, context) { return [] }
            guard let spec = try subject.spec() else { return [] }
            var findings = try Bounds(spec, subject.kind).findings(
                atLeast: context.settings[RuleSettings.minimumReplicas])
            do throws(CannotJudge) {
                if let finding = try requestFinding(subject, spec, context) { findings.append(finding) }
            } catch {
                // What the autoscaler says of itself holds whatever else there is.
                if findings.isEmpty { throw error }
            }
            // A ScaledObject that was applied a moment ago is looked for once more.
            return owner == nil ? findings : findings.map { $0.with { $0.absent = .scaledObject } }
        }
    )
}

/// Whether KEDA made an autoscaler for its owner, a ScaledObject, which is judged itself.
///
/// Anybody can claim an owner: it is believed of KEDA's operator, and where the ScaledObject has the same target.
private func isMadeByKEDA(_ subject: Subject, for owner: Owner, _ context: Context) throws(CannotJudge) -> Bool {
    let requester = Requester(of: subject.review, context)
    if requester == .trustedController { return true }
    if requester == .serviceAccount, subject.review.user.isNamed("system:serviceaccount:keda:keda-operator") {
        return true
    }
    guard context.companions.knows(.scaledObject, in: subject.namespace) else {
        if requester == .deployer, context.source != .cluster { return false }
        throw .unknown(companion: "ScaledObjects")
    }
    guard let known = context.companions.scaledObject(owner.name, in: subject.namespace) else { return false }
    let autoscaler = try Autoscaler(subject)
    return known.targetKind == autoscaler.targetKind && known.targetName == autoscaler.targetName
}

/// What the rule checks; its examples stand in a file of their own.
enum BoundsClause {
    static let minimum = Clause(
        "minimum", "`minReplicas` is at least `PLAYBOOK_MIN_REPLICAS`; a ScaledObject's `minReplicaCount` may be 0")
    static let maximum = Clause("maximum", "the maximum is more than the minimum")
    static let request = Clause("request", "a target that is a share of CPU requests has containers that request CPU")
}

// MARK: How many

/// The fewest and the most replicas, and what says so.
private struct Bounds {
    let minimum: Int
    let maximum: Int?
    let isStated: Bool
    let mayBeZero: Bool
    let minimumPlace: Pointer
    let maximumPlace: Pointer

    init(_ spec: Value, _ kind: ResourceKind) throws(CannotJudge) {
        mayBeZero = kind == .scaledObject
        let stated = try spec.integer(mayBeZero ? "minReplicaCount" : "minReplicas")
        isStated = stated != nil
        minimum = stated ?? (mayBeZero ? 0 : 1)
        // KEDA's default; an autoscaler of Kubernetes' own always states it.
        maximum = mayBeZero ? try spec.integer("maxReplicaCount") ?? 100 : try spec.integer("maxReplicas")
        minimumPlace = mayBeZero ? "/spec/minReplicaCount" : "/spec/minReplicas"
        maximumPlace = mayBeZero ? "/spec/maxReplicaCount" : "/spec/maxReplicas"
    }

    func findings(atLeast least: Int) -> [Finding] {
        var findings: [Finding] = []
        let isTooFew = minimum < least && !(mayBeZero && minimum == 0)
        let (needed, isHuge) = (isTooFew ? least : minimum).multipliedReportingOverflow(by: 2)
        let wider = Edit.set(maximumPlace, .number("\(isHuge ? Int.max : max(needed, 2))"))
        if isTooFew {
            let seen = isStated ? "\(minimum)" : "unset, which is \(minimum)"
            var edits: [Edit] = [.set(minimumPlace, .number("\(least)"))]
            if let maximum, maximum <= least { edits.append(wider) }
            findings.append(
                Finding(
                    BoundsClause.minimum, at: minimumPlace,
                    "is \(seen): \(mayBeZero ? "neither 0 nor at least \(least)" : "fewer than \(least)")", edits: edits
                ).with { $0.excess = Double(least - minimum) })
        }
        if let maximum, maximum <= minimum {
            findings.append(
                Finding(
                    BoundsClause.maximum, at: maximumPlace, "is \(maximum), no more than the minimum of \(minimum)",
                    edits: [wider]
                ).with { $0.excess = Double(minimum) - Double(maximum) })
        }
        return findings
    }
}

// MARK: By what

/// That the target is a share of CPU requests, and a container of the workload makes none.
private func requestFinding(
    _ subject: Subject, _ spec: Value, _ context: Context
) throws(CannotJudge) -> Finding? {
    let targets = try ScaledResource.all(in: spec, subject.kind).filter { $0.name == .cpu && $0.isUtilization }
    guard !targets.isEmpty else { return nil }
    let autoscaler = try Autoscaler(subject)
    guard ResourceKinds.replicated.contains(autoscaler.targetKind) else {
        throw .unknown(companion: "the containers of its target")
    }
    // One that is still to come is judged itself when it does.
    guard
        let workload = try context.companions.template(
            of: autoscaler.targetKind, autoscaler.targetName, in: subject.namespace)
    else { return nil }
    for target in targets {
        let silent = workload.containers.filter { container in
            !container.asksForCPU && (target.container.map { $0 == container.name } ?? true)
        }.map(\.name)
        guard let first = silent.first, try !context.companions.defaultsCPU(in: subject.namespace) else { continue }
        let owner = "\(workload.kind.name) \(workload.name)"
        return Finding(
            BoundsClause.request, at: place(of: target, spec, subject.kind),
            "goes by a share of CPU requests, and container \(first) of \(owner) makes none"
        ).with {
            $0.choice = "\(owner) \(silent.joined(separator: " "))"
            $0.advice = "give container \(first) of \(owner) resources: {requests: {cpu: 100m}}, or what it uses"
        }
    }
    return nil
}

private func place(of target: ScaledResource, _ spec: Value, _ kind: ResourceKind) -> Pointer {
    if kind == .scaledObject { return "/spec/triggers" / String(target.index ?? 0) }
    if let index = target.index { return "/spec/metrics" / String(index) }
    return spec.present("targetCPUUtilizationPercentage") == nil
        ? "/spec/metrics" : "/spec/targetCPUUtilizationPercentage"
}

extension Companions {
    /// Whether a LimitRange of the namespace gives containers a CPU request that make none.
    fileprivate func defaultsCPU(in namespace: String) throws(CannotJudge) -> Bool {
        try objects(.limitRange, in: namespace).contains { $0.fields["cpu"] == true }
    }
}
