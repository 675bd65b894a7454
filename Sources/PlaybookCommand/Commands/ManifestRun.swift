import Evaluation
import JSON
import Kubernetes
import Manifests
import Report

/// What `check` and `fix` share: manifests are read, known to each other, and judged.
struct ManifestRun {
    let arguments: Arguments
    let settings: Settings
    /// Where objects go that do not say so themselves; empty where that is not known.
    let namespace: String
    var summary = Summary(of: .object)
    /// What was given as companions only.
    private var relatedObjects: [ManifestFile] = []
    private(set) var files: [ManifestFile] = []
    private let progress = Progress()
    /// Which comments of which file exempted something.
    private var usedIgnores: [String: Set<Int>] = [:]

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        namespace = arguments.last(.namespace) ?? ""
    }

    /// Tells that something could not be read, or done.
    mutating func complain(_ input: UnreadableInput) {
        summary.unreadable.append(input)
        Console.error("playbook: \(input)\n")
    }

    // MARK: Reading

    /// Reads everything that is named.
    mutating func read() {
        relatedObjects = read(arguments.all(.relatedObjects))
        files = read(arguments.operands.isEmpty ? ["-"] : arguments.operands)
        summary.files = files.count
        progress.end()
    }

    private mutating func read(_ paths: [String]) -> [ManifestFile] {
        guard !paths.isEmpty else { return [] }
        var result: [ManifestFile] = []
        Inputs.manifests(paths) { entry in
            do throws(Inputs.Failure) {
                let file = try entry.get()
                if let problem = file.problem { complain(Inputs.Failure(problem, in: file)) }
                result.append(file)
            } catch {
                complain(error)
            }
            progress.show("\(result.count) files read")
        }
        return result
    }

    // MARK: Judging

    /// The objects of some files, and those that were given as companions.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - isTelling: Whether objects that cannot be companions are told.
    /// - Returns: What is known of them.
    mutating func world(of files: [ManifestFile], isTelling: Bool = true) -> ManifestWorld {
        var world = ManifestWorld(isPartial: arguments.has(.partial), namespace: namespace, of: settings.catalogue)
        for file in relatedObjects + files {
            for problem in world.add(file) where isTelling { complain(Inputs.Failure(problem, in: file)) }
        }
        return world
    }

    /// A judge that knows the objects of a world.
    func judge(knowing world: ManifestWorld) -> ManifestJudge {
        ManifestJudge(
            Context(settings: settings, relatedObjects: world.relatedObjects, now: Process.now, source: .files),
            namespace: namespace)
    }

    /// Judges the objects of files.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - judge: With what.
    ///   - accept: Removes findings that are not reported from a verdict.
    ///   - body: What to do with each.
    mutating func judge(
        _ files: [ManifestFile], with judge: ManifestJudge,
        accepting accept: (Verdict) -> Verdict = { $0 }, _ body: (JudgedObject) -> Void
    ) {
        for file in files {
            for document in file.documents {
                judge.judge(document, of: file) { object, found, used in
                    guard let found else {
                        summary.foreign += 1
                        return
                    }
                    usedIgnores[file.path, default: []].formUnion(used)
                    let verdict = accept(found)
                    summary.add(verdict)
                    body(
                        JudgedObject(
                            file: file.path, line: object.line, request: "", verdict: verdict,
                            locate: { object.region(of: $0) }))
                }
            }
            progress.show("\(summary.judged) objects judged")
        }
        progress.end()
    }

    /// Tells which comments exempt nothing, and why.
    func tellIgnores() {
        for file in files {
            for (index, comment) in file.ignores.enumerated() {
                let isUsed = usedIgnores[file.path]?.contains(index) ?? false
                let unused =
                    "nothing is found here for \(comment.rules.joined(separator: ", ")) to ignore: take the comment out"
                guard let text = comment.problem(in: settings.catalogue) ?? (isUsed ? nil : unused) else { continue }
                Console.note("playbook: \(file.path):\(comment.location.line):\(comment.location.column): \(text)")
            }
        }
    }
}
