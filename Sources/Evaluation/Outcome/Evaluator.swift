import JSON
public import Kubernetes

/// Evaluates requests: decides what is skipped, runs the rules, and decides the effect of each finding.
public struct Evaluator: Sendable {
    private let table: RuleTable
    /// The most kinds and namespaces that one review lists of kinds that are not watched.
    private static let mostLiveLookups = 12

    /// Creates a `Evaluator` for rules, with the levels of the settings.
    public init(_ settings: Settings, rules: [Rule]? = nil) {
        let rules = rules ?? settings.catalogue.rules
        table = RuleTable(rules.filter { settings.level(of: $0) != .off })
    }

    /// Evaluates a request.
    public func decision(on review: AdmissionReview, in context: Context) -> Decision {
        decision(on: review, in: context, for: .response)
    }

    /// The use of a decision.
    enum Purpose {
        /// The decision is sent or printed.
        case response
        /// A patch is created: only rules with fixes are evaluated, and all of their findings are described.
        case patch
    }

    /// Evaluates a request for a purpose.
    func decision(
        on review: AdmissionReview, in context: Context, for purpose: Purpose = .response,
        steps: Int = FindingCollector.maximumSteps
    ) -> Decision {
        var decision = Decision()
        decide(on: review, in: context, for: purpose, steps, &decision)
        return decision
    }

    private func decide(
        on review: AdmissionReview, in context: Context, for purpose: Purpose, _ steps: Int, _ decision: inout Decision
    ) {
        if purpose == .response, context.source != .server { decision.identify(review, context.settings) }
        guard let object = review.operation == .delete ? review.oldObject : review.object else {
            decision.skipReason = "the request has no object"
            return
        }
        let workload = context.workload(of: review)
        let checks = table.checks(for: review, workload)
        let checksKind =
            purpose == .response && context.source == .files && context.settings.level(of: .schema) != .off
        let unknownKind = checksKind ? Finding(unknownKindOf: review) : nil
        // Namespaces are evaluated even if no rule applies to them, because of their exemptions.
        guard !checks.isEmpty || review.kind == .namespace || unknownKind != nil else {
            decision.skipReason = "no rule applies to this request"
            decision.isCovered = false
            return
        }
        let subject = Subject(review, object, workload)
        let origin = Origin(of: subject, in: context)
        if let reason = origin.skipReason {
            decision.skipReason = reason
            decision.isSkippedForOwner = origin.isSkippedForOwner
            return
        }
        let change = Change(of: subject)
        if change == .finalizers {
            decision.skipReason = "the object is being deleted"
            return
        }
        subject.changesOnlyMetadata = change == .metadata
        let exemptions = Exemptions(of: subject, in: context)
        let past = purpose == .response ? pastState(of: subject, in: context) : .none
        switch past {
        case .none: break
        case .known(let state): decision.pastTemplate = .recorded(state.template)
        case .doubtful: decision.pastTemplate = .recorded(nil)
        }
        let resolver = EffectResolver(
            subject: subject, context: context, origin: origin, exemptions: exemptions, past: past.state,
            isPastInDoubt: past.isDoubtful)
        let findings = FindingCollector(table.rules, resolver, steps: steps)
        let limit = purpose == .patch ? .max : context.maximumFindings
        let isInSystem = !context.settings.includesSystem && context.settings.isSystem(namespace: subject.namespace)
        if let unknownKind { findings.add(unknownKind) }
        if isInSystem, unknownKind == nil, checks.allSatisfy({ $0.conditions.contains(.outsideSystem) }) {
            decision.skipReason = "\(clipped(subject.namespace)) is a system namespace"
            return
        }
        var absent: RuleCheck.Conditions = []
        if !subject.isLongRunning { absent.insert(.longRunning) }
        if change == .metadata { absent.insert(.changedSpec) }
        if isInSystem { absent.insert(.outsideSystem) }
        if resolver.origin.trust == .operatorMade { absent.insert(.notOperatorMade) }
        for check in checks {
            let unmet = check.conditions.intersection(absent)
            guard unmet.isEmpty || unmet == .changedSpec && exemptions.isLifted(from: table.rules[check.rule]),
                purpose == .response || context.settings.fixes.includes(table.rules[check.rule]),
                !subject.isSplit || !subject.isPassed(by: table.rules[check.rule])
            else { continue }
            let cause = findings.run(
                check.check, of: check.rule, onlyLongRunning: check.conditions.contains(.longRunning), limit: limit)
            guard let cause else { continue }
            // If the objects of one rule are not available, those of other rules are probably not available either.
            if decision.notEvaluated.isEmpty { decision.notEvaluated.reserveCapacity(4) }
            decision.notEvaluated.append(NotEvaluated(rule: table.rules[check.rule], cause: cause))
        }
        decision.changesExemption = exemptions.areChanged
        if !findings.entries.isEmpty {
            decision.findings = findings.inOrder().map { resolver.decided($0) }
            decision.unreadable = findings.unreadable
            decision.further = findings.rests.map { FurtherFindings(resolver.decided($0.entry), count: $0.count) }
            if purpose == .response { decision.addChanges(of: subject, onlyShown: context.source == .server) }
        }
        if purpose == .response {
            addLookups(to: &decision, subject, resolver, context)
            markFilledIn(&decision, review, context)
        }
        decision.notices = exemptions.notices(at: context.now)
        if context.source == .cluster {
            decision.exemptionUses = exemptions.uses(
                onlyWarns: decision.findings.contains { $0.leniency == .namespace })
        }
        if resolver.origin.trust == .operatorMade, !decision.findings.isEmpty {
            decision.operatorAccount = resolver.origin.operatorAccount
        }
        if decision.findings.contains(where: { $0.leniency == .dryRun }) {
            decision.untrustedController = resolver.origin.untrustedController
        }
        if purpose == .response, !decision.isSilent {
            decision.object = EvaluatedObject(of: review, context.settings, title: subject.title)
            decision.documentation = context.settings.documentation
            if context.source != .server {
                decision.isThirdParty =
                    resolver.origin.trust == .operatorMade || context.settings.isPlatform(namespace: subject.namespace)
                    || subject.metadata.controller != nil
            }
            if decision.isDenied {
                decision.denialAdvice = DenialAdvice(decision, subject, resolver.origin, context).text
            }
        }
        if purpose == .response { SecretMask.mask(&decision, of: subject) }
    }

    /// Returns true if another state of the object has all findings of this one, of all rules.
    func hasOnlyFindings(of other: Subject, _ subject: Subject, in context: Context) -> Bool {
        var steps = FindingCollector.maximumSteps
        /// The keys of a check's findings; nil if the check was not run completely.
        func keys(of subject: Subject, _ check: @escaping Rule.Check) -> FindingKeys? {
            let findings = FindingCollector(keysOf: subject, context, steps: steps)
            _ = findings.run(check)
            steps = findings.steps
            return findings.isBounded ? nil : findings.past
        }
        for check in table.checks(for: subject.review, subject.workload) {
            guard let found = keys(of: subject, check.check) else { return false }
            if found.isEmpty { continue }
            guard let known = keys(of: other, check.check), found.isContained(in: known) else { return false }
        }
        return true
    }

    /// Returns the admitted template that equals the request's template, from the API server or a file.
    private func pastState(of subject: Subject, in context: Context) -> PastState.Knowledge {
        PastState.find(for: subject, in: context) { spec in
            guard let pointer = subject.templatePointer else { return nil }
            let own = Literal(subject.object)
            guard let object = spec.map({ try? Patch([.set(pointer, $0)], on: own).applied(to: own) }) ?? own,
                let document = try? Document(parsing: Array(object.json.utf8))
            else { return nil }
            return withExtendedLifetime(document) {
                let patch = mutation(of: subject.review.replacingObject(with: document.root), in: context).patch
                return (try? patch.applied(to: object))?[at: pointer]
            }
        }
    }

    /// Marks findings whose fields `/mutate` of a server sets: would-be denials, and findings in files.
    private func markFilledIn(_ decision: inout Decision, _ review: AdmissionReview, _ context: Context) {
        let candidates = decision.findings.indices.filter { index in
            let decided = decision.findings[index]
            return (decided.leniency == .dryRun || context.source == .files && decided.effect != .exempt)
                && decided.finding.isFixable && context.settings.fixes.includes(decided.rule)
        }
        guard !candidates.isEmpty else { return }
        let filled = Set(mutation(of: review, in: context).fixes.map(\.key))
        for index in candidates where filled.contains(decision.findings[index].key) {
            if decision.findings[index].leniency == .dryRun {
                decision.findings[index].leniency = .filledIn
            } else {
                decision.findings[index].remark = " (filled in at admission, PLAYBOOK_FIX=\(context.settings.fixes))"
            }
        }
    }

    /// Adds the lookups that the API server must answer before the decision is final, except those already answered.
    ///
    /// A watch lags behind: a PodDisruptionBudget can be created right after its workload, and a workload right after its
    /// Namespace.
    private func addLookups(
        to decision: inout Decision, _ subject: Subject, _ resolver: EffectResolver, _ context: Context
    ) {
        let related = context.relatedObjects
        func add(_ lookup: Lookup) {
            if !related.hasAsked(lookup), !decision.lookups.contains(lookup) { decision.lookups.append(lookup) }
        }
        func addObjects(_ kind: ResourceKind) {
            if related.knows(kind, in: subject.namespace) { add(.absence(Absence(kind, in: subject.namespace))) }
        }
        let live = context.source == .server ? liveAbsences(decision, subject, context) : []
        live.forEach { add(.absence($0)) }
        // Dry-run mode reports the decision that enforce mode would make.
        guard !live.isEmpty || decision.findings.contains(where: { $0.effect == .deny || $0.leniency == .dryRun })
        else {
            if subject.kind == .podDisruptionBudget, subject.review.operation != .delete {
                ResourceKinds.replicated.kinds.forEach(addObjects)
            }
            return
        }
        if !subject.namespace.isEmpty, context.settings.exemptions != .none { addObjects(.namespace) }
        for decided in decision.findings where decided.effect == .deny || decided.leniency == .dryRun {
            guard let absence = decided.finding.absence(in: subject.namespace) else { continue }
            let isKnown = related.knows(absence.kind, in: subject.namespace)
            add(isKnown ? .absence(absence) : .served(absence.kind))
        }
        if let claim = resolver.origin.claim { add(.claim(claim)) }
        if let kind = subject.review.unprovenKind(context) { add(.served(kind)) }
        if context.settings.isRatchetOn, let query = TemplateQuery(subject) { add(.templates(query)) }
    }

    /// Returns the kinds that are never watched and that rules read which deny or were not evaluated.
    private func liveAbsences(_ decision: Decision, _ subject: Subject, _ context: Context) -> [Absence] {
        var waiting: [Rule] = []
        for entry in decision.notEvaluated where entry.rule.readsLiveKinds { waiting.append(entry.rule) }
        for decided in decision.findings
        where decided.rule.readsLiveKinds && (decided.effect == .deny || decided.leniency == .dryRun) {
            waiting.append(decided.rule)
        }
        guard !waiting.isEmpty else { return [] }
        let lookups = Lookups()
        let observed = context.knowing(context.relatedObjects.observed(by: lookups))
        let checks = table.checks(for: subject.review, subject.workload)
        for check in checks where waiting.contains(where: { $0.id == table.rules[check.rule].id }) {
            _ = FindingCollector(keysOf: subject, observed, steps: FindingCollector.maximumSteps).run(check.check)
        }
        let live = lookups.all.filter { Catalogue.liveKinds.contains($0.kind) }
        return Array(live.prefix(Evaluator.mostLiveLookups))
    }
}

extension Finding {
    /// Returns the absence that causes the finding; nil if there is none.
    func absence(in namespace: String) -> Absence? { absent.map { Absence($0, in: namespace) } }
}

/// The properties of a rule that are needed to run it, without reference counts: a request copies many of them.
private struct RuleCheck: Sendable {
    let check: Rule.Check
    /// The rule's index in the table.
    let rule: Int
    let conditions: Conditions

    /// The properties that a request must have for a rule to be evaluated.
    struct Conditions: OptionSet {
        let rawValue: UInt8

        /// The workload runs until it is stopped.
        static let longRunning = Conditions(rawValue: 1)
        /// The request changes more than metadata.
        static let changedSpec = Conditions(rawValue: 2)
        /// The object is not in a system namespace.
        static let outsideSystem = Conditions(rawValue: 4)
        /// No operator made the object.
        static let notOperatorMade = Conditions(rawValue: 8)
    }

    init?(_ rule: Rule, _ kind: ResourceKind, at index: Int) {
        guard let check = rule.check(of: kind) else { return nil }
        self.check = check
        self.rule = index
        var conditions: Conditions = []
        if rule.scope.isLongRunningOnly { conditions.insert(.longRunning) }
        if !rule.scope.readsMetadata { conditions.insert(.changedSpec) }
        if !rule.scope.reachesSystemNamespaces { conditions.insert(.outsideSystem) }
        if rule.skipsOperatorMade { conditions.insert(.notOperatorMade) }
        self.conditions = conditions
    }
}

/// The rules by kind, operation and subresource, so that rules that do not apply cost nothing.
private struct RuleTable: Sendable {
    /// The rules, followed by ``Rule/schema``.
    let rules: [Rule]
    private var rows: [[RuleCheck]]

    init(_ rules: [Rule]) {
        self.rules = rules + [.schema]
        rows = Array(repeating: [], count: ResourceKind.allCases.count * RuleTable.operations * RuleTable.subresources)
        for (index, rule) in rules.enumerated() {
            for kind in rule.scope.kinds.kinds {
                for operation in rule.scope.operations {
                    for subresource in rule.scope.subresources {
                        guard let check = RuleCheck(rule, kind, at: index) else { continue }
                        rows[RuleTable.row(kind, operation, subresource)].append(check)
                    }
                }
            }
        }
    }

    private static let operations = Operation.allCases.count
    private static let subresources = Subresource.allCases.count

    private static func row(_ kind: ResourceKind, _ operation: Operation, _ subresource: Subresource) -> Int {
        (Int(kind.rawValue) * operations + Int(operation.rawValue)) * subresources + subresource.index
    }

    func checks(for review: AdmissionReview, _ workload: WorkloadKind?) -> [RuleCheck] {
        rows[RuleTable.row(review.ruledKind(workload), review.operation, review.subresource)]
    }
}

extension Subresource {
    fileprivate var index: Int {
        switch self {
        case .none: 0
        case .scale: 1
        case .ephemeralContainers: 2
        case .resize: 3
        case .status: 4
        case .token: 5
        case .other: 6
        }
    }
}
