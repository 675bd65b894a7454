public import Evaluation
import JSON
import Kubernetes

/// The result of fixing a file.
public struct FixedFile: Sendable {
    /// A finding that was fixed, or could not be.
    public struct Entry: Sendable {
        /// The object, such as `Deployment shop/catalogue`.
        public let title: String
        /// The line in the original file.
        public let line: Int
        /// The finding.
        public let decided: DecidedFinding
        /// The reason that it was not fixed; nil if it was.
        public internal(set) var refusal: CannotEdit?

        /// Records that it cannot be fixed.
        public mutating func refuse(_ reason: CannotEdit) { refusal = reason }
    }

    /// The file with the fixes; the original if there are none.
    public let file: ManifestFile
    /// True if the file has changed.
    public let isChanged: Bool
    /// The findings that were fixed or could not be.
    public let entries: [Entry]
}

extension ManifestEvaluator {
    /// Applies every safe fix of a file's objects to its text.
    ///
    /// The new text is parsed again: if its content is not as expected, the fixes of that document are tried one by one, and
    /// those that fail are rejected.
    ///
    /// A fix can enable another one (after a CPU request is set, the limit can be removed), which is then applied too: see
    /// ``Evaluator/mutation(of:in:where:)``.
    public func fixed(_ file: ManifestFile) -> FixedFile {
        var attempt = Attempt(self, file)
        attempt.run()
        return attempt.result
    }
}

/// The state of fixing a file.
private struct Attempt {
    let evaluator: ManifestEvaluator
    let file: ManifestFile
    private var entries: [FixedFile.Entry] = []
    private var edits: [TextEdit] = []
    private var targets: [Literal?]
    /// The file with the edits, if its content is as expected.
    private var changed: ManifestFile?

    init(_ evaluator: ManifestEvaluator, _ file: ManifestFile) {
        self.evaluator = evaluator
        self.file = file
        targets = Array(repeating: nil, count: file.documents.count)
    }

    /// The fixes of a document: the expected content, the edits, and the fixed findings.
    private struct Plan {
        var target: Literal
        var edits: [TextEdit]
        var entries: [FixedFile.Entry]
    }

    var result: FixedFile {
        guard let changed else { return unchanged }
        return FixedFile(file: changed, isChanged: true, entries: entries)
    }

    /// The result without changes: all fixes are rejected.
    private var unchanged: FixedFile {
        let reason =
            file.problem != nil
            ? "the file could not be read completely"
            : file.text.isTranscoded
                ? "the file is UTF-16; only UTF-8 files can be changed"
                : "the changed file would not have the expected content"
        return FixedFile(
            file: file, isChanged: false,
            entries: entries.map { entry in
                var entry = entry
                entry.refusal = entry.refusal ?? CannotEdit(reason)
                return entry
            })
    }

    mutating func run() {
        for index in file.documents.indices {
            do throws(CannotEdit) {
                guard let plan = try plan(index, where: { _, _ in true }) else { continue }
                take(plan, index)
            } catch {
                runOneByOne(index)
            }
        }
        guard !edits.isEmpty, file.problem == nil, !file.text.isTranscoded else { return }
        changed = try? file.rewritten(edits, toSay: targets)
        // If all documents have the expected content, nothing remains to do; otherwise the failing one must be found.
        guard changed == nil else { return }
        let suspects = targets.indices.filter { targets[$0] != nil }
        (entries, edits, targets) = ([], [], targets.map { _ in nil })
        for index in suspects { runOneByOne(index) }
        if !edits.isEmpty { changed = try? file.rewritten(edits, toSay: targets) }
    }

    private mutating func take(_ plan: Plan, _ index: Int) {
        entries += plan.entries
        guard !plan.edits.isEmpty else { return }
        edits += plan.edits
        targets[index] = plan.target
    }

    /// Tries the fixes of a document one by one, and keeps those with the expected content.
    private mutating func runOneByOne(_ index: Int) {
        var wanted: Set<String> = []
        var accepted: Plan?
        var refused: [FixedFile.Entry] = []
        for candidate in candidates(index) {
            let key = Attempt.key(candidate.line, candidate.decided)
            do throws(CannotEdit) {
                let plan = try plan(index) { wanted.contains(Attempt.key($0, $1)) || Attempt.key($0, $1) == key }
                guard let plan else { continue }
                _ = try file.rewritten(plan.edits, toSay: plan.target, in: index)
                wanted.insert(key)
                accepted = plan
            } catch {
                var entry = candidate
                entry.refusal = error
                refused.append(entry)
            }
        }
        if let accepted { take(accepted, index) }
        entries += refused
    }

    private static func key(_ line: Int, _ decided: DecidedFinding) -> String { "\(line) \(decided.key)" }

    /// Returns all findings of a document that could be fixed.
    private func candidates(_ index: Int) -> [FixedFile.Entry] {
        var result: [FixedFile.Entry] = []
        try? file.documents[index].objects(in: file.text) { object in
            guard let request = evaluator.requestToFix(object) else { return }
            let mutation = evaluator.evaluator.mutation(of: request.review, in: evaluator.context) {
                file.ignore(of: $0, object, in: evaluator.context.settings.catalogue) == nil
            }
            result += mutation.fixes.map {
                FixedFile.Entry(title: mutation.decision.subject.title, line: object.line, decided: $0)
            }
        }
        return result
    }

    /// Returns the edits for the wanted fixes of a document; nil if there are none.
    private func plan(_ index: Int, where isWanted: (Int, DecidedFinding) -> Bool) throws(CannotEdit) -> Plan? {
        var steps: [Patch.Operation] = []
        var entries: [FixedFile.Entry] = []
        var outcome: Result<Plan?, CannotEdit> = .success(nil)
        let document = file.documents[index]
        // `objects` passes the root's values; the last call has all of them.
        try? document.read(in: file.text) { root, objects in
            for object in objects {
                guard let request = evaluator.requestToFix(object) else { continue }
                let mutation = evaluator.evaluator.mutation(of: request.review, in: evaluator.context) {
                    isWanted(object.line, $0)
                        && file.ignore(of: $0, object, in: evaluator.context.settings.catalogue) == nil
                }
                let patched = try? mutation.patch.applied(to: Literal(object.value))
                guard !mutation.patch.operations.isEmpty, let patched else { continue }
                steps.append(.replace(object.place, patched))
                entries += mutation.fixes.map {
                    FixedFile.Entry(title: mutation.decision.subject.title, line: object.line, decided: $0)
                }
            }
            guard !steps.isEmpty, let target = try? Patch(steps).applied(to: Literal(root)) else { return }
            do throws(CannotEdit) {
                let edits = try document.edits(of: root, to: target, in: file.text)
                outcome = .success(Plan(target: target, edits: edits, entries: entries))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }
}
