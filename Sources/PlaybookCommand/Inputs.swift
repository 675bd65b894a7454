import Glibc
import Manifests
import Playbook
import Report

/// Files, folders and standard input.
enum Inputs {
    /// Something that could not be read.
    struct Failure: Error {
        let message: String
    }

    /// The files that paths stand for: folders are read recursively, in the order of names.
    static func files(_ paths: [String], endings: [String]) -> [Result<String, Failure>] {
        var result: [Result<String, Failure>] = []
        for path in paths.isEmpty ? ["-"] : paths {
            guard path != "-" else {
                result.append(.success(path))
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
                result.append(.success(path))
            }
        }
        return result
    }

    private static func folder(_ path: String, _ endings: [String], depth: Int) -> [Result<String, Failure>] {
        guard depth < 32 else { return [.failure(Failure(message: "\(path): folders nest too deep"))] }
        guard let stream = opendir(path) else { return [.failure(failure(path))] }
        defer { closedir(stream) }
        var names: [(name: String, isFolder: Bool)] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix(".") else { continue }
            // Links to folders are not followed, so that they cannot lead in a circle.
            names.append((name, Int(entry.pointee.d_type) == Int(DT_DIR)))
        }
        return names.sorted { $0.name < $1.name }.flatMap { entry -> [Result<String, Failure>] in
            let whole = path.hasSuffix("/") ? path + entry.name : "\(path)/\(entry.name)"
            if entry.isFolder { return folder(whole, endings, depth: depth + 1) }
            return endings.contains { entry.name.hasSuffix($0) } ? [.success(whole)] : []
        }
    }

    /// All bytes of a file, or of standard input.
    static func bytes(of path: String) -> Result<[UInt8], Failure> {
        let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(failure(path)) }
        defer { if path != "-" { close(descriptor) } }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // `chunk` is as long as is asked for, and lives through the call.
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(result) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(failure(path))
            }
            result.append(contentsOf: chunk[..<count])
        }
    }

    /// What the last system call says about a path.
    static func failure(_ path: String) -> Failure {
        Failure(message: "\(path): \(String(cString: strerror(errno)))")
    }

    /// The endings of files that hold manifests.
    static let manifests = [".yaml", ".yml", ".json"]

    /// Findings that were written down.
    static func baseline(_ path: String) throws(Failure) -> Baseline {
        let bytes = try bytes(of: path).get()
        do throws(BaselineError) {
            return try Baseline(bytes)
        } catch {
            throw Failure(message: "\(path): \(error)")
        }
    }

    /// The other objects of a cluster, from YAML and JSON files.
    static func companions(_ paths: [String]) -> (companions: Companions, failures: [Failure]) {
        guard !paths.isEmpty else { return (.unknown, []) }
        var world = ManifestWorld(isPartial: true, namespace: "default")
        var failures: [Failure] = []
        for file in files(paths, endings: manifests) {
            do throws(Failure) {
                let path = try file.get()
                let file = ManifestFile(path: path, bytes: try bytes(of: path).get())
                for problem in world.add(file) + [file.problem].compactMap({ $0 }) {
                    failures.append(Failure(message: "\(path): \(problem)"))
                }
            } catch {
                failures.append(error)
            }
        }
        return (world.companions, failures)
    }
}
