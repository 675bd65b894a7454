public import JSON
public import Kubernetes

/// Collects the findings of rules.
///
/// It enforces the limits of an evaluation: a limited number of findings per rule is described, further findings are counted. A
/// limit never changes a decision: each finding is compared with the past state before it counts, and a new finding replaces an
/// existing violation.
public final class FindingCollector {
    /// A finding that is described.
    struct Entry {
        let rule: Rule
        /// The rule's index in the catalogue.
        let order: Int
        let finding: Finding
        /// The properties that decide, together with the rule, whether the finding denies.
        let traits: Finding.Traits
        /// The readable path.
        var path = ""
    }

    /// The number of further findings of a rule.
    struct Rest {
        /// The last described finding of the rule with the same effect.
        let entry: Entry
        let count: Int
    }

    private let rules: [Rule]
    private let subject: Subject
    private let context: Context
    /// The remaining steps of the request, for all of its objects together.
    ///
    /// A step is a member or element that a rule receives, or a string that is compared.
    // Modified for each element that a rule reads: a check at run time would cost more than the step. An access lasts as long
    // as a comparison with the past state, for which the old object has a separate collector.
    @exclusivity(unchecked) @usableFromInline var steps: Int
    @exclusivity(unchecked) private var limit = 0
    /// Decides the effects of findings; nil for the collector of a past state.
    private let resolver: EffectResolver?
    private let promotesInitContainers: Bool
    /// The past state that findings are compared with; nil for the collector of a past state.
    private lazy var ratchet = resolver.map { Ratchet(subject, context, $0.exemptions, $0.past) }
    private(set) var entries: [Entry] = []
    private(set) var rests: [Rest] = []

    /// The catalogue index of the current rule.
    @exclusivity(unchecked) private var order = 0
    @exclusivity(unchecked) private var hasFindings = false
    /// The first kind of related objects that the rule needs and that is not available.
    @exclusivity(unchecked) private var unknown: String?
    /// The rule's findings that deny, and the others.
    private var denying = Shelf()
    private var lenient = Shelf()
    /// The traits of the last finding and whether it denies; most findings of a rule have the same traits.
    private var latest: (traits: Finding.Traits, denies: Bool)?
    /// The rule's findings about a split object; findings that all parts have in common are reported once.
    private var reported: Set<Reported> = []

    private struct Reported: Hashable {
        let value: NodeID
        let absent: [String]
        let clause: String
        let choice: String?
    }

    /// The described findings of a rule, and the number of further ones.
    private struct Shelf {
        var entries: [Entry] = []
        var further = 0

        mutating func add(_ limit: Int, _ entry: () -> Entry) {
            if entries.count < limit { entries.append(entry()) } else { further += 1 }
        }

        /// Removes findings that do not fit; one is kept, which represents the others.
        mutating func shrink(to room: Int) {
            let kept = max(room, 1)
            guard entries.count > kept else { return }
            further += entries.count - kept
            entries.removeSubrange(kept...)
        }
    }

    /// 20 times the steps of the most expensive recorded review, and more than a ConfigMap of 1.5 MiB can need.
    static let maximumSteps = 4_000_000

    /// Creates a collector for the findings of an object.
    ///
    /// - Parameters:
    ///   - rules: The rules that are evaluated, in catalogue order, followed by ``Rule/schema``.
    ///   - resolver: Decides the effects of the findings.
    ///   - steps: The maximum number of steps of the request.
    init(_ rules: [Rule], _ resolver: EffectResolver, steps: Int) {
        subject = resolver.subject
        self.rules = rules
        context = resolver.context
        self.steps = subject.isTooWide ? -1 : steps
        self.resolver = resolver
        promotesInitContainers = false
    }

    /// Creates a collector that only keeps the keys of a past state's findings.
    ///
    /// - Parameters:
    ///   - subject: The past state.
    ///   - context: The context of the request.
    ///   - steps: The remaining steps of the request.
    ///   - promotesInitContainers: True if the findings about an init container also count for a main container with its
    ///     name.
    init(keysOf subject: Subject, _ context: Context, steps: Int, promotesInitContainers: Bool = false) {
        self.promotesInitContainers = promotesInitContainers
        self.subject = subject
        rules = []
        self.context = context
        self.steps = subject.isTooWide ? -1 : steps
        resolver = nil
    }

    // MARK: Reporting

    /// Counts members or elements before they are read, or strings before they are compared.
    ///
    /// - Throws: ``CannotEvaluate/tooMuchWork`` if the request has no steps left.
    @inlinable
    @inline(__always)
    public func step(_ count: Int = 1) throws(CannotEvaluate) {
        steps -= count
        if steps < 0 { throw .tooMuchWork }
    }

    /// True if a check was not run completely because the object is too large.
    private(set) var isBounded = false

    /// Reports that a check was not run completely: always a new finding, since the rest of the object can have new violations.
    private func addBounded(_ finding: Finding) {
        steps -= 1
        isBounded = true
        if ratchet != nil { keep(finding.ownTraits) { finding } }
    }

    /// Reports a finding about a field; its texts are evaluated only if it is kept.
    ///
    /// - Parameters:
    ///   - clause: The clause of the rule.
    ///   - field: The field of the object, present or absent.
    ///   - message: The message after the path, with the value seen.
    ///   - value: The value that removes the violation; nil if there is none.
    ///   - choice: The violating choice, if the value is a choice.
    ///   - mark: The mark of a choice that is a secret.
    ///   - excess: The distance between a number and the allowed range.
    ///   - traits: The properties that decide, together with the rule, whether the finding denies.
    ///   - detail: Sets further properties of the finding.
    public func add(
        _ clause: @autoclosure () -> Clause, at field: Field, _ message: @autoclosure () -> String,
        set value: @autoclosure () -> Literal? = nil,
        choice: @autoclosure () -> String? = nil, mark: @autoclosure () -> String? = nil, excess: Double? = nil,
        traits: Finding.Traits = .init(), _ detail: (inout Finding) -> Void = { _ in }
    ) {
        steps -= 1
        guard let ratchet else {
            // A hint never denies, so it does not make the violation that replaces it an existing one.
            if traits.isHint, subject.isOld { return }
            return keep(choice() ?? mark(), excess, at: field)
        }
        if subject.isSplit, isReported(clause(), field, choice() ?? mark()) { return }
        var traits = traits
        traits.isAboutCount = subject.isCount(field)
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

    /// Reports one finding about several choices in a field, which is existing if a past state has all of them.
    ///
    /// - Parameters:
    ///   - clause: The clause of the rule.
    ///   - field: The field of the object.
    ///   - message: The message after the path, with the values seen.
    ///   - choices: The violating choices; not empty.
    ///   - detail: Sets further properties of the finding.
    public func add(
        _ clause: Clause, at field: Field, _ message: @autoclosure () -> String, choices: [String],
        _ detail: (inout Finding) -> Void = { _ in }
    ) {
        steps -= choices.count
        guard let ratchet else {
            return choices.forEach { keep($0, nil, at: field) }
        }
        if subject.isSplit, isReported(clause, field, choices.joined(separator: ",")) { return }
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

    /// Records related objects that a part of the check needs and that are not available; the check continues.
    ///
    /// - Parameter kind: The kind of those objects, as in "PodDisruptionBudgets".
    public func addUnknown(_ kind: String) {
        if unknown == nil { unknown = kind }
    }

    /// Evaluates a part of the check; if related objects are not available, the other parts are still evaluated.
    public func separately(_ part: @autoclosure () throws(CannotEvaluate) -> Void) throws(CannotEvaluate) {
        do throws(CannotEvaluate) {
            try part()
        } catch {
            guard case .unknown(let relatedObject) = error else { throw error }
            addUnknown(relatedObject)
        }
    }

    /// Returns the path of a field of the object, for suggested changes to other fields.
    public func place(of field: Field) -> Pointer { subject.pointer(to: field) }

    /// Returns true if another part of the object has the same finding.
    private func isReported(_ clause: Clause, _ field: Field, _ choice: String?) -> Bool {
        let finding = Reported(value: field.base.id, absent: field.absentKeys, clause: clause.name, choice: choice)
        return !reported.insert(finding).inserted
    }

    /// Keeps the key of a past state's finding.
    private func keep(_ choice: String?, _ excess: Double?, at field: Field) {
        func keep(isPromoted: Bool) {
            past.insert(FindingKey(at: field, choice: choice, in: subject, isPromoted: isPromoted), excess)
            if !field.isPresent { past.insertUnset(in: subject.pathKeys(of: field, isPromoted: isPromoted)) }
        }
        keep(isPromoted: false)
        if promotesInitContainers, subject.isInInitContainer(field) { keep(isPromoted: true) }
    }

    private func keep(_ traits: Finding.Traits, _ finding: () -> Finding) {
        hasFindings = true
        let entry = {
            let finding = finding()
            assert(
                finding.isHint == traits.isHint && finding.awaitsRelatedObject == traits.awaitsRelatedObject
                    && finding.absent == traits.absent, "the finding must have the traits that were counted")
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

    /// The keys of the findings of a past state.
    private(set) var past = FindingKeys()

    /// Evaluates a rule.
    ///
    /// - Parameters:
    ///   - check: The rule's check.
    ///   - order: The rule's index in the catalogue.
    ///   - onlyLongRunning: True if the rule applies to long-running workloads only.
    ///   - limit: The maximum number of findings that are described.
    /// - Returns: The reason why the rule is not evaluated; nil if it was evaluated completely or a finding reports where it
    ///   stopped.
    func run(_ check: @escaping Rule.Check, of order: Int, onlyLongRunning: Bool, limit: Int) -> NotEvaluated.Cause? {
        self.order = order
        self.limit = limit
        let cause = run(check, onlyLongRunning: onlyLongRunning)
        if hasFindings { endRule() }
        return cause
    }

    /// Keeps the findings of a rule.
    private func endRule() {
        hasFindings = false
        latest = nil
        reported.removeAll()
        // Findings that deny come first; the others are kept if there is room.
        lenient.shrink(to: limit - denying.entries.count)
        for shelf in [denying, lenient] {
            entries += shelf.entries
            guard shelf.further > 0, let last = shelf.entries.last else { continue }
            rests.append(Rest(entry: last, count: shelf.further))
        }
        denying = Shelf()
        lenient = Shelf()
    }

    /// Runs a check.
    ///
    /// A field of the wrong type is reported as a finding of ``Rule/schema``, and used-up steps as one of the
    /// check's rule.
    ///
    /// - Parameters:
    ///   - check: The rule's check.
    ///   - onlyLongRunning: True if the rule applies to long-running workloads only.
    /// - Returns: The reason why the rule is not evaluated; nil if it was evaluated completely or a finding reports where it
    ///   stopped.
    @inline(__always)
    func run(_ check: @escaping Rule.Check, onlyLongRunning: Bool = false) -> NotEvaluated.Cause? {
        guard steps >= 0, !subject.isSplit else { return runParts(check, onlyLongRunning) }
        do throws(CannotEvaluate) {
            try check(subject, context, self)
        } catch {
            return end(after: end(at: error))
        }
        return steps >= 0 && unknown == nil ? nil : end(after: nil)
    }

    /// Runs a check on each pod template of the object, or reports that it cannot be run.
    private func runParts(_ check: @escaping Rule.Check, _ onlyLongRunning: Bool) -> NotEvaluated.Cause? {
        end(after: steps >= 0 ? askParts(check, onlyLongRunning) : nil)
    }

    /// Reports used-up steps and related objects that a check needed and did not have.
    private func end(after missing: NotEvaluated.Cause?) -> NotEvaluated.Cause? {
        if steps < 0 {
            addBounded(
                Finding(.bounded, at: Pointer(), "the object has too many elements to evaluate this rule completely"))
        }
        guard let noted = unknown else { return missing }
        unknown = nil
        return .unknown(noted)
    }

    /// Runs a check on each pod template of the object.
    private func askParts(_ check: @escaping Rule.Check, _ onlyLongRunning: Bool) -> NotEvaluated.Cause? {
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

    private func ask(_ check: @escaping Rule.Check, about subject: Subject) -> NotEvaluated.Cause? {
        do throws(CannotEvaluate) {
            try check(subject, context, self)
            return nil
        } catch {
            return end(at: error)
        }
    }

    /// Reports the reason why a check stopped.
    private func end(at error: CannotEvaluate) -> NotEvaluated.Cause? {
        switch error {
        case .malformed(let node, let expected): return addUnreadable(node, expected)
        case .tooLong(let node, let expected): addBounded(Finding(.bounded, node, of: subject, isNot: expected))
        case .unknown(let relatedObject): return .unknown(relatedObject)
        case .tooMuchWork: steps = -1
        }
        return nil
    }

    // MARK: Fields of the wrong type

    /// The rules that stopped at a field of the wrong type, and the fields.
    private(set) var unreadable: [NotEvaluated] = []

    /// Reports a field of the wrong type, once for all rules that stop there.
    ///
    /// - Returns: The reason why the rule is not evaluated; nil if a finding reports it.
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
        // The strictest of the rules that stop there decides.
        let isExisting =
            known.map { entries[$0].traits.isExisting } != false
            && ratchet.hasUnreadable(finding, of: rules[order], &steps)
        var traits = finding.ownTraits
        traits.isExisting = isExisting
        let entry = Entry(rule: .schema, order: rules.count - 1, finding: finding, traits: traits)
        if let known { entries[known] = entry } else { entries.append(entry) }
        return nil
    }

    /// Adds a finding of ``Rule/schema`` about the object's kind.
    func add(_ finding: Finding) {
        entries.append(Entry(rule: .schema, order: rules.count - 1, finding: finding, traits: finding.ownTraits))
    }

    /// Returns the findings in catalogue order, then by path.
    func inOrder() -> [Entry] {
        var entries = entries
        for index in entries.indices { entries[index].path = subject.shownPath(entries[index].finding.place) }
        entries.sort { ($0.order, $0.path, $0.finding.message) < ($1.order, $1.path, $1.finding.message) }
        return entries
    }
}
