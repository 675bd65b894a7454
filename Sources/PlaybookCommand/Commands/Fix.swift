import Evaluation
import Glibc
import JSON
import Manifests
import Report

/// `playbook fix`: applies all safe fixes to manifests.
struct FixCommand {
    private let arguments: Arguments
    private var manifests: ManifestRun
    /// The files, with what is done to each, in the order of the output.
    private var changes: [FileChange] = []
    /// The rendered roots after the changes.
    private var roots: [RenderedRoot] = []
    private let failureLevel: FailureLevel
    private let format: String
    private let outputs: [(format: String, path: String)]
    private var report: FixReport

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        manifests = try ManifestRun(arguments)
        failureLevel = try arguments.failureLevel()
        format = try arguments.format()
        outputs = try arguments.outputs()
        report = FixReport(isWritten: arguments.has(.write))
        guard !(arguments.has(.write) && arguments.has(.diff)) else {
            throw CommandError(message: "--diff cannot be combined with --write")
        }
        guard !arguments.has(.diff) || format == "text" else {
            throw CommandError(
                message: "--diff cannot be combined with --format \(format); use --output \(format)=FILE")
        }
        guard !arguments.has(.write) || !(arguments.operands.isEmpty || arguments.operands.contains("-")) else {
            throw CommandError(message: "--write needs file or directory names; it cannot write standard input")
        }
    }

    mutating func run() -> ExitCode {
        manifests.read()
        roots = manifests.roots
        let worlds = manifests.worlds(of: manifests.files, roots)
        let evaluator = fixing(with: worlds.shared)
        for file in manifests.files {
            // A link can lead out of the directory that was given.
            if DirectoryWalk.type(of: file.path, AT_SYMLINK_NOFOLLOW) == S_IFLNK,
                !arguments.operands.contains(file.path)
            {
                leave(file.path, "not changed: it is a symbolic link; name it to change its target")
                changes.append(FileChange(old: file, new: file))
                continue
            }
            let result = evaluator.fixed(file)
            if result.isChanged, let reason = manifests.reasonToKeep(PathText.normalized(file.path)) {
                for var entry in result.entries {
                    if entry.refusal == nil { entry.refuse(reason) }
                    tell(entry, of: file.path)
                }
                changes.append(FileChange(old: file, new: file))
                continue
            }
            changes.append(
                FileChange(old: file, new: result.file, fixed: result.entries.filter { $0.refusal == nil }))
            for entry in result.entries { tell(entry, of: file.path) }
        }
        let own = changes.count
        if !roots.isEmpty { fixSources(worlds) }
        if arguments.has(.addRelatedObjects) {
            addRelatedObjects(toFirst: own)
            addBudgetsToSources()
        }
        let unread = manifests.summary.unreadable.count
        report.unwritten = deliver()
        var parts = [deeds()]
        if unread > 0 { parts.append("\(count(unread, "input")) could not be read") }
        if report.unwritten > 0 { parts.append("\(count(report.unwritten, "file")) could not be written") }
        let left = reportRemaining(in: changes[..<own].map(\.new))
        parts.append("\(left == 0 ? "no findings" : count(left, "finding")) remaining")
        report.sum = parts.joined(separator: "; ")
        Console.note(report.sum)
        for path in manifests.summary.settingsFiles { Console.note("settings read from \(path)") }
        return manifests.exitCode(failingOn: failureLevel, isWritten: deliverReports())
    }

    /// Prints the report, and writes those that `--output` names; returns false if one could not be written.
    private mutating func deliverReports() -> Bool {
        for change in changes {
            report.fixed += change.fixed.map {
                FixReport.Item($0.decided, of: $0.title, in: change.new.path, line: $0.line)
            }
            report.added += change.additions
        }
        report.changedFiles = changes.count(where: \.isChanged)
        let (report, summary) = (report, manifests.summary)
        if format == "json" { Console.print(report.json(summary)) }
        return ReportPrinter.write(outputs) { $0 == "json" ? report.json(summary) : report.text(summary) }
    }

    private func fixing(with world: ManifestWorld) -> ManifestEvaluator {
        ManifestEvaluator(
            manifests.evaluate(knowing: world).context
                .with(manifests.settings.overridden(mode: .enforce, fixes: .all)),
            namespace: manifests.namespace, owners: world.owners)
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// The changes that were made to the files, or would be.
    private func deeds() -> String {
        let isWritten = arguments.has(.write)
        let (fixed, added) = changes.reduce((0, 0)) { ($0.0 + $1.fixed.count, $0.1 + $1.added.count) }
        guard fixed + added > 0 else { return isWritten ? "nothing fixed" : "nothing to fix" }
        var deeds: [String] = []
        if fixed > 0 { deeds.append("\(isWritten ? "fixed" : "fix") \(count(fixed, "finding"))") }
        if added > 0 { deeds.append("\(isWritten ? "added" : "add") \(count(added, "object"))") }
        let changed = changes.count(where: \.isChanged)
        let places = changed == changes.count ? count(changed, "file") : "\(changed) of \(changes.count) files"
        return (isWritten ? "" : "would ") + deeds.joined(separator: " and ") + " in \(places)"
    }

    /// Reports a finding that could not be fixed, or whose missing object could not be added.
    private mutating func tell(_ entry: FixedFile.Entry, of path: String, isAddition: Bool = false) {
        guard let refusal = entry.refusal else { return }
        let item = FixReport.Item(
            entry.decided, of: entry.title, in: path, line: refusal.location?.line ?? entry.line,
            column: refusal.location?.column, reason: refusal.message)
        if isAddition { report.notAdded.append(item) } else { report.notFixed.append(item) }
        Console.note(item.text(isAddition ? "not added" : "not fixed"))
    }

    /// Reports a file that is left as it is.
    private mutating func leave(_ path: String, _ reason: String) {
        let file = FixReport.UnchangedFile(path, reason)
        report.unchanged.append(file)
        Console.note(file.text)
    }

    /// Reports the objects that were added.
    private func reportAdded(_ change: FileChange) {
        for addition in change.additions { Console.note(addition.text(report.additionVerb)) }
    }

    // MARK: Sources of kustomizations

    /// Changes the files that kustomizations read, if what they render changes as intended and in no other way.
    private mutating func fixSources(_ worlds: ManifestRun.Worlds) {
        var fixes = SourceFixes()
        for root in roots where !root.sources.isEmpty {
            fixes.add(root, fixing(with: worlds.own[root.path] ?? worlds.shared))
        }
        fixes.finish()
        for path in fixes.files.keys.sorted() {
            if let reason = manifests.reasonToKeep(path) { fixes.refuse(path, reason) }
        }
        var accepted: [String: ManifestFile] = [:]
        if let all = try? rendered(fixes.files, changing: Set(fixes.files.keys), intended: fixes.intended) {
            (roots, accepted) = (all, fixes.files)
        } else {
            // One file after the other, so that one that cannot be changed does not prevent the others.
            for (path, file) in fixes.files.sorted(by: { $0.key < $1.key }) {
                let wanted = accepted.merging([path: file]) { _, new in new }
                do throws(CannotEdit) {
                    roots = try rendered(wanted, changing: [path], intended: fixes.intended)
                    accepted = wanted
                } catch {
                    fixes.refuse(path, error)
                }
            }
        }
        for (path, entry) in fixes.refused { tell(entry, of: path) }
        var reported: Set<String> = []
        for root in manifests.roots {
            for (path, file) in root.sources.sorted(by: { $0.key < $1.key }) where reported.insert(path).inserted {
                changes.append(
                    FileChange(
                        old: file, new: accepted[path] ?? file,
                        fixed: accepted[path] == nil ? [] : fixes.entries[path] ?? []))
            }
        }
    }

    /// Renders the roots that read some files with all changes so far.
    ///
    /// - Throws: A ``CannotEdit`` if an object differs from the one before in another way than intended.
    private mutating func rendered(
        _ files: [String: ManifestFile], changing paths: Set<String>,
        intended: [String: [ObjectKey: Literal]] = [:], added: (ObjectKey) -> Bool = { _ in false }
    ) throws(CannotEdit) -> [RenderedRoot] {
        guard let renderer = manifests.renderer else { throw CannotEdit("kustomizations are not rendered") }
        var result = roots
        for (index, root) in roots.enumerated() where manifests.reads(root, paths) {
            do throws(Renderer.Failure) {
                result[index] = try manifests.rendered(root.path, with: files, renderer)
            } catch {
                throw CannotEdit("\(root.path) could not be rendered with the change: \(error.reason)")
            }
            if let title = result[index].unintendedChange(
                since: root, intended: intended[root.path] ?? [:], added: added)
            {
                throw CannotEdit("\(root.path) would render another \(title) than intended")
            }
        }
        return result
    }

    // MARK: Related objects

    /// Appends the PodDisruptionBudgets whose absence findings report to the files that are evaluated as they are.
    private mutating func addRelatedObjects(toFirst own: Int) {
        let files = changes[..<own].map(\.new)
        let world = manifests.worlds(of: files, roots, telling: .none).shared
        for (index, additions) in manifests.evaluate(knowing: world).additions(to: files, in: world).enumerated() {
            let path = files[index].path
            for entry in additions.refused { tell(entry, of: path, isAddition: true) }
            do throws(CannotEdit) {
                if let refusal = additions.refusal { throw refusal }
                guard !additions.objects.isEmpty else { continue }
                if let reason = manifests.reasonToKeep(PathText.normalized(path)) { throw reason }
                changes[index].new = try files[index].appending(additions.objects)
                changes[index].added = additions.objects
                reportAdded(changes[index])
            } catch {
                leave(path, "no objects added: \(error.message)")
            }
        }
    }

    /// Adds the missing PodDisruptionBudgets of rendered workloads: each is a new file beside the workload's kustomization.
    private mutating func addBudgetsToSources() {
        guard !roots.isEmpty else { return }
        let files = changes.map(\.new)
        let worlds = manifests.worlds(of: files, roots, telling: .none)
        var missing: [MissingBudget] = []
        var seen: Set<String> = []
        for root in roots {
            for budget in manifests.evaluate(knowing: worlds.own[root.path] ?? worlds.shared).missingBudgets(of: root)
            where seen.insert("\(budget.source) \(budget.object.json)").inserted { missing.append(budget) }
        }
        guard !missing.isEmpty else { return }
        var changed: [String: ManifestFile] = [:]
        for change in changes where change.isChanged { changed[PathText.normalized(change.new.path)] = change.new }
        if (try? add(missing, to: &changed)) != nil { return }
        // One after the other, so that one that cannot be added does not prevent the others.
        for budget in missing {
            do throws(CannotEdit) {
                try add([budget], to: &changed)
            } catch {
                var entry = budget.entry
                entry.refuse(error)
                tell(entry, of: budget.source, isAddition: true)
            }
        }
    }

    private mutating func add(
        _ budgets: [MissingBudget], to changed: inout [String: ManifestFile]
    ) throws(CannotEdit) {
        var wanted = changed
        var originals: [String: ManifestFile] = [:]
        var added: [(path: String, budget: MissingBudget)] = []
        for budget in budgets {
            guard let original = manifests.kustomization(naming: budget.source) else {
                throw CannotEdit("no kustomization names \(budget.source) as a resource")
            }
            if let reason = manifests.reasonToKeep(original.path) { throw reason }
            let name = "\(budget.object["metadata"]?["name"]?.text ?? "workload")-pdb.yaml"
            let path = PathText.joined(PathText.directory(of: original.path), name)
            guard !name.contains("/"), DirectoryWalk.type(of: path) == 0, wanted[path] == nil else {
                throw CannotEdit("\(path) already exists")
            }
            wanted[original.path] = try Kustomization.adding(name, to: wanted[original.path] ?? original)
            wanted[path] = ManifestFile(path: path, bytes: budget.object.document)
            originals[original.path] = original
            added.append((path, budget))
        }
        let paths = Set(originals.keys)
        let before = denials(of: roots, reading: paths)
        let after = try rendered(wanted, changing: paths, added: { $0.kind == "PodDisruptionBudget" })
        if let new = denials(of: after, reading: paths).subtracting(before).min() {
            throw CannotEdit("a rule would deny the result: \(new)")
        }
        roots = after
        changed = wanted
        for (path, original) in originals.sorted(by: { $0.key < $1.key }) {
            guard let new = wanted[path] else { continue }
            if let index = changes.firstIndex(where: { $0.new.path == path }) {
                changes[index].new = new
            } else {
                changes.append(FileChange(old: original, new: new))
            }
        }
        for (path, budget) in added {
            guard let new = wanted[path] else { continue }
            let change = FileChange(old: nil, new: new, added: [budget.object])
            changes.append(change)
            reportAdded(change)
        }
    }

    /// The findings that deny objects of roots.
    private mutating func denials(of roots: [RenderedRoot], reading paths: Set<String>) -> Set<String> {
        let worlds = manifests.worlds(of: changes.compactMap { $0.old == nil ? nil : $0.new }, roots, telling: .none)
        var result: Set<String> = []
        for root in roots where manifests.reads(root, paths) {
            manifests.evaluate(knowing: worlds.own[root.path] ?? worlds.shared).evaluate(root) { object in
                guard let decision = object.decision else { return }
                for decided in decision.findings where decided.effect == .deny {
                    result.insert("\(decided.rule.id) of \(decision.subject.title) in \(root.path)")
                }
            }
        }
        return result
    }

    // MARK: Output

    /// Lists the remaining findings, and returns their number.
    private mutating func reportRemaining(in files: [ManifestFile]) -> Int {
        var (left, objects): (Int, [ReportedObject]) = (0, [])
        let worlds = manifests.worlds(of: files, roots, telling: .none)
        manifests.evaluate(files, roots, with: worlds) { object in
            let lines = FixReport.lines(of: object)
            lines.forEach(Console.note)
            left += lines.count
            if !lines.isEmpty { objects.append(object) }
        }
        report.remaining = objects
        return left
    }

    /// Writes or prints the files; those that could not be written keep their original contents.
    ///
    /// - Returns: The number of files that could not be written.
    private mutating func deliver() -> Int {
        guard arguments.has(.write) else {
            guard format == "text" else { return 0 }
            for (index, change) in changes.enumerated() { print(change, isFirst: index == 0) }
            return 0
        }
        var failed = 0
        // New files come first: a kustomization must not name a file that could not be written.
        for index in changes.indices where changes[index].old == nil {
            guard let failure = FileWriter.write(changes[index].new.path, changes[index].new.text.bytes) else {
                continue
            }
            manifests.complain(failure)
            changes[index].added = []
            failed += 1
        }
        let changed = changes.indices.filter { changes[$0].old != nil && changes[$0].isChanged }
        let failures = FileWriter.replace(changed.map { (changes[$0].new.path, changes[$0].new.text.bytes) })
        for (index, failure) in failures.sorted(by: { $0.key < $1.key }) {
            manifests.complain(failure)
            changes[changed[index]].undo()
        }
        return failed + failures.count
    }

    private func print(_ change: FileChange, isFirst: Bool) {
        if arguments.has(.diff) {
            let diff = UnifiedDiff.text(change.old?.text.bytes ?? [], change.new.text.bytes, path: change.new.path)
            if !diff.isEmpty { Console.print(diff) }
        } else {
            // Several files become documents of one YAML stream.
            if !isFirst, !change.new.text.bytes.starts(with: Array("---".utf8)) { Console.print("---\n") }
            Console.print(bytes: change.new.text.bytes)
            if changes.count > 1, change.new.text.bytes.last != UInt8(ascii: "\n") { Console.print("\n") }
        }
    }
}

/// A file and what is done to it.
private struct FileChange {
    /// The file before; nil for a new one.
    let old: ManifestFile?
    var new: ManifestFile
    /// The fixed findings.
    var fixed: [FixedFile.Entry] = []
    /// The added objects.
    var added: [Literal] = []

    var additions: [FixReport.Addition] {
        added.map { object in
            let name = [object["metadata"]?["namespace"]?.text, object["metadata"]?["name"]?.text].compactMap(\.self)
            return FixReport.Addition("PodDisruptionBudget", name.joined(separator: "/"), to: new.path)
        }
    }

    var isChanged: Bool { old?.text.bytes != new.text.bytes }

    /// Takes the changes back.
    mutating func undo() {
        if let old { self = FileChange(old: old, new: old) }
    }
}
