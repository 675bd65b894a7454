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
        var verdict = Verdict()
        guard let object = review.operation == .delete ? review.oldObject : review.object else {
            verdict.passedOver = "the request carries no object"
            return verdict
        }
        let rules = table.rules(for: review)
        // Namespaces are looked at even where no rule reads them, for the exemptions that they set.
        guard !rules.isEmpty || review.kind == .namespace else {
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
        var findings = Findings()
        let isInSystem = context.source == .server && context.settings.isSystem(namespace: subject.namespace)
        let isLongRunning = subject.isLongRunning
        for rule in rules {
            guard isLongRunning || !rule.scope.isLongRunningOnly, change != .metadata || rule.scope.readsMetadata,
                !isInSystem || rule.scope.reachesSystemNamespaces
            else { continue }
            findings.ask(rule, subject, context)
        }
        verdict.notEvaluated = findings.notEvaluated
        let exemptions = Exemptions(of: subject, in: context)
        verdict.changesExemption = exemptions.areChanged
        if !findings.found.isEmpty {
            let ratchet = Ratchet(subject, context, exemptions)
            let sentence = Sentence(subject: subject, context: context, origin: origin, ratchet: ratchet)
            verdict.judgements = findings.inOrder(for: subject).map {
                sentence.judgement($0.rule, $0.finding, at: $0.path, exemptions)
            }
            verdict.absences = absences(verdict.judgements, subject.namespace, context.companions)
        }
        verdict.notices = exemptions.notices(at: context.now)
        if !verdict.isSilent {
            verdict.title = subject.title
            verdict.documentation = context.settings.documentation
        }
        return verdict
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

extension Finding {
    /// What it rests on the absence of, if anything.
    func absence(in namespace: String) -> Absence? { absent.map { Absence($0, in: namespace) } }
}

/// The rules by what they are asked about, so that the others cost nothing.
private struct RuleTable: Sendable {
    private var rows: [[Rule]]

    init(_ rules: [Rule]) {
        rows = Array(repeating: [], count: ResourceKind.allCases.count * RuleTable.operations * RuleTable.subresources)
        for rule in rules {
            for kind in rule.scope.kinds.kinds {
                for operation in rule.scope.operations {
                    for subresource in rule.scope.subresources {
                        rows[RuleTable.row(kind, operation, subresource)].append(rule)
                    }
                }
            }
        }
    }

    private static let operations = Operation.allCases.count
    private static let subresources = Subresource.allCases.count

    private static func row(_ kind: ResourceKind, _ operation: Operation, _ subresource: Subresource) -> Int {
        (Int(kind.rawValue) * operations + operation.index) * subresources + subresource.index
    }

    func rules(for review: AdmissionReview) -> [Rule] {
        rows[RuleTable.row(review.kind, review.operation, review.subresource)]
    }
}

extension Operation {
    fileprivate var index: Int {
        switch self {
        case .create: 0
        case .update: 1
        case .delete: 2
        case .connect: 3
        }
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
        case .other: 5
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

    var found: [Entry] = []
    var notEvaluated: [NotEvaluated] = []
    private var order = 0

    mutating func ask(_ rule: Rule, _ subject: Subject, _ context: Context) {
        order += 1
        do throws(UnknownCompanion) {
            for finding in try rule.findings(in: subject, context) {
                found.append(Entry(rule: rule, finding: finding, order: order))
            }
        } catch {
            notEvaluated.append(NotEvaluated(rule: rule, companion: error.companion))
        }
    }

    /// The findings in catalogue order, then by path; what several rules stumble over is told once.
    func inOrder(for subject: Subject) -> [Entry] {
        var entries = found
        for index in entries.indices { entries[index].path = subject.path(entries[index].finding.place) }
        entries.sort { ($0.order, $0.path, $0.finding.message) < ($1.order, $1.path, $1.finding.message) }
        let places = Set(entries.filter { $0.finding.clause == .malformed }.map(\.path))
        guard !places.isEmpty else { return entries }
        // The rule that insists most tells it.
        let tellers = places.map { place in
            let same = entries.filter { $0.finding.clause == .malformed && $0.path == place }
            return (same.first { $0.rule.level == .deny } ?? same.first)?.order
        }
        return entries.filter { $0.finding.clause != .malformed || tellers.contains($0.order) }
    }
}

/// A companion that a rule needed and nobody knows.
struct UnknownCompanion: Error {
    let companion: String
}

extension Rule {
    /// What the rule says about a subject; a field of the wrong type is one of its findings.
    func findings(in subject: Subject, _ context: Context) throws(UnknownCompanion) -> [Finding] {
        do throws(CannotJudge) {
            return try check(subject, context)
        } catch {
            switch error {
            case .malformed(let node, let expected):
                let place = subject.object.pointer(to: node) ?? Pointer()
                let seen = subject.object[at: place]?.kindInWords ?? "malformed"
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
