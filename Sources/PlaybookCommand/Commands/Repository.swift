import Evaluation
import Glibc
import JSON
import Manifests
import Report

/// The manifests of a run: files that are evaluated as they are, and what kustomizations and charts render.
struct Repository {
    /// The files with objects that are evaluated as they are.
    private(set) var files: [ManifestFile] = []
    /// The rendered kustomizations and charts.
    private(set) var roots: [RenderedRoot] = []
    /// The files of each rendered kustomization.
    private(set) var kustomizations: [String: KustomizationFiles] = [:]
    /// The number of files in which no object was found.
    private(set) var skipped = 0
    /// The kustomizations and charts that were not rendered, with the reasons.
    private(set) var notRendered: [(path: String, reason: String)] = []
    /// The inputs that could not be read.
    private(set) var failures: [Inputs.Failure] = []

    private let isStrict: Bool
    private let skipsUnreadable: Bool
    private let allowsRemote: Bool
    private let progress: Progress

    /// A file that was read, in the order of the run.
    struct Entry {
        let file: ManifestFile
        let isNamed: Bool
        /// The path in its normal form, by which other files refer to it.
        let path: String
    }

    private(set) var entries: [Entry] = []
    var tree = DiskTree()
    /// The kustomizations that are not rendered; nil until they are searched.
    var otherReaders: OtherReaders?
    /// The files that a rendered root reads, or that are no objects by themselves.
    private var covered: Set<String> = []
    /// The directories with a kustomization file, and what it reads.
    private(set) var found: [String: KustomizationFiles] = [:]

    /// The largest file in a directory that is read.
    private static let maximumSize = 64 << 20
    private static let maximumNotes = 10

    /// Reads what the arguments name.
    init(_ paths: [String], _ arguments: Arguments, _ renderer: Renderer?, _ progress: Progress) {
        isStrict = arguments.has(.strict)
        skipsUnreadable = arguments.has(.skipUnreadable)
        allowsRemote = arguments.has(.allowRemote)
        self.progress = progress
        read(paths, .manifests(excluding: arguments.all(.exclude)))
        findKustomizations()
        if let renderer { renderKustomizations(renderer) }
        readCharts(renderer)
        noteUnrendered()
        for entry in entries where !covered.contains(entry.path) { sort(entry) }
        progress.end()
    }

    // MARK: Files

    private mutating func read(_ paths: [String], _ walk: DirectoryWalk) {
        for result in Inputs.files(paths, walk) {
            do throws(Inputs.Failure) {
                try read(result.get())
            } catch {
                failures.append(error)
            }
            progress.show("\(entries.count) files read")
        }
    }

    private mutating func read(_ file: Inputs.File) throws(Inputs.Failure) {
        let bytes: [UInt8]
        switch Inputs.bytes(of: file.path, atMost: file.isNamed ? .max : Repository.maximumSize) {
        case .success(let read): bytes = read
        case .failure(let failure): throw failure
        }
        let name = PathText.name(of: file.path)
        guard !ManifestFile.isBinary(bytes) else {
            return try skip(file.path, "not a text file", isUnreadable: true, isNamed: file.isNamed)
        }
        let path = file.path == "-" ? "-" : PathText.normalized(file.path)
        // A text without this word has no object; what tools read has other names.
        guard
            file.isNamed || Kustomization.names.contains(name) || name == Chart.fileName
                || Repository.keyForms.contains(where: { bytes.has($0) }) || bytes.starts(with: [0xFF, 0xFE])
                || bytes.starts(with: [0xFE, 0xFF])
        else {
            unparsed.append(path)
            return
        }
        let manifest = ManifestFile(path: file.path, bytes: bytes)
        tree.files[path] = manifest
        entries.append(Entry(file: manifest, isNamed: file.isNamed, path: path))
    }

    /// The parts of a text with a key `kind`, which can also be escaped or encoded.
    private static let keyForms = ["kind", "\\x", "\\u", "\\U", "\\\n", "binary"]
    /// The files that have no object, and were not parsed.
    private var unparsed: [String] = []

    /// Skips a file, or reports that it cannot be used.
    private mutating func skip(
        _ path: String, _ reason: String, line: Int? = nil, column: Int? = nil, isUnreadable: Bool, isNamed: Bool
    ) throws(Inputs.Failure) {
        if isStrict || isUnreadable && isNamed && !skipsUnreadable {
            throw Inputs.Failure(path, line: line, column: column, reason)
        }
        skipped += 1
        if isUnreadable, isNamed || reason == "not a text file" { Inputs.skip(path, reason) }
    }

    /// Decides about a file that is not rendered.
    private mutating func sort(_ entry: Entry) {
        let directory = PathText.directory(of: entry.path)
        let file = entry.file
        let contents = file.contents(isBesideKustomization: tree.hasKustomization(directory) && !isResource(entry.path))
        let isOurs = contents == .objects || file.isMeantAsManifest && contents != .patches
        if contents == .objects { files.append(file) }
        do throws(Inputs.Failure) {
            if let problem = file.problem {
                // A manifest that cannot be read would be missing in the result without a word.
                let failure = Inputs.Failure(problem, in: file)
                if isOurs, !skipsUnreadable || isStrict { throw failure }
                try skip(
                    failure.name, failure.reason, line: failure.line, column: failure.column, isUnreadable: true,
                    isNamed: entry.isNamed || isOurs)
                return
            }
            switch contents {
            case .objects: break
            case .reviews:
                let reason = "this is an AdmissionReview, not a manifest; use `playbook review`"
                try skip(file.path, reason, isUnreadable: true, isNamed: entry.isNamed)
            case .patches: skipped += 1
            case .nothing: try skip(file.path, "no Kubernetes object", isUnreadable: false, isNamed: entry.isNamed)
            }
        } catch {
            failures.append(error)
        }
    }

    /// True if a kustomization names a file as a resource.
    private func isResource(_ path: String) -> Bool { resources.contains(path) }
    private var resources: Set<String> = []

    // MARK: Kustomizations

    /// Finds the kustomizations beside and above the files; their patches and data are not evaluated.
    private mutating func findKustomizations() {
        var directories: [String] = []
        var seen: Set<String> = []
        for entry in entries where entry.path != "-" {
            var directory = PathText.directory(of: entry.path)
            // A file that is named can be a patch of a kustomization above it.
            for _ in 0..<(entry.isNamed ? 8 : 1) where seen.insert(directory).inserted {
                if tree.hasKustomization(directory) { directories.append(directory) }
                if tree.isRoot(directory) { break }
                directory = PathText.directory(of: directory)
            }
        }
        for directory in directories {
            if let files = KustomizationFiles(of: directory, in: &tree) { found[directory] = files }
        }
        for (_, files) in found {
            resources.formUnion(files.resources)
            covered.formUnion(files.kustomizations.values)
        }
        for (_, files) in found { covered.formUnion(files.patches.union(files.data).subtracting(resources)) }
    }

    private mutating func renderKustomizations(_ renderer: Renderer) {
        // Those of files that are named are not rendered: only the files are asked for.
        let walked = Set(entries.lazy.filter { !$0.isNamed }.map { PathText.directory(of: $0.path) })
        var open = Set(found.keys.filter { walked.contains($0) && found[$0]?.isComponent == false })
        while !open.isEmpty {
            func isUsed(_ directory: String) -> Bool {
                open.contains { $0 != directory && found[$0]?.kustomizations[directory] != nil }
            }
            let next = open.filter { !isUsed($0) }
            guard !next.isEmpty else {
                for directory in open.sorted() {
                    guard let path = found[directory]?.kustomizations[directory] else { continue }
                    notRendered.append((path, "kustomizations refer to each other"))
                }
                break
            }
            render(next.sorted(), renderer)
            open.subtract(next)
            // Without a program, their bases cannot be built either.
            if renderer.kustomize == nil { break }
            for files in kustomizations.values { open.subtract(files.kustomizations.keys) }
        }
        let read = Set(kustomizations.values.flatMap(\.kustomizations.keys))
        for directory in found.keys.sorted() where walked.contains(directory) && !read.contains(directory) {
            guard let files = found[directory], files.isComponent, let path = files.kustomizations[directory] else {
                continue
            }
            notRendered.append((path, "no rendered kustomization uses this component"))
        }
    }

    /// Renders the kustomizations in these directories.
    private mutating func render(_ directories: [String], _ renderer: Renderer) {
        var jobs: [(files: KustomizationFiles, path: String, job: Renderer.Job)] = []
        for directory in directories {
            guard let files = found[directory], let path = files.kustomizations[directory] else { continue }
            do throws(Renderer.Failure) {
                if let remote = files.remote, !allowsRemote {
                    throw Renderer.Failure(reason: "remote base \(remote); use --allow-remote to render it")
                }
                if let obstacle = files.obstacle { throw Renderer.Failure(reason: obstacle) }
                guard renderer.kustomize != nil else { throw Renderer.Failure(reason: Repository.noKustomize) }
                jobs.append((files, path, try renderer.building(directory)))
            } catch {
                notRendered.append((path, error.reason))
            }
        }
        Repository.inBatches(jobs, renderer, progress, { $0.job }) { job, output throws(Renderer.Failure) in
            roots.append(try root(job.path, job.files, output, job.job.place))
            kustomizations[job.path] = job.files
            covered.formUnion(job.files.all)
        } refused: { job, reason in
            notRendered.append((job.path, reason))
        }
    }

    private static let noKustomize = "neither kubectl nor kustomize is on PATH; its patches are skipped"
    private static let noHelm = "helm is not on PATH; its templates are skipped"

    /// Returns the root of a built kustomization.
    private mutating func root(
        _ path: String, _ files: KustomizationFiles, _ output: [UInt8], _ origin: String
    ) throws(Renderer.Failure) -> RenderedRoot {
        var (names, sources): ([String: String], [String: ManifestFile]) = ([:], [:])
        for file in files.all {
            if let real = Inputs.realPath(file) { names[real] = file }
        }
        for resource in files.resources { sources[resource] = tree.file(resource) }
        do throws(ManifestProblem) {
            return try RenderedRoot(
                kustomization: path, output: output, sources: sources,
                locate: { names[PathText.joined(origin, $0)] })
        } catch {
            throw Renderer.Failure(reason: "its output cannot be read: \(error)")
        }
    }

    // MARK: Charts

    private mutating func readCharts(_ renderer: Renderer?) {
        var charts: [(directory: String, chart: Chart, path: String)] = []
        for entry in entries where !entry.isNamed && PathText.name(of: entry.path) == Chart.fileName {
            let directory = PathText.directory(of: entry.path)
            let requirements = tree.files[PathText.joined(directory, "requirements.yaml")]
            charts.append((directory, Chart(entry.file, requirements: requirements), entry.path))
        }
        guard !charts.isEmpty else { return }
        let directories = Set(charts.map(\.directory))
        /// The nearest directory of a chart above a path.
        func chart(above path: String) -> String? {
            var at = PathText.directory(of: path)
            while !directories.contains(at) {
                let next = PathText.directory(of: at)
                guard next != at, at != ".", PathText.name(of: at) != ".." else { return nil }
                at = next
            }
            return at
        }
        for path in entries.map(\.path) + unparsed {
            guard let directory = chart(above: path) else { continue }
            let inside = PathText.relative("/\(path)", from: "/\(directory == "." ? "" : directory)")
            guard Chart.reads(inside), covered.insert(path).inserted else { continue }
            if renderer == nil { skipped += 1 }
        }
        guard let renderer else { return }
        var jobs: [(chart: Chart, directory: String, path: String, job: Renderer.Job)] = []
        for (directory, own, path) in charts {
            // A dependency is rendered with its parent.
            if let parent = chart(above: directory), PathText.isIn(PathText.joined(parent, "charts"), directory) {
                continue
            }
            do throws(Renderer.Failure) {
                if let obstacle = own.obstacle { throw Renderer.Failure(reason: obstacle) }
                guard !own.isLibrary else {
                    throw Renderer.Failure(reason: "Helm does not render library charts")
                }
                if let link = DirectoryWalk.linkOutOfRepository(in: directory) {
                    throw Renderer.Failure(reason: "\(link) is a symbolic link that leaves the repository")
                }
                if let missing = own.missingDependency(
                    in: DirectoryWalk.names(in: PathText.joined(directory, "charts")))
                {
                    throw Renderer.Failure(
                        reason: "dependency \(missing) is missing in charts/ (helm dependency build)")
                }
                guard renderer.hasHelm else { throw Renderer.Failure(reason: Repository.noHelm) }
                jobs.append((own, directory, path, try renderer.templating(own, in: directory)))
            } catch {
                notRendered.append((path, error.reason))
            }
        }
        Repository.inBatches(jobs, renderer, progress, { $0.job }) { job, output throws(Renderer.Failure) in
            roots.append(try root(job.chart, job.directory, job.path, output))
        } refused: { job, reason in
            notRendered.append((job.path, reason))
        }
    }

    private func root(
        _ chart: Chart, _ directory: String, _ path: String, _ output: [UInt8]
    ) throws(Renderer.Failure) -> RenderedRoot {
        do throws(ManifestProblem) {
            return try RenderedRoot(chart: path, output: output) { source in
                // The first part is the name of the chart.
                let inside = source.split(separator: "/", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
                let file = PathText.joined(directory, inside)
                return DirectoryWalk.type(of: file) == S_IFREG ? file : nil
            }
        } catch {
            throw Renderer.Failure(reason: "its output cannot be read: \(error)")
        }
    }

    /// Runs jobs, and passes on each output or the reason that there is none.
    private static func inBatches<Item>(
        _ items: [Item], _ renderer: Renderer, _ progress: Progress, _ job: (Item) -> Renderer.Job,
        _ body: (Item, [UInt8]) throws(Renderer.Failure) -> Void, refused: (Item, String) -> Void
    ) {
        for start in stride(from: 0, to: items.count, by: Renderer.batch) {
            progress.show("\(start) of \(items.count) kustomizations or charts rendered")
            let batch = items[start..<min(start + Renderer.batch, items.count)]
            for (item, result) in zip(batch, renderer.run(batch.map(job))) {
                do throws(Renderer.Failure) {
                    try body(item, result.get())
                } catch {
                    refused(item, error.reason)
                }
            }
        }
    }

    // MARK: Notes

    private mutating func noteUnrendered() {
        for path in unparsed where !covered.contains(path) {
            do throws(Inputs.Failure) {
                try skip(path, "no Kubernetes object", isUnreadable: false, isNamed: false)
            } catch {
                failures.append(error)
            }
        }
        if isStrict { failures += notRendered.map { Inputs.Failure($0.path, "not rendered: \($0.reason)") } }
        // One note for each reason.
        var groups: [(reason: String, paths: [String])] = []
        for (path, reason) in notRendered {
            if let index = groups.firstIndex(where: { $0.reason == reason }) {
                groups[index].paths.append(path)
            } else {
                groups.append((reason, [path]))
            }
        }
        for (reason, paths) in groups.prefix(Repository.maximumNotes) {
            let more = paths.count > 1 ? " and \(paths.count - 1) more" : ""
            Console.note("playbook: \(paths[0])\(more): not rendered: \(SecretMask.masked(reason))")
        }
        if groups.count > Repository.maximumNotes {
            let others = groups.dropFirst(Repository.maximumNotes).reduce(0) { $0 + $1.paths.count }
            Console.note("playbook: \(others) more were not rendered")
        }
    }
}
