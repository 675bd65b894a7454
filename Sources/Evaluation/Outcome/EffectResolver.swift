import JSON
import Kubernetes

/// What becomes of one finding: exempted, a warning, or a denial.
struct EffectResolver {
    let subject: Subject
    let context: Context
    let origin: Origin
    let exemptions: Exemptions

    /// What becomes of a finding.
    struct Fate {
        let level: Level
        let effect: Judgement.Effect
        let leniency: Judgement.Leniency?
        let exemption: Exemption?
    }

    /// What becomes of a finding; its suggested change is added when it is known which are shown.
    func judgement(_ entry: FindingCollector.Entry) -> Judgement {
        let finding = entry.finding.with { $0.relatedObject = $0.relatedObject?.withoutEmptyNamespace }
        let fate = fate(of: finding.traits(isExisting: entry.isExisting), entry.rule)
        return Judgement(
            rule: entry.rule, finding: finding, path: entry.path, remedy: .untold, level: fate.level,
            effect: fate.effect, leniency: fate.leniency, exemption: fate.exemption)
    }

    /// What becomes of a finding of a rule, by what there is to know of it before it is described.
    func fate(of traits: Finding.Traits, _ rule: Rule) -> Fate {
        let level = context.settings.level(of: rule)
        if let exemption = exemptions.exemption(from: rule, at: context.now) {
            return Fate(level: level, effect: .exempt, leniency: nil, exemption: exemption)
        }
        let leniency = leniency(for: traits, of: rule, level)
        let effect: Judgement.Effect = level == .deny && leniency == nil ? .deny : .warn
        return Fate(level: level, effect: effect, leniency: leniency, exemption: nil)
    }

    /// Why the finding does not deny; the first reason in the order of how long it will hold.
    private func leniency(for traits: Finding.Traits, of rule: Rule, _ level: Level) -> Judgement.Leniency? {
        // What only warns anyway needs no reason to, but what is old is worth telling apart.
        if level == .warn { return traits.isExisting ? .existing : nil }
        if subject.review.operation == .delete { return .deletion }
        if traits.isHint { return .hint }
        switch grace(for: traits) {
        case .over: break
        case .running: return .grace
        case .none: if traits.isExisting { return .existing }
        }
        if exemptions.areUnknown { return .unknownExemption }
        if origin.isOperatorMade, !rule.holdsForOperators { return .operatorMade }
        if subject.review.isDryRun, traits.awaitsRelatedObject { return .serverDryRun }
        if let leniency = origin.leniency { return leniency }
        if context.settings.exemptions != .none,
            let record = try? context.relatedObjects.namespace(subject.namespace), record.onlyWarns
        {
            return .namespace
        }
        if let absent = traits.absent, context.relatedObjects.isInDoubt(Absence(absent, in: subject.namespace)) {
            return .unchecked
        }
        return context.settings.mode == .dryRun ? .dryRun : nil
    }

    private enum Grace {
        /// There is none: the ratchet decides.
        case none
        case running
        /// It is over, for an object that is new enough to be held to it.
        case over
    }

    /// How long a companion may still be missing (for tools that create it after its workload).
    private func grace(for traits: Finding.Traits) -> Grace {
        let settings = context.settings
        guard traits.awaitsRelatedObject, settings.relatedObjectGrace > .zero else { return .none }
        guard subject.review.operation == .update else { return .running }
        guard let created = subject.metadata.creationTimestamp else { return .none }
        if context.now.seconds - created.seconds <= settings.relatedObjectGrace.components.seconds { return .running }
        guard let since = settings.enforcedSince, created >= since else { return .none }
        return .over
    }
}

extension Literal {
    /// A manifest beside an object whose namespace nobody knows yet has none either.
    fileprivate var withoutEmptyNamespace: Literal {
        guard self["metadata"]?["namespace"] == "" else { return self }
        return (try? Patch([.remove("/metadata/namespace")]).applied(to: self)) ?? self
    }
}
