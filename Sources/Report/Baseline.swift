public import Evaluation
internal import JSON

/// The existing findings of files; `check --baseline` reports only findings that are not in it.
public struct Baseline: Sendable {
    /// A finding in the baseline.
    public struct Entry: Hashable, Sendable, CustomStringConvertible {
        /// The rule's id.
        public let rule: String
        /// The object's title: `Deployment shop/catalogue`.
        public let object: String
        /// The field.
        public let path: String
        /// A hash of the clause and of the chosen value.
        ///
        /// The value of a secret is not part of it, so that another secret in the same place is not a new finding.
        let mark: String

        /// The entry without its hash: `replicas: Deployment shop/catalogue spec.replicas`.
        public var description: String { "\(rule): \(object) \(path)" }
    }

    /// The result of comparing findings with a baseline.
    public struct Outcome: Sendable {
        /// The number of findings that are in the baseline and are not reported.
        public let known: Int
        /// The entries that no longer occur.
        public let gone: [Entry]
    }

    /// The entries, each with one element per finding: the distance of a number from the allowed value, or nil.
    private var entries: [Entry: [Double?]] = [:]
    private var objects: Set<String> = []
    private var known = 0

    /// Creates an empty baseline.
    public init() {}

    // MARK: Findings

    /// Adds the findings of an object, except exempt ones.
    public mutating func add(_ decision: Decision) {
        for decided in decision.findings where decided.effect != .exempt {
            entries[Entry(decided, decision.subject.title), default: []].append(decided.finding.excess)
        }
    }

    /// Returns the evaluation without findings of the baseline; each entry matches one finding.
    ///
    /// A number that is further from the allowed value than in the baseline is a new finding.
    public mutating func take(from decision: Decision) -> Decision {
        let object = decision.subject.title
        objects.insert(object)
        return decision.leavingOut { decided in
            guard decided.effect != .exempt else { return false }
            let entry = Entry(decided, object)
            guard var levels = entries[entry], let index = Baseline.index(in: levels, for: decided.finding.excess)
            else { return false }
            levels.remove(at: index)
            entries[entry] = levels.isEmpty ? nil : levels
            known += 1
            return true
        }
    }

    /// Returns the index of the entry that a finding matches.
    ///
    /// It is the smallest that is large enough, since a worse finding can follow. An entry without a number matches all.
    private static func index(in known: [Double?], for excess: Double?) -> Int? {
        known.indices.filter { (excess ?? -.infinity) <= (known[$0] ?? .infinity) }
            .min { (known[$0] ?? .infinity) < (known[$1] ?? .infinity) }
    }

    /// Returns the number of matched findings and the entries that no longer occur.
    ///
    /// - Parameter isWhole: True if all objects were evaluated, so that entries of other objects no longer occur.
    /// - Returns: The outcome.
    public func outcome(isWhole: Bool) -> Outcome {
        let gone = entries.keys.filter { isWhole || objects.contains($0.object) }.sorted { $0.order < $1.order }
        return Outcome(known: known, gone: gone)
    }

    // MARK: Text

    /// The entries as JSON, one per line, so that a diff shows each change as a line.
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

    /// Parses a baseline from its ``text``.
    ///
    /// - Throws: ``BaselineError`` if it is not a baseline.
    public init(_ text: [UInt8]) throws(BaselineError) {
        let literal: Literal
        do throws(ParseError) {
            literal = try Literal(parsing: text)
        } catch {
            throw BaselineError(description: "\(error)")
        }
        guard literal["version"] == 1, case .array(let findings)? = literal["findings"] else {
            throw BaselineError(description: "not a baseline of version 1; --write-baseline creates one")
        }
        for (index, finding) in findings.enumerated() {
            guard let rule = finding["rule"]?.text, let object = finding["object"]?.text,
                let path = finding["path"]?.text, let mark = finding["hash"]?.text
            else {
                throw BaselineError(description: "finding \(index + 1) needs rule, object, path and hash")
            }
            var excess: Double?
            if case .number(let number)? = finding["excess"] { excess = Double(number) }
            entries[Entry(rule: rule, object: object, path: path, mark: mark), default: []].append(excess)
        }
    }
}

/// The reason why a text is not a baseline.
public struct BaselineError: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
}

extension Baseline.Outcome {
    /// The number of findings that are not shown, as text.
    var knownText: String { "\(counted(known, "finding")) in the baseline \(known == 1 ? "is" : "are") not shown" }

    /// The request to remove entries that no longer occur, as text.
    var goneText: String {
        gone.count == 1
            ? "1 baseline entry no longer occurs; remove it from the baseline"
            : "\(gone.count) baseline entries no longer occur; remove them from the baseline"
    }
}

extension Baseline.Entry {
    init(_ decided: DecidedFinding, _ object: String) {
        rule = decided.rule.id
        self.object = object
        path = decided.path
        // FNV-1a: collisions need not be prevented.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(decided.finding.clause.name) \(decided.finding.choice ?? "")".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        mark = String(hash, radix: 16)
    }

    fileprivate var order: (String, String, String, String) { (object, rule, path, mark) }
}
