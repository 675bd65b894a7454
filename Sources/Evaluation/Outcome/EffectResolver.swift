import JSON
import Kubernetes

/// Decides the effect of a finding: exempt, warn or deny.
///
/// The evaluation and its collector share one instance.
final class EffectResolver {
    let subject: Subject
    let context: Context
    let origin: Origin
    let exemptions: Exemptions
    /// The pod template that was admitted before and equals the object's template.
    let past: PastState?
    /// True if such a template could not be read from the API server.
    let isPastInDoubt: Bool

    init(
        subject: Subject, context: Context, origin: Origin, exemptions: Exemptions, past: PastState?,
        isPastInDoubt: Bool
    ) {
        self.subject = subject
        self.context = context
        self.origin = origin
        self.exemptions = exemptions
        self.past = past
        self.isPastInDoubt = isPastInDoubt
    }

    /// The effect of a finding and the reason for it.
    struct Fate {
        let level: Level
        let effect: DecidedFinding.Effect
        let leniency: DecidedFinding.Leniency?
        let exemption: Exemption?
    }

    /// Returns a finding with its effect; suggested changes are added later, only to findings that are shown.
    func decided(_ entry: FindingCollector.Entry) -> DecidedFinding {
        let finding = entry.finding.with { $0.relatedObject = $0.relatedObject?.withoutEmptyNamespace }
        let fate = fate(of: entry.traits, entry.rule)
        var decided = DecidedFinding(
            rule: entry.rule, finding: finding, path: entry.path, change: .none, level: fate.level,
            effect: fate.effect, leniency: fate.leniency, exemption: fate.exemption)
        if fate.leniency == .existing {
            if let past, isPast(entry.traits, entry.rule) {
                decided.past = " in \(past.template.source)"
            } else if let end = context.settings.ratchetEnd, fate.level == .deny {
                decided.past = ", denied from \(end)"
            }
        }
        if fate.leniency == .grace { decided.past = " until \(graceEnd)" }
        if fate.leniency == .operatorMade, let owner = origin.operatingOwner {
            decided.past = ": change \(owner.kindName) \(owner.name)"
        }
        if fate.effect == .deny, entry.traits.isAboutCount, let past, past.isScaledBelow(subject),
            let count = past.template.replicas
        {
            decided.remark = " (\(past.template.source) had \(count) replicas; a roll-back cannot lower the number)"
        }
        if fate.effect == .deny, isPastInDoubt {
            decided.remark = " (the workload's revisions could not be read; try again)"
        }
        return decided
    }

    /// Returns the effect of a finding of a rule, before the finding is described.
    func fate(of traits: Finding.Traits, _ rule: Rule) -> Fate {
        let level = context.settings.level(of: rule)
        if let exemption = exemptions.exemption(from: rule, at: context.now) {
            return Fate(level: level, effect: .exempt, leniency: nil, exemption: exemption)
        }
        let leniency = leniency(for: traits, of: rule, level)
        let effect: DecidedFinding.Effect = level == .deny && leniency == nil ? .deny : .warn
        return Fate(level: level, effect: effect, leniency: leniency, exemption: nil)
    }

    /// Returns the reason why a finding does not deny: the reason that will apply the longest.
    private func leniency(for traits: Finding.Traits, of rule: Rule, _ level: Level) -> DecidedFinding.Leniency? {
        let isPast = isPast(traits, rule)
        if traits.isHint { return .hint }
        // A rule that only warns needs no other reason, but existing violations are reported as such.
        if level == .warn { return traits.isExisting || isPast ? .existing : nil }
        if subject.review.operation == .delete { return .deletion }
        if isPast { return .existing }
        switch grace(for: traits) {
        case .over: break
        case .running: return .grace
        case .none: if traits.isExisting, context.ratchetHolds { return .existing }
        }
        // A workload that is started is new, and so is a finding about its number of replicas.
        let isStarted = traits.isAboutCount && subject.pastCount == 0
        if subject.onlyRestarts, !isStarted, !exemptions.areChanged { return .existing }
        if exemptions.areUnknown { return .unknownExemption }
        if let leniency = leniency(byOriginOf: rule) { return leniency }
        if subject.review.isDryRun, traits.awaitsRelatedObject || traits.absent != nil { return .serverDryRun }
        if let leniency = origin.leniency { return leniency }
        if let leniency = leniency(byNamespaceOf: rule, traits) { return leniency }
        if let absent = traits.absent, context.relatedObjects.isInDoubt(Absence(absent, in: subject.namespace)) {
            return .unchecked
        }
        if isPastInDoubt, rule.concern != .security { return .unchecked }
        return context.settings.mode == .dryRun ? .dryRun : nil
    }

    /// True if a finding is about a template that was admitted before, or about its related objects.
    private func isPast(_ traits: Finding.Traits, _ rule: Rule) -> Bool {
        guard let past else { return false }
        if traits.isInPastTemplate { return true }
        return !rule.related.isEmpty && !past.isScaledBelow(subject) && !exemptions.cover(rule)
            && !past.isExempt(from: rule, context.settings.catalogue)
    }

    /// Returns the reason why a finding about a controller's object does not deny.
    private func leniency(byOriginOf rule: Rule) -> DecidedFinding.Leniency? {
        switch origin.trust {
        case .none: return nil
        case .operatorMade:
            guard context.settings.operatorMade == .warn else { return nil }
            let holds = rule.holdsForOperators && !context.settings.isPlatform(namespace: subject.namespace)
            return holds ? nil : .operatorMade
        case .finitePod: return rule.concern == .security ? nil : .finitePod
        case .hook: return rule.concern == .security ? nil : .hook
        case .resize: return .finitePod
        }
    }

    /// Returns the reason why a finding does not deny in the object's namespace.
    private func leniency(byNamespaceOf rule: Rule, _ traits: Finding.Traits) -> DecidedFinding.Leniency? {
        let settings = context.settings
        if rule.concern != .security || rule.allowsUnsetInPlatforms && traits.isUnset,
            settings.isPlatform(namespace: subject.namespace)
        {
            return .platform
        }
        let record = try? context.relatedObjects.namespace(subject.namespace)
        if rule.allowsAgents, subject.kind == .daemonSet,
            settings.agentNamespaces.contains(subject.namespace) || record?.isPrivileged ?? false
        {
            return .agent
        }
        return settings.exemptions != .none && record?.onlyWarns ?? false ? .namespace : nil
    }

    /// The end of the grace period of the object's missing related objects.
    private var graceEnd: Timestamp {
        let start = subject.review.operation == .update ? subject.metadata.creationTimestamp : nil
        let seconds = context.settings.relatedObjectGrace.components.seconds
        return Timestamp(seconds: (start ?? context.now).seconds + seconds)
    }

    private enum Grace {
        /// No grace period; the ratchet decides.
        case none
        case running
        /// The grace period is over, and the object is new enough for it to apply.
        case over
    }

    /// Returns the state of the grace period of a missing related object, which most tools create after the workload.
    private func grace(for traits: Finding.Traits) -> Grace {
        let settings = context.settings
        guard traits.awaitsRelatedObject, settings.relatedObjectGrace > .zero, context.givesGrace else { return .none }
        guard subject.review.operation == .update else { return .running }
        guard let created = subject.metadata.creationTimestamp else { return .none }
        if context.now.seconds - created.seconds <= settings.relatedObjectGrace.components.seconds { return .running }
        guard let since = settings.enforcedSince ?? context.relatedObjects.enforcedSince, created >= since else {
            return .none
        }
        return .over
    }
}

extension Literal {
    /// Returns a related object without a namespace if the namespace is empty.
    fileprivate var withoutEmptyNamespace: Literal {
        guard self["metadata"]?["namespace"] == "" else { return self }
        return (try? Patch([.remove("/metadata/namespace")]).applied(to: self)) ?? self
    }
}
