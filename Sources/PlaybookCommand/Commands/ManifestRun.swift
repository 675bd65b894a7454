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
    /// The files and rendered roots that are evaluated.
    private var repository: Repository?
    let renderer: Renderer?
    private let progress = Progress()
    /// By file, the indices of comments that exempted a finding.
    private var usedIgnores: [String: Set<Int>] = [:]

    /// The files that are evaluated as they are.
    var files: [ManifestFile] { repository?.files ?? [] }
    /// The rendered kustomizations and charts.
    var roots: [RenderedRoot] { repository?.roots ?? [] }

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        namespace = arguments.last(.namespace) ?? ""
        renderer = try arguments.render() ? Renderer(arguments) : nil
        summary.settingsFiles = arguments.settingsFiles.map(\.path)
        if let pattern = arguments.all(.exclude).first(where: { $0.utf8.count > IgnorePatterns.maximumLength }) {
            throw CommandError(
                message:
                    "--exclude: the pattern \(pattern.prefix(20))… has more than \(IgnorePatterns.maximumLength) bytes")
        }
    }

    /// Reports an input that could not be read, or a file that could not be written.
    mutating func complain(_ input: UnreadableInput) {
        summary.unreadable.append(input)
        Console.error("playbook: \(input)\n")
    }

    // MARK: Reading

    /// Reads all files that the arguments name.
    mutating func read() {
        let related = arguments.all(.relatedObjects)
        if !related.isEmpty {
            let read = Repository(related, arguments, nil, progress)
            read.failures.forEach { complain($0) }
            relatedObjects = read.files
        }
        let read = Repository(arguments.operands.isEmpty ? ["-"] : arguments.operands, arguments, renderer, progress)
        read.failures.forEach { complain($0) }
        summary.files = read.files.count + Set(read.roots.flatMap(\.sourcePaths)).count
        summary.skippedFiles = read.skipped
        summary.notRendered = read.notRendered
        repository = read
    }

    /// True if a root reads one of some files.
    func reads(_ root: RenderedRoot, _ paths: Set<String>) -> Bool {
        !(repository?.kustomizations[root.path]?.all.isDisjoint(with: paths) ?? true)
    }

    /// Builds a kustomization again with changed files.
    mutating func rendered(
        _ path: String, with changes: [String: ManifestFile], _ renderer: Renderer
    ) throws(Renderer.Failure) -> RenderedRoot {
        guard var repository else { throw Renderer.Failure(reason: "not rendered") }
        defer { self.repository = repository }
        return try repository.rendered(path, with: changes, renderer)
    }

    /// Returns the reason why a source of a kustomization must not be changed; nil if it may be changed.
    mutating func reasonToKeep(_ path: String) -> CannotEdit? {
        guard repository?.isGiven(path) ?? false else {
            return CannotEdit("\(path) is not among the files that were given")
        }
        return repository?.otherReader(of: path).map { CannotEdit($0) }
    }

    /// Returns the kustomization file that names a file as a resource; nil if there is none.
    mutating func kustomization(naming resource: String) -> ManifestFile? {
        repository?.kustomization(naming: resource)
    }

    // MARK: Evaluation

    /// The related objects of files and rendered roots.
    ///
    /// Roots and files with the same object are alternatives, such as the overlays of several environments: a root with
    /// alternatives is evaluated without them.
    struct Worlds {
        /// The related objects of files, and of roots without alternatives.
        var shared: ManifestWorld
        /// The related objects of roots with alternatives, by path.
        var own: [String: ManifestWorld] = [:]
    }

    /// The objects that cannot be used as related objects, because a field has the wrong type.
    enum UnusableObjects {
        case none, all
        /// Those whose field no finding of ``Rule/schema`` reports, and those in files that are not evaluated.
        case withoutFinding
    }

    /// Returns the locations of fields with findings of ``Rule/schema``.
    private func wrongTypes(in file: ManifestFile) -> Set<Location> {
        let world = ManifestWorld(isPartial: true, namespace: namespace, of: settings.catalogue)
        let evaluator = evaluate(knowing: world)
        var locations: Set<Location> = []
        for document in file.documents {
            evaluator.evaluate(document, of: file) { object, decision, _ in
                for decided in decision?.findings ?? [] where decided.rule === Rule.schema {
                    locations.insert(object.region(of: decided.finding.place).start)
                }
            }
        }
        return locations
    }

    /// Collects the objects of some files, of rendered roots, and of the files for related objects.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - roots: The rendered roots.
    ///   - telling: The objects that cannot be used as related objects and are reported.
    /// - Returns: The objects.
    mutating func worlds(
        of files: [ManifestFile], _ roots: [RenderedRoot], telling: UnusableObjects = .all
    ) -> Worlds {
        func problems(
            adding file: ManifestFile, isEvaluated: Bool = true, to world: inout ManifestWorld
        ) -> [ManifestProblem] {
            let problems = world.add(file, isEvaluated: isEvaluated)
            guard !problems.isEmpty, telling != .none else { return [] }
            guard telling == .withoutFinding, isEvaluated else { return problems }
            let found = wrongTypes(in: file)
            return problems.filter { !found.contains($0.location) }
        }
        func add(_ file: ManifestFile, isEvaluated: Bool = true, to world: inout ManifestWorld) {
            for problem in problems(adding: file, isEvaluated: isEvaluated, to: &world) {
                complain(Inputs.Failure(problem, in: file))
            }
        }
        func add(_ root: RenderedRoot, to world: inout ManifestWorld) {
            for problem in problems(adding: root.file, to: &world) {
                complain(Inputs.Failure(root.path, "the rendered output: \(problem.message)"))
            }
        }
        let keys = roots.map { Set($0.objects().keys) }
        let keysOfFiles = roots.isEmpty ? [] : files.map(\.objectKeys)
        var users: [ObjectKey: Int] = [:]
        for key in (keys + keysOfFiles).joined() { users[key, default: 0] += 1 }
        let rendered = keys.reduce(into: Set<ObjectKey>()) { $0.formUnion($1) }
        var world = ManifestWorld(isPartial: arguments.has(.partial), namespace: namespace, of: settings.catalogue)
        var copies: [ManifestFile] = []
        for file in relatedObjects { add(file, isEvaluated: false, to: &world) }
        for (index, file) in files.enumerated() {
            if !roots.isEmpty, !keysOfFiles[index].isDisjoint(with: rendered) {
                copies.append(file)
            } else {
                add(file, to: &world)
            }
        }
        let alternatives = keys.map { $0.contains { users[$0, default: 0] > 1 } }
        for (root, isAlternative) in zip(roots, alternatives) where !isAlternative { add(root, to: &world) }
        var worlds = Worlds(shared: world)
        for file in copies { add(file, to: &worlds.shared) }
        for (root, isAlternative) in zip(roots, alternatives) where isAlternative {
            var own = world
            add(root, to: &own)
            worlds.own[root.path] = own
        }
        return worlds
    }

    /// Prepares an evaluation with these objects as related objects.
    func evaluate(knowing world: ManifestWorld) -> ManifestEvaluator {
        ManifestEvaluator(
            Context(settings: settings, relatedObjects: world.relatedObjects, now: Process.now, source: .files),
            namespace: namespace, owners: world.owners)
    }

    /// Evaluates the objects of files and roots: `accept` removes findings that are not reported, `body` is called with each
    /// object.
    mutating func evaluate(
        _ files: [ManifestFile], _ roots: [RenderedRoot], with worlds: Worlds,
        accepting accept: (Decision) -> Decision = { $0 }, _ body: (ReportedObject) -> Void
    ) {
        let evaluator = evaluate(knowing: worlds.shared)
        for file in files {
            for document in file.documents {
                evaluator.evaluate(document, of: file) { object, found, used in
                    guard let found else {
                        summary.foreign += 1
                        return
                    }
                    usedIgnores[file.path, default: []].formUnion(used)
                    let decision = accept(found)
                    summary.add(decision)
                    body(
                        ReportedObject(
                            file: file.path, line: object.line, request: "", decision: decision,
                            locate: { object.region(of: $0) }))
                }
            }
            progress.show("\(summary.evaluated) objects evaluated")
        }
        /// The root of each finding so far: several roots can render the same object, often with the same findings.
        var reported: [String: String] = [:]
        /// The objects so far that are rendered in the same way.
        var seen: Set<String> = []
        for root in roots {
            let evaluator = worlds.own[root.path].map { self.evaluate(knowing: $0) } ?? evaluator
            evaluator.evaluate(root) { object in
                guard let found = object.decision else { return }
                usedIgnores[object.file, default: []].formUnion(object.usedIgnores)
                let place = "\(object.file):\(object.line ?? 0) \(found.subject.title)"
                let keys = found.findings.map { "\(place) \($0.key) \($0.effect) \($0.finding.message)" }
                let text = Literal(object.object.value).json
                guard seen.insert("\(place) \(text) \(keys.joined(separator: " "))").inserted else { return }
                let decision = accept(found)
                summary.add(decision)
                // Overlays set the namespace, and the fault is in the source that they share.
                let source = "\(object.file):\(object.line ?? 0) \(found.subject.kindName) \(found.subject.name)"
                let new = decision.leavingOut { decided in
                    let key = "\(source) \(decided.key) \(decided.effect) \(decided.finding.message)"
                    let first = reported[key] ?? root.path
                    reported[key] = first
                    return first != root.path
                }
                summary.repeated += decision.findings.count - new.findings.count
                guard !new.findings.isEmpty || found.findings.isEmpty else { return }
                body(
                    ReportedObject(
                        file: object.file, line: object.line, request: "", decision: new,
                        root: PathText.directory(of: root.path), whole: decision, locate: { object.region(of: $0) }))
            }
            progress.show("\(summary.evaluated) objects evaluated")
        }
        progress.end()
    }

    /// Reports comments that do not exempt anything, with the reason.
    func reportIgnores() {
        var reported: Set<String> = []
        for file in files + roots.flatMap({ $0.sources.values.sorted { $0.path < $1.path } })
        where reported.insert(file.path).inserted {
            for (index, comment) in file.ignores.enumerated() {
                let isUsed = usedIgnores[file.path]?.contains(index) ?? false
                let unused =
                    "unused playbook:ignore: no finding of \(comment.rules.joined(separator: ", ")) here; remove the comment"
                guard let text = comment.problem(in: settings.catalogue) ?? (isUsed ? nil : unused) else { continue }
                Console.note("playbook: \(file.path):\(comment.location.line):\(comment.location.column): \(text)")
            }
        }
    }

    // MARK: The result

    /// The exit code; an input without any object is an error unless `--allow-empty` is given.
    func exitCode(failingOn level: FailureLevel, isWritten: Bool = true) -> ExitCode {
        guard summary.evaluated == 0, summary.unreadable.isEmpty, !arguments.has(.allowEmpty) else {
            return summary.code(failingOn: level, isWritten: isWritten)
        }
        Console.error("playbook: nothing was evaluated; use --allow-empty to exit with 0\n")
        return .usage
    }
}
