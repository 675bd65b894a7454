import Evaluation
import Glibc
import JSON
import Manifests
import Report

/// Reads files, directories and standard input.
enum Inputs {
    typealias Failure = UnreadableInput

    /// A file to read.
    struct File {
        /// The path; `-` for standard input.
        let path: String
        /// True when the command line names it; a file that is found in a directory is skipped if it cannot be used.
        let isNamed: Bool
    }

    /// Returns the files that paths name, each once; directories are read recursively, in the order of names.
    static func files(_ paths: [String], endings: [String]) -> [Result<File, Failure>] {
        var result: [Result<File, Failure>] = []
        for path in paths.isEmpty ? ["-"] : paths {
            guard path != "-" else {
                result.append(.success(File(path: path, isNamed: true)))
                continue
            }
            var status = stat()
            guard stat(path, &status) == 0 else {
                result.append(.failure(failure(path)))
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                result += folder(path, endings, depth: 0)
            } else {
                result.append(.success(File(path: path, isNamed: true)))
            }
        }
        return distinct(result)
    }

    /// Removes files that are listed already under another name, such as a link.
    ///
    /// Their objects would be counted twice, and a change that is written by one name would be overwritten by the other.
    private static func distinct(_ entries: [Result<File, Failure>]) -> [Result<File, Failure>] {
        var result: [Result<File, Failure>] = []
        var places: [String: Int] = [:]
        for entry in entries {
            guard case .success(let file) = entry, file.path != "-", let resolved = realpath(file.path, nil) else {
                result.append(entry)
                continue
            }
            defer { free(resolved) }
            let target = String(cString: resolved)
            if let place = places[target] {
                // The name on the command line is the one that is reported.
                if file.isNamed { result[place] = entry }
            } else {
                places[target] = result.count
                result.append(entry)
            }
        }
        return result
    }

    private static func folder(_ path: String, _ endings: [String], depth: Int) -> [Result<File, Failure>] {
        guard depth < 32 else { return [.failure(Failure(path, "directories are nested more than 32 levels deep"))] }
        guard let stream = opendir(path) else { return [.failure(failure(path))] }
        defer { closedir(stream) }
        var entries: [(name: String, isFolder: Bool)] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { entries.append((name, Int(entry.pointee.d_type) == DT_DIR)) }
        }
        return entries.sorted { $0.name < $1.name }.flatMap { name, isFolder -> [Result<File, Failure>] in
            let whole = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            let isWanted = endings.contains { name.hasSuffix($0) }
            switch (kind(of: whole, AT_SYMLINK_NOFOLLOW), kind(of: whole, 0)) {
            // Its status cannot be read, or its name is not UTF-8.
            case (0, _) where isWanted || isFolder:
                return [.failure(name.contains("\u{FFFD}") ? Failure(whole, "the name is not UTF-8") : failure(whole))]
            case (S_IFDIR, _): return folder(whole, endings, depth: depth + 1)
            // It could lead to a cycle.
            case (S_IFLNK, S_IFDIR): passOver(whole, "symbolic link to a directory")
            // A pipe that is named is read, such as <(helm template .); reading one in a directory could block forever.
            case (_, S_IFIFO), (_, S_IFSOCK), (_, S_IFCHR), (_, S_IFBLK):
                if isWanted { passOver(whole, "not a regular file") }
            default: return isWanted ? [.success(File(path: whole, isNamed: false))] : []
            }
            return []
        }
    }

    private static func kind(of path: String, _ flags: Int32) -> mode_t {
        var status = stat()
        return fstatat(AT_FDCWD, path, &status, flags) == 0 ? status.st_mode & S_IFMT : 0
    }

    /// Reports that a file of a directory is skipped.
    private static func passOver(_ path: String, _ reason: String) {
        Console.note("playbook: \(path): skipped: \(reason)")
    }

    /// Returns all bytes of a file, or of standard input.
    static func bytes(of path: String) -> Result<[UInt8], Failure> {
        let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(failure(path)) }
        defer { if path != "-" { close(descriptor) } }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // `chunk` has the requested length, and outlives the call.
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(result) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(failure(path))
            }
            result.append(contentsOf: chunk[..<count])
        }
    }

    /// The failure of the last system call, for a path.
    static func failure(_ path: String) -> Failure {
        Failure(path, String(cString: strerror(errno)))
    }

    /// Reads manifests, file by file.
    static func manifests(_ paths: [String], _ body: (Result<ManifestFile, Failure>) -> Void) {
        for entry in files(paths, endings: [".yaml", ".yml", ".json"]) {
            do throws(Failure) {
                if let file = try manifest(entry.get()) { body(.success(file)) }
            } catch {
                body(.failure(error))
            }
        }
    }

    /// Returns the manifests in a file; nil when it is skipped.
    private static func manifest(_ file: File) throws(Failure) -> ManifestFile? {
        let bytes = try bytes(of: file.path).get()
        guard ManifestFile.isBinary(bytes) else { return ManifestFile(path: file.path, bytes: bytes) }
        guard !file.isNamed else { throw Failure(file.path, "not a text file") }
        passOver(file.path, "not a text file")
        return nil
    }

    /// Reads a baseline.
    static func baseline(_ path: String) throws(Failure) -> Baseline {
        let bytes = try bytes(of: path).get()
        do throws(BaselineError) {
            return try Baseline(bytes)
        } catch {
            throw Failure(path, "\(error)")
        }
    }

    /// Reads related objects from YAML and JSON files.
    static func relatedObjects(_ paths: [String], of catalogue: Catalogue) -> (
        relatedObjects: RelatedObjects, failures: [Failure]
    ) {
        guard !paths.isEmpty else { return (.unknown, []) }
        var world = ManifestWorld(isPartial: true, namespace: "default", of: catalogue)
        var failures: [Failure] = []
        manifests(paths) { result in
            do throws(Failure) {
                let file = try result.get()
                for problem in world.add(file) + [file.problem].compactMap({ $0 }) {
                    failures.append(Failure(problem, in: file))
                }
            } catch {
                failures.append(error)
            }
        }
        return (world.relatedObjects, failures)
    }
}

extension Inputs.Failure {
    /// The failure for a problem in a file, with its location.
    init(_ problem: ManifestProblem, in file: ManifestFile) {
        self.init(file.path, line: problem.location.line, column: problem.location.column, problem.message)
    }
}
