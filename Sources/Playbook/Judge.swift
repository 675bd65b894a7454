import JSON
public import Kubernetes

/// The decision on a request, from top to bottom: what is passed over, what is found, and what comes of each finding.
public struct Judge: Sendable {
    private let table: RuleTable

    /// Creates a judge of rules, at the levels of the settings.
    public init(_ settings: Settings, rules: [Rule] = Catalogue.rules) {
        table = RuleTable(rules.filter { settings.level(of: $0) != .off })
    }

    /// Judges a request.
    public func verdict(on review: AdmissionReview, in context: Context) -> Verdict {
        verdict(on: review, in: context, isTold: true)
    }

    /// Judges a request; what nobody is told of has no remedies.
    func verdict(on review: AdmissionReview, in context: Context, isTold: Bool) -> Verdict {
        var verdict = Verdict()
        guard let object = review.operation == .delete ? review.oldObject : review.object else {
            verdict.passedOver = "the request carries no object"
            return verdict
        }
        let questions = table.questions(for: review)
        // Namespaces are looked at even where no rule reads them, for the exemptions that they set.
        guard !questions.isEmpty || review.kind == .namespace else {
            verdict.passedOver = "no rule reads this"
            return verdict
        }
        let subject = Subject(review, object)
        let origin = Origin(of: subject, in: context)
        if let reason = origin.passedOver {
            verdict.passedOver = reason
            return verdict
        }
        if context.settings.mode == .dryRun { verdict.untrustedController = origin.untrustedController }
        let change = Change(of: subject)
        if change == .finalizers {
            verdict.passedOver = "the object is being deleted"
            return verdict
        }
        subject.changesOnlyMetadata = change == .metadata
        var findings = Findings(rules: table.rules)
        let isInSystem = context.passesOverSystemNamespaces && context.settings.isSystem(namespace: subject.namespace)
        let isLongRunning = subject.isLongRunning
        for question in questions {
            guard isLongRunning || !question.isLongRunningOnly, change != .metadata || question.readsMetadata,
                !isInSystem || question.reachesSystemNamespaces
            else { continue }
            findings.ask(question, subject, context)
        }
        verdict.notEvaluated = findings.notEvaluated
        let exemptions = Exemptions(of: subject, in: context)
        verdict.changesExemption = exemptions.areChanged
        if !findings.found.isEmpty {
            let ratchet = Ratchet(subject, context, exemptions)
            let sentence = Sentence(subject: subject, context: context, origin: origin, ratchet: ratchet)
            verdict.judgements = toldOnce(
                findings.inOrder(for: subject).map {
                    sentence.judgement($0.rule, $0.finding, at: $0.path, exemptions, isTold: isTold)
                })
            verdict.absences = absences(verdict.judgements, subject.namespace, context.companions)
        }
        verdict.notices = exemptions.notices(at: context.now)
        if !verdict.isSilent {
            verdict.title = subject.title
            verdict.documentation = context.settings.documentation
        }
        return verdict
    }

    /// The judgements with what several rules stumble over told once, by the one that it weighs most with here.
    ///
    /// Not before it is known what becomes of each: an exemption from the one that tells it is none from the others.
    private func toldOnce(_ judgements: [Judgement]) -> [Judgement] {
        var tellers: [String: Judgement] = [:]
        for judgement in judgements where judgement.finding.clause == .malformed {
            if let other = tellers[judgement.path], !judgement.insistsMore(than: other) { continue }
            tellers[judgement.path] = judgement
        }
        guard !tellers.isEmpty else { return judgements }
        return judgements.filter { $0.finding.clause != .malformed || tellers[$0.path]?.rule === $0.rule }
    }

    /// What denials rest on the absence of, each once, as far as its kind is followed and nobody has looked again.
    private func absences(_ judgements: [Judgement], _ namespace: String, _ companions: Companions) -> [Absence] {
        var result: [Absence] = []
        for judgement in judgements where judgement.effect == .deny {
            guard let absence = judgement.finding.absence(in: namespace), !companions.hasAsked(absence),
                companions.knows(absence.kind, in: namespace), !result.contains(absence)
            else { continue }
            result.append(absence)
        }
        return result
    }
}

extension Judgement {
    fileprivate func insistsMore(than other: Judgement) -> Bool {
        effect == other.effect ? level < other.level : effect.severity > other.effect.severity
    }
}

extension Finding {
    /// What it rests on the absence of, if anything.
    func absence(in namespace: String) -> Absence? { absent.map { Absence($0, in: namespace) } }
}

/// What it takes to ask a rule, and nothing that is counted when it is copied: there are dozens to a request.
private struct Question: Sendable {
    let check: Rule.Check
    /// The rule's place in the table.
    let rule: Int
    let isLongRunningOnly: Bool
    let readsMetadata: Bool
    let reachesSystemNamespaces: Bool

    init(_ rule: Rule, at index: Int) {
        check = rule.check
        self.rule = index
        isLongRunningOnly = rule.scope.isLongRunningOnly
        readsMetadata = rule.scope.readsMetadata
        reachesSystemNamespaces = rule.scope.reachesSystemNamespaces
    }
}

/// The rules by what they are asked about, so that the others cost nothing.
private struct RuleTable: Sendable {
    let rules: [Rule]
    private var rows: [[Question]]

    init(_ rules: [Rule]) {
        self.rules = rules
        rows = Array(repeating: [], count: ResourceKind.allCases.count * RuleTable.operations * RuleTable.subresources)
        for (index, rule) in rules.enumerated() {
            for kind in rule.scope.kinds.kinds {
                for operation in rule.scope.operations {
                    for subresource in rule.scope.subresources {
                        rows[RuleTable.row(kind, operation, subresource)].append(Question(rule, at: index))
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

    func questions(for review: AdmissionReview) -> [Question] {
        rows[RuleTable.row(review.kind, review.operation, review.subresource)]
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

/// What rules say, before anything is decided.
private struct Findings {
    struct Entry {
        let rule: Rule
        let finding: Finding
        /// The rule's place in the order.
        let order: Int
        /// Where, for people.
        var path = ""
    }

    private let rules: [Rule]
    var found: [Entry] = []
    var notEvaluated: [NotEvaluated] = []

    init(rules: [Rule]) { self.rules = rules }

    mutating func ask(_ question: Question, _ subject: Subject, _ context: Context) {
        do throws(UnknownCompanion) {
            for finding in try subject.findings(of: question.check, context) {
                found.append(Entry(rule: rules[question.rule], finding: finding, order: question.rule))
            }
        } catch {
            // Where one is not known, others will not be either.
            if notEvaluated.isEmpty { notEvaluated.reserveCapacity(4) }
            notEvaluated.append(NotEvaluated(rule: rules[question.rule], companion: error.companion))
        }
    }

    /// The findings in catalogue order, then by path.
    func inOrder(for subject: Subject) -> [Entry] {
        var entries = found
        for index in entries.indices { entries[index].path = subject.path(entries[index].finding.place) }
        entries.sort { ($0.order, $0.path, $0.finding.message) < ($1.order, $1.path, $1.finding.message) }
        return entries
    }
}

/// A companion that a rule needed and nobody knows.
struct UnknownCompanion: Error {
    let companion: String
}

extension Subject {
    /// What a rule says about it; a field of the wrong type is one of its findings.
    func findings(of check: Rule.Check, _ context: Context) throws(UnknownCompanion) -> [Finding] {
        do throws(CannotJudge) {
            return try check(self, context)
        } catch {
            switch error {
            case .malformed(let node, let expected):
                let place = object.pointer(to: node) ?? Pointer()
                let seen = object[at: place]?.kindInWords ?? "malformed"
                return [
                    Finding(.malformed, at: place, "is \(seen), not \(expected)").with {
                        $0.advice = "write \(expected)"
                    }
                ]
            case .unknown(let companion): throw UnknownCompanion(companion: companion)
            }
        }
    }
}

extension Value {
    /// What the value is, for a message about what it is not.
    fileprivate var kindInWords: String {
        switch kind {
        case .null: "null"
        case .true, .false: "a boolean"
        case .number: "the number \(String(text.prefix(20)))"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .opaque: "nested too deep"
        }
    }
}
