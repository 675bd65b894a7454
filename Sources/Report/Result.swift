public import Evaluation
public import JSON

/// An object that was judged, with where it came from.
public struct JudgedObject: Sendable {
    /// The file; `-` for standard input.
    public let file: String
    /// The line in the file, where one is known.
    public let line: Int?
    /// What is said about the request beside the object: `CREATE by kubernetes-admin`; empty for an object in a file.
    public let request: String
    /// What came of it.
    public let verdict: Verdict
    /// What was found, in the verdict's order, each with its place in the file.
    public let findings: [LocatedFinding]
    /// What each rule had to say, where somebody wants to know.
    public var answers: [RuleAnswer] = []

    /// Creates a judged object.
    ///
    /// - Parameters:
    ///   - file: The file; `-` for standard input.
    ///   - line: The line in the file, where one is known.
    ///   - request: What is said about the request beside the object.
    ///   - verdict: What came of it.
    ///   - locate: Finds a field of the object in the file; nil where the file holds something else, as a review.
    public init(
        file: String, line: Int?, request: String, verdict: Verdict,
        locate: (Pointer) -> Region? = { _ in nil }
    ) {
        self.file = file
        self.line = line
        self.request = request
        self.verdict = verdict
        findings = verdict.judgements.map { judgement in
            let region = locate(judgement.finding.place)
            return LocatedFinding(judgement: judgement, line: region?.start.line ?? line, region: region)
        }
    }
}

/// A finding with its place in the file.
public struct LocatedFinding: Sendable {
    /// What was found, and what came of it.
    public let judgement: Judgement
    /// The line; nil where only the file is known.
    public let line: Int?
    /// The very field, or the nearest thing around it; nil where the file does not hold the object itself.
    public let region: Region?
}

extension LocatedFinding {
    /// Where and what, in a sentence: `spec.replicas is 1, fewer than 2`.
    var sentence: String {
        judgement.path.isEmpty ? judgement.finding.message : "\(judgement.path) \(judgement.finding.message)"
    }

    /// Why it does not deny although the rule does: the leniency's name, or the exemption's reason.
    var excuse: String? { judgement.leniency?.rawValue ?? judgement.exemption?.reason }
}

extension JudgedObject {
    /// The title of the evaluated object: `Deployment shop/catalogue`.
    var title: String { verdict.subject.title }

    /// How many findings do this to the request.
    func count(_ effect: Judgement.Effect) -> Int { findings.count { $0.judgement.effect == effect } }
}

extension [JudgedObject] {
    /// Where rules are explained; empty for nowhere.
    ///
    /// Verdicts that have nothing to say do not know it.
    var documentation: String { lazy.map(\.verdict.documentation).first { !$0.isEmpty } ?? "" }
}

/// `1 finding`, `2 findings`.
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// What is said for the namespace, team or user of what has none.
let none = "(none)"

/// A name, or the word for none.
func orNone(_ name: String) -> String { name.isEmpty ? none : name }

/// Something that could not be read, and why.
public struct UnreadableInput: Error, Sendable, CustomStringConvertible {
    /// The file; `-` for standard input, and the kind of objects that a cluster did not tell of.
    public let name: String
    /// The line; nil where all of it is meant.
    public let line: Int?
    /// The column.
    public let column: Int?
    /// Why.
    public let reason: String

    /// Names an input and a reason.
    public init(_ name: String, line: Int? = nil, column: Int? = nil, _ reason: String) {
        // It is told on the standard error of programs whose output others read.
        self.name = oneLine(name)
        self.line = line
        self.column = column
        self.reason = oneLine(SecretMask.masked(reason))
    }

    /// The place and the reason: `a.yaml:3:5: the key 'a' is there twice, first in line 2`.
    public var description: String { "\(place): \(reason)" }

    /// Where: `a.yaml:3:5`.
    var place: String { ([name] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":") }
}

/// Counts over all that was judged.
public struct Summary: Sendable {
    /// What is judged.
    public enum Noun: String, Sendable {
        case review, object
    }

    /// What is judged.
    public let noun: Noun
    /// How many were judged.
    public var judged = 0
    /// How many would be, or are, refused.
    public var denied = 0
    /// How many pass with a warning.
    public var warned = 0
    /// What could not be read.
    public var unreadable: [UnreadableInput] = []
    /// How many files were read.
    public var files = 0
    /// How many documents are nothing that an API server takes.
    public var foreign = 0
    /// On how many objects each rule was not evaluated, by reason.
    public var notEvaluated: [(rule: String, reason: String, count: Int)] = []

    /// A sentence for each reason why rules were not evaluated, with the rules as `write` puts them.
    func notEvaluatedSentences(_ write: (String) -> String = { $0 }) -> [String] {
        var reasons: [String] = []
        for entry in notEvaluated where !reasons.contains(entry.reason) { reasons.append(entry.reason) }
        return reasons.map { reason in
            let rules = notEvaluated.filter { $0.reason == reason }.map { "\(write($0.rule)) (\($0.count))" }
            return "Not evaluated, since \(reason): \(rules.joined(separator: ", "))"
        }
    }
    /// How many findings are counted and not listed: a review has room for a hundred of a rule.
    public var notListed = 0
    /// What came of the baseline; nil without one.
    public var baseline: Baseline.Outcome?

    /// Whether it is about files; a cluster's objects have paths of their own, which there is nothing to count by.
    var isOfFiles: Bool { noun == .review || files > 0 }

    /// Creates a summary of nothing.
    public init(of noun: Noun = .review) { self.noun = noun }

    /// Counts one more.
    public mutating func add(_ verdict: Verdict) {
        judged += 1
        switch verdict.decision {
        case .deny: denied += 1
        case .warn: warned += 1
        case .allow: break
        }
        notListed += verdict.further.reduce(0) { $0 + $1.count }
        for entry in verdict.notEvaluated {
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
