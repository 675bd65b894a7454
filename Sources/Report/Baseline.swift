public import Evaluation
internal import JSON

/// The findings of a day, written down so that only what comes on top of them is told: the ratchet, for files.
public struct Baseline: Sendable {
    /// A finding that is known.
    public struct Entry: Hashable, Sendable, CustomStringConvertible {
        /// The rule's id.
        public let rule: String
        /// What the object is called: `Deployment shop/catalogue`.
        public let object: String
        /// The field.
        public let path: String
        /// Tells the clause and what was chosen from others.
        ///
        /// Of a secret nothing is kept, so that another in its place is not told.
        let mark: String

        /// All but the mark: `replicas: Deployment shop/catalogue spec.replicas`.
        public var description: String { "\(rule): \(object) \(path)" }
    }

    /// What came of laying findings beside a baseline.
    public struct Outcome: Sendable {
        /// How many findings it holds, which are not told.
        public let known: Int
        /// What it holds and was not found.
        public let gone: [Entry]
    }

    /// What is known, each as often as it was found; for numbers, how far from what is allowed.
    private var entries: [Entry: [Double?]] = [:]
    private var objects: Set<String> = []
    private var known = 0

    /// Creates one without findings.
    public init() {}

    // MARK: Findings

    /// Writes the findings of an object down, but for those that are exempt anyway.
    public mutating func add(_ verdict: Verdict) {
        for judgement in verdict.judgements where judgement.effect != .exempt {
            entries[Entry(judgement, verdict.subject.title), default: []].append(judgement.finding.excess)
        }
    }

    /// The verdict without what is known, which is known no more: a second finding of its kind is new.
    ///
    /// A number that is further from what is allowed than it was is new.
    public mutating func take(from verdict: Verdict) -> Verdict {
        let object = verdict.subject.title
        objects.insert(object)
        return verdict.leavingOut { judgement in
            guard judgement.effect != .exempt else { return false }
            let entry = Entry(judgement, object)
            guard var levels = entries[entry], let index = Baseline.index(in: levels, for: judgement.finding.excess)
            else { return false }
            levels.remove(at: index)
            entries[entry] = levels.isEmpty ? nil : levels
            known += 1
            return true
        }
    }

    /// Which of those that are known a finding is.
    ///
    /// The smallest that covers it: a larger one may be wanted for a worse finding that comes after it. One without a number
    /// covers all.
    private static func index(in known: [Double?], for excess: Double?) -> Int? {
        known.indices.filter { (excess ?? -.infinity) <= (known[$0] ?? .infinity) }
            .min { (known[$0] ?? .infinity) < (known[$1] ?? .infinity) }
    }

    /// What was known, and what of it is there no more.
    ///
    /// - Parameter isWhole: Whether all there is was judged, so that objects which were not are gone too.
    /// - Returns: Both.
    public func outcome(isWhole: Bool) -> Outcome {
        let gone = entries.keys.filter { isWhole || objects.contains($0.object) }.sorted { $0.order < $1.order }
        return Outcome(known: known, gone: gone)
    }

    // MARK: Text

    /// The findings as JSON, a line each, so that a change of one shows as one.
    public var text: String {
        let lines = entries.keys.sorted { $0.order < $1.order }.flatMap { entry in
            (entries[entry] ?? []).map { excess -> String in
                var members: [Literal.Member] = [
                    .init("rule", .string(entry.rule)), .init("object", .string(entry.object)),
                    .init("path", .string(entry.path)), .init("hash", .string(entry.mark)),
                ]
                if let excess, excess.isFinite { members.append(.init("excess", .number("\(excess)"))) }
                return Literal.object(members).json
            }
        }
        return "{\"version\": 1, \"findings\": [\n" + lines.joined(separator: ",\n") + "\n]}\n"
    }

    /// Reads what ``text`` wrote.
    ///
    /// - Throws: ``BaselineError`` when it is something else.
    public init(_ text: [UInt8]) throws(BaselineError) {
        let literal: Literal
        do throws(ParseError) {
            literal = try Literal(parsing: text)
        } catch {
            throw BaselineError(description: "\(error)")
        }
        guard literal["version"] == 1, case .array(let findings)? = literal["findings"] else {
            throw BaselineError(description: "this is no baseline of version 1; --write-baseline makes one")
        }
        for (index, finding) in findings.enumerated() {
            guard let rule = finding["rule"]?.text, let object = finding["object"]?.text,
                let path = finding["path"]?.text, let mark = finding["hash"]?.text
            else {
                throw BaselineError(description: "finding \(index + 1) lacks one of rule, object, path and hash")
            }
            var excess: Double?
            if case .number(let number)? = finding["excess"] { excess = Double(number) }
            entries[Entry(rule: rule, object: object, path: path, mark: mark), default: []].append(excess)
        }
    }
}

/// Why a text is no baseline.
public struct BaselineError: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
}

extension Baseline.Entry {
    init(_ judgement: Judgement, _ object: String) {
        rule = judgement.rule.id
        self.object = object
        path = judgement.path
        // FNV-1a: nobody has to be kept from making two that are alike.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(judgement.finding.clause.name) \(judgement.finding.choice ?? "")".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        mark = String(hash, radix: 16)
    }

    fileprivate var order: (String, String, String, String) { (object, rule, path, mark) }
}
