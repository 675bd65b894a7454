public import Evaluation
import Kubernetes

/// One event loop's counters of admission; a scrape adds up those of all loops.
///
/// The number of series is bounded: kinds that no rule reads are counted as `other`.
public struct Metrics: Sendable {
    private var requests: [UInt64]
    private var findings: [UInt64]
    private var notEvaluated: [UInt64]
    private var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count + 1)
    private var nanoseconds: UInt64 = 0
    private var exemptionChanges: UInt64 = 0
    private var breakGlass: UInt64 = 0

    /// The upper bounds of the latency histogram's buckets, in microseconds; they are dense where most requests are.
    static let bounds: [UInt64] = [
        10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 150, 200, 300, 500, 1000, 2500, 5000, 10_000, 50_000, 100_000,
        1_000_000,
    ]

    private static let kinds = ResourceKind.allCases
    /// The kinds' names; of kinds with the same name, all but the first include the API group.
    private static let kindNames: [String] = kinds.map { kind in
        let first = kinds.first { "\($0.name)" == "\(kind.name)" }
        return kind == .other ? "other" : first == kind ? "\(kind.name)" : "\(kind.name).\(kind.group)"
    }
    /// The largest number of operators' service accounts that are counted separately.
    private static let mostOperators = 200
    /// The operations, and `unknown` for reviews that could not be read that far.
    private static let operations = Operation.allCases.map { "\($0.name)" } + ["unknown"]
    private static let outcomes = AdmissionAnswer.Outcome.allCases
    /// The effects of findings: would-be denials in dry-run mode and existing violations are separate from other warnings.
    private static let effects = ["deny", "would-deny", "existing", "warn", "exempt"]
    private let rules: [Rule]
    private var operatorMade: [String: UInt64] = [:]

    /// Creates counters that are zero, for the rules of a catalogue.
    public init(of catalogue: Catalogue) {
        rules = catalogue.reported
        requests = Array(
            repeating: 0, count: 2 * Metrics.operations.count * Metrics.kinds.count * Metrics.outcomes.count)
        findings = Array(repeating: 0, count: rules.count * Metrics.effects.count)
        notEvaluated = Array(repeating: 0, count: rules.count)
    }

    /// Counts a review.
    ///
    /// - Parameters:
    ///   - answer: The answer to it.
    ///   - duration: The time from the last byte of the request to the first of the response, in nanoseconds.
    public mutating func count(_ answer: AdmissionAnswer, nanoseconds duration: UInt64) {
        count(answer.endpoint, answer.operation, answer.kind, answer.outcome)
        nanoseconds += duration
        let bucket = Metrics.bounds.firstIndex { duration <= $0 * 1000 } ?? Metrics.bounds.count
        buckets[bucket] += 1
        if answer.decision.changesExemption { exemptionChanges += 1 }
        if let account = answer.decision.operatorAccount {
            let isNamed = operatorMade[account] != nil || operatorMade.count < Metrics.mostOperators
            operatorMade[isNamed ? account : "other", default: 0] += 1
        }
        guard answer.endpoint == .validate else { return }
        for decided in answer.decision.findings { count(decided.rule, decided.effect, decided.leniency, 1) }
        for further in answer.decision.further {
            count(further.rule, further.effect, further.leniency, UInt64(further.count))
        }
        for rule in answer.decision.notEvaluated {
            if let index = rules.firstIndex(where: { $0 === rule.rule }) { notEvaluated[index] += 1 }
        }
    }

    /// Counts a body that is not a review and was sent to one of the endpoints.
    public mutating func count(_ rejection: Rejection, of path: String) {
        guard rejection.isAboutBody, let endpoint = Endpoint(path: path) else { return }
        count(endpoint, nil, .other, .error)
    }

    private mutating func count(
        _ endpoint: Endpoint, _ operation: Operation?, _ kind: ResourceKind, _ outcome: AdmissionAnswer.Outcome
    ) {
        let operation = operation.map { Int($0.rawValue) } ?? Operation.allCases.count
        let place = ((endpoint == .validate ? 0 : 1) * Metrics.operations.count + operation) * Metrics.kinds.count
        requests[(place + Int(kind.rawValue)) * Metrics.outcomes.count + outcome.index] += 1
    }

    private mutating func count(
        _ rule: Rule, _ effect: DecidedFinding.Effect, _ leniency: DecidedFinding.Leniency?, _ number: UInt64
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

    /// Appends the counters in Prometheus' text format; series with labels are omitted while they are zero.
    public func write(to text: inout Exposition) {
        text.family(
            "playbook_admission_requests_total", .counter,
            "Answered reviews, by endpoint, operation, kind and decision.")
        for (index, count) in requests.enumerated() where count > 0 {
            let outcome = Metrics.outcomes[index % Metrics.outcomes.count]
            let kind = Metrics.kindNames[index / Metrics.outcomes.count % Metrics.kinds.count]
            let rest = index / Metrics.outcomes.count / Metrics.kinds.count
            text.sample(
                [
                    ("endpoint", rest < Metrics.operations.count ? "validate" : "mutate"),
                    ("operation", Metrics.operations[rest % Metrics.operations.count]),
                    ("kind", kind), ("decision", outcome.rawValue),
                ], Double(count))
        }
        text.family("playbook_findings_total", .counter, "Findings, by rule and effect.")
        for (index, count) in findings.enumerated() where count > 0 {
            text.sample(
                [
                    ("rule", rules[index / Metrics.effects.count].id),
                    ("effect", Metrics.effects[index % Metrics.effects.count]),
                ], Double(count))
        }
        text.family(
            "playbook_rules_not_evaluated_total", .counter,
            "Rules not evaluated because related objects are unknown or a field has the wrong type, by rule.")
        for (rule, count) in zip(rules, notEvaluated) where count > 0 {
            text.sample([("rule", rule.id)], Double(count))
        }
        text.family(
            "playbook_operator_made_total", .counter,
            "Objects with findings that only warn because an operator made them, by service account.")
        for (account, count) in operatorMade.sorted(by: { $0.key < $1.key }) {
            text.sample([("service_account", account)], Double(count))
        }
        text.family("playbook_exemption_changes_total", .counter, "Requests that set or change an exemption.")
        text.sample([], Double(exemptionChanges))
        text.family(
            "playbook_break_glass_total", .counter, "Denials that break-glass users (PLAYBOOK_BREAK_GLASS) bypassed.")
        text.sample([], Double(breakGlass))
        writeHistogram(to: &text)
    }

    private func writeHistogram(to text: inout Exposition) {
        text.family(
            "playbook_admission_duration_seconds", .histogram,
            "Time from the last byte of a review to its answer, without the network.")
        text.histogram(Metrics.bounds.map { Double($0) / 1e6 }, buckets, sum: Double(nanoseconds) / 1e9)
    }
}

extension AdmissionAnswer.Outcome {
    /// The index among all cases.
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
    /// The type of a metric.
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

    /// Adds the samples of a histogram: the cumulative count of each bucket, the count and the sum.
    ///
    /// - Parameters:
    ///   - bounds: The upper bounds of all buckets but the last, in ascending order.
    ///   - counts: The number of values in each bucket, not cumulative.
    ///   - sum: The sum of all values.
    public mutating func histogram(_ bounds: [Double], _ counts: [UInt64], sum: Double) {
        var total: UInt64 = 0
        for (bound, count) in zip(bounds.map(Exposition.number) + ["+Inf"], counts) {
            total += count
            sample([("le", bound)], Double(total), suffix: "_bucket")
        }
        sample([], sum, suffix: "_sum")
        sample([], Double(total), suffix: "_count")
    }

    /// Returns a number in Prometheus' format; whole numbers have no fraction.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        value.map { $0 == "\\" ? "\\\\" : $0 == "\"" ? "\\\"" : $0 == "\n" ? "\\n" : String($0) }.joined()
    }
}
