import Evaluation
import JSON
import Kubernetes
import Manifests
import Report

/// The part that `check` and `fix` share: reads manifests, collects their objects as related objects, and evaluates them.
struct ManifestRun {
    let arguments: Arguments
    let settings: Settings
    /// The namespace of objects that do not set one; empty if it is unknown.
    let namespace: String
    var summary = Summary(of: .object)
    /// The files that are read for related objects only.
    private var relatedObjects: [ManifestFile] = []
    private(set) var files: [ManifestFile] = []
    private let progress = Progress()
    /// By file, the indices of comments that exempted a finding.
    private var usedIgnores: [String: Set<Int>] = [:]

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        namespace = arguments.last(.namespace) ?? ""
        summary.settingsFiles = arguments.settingsFiles.map(\.path)
    }

    /// Reports an input that could not be read, or a file that could not be written.
    mutating func complain(_ input: UnreadableInput) {
        summary.unreadable.append(input)
        Console.error("playbook: \(input)\n")
    }

    // MARK: Reading

    /// Reads all files that the arguments name.
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

    // MARK: Evaluation

    /// Collects the objects of some files and of the files for related objects.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - isTelling: True to report objects that cannot be used as related objects.
    /// - Returns: The objects.
    mutating func world(of files: [ManifestFile], isTelling: Bool = true) -> ManifestWorld {
        var world = ManifestWorld(isPartial: arguments.has(.partial), namespace: namespace, of: settings.catalogue)
        for file in relatedObjects + files {
            for problem in world.add(file) where isTelling { complain(Inputs.Failure(problem, in: file)) }
        }
        return world
    }

    /// Prepares an evaluation with these objects as related objects.
    func judge(knowing world: ManifestWorld) -> ManifestJudge {
        ManifestJudge(
            Context(settings: settings, relatedObjects: world.relatedObjects, now: Process.now, source: .files),
            namespace: namespace)
    }

    /// Evaluates the objects of files: `accept` removes findings that are not reported, `body` is called with each object.
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
            progress.show("\(summary.judged) objects evaluated")
        }
        progress.end()
    }

    /// Reports comments that do not exempt anything, with the reason.
    func tellIgnores() {
        for file in files {
            for (index, comment) in file.ignores.enumerated() {
                let isUsed = usedIgnores[file.path]?.contains(index) ?? false
                let unused =
                    "unused playbook:ignore: no finding of \(comment.rules.joined(separator: ", ")) here; remove the comment"
                guard let text = comment.problem(in: settings.catalogue) ?? (isUsed ? nil : unused) else { continue }
                Console.note("playbook: \(file.path):\(comment.location.line):\(comment.location.column): \(text)")
            }
        }
    }
}
