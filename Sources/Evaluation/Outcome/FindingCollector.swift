public import JSON
public import Kubernetes

/// What rules report their findings into.
///
/// It holds the limits of an evaluation: of each rule a bounded number of findings is described, the rest is counted. A limit never
/// changes a decision: each finding is compared with the past state before it counts, and a new one takes the place of one that
/// the object had already.
public final class FindingCollector {
    /// A finding that is described.
    struct Entry {
        let rule: Rule
        /// The rule's place in the catalogue.
        let order: Int
        let finding: Finding
        /// What decides, beside the rule, whether it denies.
        let traits: Finding.Traits
        /// The place, for people.
        var path = ""
    }

    /// How many further findings a rule has.
    struct Rest {
        /// The last finding of the rule that is described and has the same fate.
        let entry: Entry
        let count: Int
    }

    private let rules: [Rule]
    private let subject: Subject
    private let context: Context
    /// The steps that are left to the request, on all of its objects together: members and elements that are handed to rules, and
    /// strings that are compared.
    // Changed for each element that a rule looks at: a check at runtime would cost more than the step. An access lasts as long as a
    // comparison with the past state, in which the old object has a collector of its own.
    @exclusivity(unchecked) private(set) var steps: Int
    @exclusivity(unchecked) private var limit = 0
    /// What becomes of findings; nil where this is a past state.
    private let resolver: EffectResolver?
    /// The past state that findings are compared with; nil where this is one.
    private lazy var ratchet = resolver.map { Ratchet(subject, context, $0.exemptions, $0.past) }
    private(set) var entries: [Entry] = []
    private(set) var rests: [Rest] = []

    /// The place of the rule that runs in the catalogue.
    @exclusivity(unchecked) private var order = 0
    @exclusivity(unchecked) private var hasFindings = false
    /// The first related objects that a part of the rule needs and that are not known, as far as the check went on.
    @exclusivity(unchecked) private var unknown: String?
    /// The rule's findings that deny, and those that do not.
    private var denying = Shelf()
    private var lenient = Shelf()
    /// The last finding's traits, and whether it denies: most findings of a rule have the same.
    private var latest: (traits: Finding.Traits, denies: Bool)?
    /// The rule's findings about an object that is split: what all parts share is told once.
    private var told: Set<Told> = []

    private struct Told: Hashable {
        let value: NodeID
        let absent: [String]
        let clause: String
        let choice: String?
    }

    /// Findings of one rule, as far as they are described.
    private struct Shelf {
        var entries: [Entry] = []
        var further = 0

        mutating func add(_ limit: Int, _ entry: () -> Entry) {
            if entries.count < limit { entries.append(entry()) } else { further += 1 }
        }

        /// Gives up what is more than there is room for; one is kept, which stands for the rest.
        mutating func shrink(to room: Int) {
            let kept = max(room, 1)
            guard entries.count > kept else { return }
            further += entries.count - kept
            entries.removeSubrange(kept...)
        }
    }

    /// Twenty times what the dearest of the recorded reviews takes, and more than a ConfigMap of 1.5 MiB can take.
    static let maximumSteps = 4_000_000

    /// Creates a collector for the findings of an object.
    ///
    /// - Parameters:
    ///   - rules: The rules that are run, in catalogue order, and last ``Rule/schema``.
    ///   - resolver: What becomes of the findings about the object.
    ///   - steps: The steps that the request may take.
    init(_ rules: [Rule], _ resolver: EffectResolver, steps: Int) {
        subject = resolver.subject
        self.rules = rules
        context = resolver.context
        self.steps = subject.isTooWide ? -1 : steps
        self.resolver = resolver
    }

    /// Creates a collector that only keeps the keys of a past state's findings.
    init(keysOf subject: Subject, _ context: Context, steps: Int) {
        self.subject = subject
        rules = []
        self.context = context
        self.steps = subject.isTooWide ? -1 : steps
        resolver = nil
    }

    // MARK: Reporting

    /// Counts members or elements that are about to be looked at, or strings that are about to be compared.
    ///
    /// - Throws: ``CannotJudge/tooMuchWork`` when the request's budget is used up.
    @inline(__always)
    public func step(_ count: Int = 1) throws(CannotJudge) {
        steps -= count
        if steps < 0 { throw .tooMuchWork }
    }

    /// True if some check was not run to its end, since there is too much to look at.
    private(set) var isBounded = false

    /// Reports that a check was not run to its end: always new, since anything may have been put beside what was read.
    private func addBounded(_ finding: Finding) {
        steps -= 1
        isBounded = true
        if ratchet != nil { keep(finding.ownTraits) { finding } }
    }

    /// Reports a finding about a field; what it says is put together only if it is kept.
    ///
    /// - Parameters:
    ///   - clause: Which of the rule's clauses.
    ///   - field: The field, present or absent, of the object that is evaluated.
    ///   - message: What is wrong, with the value seen, after the place.
    ///   - value: What to write there instead, where that makes the finding go away.
    ///   - choice: What was chosen, where the value is a choice.
    ///   - mark: The same where the choice is a secret.
    ///   - excess: How far a number is from what is allowed.
    ///   - traits: What decides, beside the rule, whether the finding denies.
    ///   - detail: What more there is to say about it.
    public func add(
        _ clause: @autoclosure () -> Clause, at field: Field, _ message: @autoclosure () -> String,
        set value: @autoclosure () -> Literal? = nil,
        choice: @autoclosure () -> String? = nil, mark: @autoclosure () -> String? = nil, excess: Double? = nil,
        traits: Finding.Traits = .init(), _ detail: (inout Finding) -> Void = { _ in }
    ) {
        steps -= 1
        guard let ratchet else {
            past.insert(FindingKey(at: field, choice: choice() ?? mark(), in: subject), excess)
            if !field.isPresent { past.insertUnset(in: subject.ownerKeys(of: field)) }
            return
        }
        if subject.isSplit, isTold(clause(), field, choice() ?? mark()) { return }
        var traits = traits
        traits.isUnset = !field.isPresent
        traits.isAboutCount = field.base.id == subject.count
        traits.isInPastTemplate = ratchet.isInPastTemplate(field, of: rules[order])
        traits.isExisting =
            ratchet.has(
                { FindingKey(at: field, choice: choice() ?? mark(), in: subject) }, excess, of: rules[order], &steps)
            || (field.isPresent
                ? ratchet.hadUnset(at: field, of: rules[order])
                : ratchet.had { FindingKey(at: field, choice: choice() ?? mark(), in: subject, isSet: true) })
        keep(traits) {
            var finding = Finding(clause(), at: subject.pointer(to: field), message())
            finding.choice = choice()
            finding.secretMark = mark()
            finding.excess = excess
            finding.isHint = traits.isHint
            finding.awaitsRelatedObject = traits.awaitsRelatedObject
            finding.absent = traits.absent
            if let value = value() { finding.edits = [.set(finding.place, value)] }
            detail(&finding)
            return finding
        }
    }

    /// Reports one finding about several choices at one place, which is existing where a past state has each of them.
    ///
    /// - Parameters:
    ///   - clause: Which of the rule's clauses.
    ///   - field: The field of the object that is evaluated.
    ///   - message: What is wrong, with the values seen, after the place.
    ///   - choices: What was chosen; not empty.
    ///   - detail: What more there is to say about it.
    public func add(
        _ clause: Clause, at field: Field, _ message: @autoclosure () -> String, choices: [String],
        _ detail: (inout Finding) -> Void = { _ in }
    ) {
        steps -= choices.count
        guard let ratchet else {
            for choice in choices { past.insert(FindingKey(at: field, choice: choice, in: subject), nil) }
            return
        }
        if subject.isSplit, isTold(clause, field, choices.joined(separator: ",")) { return }
        var traits = Finding.Traits()
        traits.isExisting = choices.allSatisfy { choice in
            ratchet.has({ FindingKey(at: field, choice: choice, in: subject) }, nil, of: rules[order], &steps)
        }
        keep(traits) {
            var finding = Finding(clause, at: subject.pointer(to: field), message())
            finding.choice = choices.joined(separator: ",")
            detail(&finding)
            return finding
        }
    }

    /// Notes related objects that a part of the check needs and that are not known, while the check goes on.
    ///
    /// - Parameter kind: The kind of those objects, as in "PodDisruptionBudgets".
    public func addUnknown(_ kind: String) {
        if unknown == nil { unknown = kind }
    }

    /// Evaluates a part of the check: related objects that are not known do not end the other parts.
    public func separately(_ part: @autoclosure () throws(CannotJudge) -> Void) throws(CannotJudge) {
        do throws(CannotJudge) {
            try part()
        } catch {
            guard case .unknown(let relatedObject) = error else { throw error }
            addUnknown(relatedObject)
        }
    }

    /// The place of a field of the object, for what a finding suggests elsewhere.
    public func place(of field: Field) -> Pointer { subject.pointer(to: field) }

    /// Returns true if another part of the object has the same finding.
    private func isTold(_ clause: Clause, _ field: Field, _ choice: String?) -> Bool {
        let finding = Told(value: field.base.id, absent: field.absentKeys, clause: clause.name, choice: choice)
        return !told.insert(finding).inserted
    }

    private func keep(_ traits: Finding.Traits, _ finding: () -> Finding) {
        hasFindings = true
        let entry = {
            let finding = finding()
            assert(
                finding.isHint == traits.isHint && finding.awaitsRelatedObject == traits.awaitsRelatedObject
                    && finding.absent == traits.absent, "a finding denies as was said when it was counted")
            return Entry(rule: self.rules[self.order], order: self.order, finding: finding, traits: traits)
        }
        if denies(traits) { denying.add(limit, entry) } else { lenient.add(limit, entry) }
    }

    private func denies(_ traits: Finding.Traits) -> Bool {
        if let latest, latest.traits == traits { return latest.denies }
        let denies = resolver?.fate(of: traits, rules[order]).effect == .deny
        latest = (traits, denies)
        return denies
    }

    // MARK: Rule by rule

    /// The keys of the findings, of a past state.
    private(set) var past = FindingKeys()

    /// Runs a rule.
    ///
    /// - Parameters:
    ///   - check: The rule's check.
    ///   - order: The rule's place in the catalogue.
    ///   - limit: The number of findings that are described.
    /// - Returns: The cause why the rule is not evaluated; nil when it ran to its end, or a finding says where it ended.
    func run(_ check: Rule.Check, of order: Int, limit: Int) -> NotEvaluated.Cause? {
        self.order = order
        self.limit = limit
        let cause = run(check, onlyLongRunning: rules[order].scope.isLongRunningOnly)
        guard hasFindings else { return cause }
        hasFindings = false
        latest = nil
        told.removeAll()
        // Those that deny first, the others as far as there is room.
        lenient.shrink(to: limit - denying.entries.count)
        for shelf in [denying, lenient] {
            entries += shelf.entries
            guard shelf.further > 0, let last = shelf.entries.last else { continue }
            rests.append(Rest(entry: last, count: shelf.further))
        }
        denying = Shelf()
        lenient = Shelf()
        return cause
    }

    /// Runs a check, and reports a field of the wrong type as a finding of ``Rule/schema``, and a budget that is used up as one of
    /// the check's rule.
    ///
    /// - Parameters:
    ///   - check: The rule's check.
    ///   - onlyLongRunning: Whether the rule is only about what runs until somebody stops it.
    /// - Returns: The cause why the rule is not evaluated; nil when it ran to its end, or a finding says where it ended.
    func run(_ check: Rule.Check, onlyLongRunning: Bool = false) -> NotEvaluated.Cause? {
        var missing: NotEvaluated.Cause?
        if steps >= 0 {
            missing = subject.isSplit ? askParts(check, onlyLongRunning) : ask(check, about: subject)
        }
        if steps < 0 {
            addBounded(
                Finding(.bounded, at: Pointer(), "the object has too many elements to evaluate this rule to the end"))
        }
        guard let noted = unknown else { return missing }
        unknown = nil
        return .unknown(noted)
    }

    /// Runs a check on each pod template of the object.
    private func askParts(_ check: Rule.Check, _ onlyLongRunning: Bool) -> NotEvaluated.Cause? {
        var missing: NotEvaluated.Cause?
        for part in subject.parts where steps >= 0 && (part.isLongRunning || !onlyLongRunning) {
            let cause = ask(check, about: part)
            missing = missing ?? cause
        }
        for fault in subject.partFaults where steps >= 0 {
            let cause = end(at: fault)
            missing = missing ?? cause
        }
        return missing
    }

    @inline(__always)
    private func ask(_ check: Rule.Check, about subject: Subject) -> NotEvaluated.Cause? {
        do throws(CannotJudge) {
            try check(subject, context, self)
            return nil
        } catch {
            return end(at: error)
        }
    }

    /// Reports where a check ended.
    private func end(at error: CannotJudge) -> NotEvaluated.Cause? {
        switch error {
        case .malformed(let node, let expected): return addUnreadable(node, expected)
        case .tooLong(let node, let expected): addBounded(Finding(.bounded, node, of: subject, isNot: expected))
        case .unknown(let relatedObject): return .unknown(relatedObject)
        case .tooMuchWork: steps = -1
        }
        return nil
    }

    // MARK: Fields of the wrong type

    /// The rules that ended at a field of the wrong type, and where.
    private(set) var unreadable: [NotEvaluated] = []

    /// Reports a field of the wrong type, once for all rules that end there.
    ///
    /// - Returns: The cause why the rule is not evaluated; nil where a finding says so.
    private func addUnreadable(_ node: NodeID, _ expected: StaticString) -> NotEvaluated.Cause? {
        steps -= 1
        let finding = Finding(.type, node, of: subject, isNot: expected)
        guard let ratchet else {
            past.insert(FindingKey(ofType: finding, in: subject), nil)
            return nil
        }
        let cause = NotEvaluated.Cause.type(path: subject.shownPath(finding.place))
        guard context.settings.level(of: .schema) != .off else { return cause }
        unreadable.append(NotEvaluated(rule: rules[order], cause: cause))
        let known = entries.firstIndex { $0.rule === Rule.schema && $0.finding.place == finding.place }
        // Of the rules that end there, the strictest decides.
        let isExisting =
            known.map { entries[$0].traits.isExisting } != false
            && ratchet.hasUnreadable(finding, of: rules[order], &steps)
        var traits = finding.ownTraits
        traits.isExisting = isExisting
        let entry = Entry(rule: .schema, order: rules.count - 1, finding: finding, traits: traits)
        if let known { entries[known] = entry } else { entries.append(entry) }
        return nil
    }

    /// The findings in catalogue order, then by path.
    func inOrder() -> [Entry] {
        var entries = entries
        for index in entries.indices { entries[index].path = subject.shownPath(entries[index].finding.place) }
        entries.sort { ($0.order, $0.path, $0.finding.message) < ($1.order, $1.path, $1.finding.message) }
        return entries
    }
}
