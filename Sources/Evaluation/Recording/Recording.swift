public import JSON
public import Kubernetes

/// The decision on a review, as a recording stores it with the request.
///
/// A recording is the AdmissionReview as it was sent, with redacted secrets and the additional member `recording`: all tools
/// that read reviews can read recordings.
public struct Recording: Sendable {
    /// A recorded finding.
    public struct Finding: Sendable {
        /// The rule.
        public let rule: String
        /// The readable path.
        public let path: String
        /// The path in the object.
        let place: Pointer
        /// The effect on the request.
        public let effect: DecidedFinding.Effect
        /// True if it only warned because of dry-run mode.
        let wouldDeny: Bool
    }

    /// The decision on the request.
    public let decision: Decision.Outcome
    /// The mode of the server.
    public let mode: Mode?
    /// The time of the decision.
    public let time: Timestamp?
    /// All findings.
    public let findings: [Finding]
    /// The related objects that were available.
    public let relatedObjects: RelatedObjects

    /// Reads the member `recording` of a review; nil if it has none.
    ///
    /// - Parameters:
    ///   - root: The review.
    ///   - catalogue: The rules that will be evaluated.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if the member is not valid.
    public init?(of root: Value, with catalogue: Catalogue) throws(CannotEvaluate) {
        guard let value = root.present("recording") else { return nil }
        guard let word = try value.text("decision"), let decision = Decision.Outcome(rawValue: word.text) else {
            throw .malformed(value.id, expected: "a recording with a decision: deny, warn or allow")
        }
        self.decision = decision
        mode = try value.string("mode").flatMap { Mode(rawValue: $0) }
        time = try value.string("time").flatMap { Timestamp(endOf: $0) }
        var findings: [Finding] = []
        for entry in try value.objects("findings") {
            guard let rule = try entry.string("rule"), let path = try entry.string("path"),
                let place = try entry.string("place").flatMap({ Pointer(parsing: $0) }),
                let effect = try entry.string("effect").flatMap({ DecidedFinding.Effect(rawValue: $0) })
            else { throw .malformed(entry.id, expected: "a finding with rule, path, place and effect") }
            let wouldDeny = try entry.string("because") == DecidedFinding.Leniency.dryRun.rawValue
            findings.append(Finding(rule: rule, path: path, place: place, effect: effect, wouldDeny: wouldDeny))
        }
        self.findings = findings
        relatedObjects =
            try value.array("companions").map { (entries) throws(CannotEvaluate) in
                try RelatedObjects(recorded: entries, answers: value["answers"], of: catalogue)
            } ?? .unknown
    }
}

extension Decision {
    /// The decision on a request, in a word.
    public enum Outcome: String, Sendable {
        /// The request is denied.
        case deny
        /// The request is allowed with a warning.
        case warn
        /// The request is allowed.
        case allow
    }

    /// The decision on the request.
    public var outcome: Outcome {
        if isDenied { return .deny }
        return findings.contains { $0.effect == .warn } || !notices.isEmpty ? .warn : .allow
    }
}

/// Creates recordings of reviews and their decisions; for one thread.
public final class RecordingWriter {
    private let settings: Settings
    private let version: String
    /// The settings with all rules at level deny: a replay with other levels can read every object that these rules read.
    private let mostSevere: Settings
    private let evaluator: Evaluator
    private let document = Document()

    /// Creates a writer.
    ///
    /// - Parameters:
    ///   - settings: The environment's settings.
    ///   - version: The version of the program.
    public init(_ settings: Settings, version: String) {
        self.settings = settings
        self.version = version
        let levels = settings.catalogue.rules.map { ($0.id, Level.deny) }
        mostSevere = settings.overridden(mode: .enforce, levels: Dictionary(levels, uniquingKeysWith: { $1 }))
        evaluator = Evaluator(mostSevere)
    }

    /// Returns an upper limit for the memory that a line needs, in bytes: for its nodes, the redacted text and the line.
    public static func memory(for byteCount: Int) -> Int {
        min(24 * byteCount, 24 * ParseOptions.untrustedNodes) + 5 * byteCount
    }

    /// Creates a line, without its line ending.
    ///
    /// - Parameters:
    ///   - body: The review as it was sent.
    ///   - decision: The decision.
    ///   - context: The context of the decision.
    ///   - nanoseconds: The duration of the evaluation.
    /// - Returns: The line; nil if the body is not a review.
    public func line(
        _ body: Span<UInt8>, _ decision: Decision, in context: Context, nanoseconds: UInt64
    ) -> [UInt8]? {
        let line = try? document.read(body, ParseOptions(toleratesDepth: true)) { root -> [UInt8]? in
            guard let review = try? AdmissionReview(root), let request = root["request"] else { return nil }
            var redactor = Redactor(settings)
            var redacted: [UInt8] = []
            redactor.write(request, to: &redacted)
            let relatedObjects = redactor.redacted(relatedObjects(for: review, in: context))
            var members = head(decision, context, nanoseconds, &redactor)
            members.append(.init("redacted", .number(String(redactor.count))))
            members.append(.init("companions", relatedObjects))
            var known = context.relatedObjects.answers + [decision.pastTemplate].compactMap(\.self)
            // A replay trusts default controllers, since it cannot ask.
            if let kind = review.unprovenKind(context), !context.relatedObjects.hasAsked(.served(kind)) {
                known.append(.served(kind, nil))
            }
            let answers = known.compactMap(\.recorded)
            if !answers.isEmpty { members.append(.init("answers", redactor.redacted(.array(answers)))) }
            let head: Literal = [
                "kind": "AdmissionReview", "apiVersion": .string(review.apiVersion), "recording": .object(members),
            ]
            var line: [UInt8] = []
            head.write(to: &line)
            line.removeLast()
            line += #","request":"#.utf8
            line += redacted
            line.append(UInt8(ascii: "}"))
            return line
        }
        return line ?? nil
    }

    /// Returns the related objects that any rule would read for the review.
    private func relatedObjects(for review: AdmissionReview, in context: Context) -> Literal {
        let lookups = Lookups()
        let observed = context.relatedObjects.observed(by: lookups)
        _ = evaluator.decision(
            on: review,
            in: Context(settings: mostSevere, relatedObjects: observed, now: context.now, source: context.source))
        return context.relatedObjects.recorded(lookups)
    }

    private func head(
        _ decision: Decision, _ context: Context, _ nanoseconds: UInt64, _ redactor: inout Redactor
    ) -> [Literal.Member] {
        var members: [Literal.Member] = [
            .init("version", .string(version)), .init("time", .string("\(context.now)")),
            .init("mode", .string(settings.mode.rawValue)), .init("decision", .string(decision.outcome.rawValue)),
            .init("microseconds", .number(String(nanoseconds / 1000))),
            .init("findings", .array(decision.findings.map { $0.recorded(&redactor) })),
        ]
        if !decision.notEvaluated.isEmpty {
            members.append(.init("notEvaluated", .array(decision.notEvaluated.map { .string($0.rule.id) })))
        }
        if let reason = decision.skipReason { members.append(.init("skipReason", .string(reason))) }
        return members
    }
}

extension DecidedFinding {
    fileprivate func recorded(_ redactor: inout Redactor) -> Literal {
        let place = Pointer(finding.place.tokens.map { redactor.redacted(key: $0) })
        var members: [Literal.Member] = [
            .init("rule", .string(rule.id)), .init("clause", .string(finding.clause.name)),
            .init("path", .string(path)), .init("place", .string(place.description)),
            .init("effect", .string(effect.rawValue)),
        ]
        if let leniency { members.append(.init("because", .string(leniency.rawValue))) }
        return .object(members)
    }
}
