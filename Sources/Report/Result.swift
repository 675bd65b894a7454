public import Evaluation
public import JSON

/// An evaluated object, with its location.
public struct ReportedObject: Sendable {
    /// The file; `-` for standard input.
    public let file: String
    /// The line in the file; nil if it is unknown.
    public let line: Int?
    /// The request: `CREATE by kubernetes-admin`; empty for an object in a file.
    public let request: String
    /// The directory of the kustomization or chart that renders the object; nil for an object of the file itself.
    public let root: String?
    /// The result of the evaluation.
    public let decision: Decision
    /// True if the object is denied, also because of a finding that is reported for another root.
    public let isDenied: Bool
    /// The number of findings that are already reported for the same object in another root.
    public let repeated: Int
    /// The findings, each with its location in the file.
    public let findings: [LocatedFinding]
    /// The result of each rule, if requested.
    public var answers: [RuleAnswer] = []

    /// Creates an evaluated object.
    ///
    /// `whole` is the result with the findings that are already reported for another root.
    /// `locate` returns the region of a field in the file, or nil if the file does not contain the object itself.
    public init(
        file: String, line: Int?, request: String, decision: Decision, root: String? = nil, whole: Decision? = nil,
        locate: (Pointer) -> Region? = { _ in nil }
    ) {
        self.file = file
        self.line = line
        self.request = request
        self.root = root
        self.decision = decision
        isDenied = (whole ?? decision).isDenied
        repeated = (whole ?? decision).findings.count - decision.findings.count
        findings = decision.findings.map { decided in
            let region = locate(decided.finding.place)
            return LocatedFinding(decided: decided, line: region?.start.line ?? line, region: region)
        }
    }
}

/// A finding with its location in the file.
public struct LocatedFinding: Sendable {
    /// The finding and its effect.
    public let decided: DecidedFinding
    /// The line; nil if only the file is known.
    public let line: Int?
    /// The field, or the nearest parent if the field is missing; nil if the file does not contain the object itself.
    public let region: Region?
}

extension LocatedFinding {
    /// The path and the message: `spec.replicas is 1, fewer than 2`.
    var sentence: String {
        decided.path.isEmpty ? decided.finding.message : "\(decided.path) \(decided.finding.message)"
    }

    /// The reason why it does not deny although the rule does: the leniency's name, or the exemption's reason.
    var reasonText: String? { decided.leniency?.rawValue ?? decided.exemption?.reason }
}

extension ReportedObject {
    /// The title of the evaluated object: `Deployment shop/catalogue`.
    var title: String { decision.subject.title }

    /// Returns the number of findings with this effect.
    func count(_ effect: DecidedFinding.Effect) -> Int { findings.count { $0.decided.effect == effect } }
}

extension [ReportedObject] {
    /// The URL of the rules' documentation; empty for none.
    ///
    /// Objects without findings do not have it.
    var documentation: String { lazy.map(\.decision.documentation).first { !$0.isEmpty } ?? "" }
}

/// `1 finding`, `2 findings`.
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// The heading above objects whose author is not the team.
let thirdPartyTitle = "Operator-made and third-party objects: change the resource or the chart that they come from"

/// The text for an empty namespace, team or user.
let none = "(none)"

/// Returns a name, or the text for none.
func orNone(_ name: String) -> String { name.isEmpty ? none : name }

/// An input that could not be read, and the reason.
public struct UnreadableInput: Error, Sendable, CustomStringConvertible {
    /// The file, `-` for standard input, or the kind that could not be listed from the cluster.
    public let name: String
    /// The line; nil for the whole input.
    public let line: Int?
    /// The column.
    public let column: Int?
    /// The reason.
    public let reason: String

    /// Creates an input with a reason.
    public init(_ name: String, line: Int? = nil, column: Int? = nil, _ reason: String) {
        // It is printed on standard error, which other programs read.
        self.name = oneLine(name)
        self.line = line
        self.column = column
        self.reason = oneLine(SecretMask.masked(reason))
    }

    /// The location and the reason: `a.yaml:3:5: duplicate key "a" (first defined on line 2)`.
    public var description: String { "\(place): \(reason)" }

    /// The location: `a.yaml:3:5`.
    var place: String { ([name] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":") }
}

/// The counts over all evaluated objects.
public struct Summary: Sendable {
    /// The kind of evaluated items.
    public enum Noun: String, Sendable {
        case review, object
    }

    /// The kind of evaluated items.
    public let noun: Noun
    /// The number of evaluated items.
    public var evaluated = 0
    /// The number of items that are, or would be, denied.
    public var denied = 0
    /// The number of items that are allowed with warnings.
    public var warned = 0
    /// The inputs that could not be read.
    public var unreadable: [UnreadableInput] = []
    /// The number of files that were read.
    public var files = 0
    /// The number of documents that are not Kubernetes objects, in files with objects.
    public var foreign = 0
    /// The number of files in which no object was found.
    public var skippedFiles = 0
    /// The kustomizations and charts that were not rendered, with the reasons.
    public var notRendered: [(path: String, reason: String)] = []
    /// The number of objects of kinds that no rule reads, by kind.
    public private(set) var notCovered: [String: Int] = [:]
    /// The number of objects that were not evaluated on purpose, by reason.
    public private(set) var skipped: [String: Int] = [:]
    /// The number of objects on which each rule was not evaluated, by reason.
    public var notEvaluated: [(rule: String, reason: String, count: Int)] = []

    /// The text for a run without evaluated items.
    var nothingFound: String { noun == .object ? "no Kubernetes objects found" : "no reviews found" }

    /// Returns a sentence for each reason why rules were not evaluated; `write` formats the rules.
    func notEvaluatedSentences(_ write: (String) -> String = { $0 }) -> [String] {
        var reasons: [String] = []
        for entry in notEvaluated where !reasons.contains(entry.reason) { reasons.append(entry.reason) }
        return reasons.map { reason in
            let rules = notEvaluated.filter { $0.reason == reason }.map { "\(write($0.rule)) (\($0.count))" }
            return "Not evaluated because \(reason): \(rules.joined(separator: ", "))"
        }
    }
    /// The number of findings that are listed for another kustomization or chart that renders the same source.
    public var repeated = 0
    /// The number of findings that are counted and not listed: of each rule, a hundred findings are listed per object.
    public var notListed = 0
    /// The files that settings were read from, besides the environment.
    public var settingsFiles: [String] = []
    /// True if the findings were written to a new baseline.
    public var isBaselineWritten = false
    /// The result of comparing with the baseline; nil without one.
    public var baseline: Baseline.Outcome?

    /// The number of items that are allowed without warnings; objects that no rule has evaluated do not count.
    public var allowed: Int { evaluated - denied - warned - notCoveredCount - skipped.values.reduce(0, +) }
    private var notCoveredCount: Int { notCovered.values.reduce(0, +) }

    /// Sentences about what was not evaluated.
    var remarks: [String] {
        var result: [String] = []
        if notCoveredCount > 0 {
            let kinds = notCovered.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }
            let shown = kinds.prefix(8).map { "\($0.key) \($0.value)" } + (kinds.count > 8 ? ["…"] : [])
            result.append(
                "not covered: \(counted(notCoveredCount, "object")) of kinds that no rule reads: \(shown.joined(separator: ", "))"
            )
        }
        for (reason, count) in skipped.sorted(by: { $0.key < $1.key }) {
            result.append("skipped \(counted(count, "object")): \(reason)")
        }
        if repeated > 0 {
            result.append(
                "not listed again: \(counted(repeated, "finding")) in sources that several kustomizations render")
        }
        if skippedFiles > 0 { result.append("skipped \(counted(skippedFiles, "file")) without Kubernetes objects") }
        if foreign > 0 {
            result.append(
                "skipped \(foreign == 1 ? "1 document that is not a Kubernetes object" : "\(foreign) documents that are not Kubernetes objects")"
            )
        }
        if !notRendered.isEmpty {
            let shown = notRendered.prefix(3).map(\.path) + (notRendered.count > 3 ? ["…"] : [])
            result.append("not rendered: \(shown.joined(separator: ", "))")
        }
        return result.map { oneLine($0) }
    }

    /// True if the items come from files; counting a cluster's objects by path is not useful.
    var isOfFiles: Bool { noun == .review || files > 0 }

    /// Creates an empty summary.
    public init(of noun: Noun = .review) { self.noun = noun }

    /// Counts an evaluated item.
    public mutating func add(_ decision: Decision) {
        evaluated += 1
        if noun == .object, !decision.isCovered {
            notCovered[decision.subject.kindName, default: 0] += 1
        } else if noun == .object, let reason = decision.generalSkipReason {
            skipped[reason, default: 0] += 1
        }
        switch decision.outcome {
        case .deny: denied += 1
        case .warn: warned += 1
        case .allow: break
        }
        notListed += decision.further.reduce(0) { $0 + $1.count }
        for entry in decision.notEvaluated {
            if let index = notEvaluated.firstIndex(where: {
                $0.rule == entry.rule.id && $0.reason == entry.generalReason
            }) {
                notEvaluated[index].count += 1
            } else {
                notEvaluated.append((entry.rule.id, entry.generalReason, 1))
            }
        }
    }
}
