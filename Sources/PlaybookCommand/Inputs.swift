import Glibc
import Manifests
import Playbook
import Report

/// Files, folders and standard input.
enum Inputs {
    typealias Failure = UnreadableInput

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
        guard depth < 32 else { return [.failure(Failure(path, "folders nest too deep"))] }
        guard let stream = opendir(path) else { return [.failure(failure(path))] }
        defer { closedir(stream) }
        var names: [String] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().flatMap { name -> [Result<String, Failure>] in
            let whole = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            let isWanted = endings.contains { name.hasSuffix($0) }
            switch (kind(of: whole, AT_SYMLINK_NOFOLLOW), kind(of: whole, 0)) {
            case (S_IFDIR, _): return folder(whole, endings, depth: depth + 1)
            // It could lead in a circle.
            case (S_IFLNK, S_IFDIR): passOver(whole, "a link to a folder")
            // Asked for by name one is read, as <(helm template .) is: in a folder nobody may ever write to it.
            case (_, S_IFIFO), (_, S_IFSOCK), (_, S_IFCHR), (_, S_IFBLK):
                if isWanted { passOver(whole, "no regular file") }
            default: return isWanted ? [.success(whole)] : []
            }
            return []
        }
    }

    private static func kind(of path: String, _ flags: Int32) -> mode_t {
        var status = stat()
        return fstatat(AT_FDCWD, path, &status, flags) == 0 ? status.st_mode & S_IFMT : 0
    }

    /// Tells that something in a folder is not read.
    static func passOver(_ path: String, _ reason: String) {
        Console.tell("playbook: \(path): passed over: \(reason)")
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
        Failure(path, String(cString: strerror(errno)))
    }

    /// The endings of files that hold manifests.
    static let manifests = [".yaml", ".yml", ".json"]

    /// Findings that were written down.
    static func baseline(_ path: String) throws(Failure) -> Baseline {
        let bytes = try bytes(of: path).get()
        do throws(BaselineError) {
            return try Baseline(bytes)
        } catch {
            throw Failure(path, "\(error)")
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
                    failures.append(Failure(path, "\(problem)"))
                }
            } catch {
                failures.append(error)
            }
        }
        return (world.companions, failures)
    }
}
