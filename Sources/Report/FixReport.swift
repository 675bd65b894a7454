public import Evaluation
import JSON

/// A report on the changes of `playbook fix`, as lines of text and as JSON.
public struct FixReport: Sendable {
    /// A finding that was fixed, or could not be.
    public struct Item: Sendable {
        let file: String
        let line: Int?
        let column: Int?
        let object: String
        let rule: String
        let path: String
        let message: String
        /// The reason that it was not fixed; nil if it was.
        let reason: String?

        /// Creates an item with the location of the object, or of the field that could not be changed.
        public init(
            _ decided: DecidedFinding, of object: String, in file: String, line: Int?, column: Int? = nil,
            reason: String? = nil
        ) {
            self.file = file
            self.line = line
            self.column = column
            self.object = object
            rule = decided.rule.id
            path = decided.path
            message = path.isEmpty ? decided.finding.message : "\(path) \(decided.finding.message)"
            self.reason = reason.map(SecretMask.masked)
        }

        /// The location, what was done, and why not: `a.yaml:7:9: not fixed: Deployment web: cpu-request: it is an anchor`.
        public func text(_ deed: String) -> String {
            let place = ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
            return "\(place): \(deed): \(object): \(rule): \(reason ?? message)"
        }

        fileprivate var literal: Literal {
            var members: [Literal.Member] = [
                .init("rule", .string(rule)), .init("file", .string(file)), .init("line", number(line)),
                .init("object", .string(object)), .init("path", .string(path)), .init("message", .string(message)),
            ]
            if let reason { members.append(.init("reason", .string(reason))) }
            return .object(members)
        }
    }

    /// An object that was added to a file.
    public struct Addition: Sendable {
        let file: String
        let kind: String
        let name: String

        /// Creates an addition with the namespace and name of the object.
        public init(_ kind: String, _ name: String, to file: String) {
            (self.kind, self.name, self.file) = (kind, name, file)
        }

        /// The file and the object: `a.yaml: added PodDisruptionBudget shop/web`.
        public func text(_ verb: String) -> String { "\(file): \(verb) \(kind) \(name)" }
    }

    /// A file that was left as it is.
    public struct UnchangedFile: Sendable {
        let file: String
        let reason: String

        /// Creates a value with what was not done, and why: `not changed: it is a symbolic link`.
        public init(_ file: String, _ reason: String) { (self.file, self.reason) = (file, reason) }

        /// The file and the reason.
        public var text: String { "\(file): \(reason)" }
    }

    /// True if files were written; otherwise the changes are those that would be made.
    public let isWritten: Bool
    /// The findings that were fixed.
    public var fixed: [Item] = []
    /// The findings that could be fixed, but not in this file.
    public var notFixed: [Item] = []
    /// The added objects.
    public var added: [Addition] = []
    /// The findings whose missing object could not be added.
    public var notAdded: [Item] = []
    /// The files that were left as they are.
    public var unchanged: [UnchangedFile] = []
    /// The objects with findings after the changes.
    public var remaining: [ReportedObject] = []
    /// The number of files that were changed.
    public var changedFiles = 0
    /// The number of files that could not be written.
    public var unwritten = 0
    /// The sentence with the counts.
    public var sum = ""

    /// Creates an empty report.
    public init(isWritten: Bool) { self.isWritten = isWritten }

    /// The word for an addition: `added` or, if nothing is written, `would add`.
    public var additionVerb: String { isWritten ? "added" : "would add" }

    /// The findings that remain, each on a line.
    public static func lines(of object: ReportedObject) -> [String] {
        object.remaining.map { finding in
            let column = finding.region.map { ":\($0.start.column)" } ?? ""
            let decided = finding.decided
            return "\(object.file):\(finding.line ?? 1)\(column): remaining: \(decided.effect.rawValue) "
                + "\(decided.rule.id): \(finding.sentence)"
        }
    }

    /// Returns the report as lines.
    public func text(_ summary: Summary) -> String {
        var lines = fixed.map { $0.text(isWritten ? "fixed" : "would fix") } + notFixed.map { $0.text("not fixed") }
        lines += added.map { $0.text(additionVerb) } + notAdded.map { $0.text("not added") }
        lines += unchanged.map(\.text) + remaining.flatMap(FixReport.lines) + [sum]
        lines += summary.settingsFiles.map { "settings read from \($0)" }
        return lines.map { oneLine($0) + "\n" }.joined()
    }

    /// Returns the report as one JSON object.
    public func json(_ summary: Summary) -> String {
        let left = remaining.flatMap { object in object.remaining.map { JSONReport.finding($0, of: object) } }
        let counts: [Literal.Member] = [
            .init("written", .bool(isWritten)), .init("fixed", number(fixed.count)),
            .init("added", number(added.count)), .init("remaining", number(left.count)),
            .init("changedFiles", number(changedFiles)), .init("unwritten", number(unwritten)),
        ]
        let report: Literal = [
            "fixed": .array(fixed.map(\.literal)), "notFixed": .array(notFixed.map(\.literal)),
            "added": .array(
                added.map { ["file": .string($0.file), "object": .string("\($0.kind) \($0.name)")] }),
            "notAdded": .array(notAdded.map(\.literal)),
            "notChanged": .array(unchanged.map { ["file": .string($0.file), "reason": .string($0.reason)] }),
            "remaining": .array(left),
            "summary": .object(counts + JSONReport.members(of: summary)),
        ]
        return report.json + "\n"
    }
}

extension ReportedObject {
    /// The findings that are not exempt.
    fileprivate var remaining: [LocatedFinding] { findings.filter { $0.decided.effect != .exempt } }
}

private func number(_ number: Int?) -> Literal { number.map { .number(String($0)) } ?? .null }
