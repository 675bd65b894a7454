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
            With a minimum of 1, an autoscaler scales down to a single replica; with a maximum equal to the minimum, it does not \
            scale. A CPU utilization target cannot be measured without CPU requests.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(ResourceKinds(.horizontalPodAutoscaler, .scaledObject)),
        clauses: [BoundsClause.minimum, BoundsClause.maximum, BoundsClause.pinned, BoundsClause.request],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        relatedObjects: [.scaledObject, .deployment, .statefulSet, .rollout, .limitRange],
        examples: boundsExamples,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let owner = subject.metadata.controller.flatMap { $0.kind == .scaledObject ? $0 : nil }
            if let owner, try isMadeByKEDA(subject, for: owner, context) { return }
            let spec = try subject.field("spec")
            guard spec.isPresent else { return }
            // A missing ScaledObject is read again from the API server, because it can be new.
            let traits = Finding.Traits(absent: owner == nil ? nil : .scaledObject)
            let least = context[RuleSettings.minimumReplicas]
            try checkBounds(spec, atLeast: least, traits, subject, context, findings)
            try checkRequests(spec, traits, subject, context, findings)
        }
    )
}

/// Returns true if KEDA made the autoscaler for its owner, a ScaledObject, which is evaluated itself.
///
/// Anyone can set an owner reference. It is trusted from KEDA's operator, and if the ScaledObject has the same target.
private func isMadeByKEDA(_ subject: Subject, for owner: Owner, _ context: Context) throws(CannotEvaluate) -> Bool {
    let requester = Requester(of: subject.review, context)
    if requester == .trustedController { return true }
    if requester == .serviceAccount, subject.review.user.isNamed("system:serviceaccount:keda:keda-operator"),
        context.relatedObjects.serves(.scaledObject) ?? false
    {
        return true
    }
    guard context.relatedObjects.knows(.scaledObject, in: subject.namespace) else {
        if requester == .deployer, context.source != .cluster { return false }
        let related = context.relatedObjects
        // Without KEDA there is no owner. A denial is decided after the API server was asked.
        if context.source == .server, !(related.serves(.scaledObject) ?? related.hasAsked(.served(.scaledObject))) {
            return false
        }
        throw .unknown(relatedObject: "ScaledObjects")
    }
    guard let known = context.relatedObjects.scaledObject(owner.name, in: subject.namespace) else { return false }
    let autoscaler = try Autoscaler(subject)
    return known.targetKind == autoscaler.targetKind && known.targetName == autoscaler.targetName
}

/// The clauses of `autoscaler-bounds`.
enum BoundsClause {
    static let minimum = Clause(
        "minimum",
        "the minimum is at least `PLAYBOOK_MIN_REPLICAS`; 0 is allowed for a ScaledObject, and for an HPA with an Object or External metric"
    )
    static let maximum = Clause("maximum", "the maximum is not less than the minimum")
    static let pinned = Clause("pinned", "the maximum is greater than the minimum (a hint)")
    static let request = Clause("request", "if the target is CPU utilization, the workload's containers request CPU")
}

// MARK: Bounds

private func checkBounds(
    _ spec: Field, atLeast least: Int, _ traits: Finding.Traits, _ subject: Subject, _ context: Context,
    _ findings: FindingCollector
) throws(CannotEvaluate) {
    let isOfKEDA = subject.kind == .scaledObject
    let lowest = try spec[isOfKEDA ? "minReplicaCount" : "minReplicas"]
    let highest = try spec[isOfKEDA ? "maxReplicaCount" : "maxReplicas"]
    let stated = try lowest.integer()
    let minimum = stated ?? (isOfKEDA ? 0 : 1)
    // KEDA's default; an HPA always sets it.
    let maximum = try highest.integer() ?? (isOfKEDA ? 100 : nil)
    // Kubernetes 1.37 can scale to zero by default, if a metric shows when there is work again.
    let mayBeZero = if minimum == 0, !isOfKEDA { try spec.hasMetricOfOthers() } else { isOfKEDA }
    let isTooFew = minimum < least && !(mayBeZero && minimum == 0)
    if isTooFew {
        let seen = stated.map { "\($0)" } ?? "not set (defaults to \(minimum))"
        findings.add(
            BoundsClause.minimum, at: lowest,
            "is \(seen); \(mayBeZero ? "0 or " : "")at least \(least) \(least == 1 ? "is" : "are") required",
            excess: Double(least) - Double(minimum), traits: traits
        ) {
            let hasRoom = maximum.map { $0 > least } ?? true
            if hasRoom, targetCanRunTwice(subject, context) {
                $0.edits = [.set($0.place, .number("\(least)"))]
            } else {
                $0.advice =
                    "set a minimum of at least \(least)\(hasRoom ? "" : " and a higher maximum") if several replicas can run at once"
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
            BoundsClause.pinned, at: highest, "is \(maximum), equal to the minimum; the autoscaler does not scale",
            traits: .init(isHint: true)
        ) { $0.advice = "set it above the minimum to allow scaling" }
    }
}

/// Returns true if several replicas of the autoscaler's target can run at once; false if the target is unknown.
private func targetCanRunTwice(_ subject: Subject, _ context: Context) -> Bool {
    guard let autoscaler = try? Autoscaler(subject) else { return false }
    let target = try? context.relatedObjects.template(
        of: autoscaler.targetKind, autoscaler.targetName, in: subject.namespace)
    return target?.canRunTwice ?? false
}

extension Field {
    /// True if a metric is not measured on the pods, so that it exists without pods.
    fileprivate func hasMetricOfOthers() throws(CannotEvaluate) -> Bool {
        for metric in try self["metrics"].objects() where try metric["type"].equals(oneOf: "Object", "External") {
            return true
        }
        return false
    }
}

// MARK: Metrics

/// Reports a CPU utilization target if a container of the workload has no CPU request.
private func checkRequests(
    _ spec: Field, _ traits: Finding.Traits, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let targets = try ScaledResource.all(in: spec.value, subject.kind).filter { $0.name == .cpu && $0.isUtilization }
    guard !targets.isEmpty else { return }
    let autoscaler = try Autoscaler(subject)
    guard ResourceKinds.replicated.contains(autoscaler.targetKind) else {
        throw .unknown(relatedObject: "the containers of its target")
    }
    // A workload that does not exist yet is evaluated when it is created.
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
            "targets CPU utilization, but container \(first) of \(owner) has no CPU request",
            choice: "\(owner) \(silent.joined(separator: " "))", traits: traits
        ) { $0.advice = "set resources.requests.cpu of container \(first) of \(owner) to the CPU that it uses" }
        return
    }
}

private func field(
    of target: ScaledResource, in spec: Field, _ kind: ResourceKind
) throws(CannotEvaluate) -> Field {
    let list = try spec[kind == .scaledObject ? "triggers" : "metrics"]
    if let index = target.index, let entry = list.value?[index] { return Field(entry) }
    let share = try spec["targetCPUUtilizationPercentage"]
    return share.isPresent ? share : list
}

extension RelatedObjects {
    /// Returns true if a LimitRange of the namespace sets a default CPU request.
    fileprivate func defaultsCPU(in namespace: String) throws(CannotEvaluate) -> Bool {
        try objects(.limitRange, in: namespace).contains { $0[.defaultsCPU] ?? false }
    }
}

extension RelatedKind {
    static let limitRange = RelatedKind(.limitRange) { (object, fields) throws(CannotEvaluate) in
        fields[.defaultsCPU] = try defaultsCPU(object)
    }

    /// Returns true if a LimitRange sets a default CPU request: the API server derives it from any of these fields.
    private static func defaultsCPU(_ range: Value) throws(CannotEvaluate) -> Bool {
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
