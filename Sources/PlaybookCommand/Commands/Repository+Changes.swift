import JSON
import Manifests

/// Trial renders and readers of files, for `fix`: a change of a file must not change other objects.
extension Repository {
    /// Builds a kustomization again from copies of its files, of which some are changed or new.
    ///
    /// - Parameters:
    ///   - path: The kustomization file.
    ///   - changes: The new contents, by path.
    ///   - renderer: The renderer.
    /// - Returns: The new output.
    /// - Throws: A ``Renderer/Failure`` if it cannot be built.
    mutating func rendered(
        _ path: String, with changes: [String: ManifestFile], _ renderer: Renderer
    ) throws(Renderer.Failure) -> RenderedRoot {
        guard let files = kustomizations[path] else { throw Renderer.Failure(reason: "not rendered") }
        var (copies, names): ([String: [UInt8]], [String: String]) = ([:], [:])
        for file in files.all.union(changes.keys) {
            let target = PathText.joined(tree.workingDirectory, file)
            names[target] = file
            switch changes[file].map({ .success($0.text.bytes) }) ?? Inputs.bytes(of: file) {
            case .success(let bytes): copies[target] = bytes
            case .failure(let failure): throw Renderer.Failure(reason: "\(failure)")
            }
        }
        let directory = PathText.joined(tree.workingDirectory, PathText.directory(of: path))
        let (output, origin, copy) = try renderer.build(directory, of: copies)
        var sources: [String: ManifestFile] = [:]
        for resource in files.resources { sources[resource] = changes[resource] ?? tree.file(resource) }
        for (name, file) in changes where !files.all.contains(name) { sources[name] = file }
        do throws(ManifestProblem) {
            return try RenderedRoot(kustomization: path, output: output, sources: sources) { source in
                let whole = PathText.joined(origin, source)
                return whole.hasPrefix(copy) ? names[String(whole.dropFirst(copy.count))] : nil
            }
        } catch {
            throw Renderer.Failure(reason: "its output cannot be read: \(error)")
        }
    }

    /// True if the arguments name a file, or a directory that contains it.
    func isGiven(_ path: String) -> Bool { entries.contains { $0.path == path } }

    /// Describes a kustomization that reads a file, or can read it, and is not rendered in this run; nil if there is none.
    ///
    /// A change of the file could break it. Kustomizations of the whole git repository are searched.
    mutating func otherReader(of path: String) -> String? {
        let others = otherReaders ?? findOtherReaders()
        otherReaders = others
        let whole = PathText.joined(tree.workingDirectory, path)
        if let reader = others.byFile[whole] {
            return "\(path) is read by the kustomization in \(reader), which is not rendered here"
        }
        return others.unreadable.first { PathText.isIn($0.repository, whole) }.map {
            "\($0.file) cannot be read, and can refer to \(path)"
        }
    }

    /// The kustomizations that are not rendered in this run.
    struct OtherReaders {
        /// By file, the directory of a kustomization that reads it.
        var byFile: [String: String] = [:]
        /// The kustomization files that cannot be read, each with the root of its repository.
        var unreadable: [(file: String, repository: String)] = []
    }

    private mutating func findOtherReaders() -> OtherReaders {
        let here = tree.workingDirectory
        let rendered = Set(kustomizations.values.flatMap { $0.kustomizations.keys.map { PathText.joined(here, $0) } })
        var others: [String: KustomizationFiles] = [:]
        for (directory, files) in found { others[PathText.joined(here, directory)] = files }
        let roots = Set(rendered.compactMap { Inputs.repositoryRoot(of: $0) })
        for case .success(let file) in roots.sorted().flatMap({ DirectoryWalk.kustomizations.files(in: $0) }) {
            let directory = PathText.directory(of: PathText.joined(here, file.path))
            if others[directory] == nil { others[directory] = KustomizationFiles(of: directory, in: &tree) }
        }
        var readers = OtherReaders()
        for directory in others.keys.sorted() where !rendered.contains(directory) {
            guard let files = others[directory] else { continue }
            if let file = files.unreadable {
                readers.unreadable.append((file, Inputs.repositoryRoot(of: directory) ?? here))
            }
            for file in files.all {
                let path = PathText.joined(here, file)
                if readers.byFile[path] == nil { readers.byFile[path] = PathText.relative(directory, from: here) }
            }
        }
        return readers
    }

    /// Returns the kustomization file that names a file as a resource, the closest one; nil if there is none.
    mutating func kustomization(naming resource: String) -> ManifestFile? {
        let all = Set(kustomizations.values.flatMap(\.kustomizations.values))
        // Longer paths are closer to the file.
        for path in all.sorted(by: { (-$0.utf8.count, $0) < (-$1.utf8.count, $1) }) {
            let directory = PathText.directory(of: path)
            guard let file = tree.file(path), let kustomization = Kustomization(file),
                kustomization.references.contains(where: {
                    $0.use == .resource && PathText.joined(directory, $0.target) == resource
                })
            else { continue }
            return file
        }
        return nil
    }
}
