import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let autoscalerBounds = Rule(
        id: "autoscaler-bounds",
        title: "HPAs have minReplicas of at least 2, room to scale, and usable metrics",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            An autoscaler owns the count: with a minimum of 1 it scales down to an outage at each quiet hour, with a maximum that is \
            its minimum it does nothing (a remedy before a sale, and so a hint), and a share of CPU requests that nobody makes is never measured.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(ResourceKinds(.horizontalPodAutoscaler, .scaledObject)),
        clauses: [BoundsClause.minimum, BoundsClause.maximum, BoundsClause.pinned, BoundsClause.request],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        relatedObjects: [.scaledObject, .deployment, .statefulSet, .rollout, .limitRange],
        examples: boundsExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            let owner = subject.metadata.controller.flatMap { $0.kind == .scaledObject ? $0 : nil }
            if let owner, try isMadeByKEDA(subject, for: owner, context) { return }
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            // A ScaledObject that was applied a moment ago is looked for once more.
            let traits = Finding.Traits(absent: owner == nil ? nil : .scaledObject)
            let least = context[RuleSettings.minimumReplicas]
            try checkBounds(spec, subject.kind, atLeast: least, traits, findings)
            try checkRequests(spec, traits, subject, context, findings)
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
    guard context.relatedObjects.knows(.scaledObject, in: subject.namespace) else {
        if requester == .deployer, context.source != .cluster { return false }
        throw .unknown(relatedObject: "ScaledObjects")
    }
    guard let known = context.relatedObjects.scaledObject(owner.name, in: subject.namespace) else { return false }
    let autoscaler = try Autoscaler(subject)
    return known.targetKind == autoscaler.targetKind && known.targetName == autoscaler.targetName
}

/// What the rule checks; its examples stand in a file of their own.
enum BoundsClause {
    static let minimum = Clause(
        "minimum",
        "`minReplicas` is at least `PLAYBOOK_MIN_REPLICAS`; a ScaledObject's `minReplicaCount` may be 0, and that of an HPA with an Object or External metric"
    )
    static let maximum = Clause("maximum", "the maximum is not less than the minimum")
    static let pinned = Clause("pinned", "a maximum that is the minimum is a hint")
    static let request = Clause("request", "a target that is a share of CPU requests has containers that request CPU")
}

// MARK: How many

private func checkBounds(
    _ spec: Field, _ kind: ResourceKind, atLeast least: Int, _ traits: Finding.Traits, _ findings: FindingCollector
) throws(CannotJudge) {
    let isOfKEDA = kind == .scaledObject
    let lowest = try spec[isOfKEDA ? "minReplicaCount" : "minReplicas"]
    let highest = try spec[isOfKEDA ? "maxReplicaCount" : "maxReplicas"]
    let stated = try lowest.integer()
    let minimum = stated ?? (isOfKEDA ? 0 : 1)
    // KEDA's default; an autoscaler of Kubernetes' own always states it.
    let maximum = try highest.integer() ?? (isOfKEDA ? 100 : nil)
    // Kubernetes 1.37 scales to none by default where a metric says when there is work again.
    let mayBeZero = if minimum == 0, !isOfKEDA { try spec.hasMetricOfOthers() } else { isOfKEDA }
    let isTooFew = minimum < least && !(mayBeZero && minimum == 0)
    if isTooFew {
        let seen = stated.map { "\($0)" } ?? "unset, which is \(minimum)"
        findings.add(
            BoundsClause.minimum, at: lowest,
            "is \(seen): \(mayBeZero ? "neither 0 nor at least \(least)" : "fewer than \(least)")",
            excess: Double(least) - Double(minimum), traits: traits
        ) {
            let isSafe = maximum.map { $0 > least } ?? true
            if isSafe, spec.value?["scaleTargetRef"]?["kind"]?.equals("StatefulSet") != true {
                $0.edits = [.set($0.place, .number("\(least)"))]
            } else {
                $0.advice =
                    "a minimum of \(least) or more, and a maximum above it, if the workload can run more than once"
            }
        }
    }
    guard let maximum, maximum <= minimum else { return }
    if maximum < minimum {
        findings.add(
            BoundsClause.maximum, at: highest, "is \(maximum), less than the minimum of \(minimum)",
            excess: Double(minimum) - Double(maximum), traits: traits
        ) { $0.advice = "set it above the minimum" }
    } else if !isTooFew {
        findings.add(
            BoundsClause.pinned, at: highest, "is \(maximum), as the minimum is: the autoscaler does not scale",
            traits: .init(isHint: true)
        ) { $0.advice = "set it above the minimum when the load may change again" }
    }
}

extension Field {
    /// True if a metric is not measured on the pods, so that it is there when none run.
    fileprivate func hasMetricOfOthers() throws(CannotJudge) -> Bool {
        for metric in try self["metrics"].objects() where try metric["type"].equals(oneOf: "Object", "External") {
            return true
        }
        return false
    }
}

// MARK: By what

/// Reports that the target is a share of CPU requests, and a container of the workload makes none.
private func checkRequests(
    _ spec: Field, _ traits: Finding.Traits, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let targets = try ScaledResource.all(in: spec.value, subject.kind).filter { $0.name == .cpu && $0.isUtilization }
    guard !targets.isEmpty else { return }
    let autoscaler = try Autoscaler(subject)
    guard ResourceKinds.replicated.contains(autoscaler.targetKind) else {
        throw .unknown(relatedObject: "the containers of its target")
    }
    // One that is still to come is judged itself when it does.
    guard
        let workload = try context.relatedObjects.template(
            of: autoscaler.targetKind, autoscaler.targetName, in: subject.namespace)
    else { return }
    for target in targets {
        let silent = workload.containers.filter { container in
            !container.asksForCPU && (target.container.map { $0 == container.name } ?? true)
        }.map(\.name)
        guard let first = silent.first, try !context.relatedObjects.defaultsCPU(in: subject.namespace) else { continue }
        let owner = "\(workload.kind.name) \(workload.name)"
        findings.add(
            BoundsClause.request, at: try field(of: target, in: spec, subject.kind),
            "goes by a share of CPU requests, and container \(first) of \(owner) makes none",
            choice: "\(owner) \(silent.joined(separator: " "))", traits: traits
        ) { $0.advice = "set resources.requests.cpu of container \(first) of \(owner) to what it uses" }
        return
    }
}

private func field(
    of target: ScaledResource, in spec: Field, _ kind: ResourceKind
) throws(CannotJudge) -> Field {
    let list = try spec[kind == .scaledObject ? "triggers" : "metrics"]
    if let index = target.index, let entry = list.value?[index] { return Field(entry) }
    let share = try spec["targetCPUUtilizationPercentage"]
    return share.isPresent ? share : list
}

extension RelatedObjects {
    /// Whether a LimitRange of the namespace gives containers a CPU request that make none.
    fileprivate func defaultsCPU(in namespace: String) throws(CannotJudge) -> Bool {
        try objects(.limitRange, in: namespace).contains { $0[.defaultsCPU] ?? false }
    }
}

extension RelatedKind {
    static let limitRange = RelatedKind(.limitRange) { (object, fields) throws(CannotJudge) in
        fields[.defaultsCPU] = try defaultsCPU(object)
    }

    /// Whether a LimitRange gives containers a CPU request that make none: the API server takes it from any of these.
    private static func defaultsCPU(_ range: Value) throws(CannotJudge) -> Bool {
        guard let items = try range.object("spec")?.objects("limits") else { return false }
        for item in items where item["type"]?.equals("Container") ?? false {
            for key in ["defaultRequest", "default", "max", "min"] as [StaticString] {
                if try item.object(key)?.present("cpu") != nil { return true }
            }
        }
        return false
    }
}

extension RelatedField<Bool> {
    fileprivate static let defaultsCPU = Self("cpu")
}
