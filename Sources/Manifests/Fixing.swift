public import Evaluation
import JSON
import Kubernetes

/// What came of a file that fixes were written into.
public struct FixedFile: Sendable {
    /// Something that was fixed, or could not be.
    public struct Entry: Sendable {
        /// The object: `Deployment shop/catalogue`.
        public let title: String
        /// The line in the file as it was.
        public let line: Int
        /// What is fixed.
        public let judgement: Judgement
        /// Why it is not; nil where it is.
        public internal(set) var refusal: CannotEdit?
    }

    /// The file with the fixes; the same as before where there are none.
    public let file: ManifestFile
    /// Whether anything is different.
    public let isChanged: Bool
    /// What was fixed, and what could not be.
    public let entries: [Entry]
}

extension ManifestJudge {
    /// Writes every safe fix of a file's objects into its text.
    ///
    /// The new text is read again before it is believed: where it does not say exactly what it should, the fixes of that document
    /// are tried one by one, and those that do not work are refused.
    ///
    /// A fix that makes way for another one (with a CPU request set, the limit can go) is followed by it: see
    /// ``Judge/mutation(of:in:where:)``.
    public func fixed(_ file: ManifestFile) -> FixedFile {
        var attempt = Attempt(self, file)
        attempt.run()
        return attempt.result
    }
}

/// One file on its way.
private struct Attempt {
    let judge: ManifestJudge
    let file: ManifestFile
    private var entries: [FixedFile.Entry] = []
    private var edits: [TextEdit] = []
    private var targets: [Literal?]
    /// The file with the edits, where it says what it shall.
    private var changed: ManifestFile?

    init(_ judge: ManifestJudge, _ file: ManifestFile) {
        self.judge = judge
        self.file = file
        targets = Array(repeating: nil, count: file.documents.count)
    }

    /// A document with fixes: what it shall say, how that is written, and what is fixed by it.
    private struct Plan {
        var target: Literal
        var edits: [TextEdit]
        var entries: [FixedFile.Entry]
    }

    var result: FixedFile {
        guard let changed else { return unchanged }
        return FixedFile(file: changed, isChanged: true, entries: entries)
    }

    /// Nothing is written: what would have been fixed is refused.
    private var unchanged: FixedFile {
        let reason =
            file.problem != nil
            ? "the file could not be read to its end"
            : file.text.isTranscoded
                ? "the file is UTF-16, and UTF-8 would be written" : "the changed file would say something else"
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
        // Written right, all documents say what they shall. If not, the one at fault has to be found.
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

    /// Tries the fixes of a document one after the other, and keeps those that come out right.
    private mutating func runOneByOne(_ index: Int) {
        var wanted: Set<String> = []
        var accepted: Plan?
        var refused: [FixedFile.Entry] = []
        for candidate in candidates(index) {
            let key = Attempt.key(candidate.line, candidate.judgement)
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

    private static func key(_ line: Int, _ judgement: Judgement) -> String { "\(line) \(judgement.key)" }

    /// All that could be fixed in a document.
    private func candidates(_ index: Int) -> [FixedFile.Entry] {
        var result: [FixedFile.Entry] = []
        try? file.documents[index].objects(in: file.text) { object in
            guard let request = judge.request(for: object) else { return }
            let mutation = judge.judge.mutation(of: request.review, in: judge.context) {
                file.ignore(of: $0, object, in: judge.context.settings.catalogue) == nil
            }
            result += mutation.fixes.map {
                FixedFile.Entry(title: mutation.verdict.subject.title, line: object.line, judgement: $0)
            }
        }
        return result
    }

    /// How wanted fixes are written into a document; nil where there are none.
    private func plan(_ index: Int, where isWanted: (Int, Judgement) -> Bool) throws(CannotEdit) -> Plan? {
        var steps: [Patch.Operation] = []
        var entries: [FixedFile.Entry] = []
        var outcome: Result<Plan?, CannotEdit> = .success(nil)
        let document = file.documents[index]
        // `objects` hands out the root's own values; the last call has seen them all.
        try? document.read(in: file.text) { root, objects in
            for object in objects {
                guard let request = judge.request(for: object) else { continue }
                let mutation = judge.judge.mutation(of: request.review, in: judge.context) {
                    isWanted(object.line, $0)
                        && file.ignore(of: $0, object, in: judge.context.settings.catalogue) == nil
                }
                let patched = try? mutation.patch.applied(to: Literal(object.value))
                guard !mutation.patch.operations.isEmpty, let patched else { continue }
                steps.append(.replace(object.place, patched))
                entries += mutation.fixes.map {
                    FixedFile.Entry(title: mutation.verdict.subject.title, line: object.line, judgement: $0)
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
