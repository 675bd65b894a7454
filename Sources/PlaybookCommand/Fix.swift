import JSON
import Kubernetes
import Manifests
import Playbook
import Report

/// `playbook fix`: manifests to the same with every safe fix in them.
struct FixCommand {
    private let arguments: Arguments
    private var manifests: ManifestRun
    /// How many findings are fixed in each file, and objects added to it.
    private var tallies: [(fixed: Int, added: Int)] = []

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        manifests = try ManifestRun(arguments)
        guard !(arguments.has(.write) && arguments.has(.diff)) else {
            throw CommandError(message: "--diff shows what --write would write: take one of the two")
        }
        guard !arguments.has(.write) || !(arguments.operands.isEmpty || arguments.operands.contains("-")) else {
            throw CommandError(message: "--write changes files: name them; standard input goes to standard output")
        }
    }

    mutating func run() -> ExitCode {
        manifests.read()
        let judge = manifests.judge(knowing: manifests.files)
        let fixing = ManifestJudge(
            judge.context.with(manifests.settings.overridden(mode: .enforce, fixes: .all)),
            namespace: manifests.namespace)
        var after: [ManifestFile] = []
        for file in manifests.files {
            let result = fixing.fixed(file)
            tallies.append((result.entries.count { $0.refusal == nil }, 0))
            for entry in result.entries { tell(entry, of: file) }
            after.append(result.file)
        }
        if arguments.has(.addCompanions) { addCompanions(to: &after) }
        let left = tellWhatIsLeft(in: after)
        // What could not be written was not done.
        var (fixed, added, changed) = (0, 0, 0)
        for (index, new) in after.enumerated() {
            let old = manifests.files[index]
            guard deliver(old, new, isFirst: index == 0) else { continue }
            fixed += tallies[index].fixed
            added += tallies[index].added
            if old.text.bytes != new.text.bytes { changed += 1 }
        }
        let adding = added > 0 ? " and \(arguments.has(.write) ? "added" : "add") \(count(added, "object"))" : ""
        let verb = arguments.has(.write) ? "fixed" : "would fix"
        note(
            "\(verb) \(count(fixed, "finding"))\(adding)"
                + " in \(changed) of \(after.count) files; \(left) left\n")
        return manifests.summary.code(arguments)
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private func note(_ text: String) {
        if !arguments.has(.quiet) { Console.error(text) }
    }

    private func tell(_ entry: FixedFile.Entry, of file: ManifestFile) {
        guard let refusal = entry.refusal else { return }
        let place = refusal.location.map { "\(file.path):\($0.line):\($0.column)" } ?? "\(file.path):\(entry.line)"
        note("\(place): not fixed: \(entry.title): \(entry.judgement.rule.id): \(refusal.message)\n")
    }

    // MARK: Companions

    /// Appends the objects that findings ask for beside the one judged, each to the file of the first that asks.
    private mutating func addCompanions(to files: inout [ManifestFile]) {
        let judge = manifests.judge(knowing: files, isTelling: false)
        var present = Set(files.flatMap { names(in: $0) })
        var guarded: Set<String> = []
        for index in files.indices {
            var wanted: [Literal] = []
            for document in files[index].documents {
                judge.judge(document, of: files[index]) { _, judged in
                    for judgement in judged?.verdict.judgements ?? [] where judgement.effect != .exempt {
                        guard let companion = judgement.finding.companion, !judgement.finding.isReplacement,
                            // Of two budgets each would hold the other one's pods.
                            selection(of: companion).map({ guarded.insert($0).inserted }) ?? true,
                            present.insert(name(of: companion)).inserted
                        else { continue }
                        wanted.append(companion)
                    }
                }
            }
            guard !wanted.isEmpty else { continue }
            do throws(CannotEdit) {
                files[index] = try files[index].appending(wanted)
                tallies[index].added = wanted.count
            } catch {
                note("\(files[index].path): no objects added: \(error.message)\n")
            }
        }
    }

    private func names(in file: ManifestFile) -> [String] {
        var result: [String] = []
        for document in file.documents {
            try? document.objects(in: file.text) { result.append(name(of: Literal($0.value))) }
        }
        return result
    }

    private func name(of object: Literal) -> String { place(of: object) + (object["metadata"]?["name"]?.flow ?? "") }

    /// The pods that an object is about; nil where it has no selector.
    private func selection(of object: Literal) -> String? {
        object["spec"]?["selector"].map { place(of: object) + $0.flow }
    }

    private func place(of object: Literal) -> String {
        let parts = [object["kind"], object["metadata"]?["namespace"] ?? .string(manifests.namespace)]
        return parts.map { ($0?.flow ?? "") + "/" }.joined()
    }

    // MARK: What comes out

    /// Lists what a person has to decide, and counts it.
    private mutating func tellWhatIsLeft(in files: [ManifestFile]) -> Int {
        var left = 0
        let isQuiet = arguments.has(.quiet)
        manifests.judge(files, with: manifests.judge(knowing: files, isTelling: false)) { object in
            for finding in object.findings where finding.judgement.effect != .exempt {
                left += 1
                let column = finding.region.map { ":\($0.start.column)" } ?? ""
                let judgement = finding.judgement
                guard !isQuiet else { continue }
                Console.error(
                    "\(object.file):\(finding.line ?? 1)\(column): left to you: \(judgement.effect.rawValue) "
                        + "\(judgement.rule.id): \(judgement.path) \(judgement.finding.message)\n")
            }
        }
        return left
    }

    /// Hands out what came of a file; false where it could not be written.
    private mutating func deliver(_ old: ManifestFile, _ new: ManifestFile, isFirst: Bool) -> Bool {
        if arguments.has(.diff) {
            let diff = UnifiedDiff.text(old.text.bytes, new.text.bytes, path: old.path)
            if !diff.isEmpty { Console.print(diff) }
        } else if arguments.has(.write) {
            guard old.text.bytes != new.text.bytes else { return true }
            if let failure = Outputs.replace(old.path, with: new.text.bytes) {
                manifests.complain(failure)
                return false
            }
        } else {
            // Several files are documents of one stream.
            if !isFirst, !new.text.bytes.starts(with: Array("---".utf8)) { Console.print("---\n") }
            Console.print(bytes: new.text.bytes)
            if manifests.files.count > 1, new.text.bytes.last != UInt8(ascii: "\n") { Console.print("\n") }
        }
        return true
    }
}
