import Evaluation
import JSON
import Manifests
import Report

/// `playbook fix`: applies all safe fixes to manifests.
struct FixCommand {
    private let arguments: Arguments
    private var manifests: ManifestRun
    private let failureLevel: FailureLevel
    /// For each file the number of fixed findings and of added objects.
    private var tallies: [(fixed: Int, added: Int)] = []

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        manifests = try ManifestRun(arguments)
        failureLevel = try arguments.failureLevel()
        guard !(arguments.has(.write) && arguments.has(.diff)) else {
            throw CommandError(message: "--diff cannot be combined with --write")
        }
        guard !arguments.has(.write) || !(arguments.operands.isEmpty || arguments.operands.contains("-")) else {
            throw CommandError(message: "--write needs file or directory names; it cannot write standard input")
        }
    }

    mutating func run() -> ExitCode {
        manifests.read()
        let judge = manifests.judge(knowing: manifests.world(of: manifests.files))
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
        if arguments.has(.addRelatedObjects) { addRelatedObjects(to: &after) }
        let unread = manifests.summary.unreadable.count
        let unwritten = deliver(after)
        // Files that could not be written keep their original contents.
        for index in unwritten { (after[index], tallies[index]) = (manifests.files[index], (0, 0)) }
        var parts = [deeds(on: after)]
        if unread > 0 { parts.append("\(count(unread, "input")) could not be read") }
        if !unwritten.isEmpty { parts.append("\(count(unwritten.count, "file")) could not be written") }
        let left = tellWhatIsLeft(in: after)
        parts.append("\(left == 0 ? "no findings" : count(left, "finding")) remaining")
        Console.note(parts.joined(separator: "; "))
        for path in manifests.summary.settingsFiles { Console.note("settings read from \(path)") }
        return manifests.summary.code(failingOn: failureLevel)
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// The changes that were made to the files, or would be.
    private func deeds(on files: [ManifestFile]) -> String {
        let isWritten = arguments.has(.write)
        let (fixed, added) = tallies.reduce((0, 0)) { ($0.0 + $1.fixed, $0.1 + $1.added) }
        guard fixed + added > 0 else { return isWritten ? "nothing fixed" : "nothing to fix" }
        var deeds: [String] = []
        if fixed > 0 { deeds.append("\(isWritten ? "fixed" : "fix") \(count(fixed, "finding"))") }
        if added > 0 { deeds.append("\(isWritten ? "added" : "add") \(count(added, "object"))") }
        let changed = zip(files, manifests.files).count { $0.text.bytes != $1.text.bytes }
        let places = changed == files.count ? count(changed, "file") : "\(changed) of \(files.count) files"
        return (isWritten ? "" : "would ") + deeds.joined(separator: " and ") + " in \(places)"
    }

    private func tell(_ entry: FixedFile.Entry, of file: ManifestFile, not verb: String = "fixed") {
        guard let refusal = entry.refusal else { return }
        let place = refusal.location.map { "\(file.path):\($0.line):\($0.column)" } ?? "\(file.path):\(entry.line)"
        Console.note(
            "\(place): not \(verb): \(entry.title): \(entry.judgement.rule.id): \(SecretMask.masked(refusal.message))")
    }

    // MARK: Related objects

    /// Appends the related objects whose absence findings report.
    private mutating func addRelatedObjects(to files: inout [ManifestFile]) {
        let world = manifests.world(of: files, isTelling: false)
        for (index, additions) in manifests.judge(knowing: world).additions(to: files, in: world).enumerated() {
            for entry in additions.refused { tell(entry, of: files[index], not: "added") }
            do throws(CannotEdit) {
                if let refusal = additions.refusal { throw refusal }
                guard !additions.objects.isEmpty else { continue }
                files[index] = try files[index].appending(additions.objects)
                tallies[index].added = additions.objects.count
            } catch {
                Console.note("\(files[index].path): no objects added: \(error.message)")
            }
        }
    }

    // MARK: Output

    /// Lists the remaining findings, and returns their number.
    private mutating func tellWhatIsLeft(in files: [ManifestFile]) -> Int {
        var left = 0
        manifests.judge(files, with: manifests.judge(knowing: manifests.world(of: files, isTelling: false))) { object in
            for finding in object.findings where finding.judgement.effect != .exempt {
                left += 1
                let column = finding.region.map { ":\($0.start.column)" } ?? ""
                let judgement = finding.judgement
                Console.note(
                    "\(object.file):\(finding.line ?? 1)\(column): remaining: \(judgement.effect.rawValue) "
                        + "\(judgement.rule.id): \(judgement.path) \(judgement.finding.message)")
            }
        }
        return left
    }

    /// Writes or prints the files; returns the indices of those that could not be written.
    private mutating func deliver(_ files: [ManifestFile]) -> Set<Int> {
        guard arguments.has(.write) else {
            for (index, new) in files.enumerated() { print(manifests.files[index], new, isFirst: index == 0) }
            return []
        }
        let changed = files.indices.filter { files[$0].text.bytes != manifests.files[$0].text.bytes }
        let failures = FileWriter.replace(changed.map { (manifests.files[$0].path, files[$0].text.bytes) })
        for (_, failure) in failures.sorted(by: { $0.key < $1.key }) { manifests.complain(failure) }
        return Set(failures.keys.map { changed[$0] })
    }

    private func print(_ old: ManifestFile, _ new: ManifestFile, isFirst: Bool) {
        if arguments.has(.diff) {
            let diff = UnifiedDiff.text(old.text.bytes, new.text.bytes, path: old.path)
            if !diff.isEmpty { Console.print(diff) }
        } else {
            // Several files become documents of one YAML stream.
            if !isFirst, !new.text.bytes.starts(with: Array("---".utf8)) { Console.print("---\n") }
            Console.print(bytes: new.text.bytes)
            if manifests.files.count > 1, new.text.bytes.last != UInt8(ascii: "\n") { Console.print("\n") }
        }
    }
}
