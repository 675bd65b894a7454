public import Evaluation
import Kubernetes

/// The counters of admission: a value that one loop owns, added up with the other loops' when somebody asks.
///
/// Everything is bounded: kinds are those that rules read, everything else is `other`.
public struct Metrics: Sendable {
    private var requests: [UInt64]
    private var findings: [UInt64]
    private var notEvaluated: [UInt64]
    private var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count + 1)
    private var nanoseconds: UInt64 = 0
    private var exemptionChanges: UInt64 = 0
    private var breakGlass: UInt64 = 0

    /// The upper bounds of the latency histogram's buckets, in microseconds: fine where nearly all requests are.
    static let bounds: [UInt64] = [
        10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 150, 200, 300, 500, 1000, 2500, 5000, 10_000, 50_000, 100_000,
        1_000_000,
    ]

    private static let kinds = ResourceKind.allCases
    /// The kinds' names; of kinds with the same name the later ones have their group's too.
    private static let kindNames: [String] = kinds.map { kind in
        let first = kinds.first { "\($0.name)" == "\(kind.name)" }
        return kind == .other ? "other" : first == kind ? "\(kind.name)" : "\(kind.name).\(kind.group)"
    }
    /// Service accounts of operators that have a counter of their own.
    private static let mostOperators = 200
    /// Operations, and one for reviews that could not be read that far.
    private static let operations = Operation.allCases.map { "\($0.name)" } + ["unknown"]
    private static let decisions = AdmissionAnswer.Decision.allCases
    /// What findings do: denials that dry-run mode lets pass and old ones are told apart from other warnings.
    private static let effects = ["deny", "would-deny", "existing", "warn", "exempt"]
    private let rules: [Rule]
    private var operatorMade: [String: UInt64] = [:]

    /// Creates counters that are all zero, of a catalogue's rules among others.
    public init(of catalogue: Catalogue) {
        rules = catalogue.reported
        requests = Array(
            repeating: 0, count: 2 * Metrics.operations.count * Metrics.kinds.count * Metrics.decisions.count)
        findings = Array(repeating: 0, count: rules.count * Metrics.effects.count)
        notEvaluated = Array(repeating: 0, count: rules.count)
    }

    /// Counts a review.
    ///
    /// - Parameters:
    ///   - answer: The answer to it.
    ///   - duration: How long it took from the last byte in to the response's first, in nanoseconds.
    public mutating func count(_ answer: AdmissionAnswer, nanoseconds duration: UInt64) {
        let operation = answer.operation.map { Int($0.rawValue) } ?? Operation.allCases.count
        let place =
            ((answer.endpoint == .validate ? 0 : 1) * Metrics.operations.count + operation) * Metrics.kinds.count
        requests[(place + Int(answer.kind.rawValue)) * Metrics.decisions.count + answer.decision.index] += 1
        nanoseconds += duration
        let bucket = Metrics.bounds.firstIndex { duration <= $0 * 1000 } ?? Metrics.bounds.count
        buckets[bucket] += 1
        if answer.verdict.changesExemption { exemptionChanges += 1 }
        if let account = answer.verdict.operatorAccount {
            let isNamed = operatorMade[account] != nil || operatorMade.count < Metrics.mostOperators
            operatorMade[isNamed ? account : "other", default: 0] += 1
        }
        guard answer.endpoint == .validate else { return }
        for judgement in answer.verdict.judgements { count(judgement.rule, judgement.effect, judgement.leniency, 1) }
        for further in answer.verdict.further {
            count(further.rule, further.effect, further.leniency, UInt64(further.count))
        }
        for rule in answer.verdict.notEvaluated {
            if let index = rules.firstIndex(where: { $0 === rule.rule }) { notEvaluated[index] += 1 }
        }
    }

    private mutating func count(
        _ rule: Rule, _ effect: Judgement.Effect, _ leniency: Judgement.Leniency?, _ number: UInt64
    ) {
        let word =
            switch leniency {
            case .dryRun: "would-deny"
            case .existing: "existing"
            default: effect.rawValue
            }
        guard let row = rules.firstIndex(where: { $0 === rule }),
            let column = Metrics.effects.firstIndex(of: word)
        else { return }
        findings[row * Metrics.effects.count + column] += number
        if leniency == .breakGlass { breakGlass += number }
    }

    /// Adds another loop's counters.
    public static func += (left: inout Metrics, right: Metrics) {
        func add(_ left: inout [UInt64], _ right: [UInt64]) {
            for index in left.indices { left[index] += right[index] }
        }
        add(&left.requests, right.requests)
        add(&left.findings, right.findings)
        add(&left.notEvaluated, right.notEvaluated)
        add(&left.buckets, right.buckets)
        left.nanoseconds += right.nanoseconds
        left.exemptionChanges += right.exemptionChanges
        left.breakGlass += right.breakGlass
        left.operatorMade.merge(right.operatorMade, uniquingKeysWith: +)
    }

    /// Appends the counters in Prometheus' text format; what is zero and has many labels is left out.
    public func write(to text: inout Exposition) {
        text.family("playbook_admission_requests_total", .counter, "Reviews answered, by what was asked and decided.")
        for (index, count) in requests.enumerated() where count > 0 {
            let decision = Metrics.decisions[index % Metrics.decisions.count]
            let kind = Metrics.kindNames[index / Metrics.decisions.count % Metrics.kinds.count]
            let rest = index / Metrics.decisions.count / Metrics.kinds.count
            text.sample(
                [
                    ("endpoint", rest < Metrics.operations.count ? "validate" : "mutate"),
                    ("operation", Metrics.operations[rest % Metrics.operations.count]),
                    ("kind", kind), ("decision", decision.rawValue),
                ], Double(count))
        }
        text.family("playbook_findings_total", .counter, "Findings, by rule and what they did to the request.")
        for (index, count) in findings.enumerated() where count > 0 {
            text.sample(
                [
                    ("rule", rules[index / Metrics.effects.count].id),
                    ("effect", Metrics.effects[index % Metrics.effects.count]),
                ], Double(count))
        }
        text.family(
            "playbook_rules_not_evaluated_total", .counter,
            "Rules not evaluated to their end, because related objects are not known or a field has the wrong type.")
        for (rule, count) in zip(rules, notEvaluated) where count > 0 {
            text.sample([("rule", rule.id)], Double(count))
        }
        text.family(
            "playbook_operator_made_total", .counter,
            "Objects with findings that only warn because an operator made them, by service account.")
        for (account, count) in operatorMade.sorted(by: { $0.key < $1.key }) {
            text.sample([("service_account", account)], Double(count))
        }
        text.family("playbook_exemption_changes_total", .counter, "Requests that set or changed an exemption.")
        text.sample([], Double(exemptionChanges))
        text.family(
            "playbook_break_glass_total", .counter, "Denials that were let pass for holders of PLAYBOOK_BREAK_GLASS.")
        text.sample([], Double(breakGlass))
        writeHistogram(to: &text)
    }

    private func writeHistogram(to text: inout Exposition) {
        text.family(
            "playbook_admission_duration_seconds", .histogram,
            "Time from a review's last byte in to its answer, without the network.")
        text.histogram(Metrics.bounds.map { Double($0) / 1e6 }, buckets, sum: Double(nanoseconds) / 1e9)
    }
}

extension AdmissionAnswer.Decision {
    /// The place among all cases.
    fileprivate var index: Int {
        switch self {
        case .allow: 0
        case .warn: 1
        case .deny: 2
        case .patch: 3
        case .error: 4
        }
    }
}

/// Prometheus' text format (version 0.0.4).
public struct Exposition: Sendable {
    /// What a family of samples is.
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// The text so far.
    public private(set) var text = ""
    private var name = ""

    /// Creates an empty text.
    public init() {}

    /// Starts a family of samples.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample to the family.
    public mutating func sample(_ labels: [(name: String, value: String)], _ value: Double, suffix: String = "") {
        text += name + suffix
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Exposition.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(Exposition.number(value))\n"
    }

    /// Adds the samples of a histogram: how many lie below each bound, how many there are, and their sum.
    ///
    /// - Parameters:
    ///   - bounds: The upper bounds of all classes but the last, from the lowest on.
    ///   - counts: How many there are in each class.
    ///   - sum: The sum of all.
    public mutating func histogram(_ bounds: [Double], _ counts: [UInt64], sum: Double) {
        var total: UInt64 = 0
        for (bound, count) in zip(bounds.map(Exposition.number) + ["+Inf"], counts) {
            total += count
            sample([("le", bound)], Double(total), suffix: "_bucket")
        }
        sample([], sum, suffix: "_sum")
        sample([], Double(total), suffix: "_count")
    }

    /// A number as Prometheus reads it: whole ones without a fraction.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        value.map { $0 == "\\" ? "\\\\" : $0 == "\"" ? "\\\"" : $0 == "\n" ? "\\n" : String($0) }.joined()
    }
}
