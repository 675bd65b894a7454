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
    static func files(_ paths: [String], _ walk: DirectoryWalk) -> [Result<File, Failure>] {
        var result: [Result<File, Failure>] = []
        for path in paths.isEmpty ? ["-"] : paths {
            switch path == "-" ? S_IFREG : DirectoryWalk.type(of: path) {
            case 0: result.append(.failure(failure(path)))
            case S_IFDIR: result += walk.files(in: path)
            default: if !walk.isExcluded(path) { result.append(.success(File(path: path, isNamed: true))) }
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
            guard case .success(let file) = entry, file.path != "-", let target = realPath(file.path) else {
                result.append(entry)
                continue
            }
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

    /// Reports that a file of a directory is skipped.
    static func skip(_ path: String, _ reason: String) {
        Console.note("playbook: \(path): skipped: \(reason)")
    }

    /// The path without symbolic links; nil if there is no such file.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The nearest directory upwards from an absolute one that is a git repository; nil if there is none.
    static func repositoryRoot(of directory: String) -> String? {
        var at = directory
        while DirectoryWalk.type(of: PathText.joined(at, ".git")) == 0 {
            guard at != "/" else { return nil }
            at = PathText.directory(of: at)
        }
        return at
    }

    /// Returns all bytes of a file, or of standard input.
    static func bytes(of path: String, atMost maximum: Int = .max) -> Result<[UInt8], Failure> {
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
            guard result.count <= maximum else { return .failure(Failure(path, "larger than \(maximum >> 20) MiB")) }
        }
    }

    /// The failure of the last system call, for a path.
    static func failure(_ path: String) -> Failure {
        Failure(path, String(cString: strerror(errno)))
    }

    /// Reads manifests, file by file.
    static func manifests(_ paths: [String], _ body: (Result<ManifestFile, Failure>) -> Void) {
        for entry in files(paths, .manifests()) {
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
        skip(file.path, "not a text file")
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
