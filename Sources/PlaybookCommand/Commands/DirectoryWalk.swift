import Glibc
import Manifests
import Report

/// Finds the files of directories, recursively and in the order of names.
struct DirectoryWalk {
    /// The ends of the names of files that are wanted.
    let endings: [String]
    /// The patterns of `--exclude`; nil if neither they nor ignore files count.
    private let excluded: IgnorePatterns?

    private init(_ endings: [String], _ excluded: IgnorePatterns?) {
        self.endings = endings
        self.excluded = excluded
    }

    /// Finds files of AdmissionReviews; hidden files are skipped.
    static let reviews = DirectoryWalk([".json", ".jsonl", ".ndjson"], nil)

    /// Finds files of audit logs; hidden files are skipped.
    static let auditLogs = DirectoryWalk([".log", ".gz", ".json", ".jsonl", ".ndjson", ".txt", ".csv"], nil)

    /// Finds manifests and the files that tools render them from.
    ///
    /// Hidden directories, directories of dependencies, and files that `.gitignore`, `.playbookignore` or the patterns name are
    /// skipped; hidden manifests are read, as kubectl reads them.
    static func manifests(excluding patterns: [String] = []) -> DirectoryWalk {
        DirectoryWalk([".yaml", ".yml", ".json", "Kustomization"], IgnorePatterns(patterns.joined(separator: "\n")))
    }

    /// Finds kustomization files.
    static let kustomizations = DirectoryWalk(Kustomization.names.sorted(), IgnorePatterns(""))

    /// Returns a symbolic link in a directory, at any depth, that leads out of the git repository, or out of the directory if
    /// there is no repository; nil if there is none.
    static func linkOutOfRepository(in directory: String) -> String? {
        guard let real = Inputs.realPath(directory) else { return nil }
        let root = Inputs.repositoryRoot(of: real) ?? real
        var open = [(path: directory, depth: 0)]
        while let (path, depth) = open.popLast() {
            for name in names(in: path) {
                let whole = PathText.joined(path, name)
                switch type(of: whole, AT_SYMLINK_NOFOLLOW) {
                case S_IFDIR: if depth < maximumDepth { open.append((whole, depth + 1)) }
                case S_IFLNK:
                    if let target = Inputs.realPath(whole), target != root, !PathText.isIn(root, target) {
                        return whole
                    }
                default: continue
                }
            }
        }
        return nil
    }

    /// Directories of software of others.
    private static let foreign: Set<String> = ["node_modules", "vendor", ".terraform"]
    private static let ignoreFiles = [".gitignore", ".playbookignore"]
    private static let maximumDepth = 32
    private static let maximumFiles = 200_000

    /// Returns true if `--exclude` names a path.
    func isExcluded(_ path: String, isDirectory: Bool = false) -> Bool {
        let path = PathText.normalized(path)
        return excluded?.ignores(path, isDirectory: isDirectory) ?? false
    }

    /// Returns the files of a directory.
    func files(in directory: String) -> [Result<Inputs.File, Inputs.Failure>] {
        let shown = excluded == nil ? directory : PathText.normalized(directory)
        var result: [Result<Inputs.File, Inputs.Failure>] = []
        walk(shown, "", 0, excluded == nil ? [] : Scope.above(directory), into: &result)
        guard result.count > DirectoryWalk.maximumFiles else { return result }
        let most = DirectoryWalk.maximumFiles
        return result.prefix(most) + [.failure(Inputs.Failure(shown, "more than \(most) files"))]
    }

    /// The patterns of an ignore file, with the path from its directory.
    private struct Scope {
        let patterns: IgnorePatterns
        /// The path from the ignore file's directory to the directory that is walked.
        var added = ""
        /// The number of characters from the directory that is walked to that of the ignore file.
        var dropped = 0

        func ignores(_ path: String, isDirectory: Bool) -> Bool? {
            patterns.ignores(added + path.dropFirst(dropped), isDirectory: isDirectory)
        }

        /// Reads an ignore file; nil if there is none.
        static func read(_ path: String, added: String = "", dropped: Int = 0) -> Scope? {
            guard DirectoryWalk.type(of: path) == S_IFREG,
                let bytes = try? Inputs.bytes(of: path, atMost: 1 << 20).get()
            else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            return Scope(patterns: IgnorePatterns(text), added: added, dropped: dropped)
        }

        /// Returns the ignore files of the directories between the repository's root and a directory.
        static func above(_ directory: String) -> [Scope] {
            guard let start = Inputs.realPath(directory), let root = Inputs.repositoryRoot(of: start), root != start
            else {
                return []
            }
            var scopes: [Scope] = []
            var at = PathText.directory(of: start)
            while true {
                let added = PathText.relative(start, from: at) + "/"
                scopes = DirectoryWalk.ignoreFiles.compactMap { read(PathText.joined(at, $0), added: added) } + scopes
                guard at != root else { return scopes }
                at = PathText.directory(of: at)
            }
        }
    }

    private func walk(
        _ path: String, _ relative: String, _ depth: Int, _ above: [Scope],
        into result: inout [Result<Inputs.File, Inputs.Failure>]
    ) {
        guard result.count <= DirectoryWalk.maximumFiles else { return }
        guard depth < DirectoryWalk.maximumDepth else {
            return result.append(
                .failure(
                    Inputs.Failure(path, "directories are nested more than \(DirectoryWalk.maximumDepth) levels deep")))
        }
        guard let entries = DirectoryWalk.entries(of: path) else {
            return result.append(.failure(Inputs.failure(path)))
        }
        func whole(_ name: String) -> String {
            path == "." && excluded != nil ? name : path.hasSuffix("/") ? path + name : "\(path)/\(name)"
        }
        var scopes = above
        if excluded != nil {
            for name in DirectoryWalk.ignoreFiles where entries.contains(where: { $0.name == name }) {
                if let scope = Scope.read(whole(name), dropped: relative.count) { scopes.append(scope) }
            }
        }
        for (name, isDirectory) in entries {
            let whole = whole(name)
            let isWanted = endings.contains { name.hasSuffix($0) }
            guard isWanted || isDirectory || DirectoryWalk.type(of: whole, AT_SYMLINK_NOFOLLOW) == S_IFLNK,
                !isSkipped(name, whole, relative + name, isDirectory, scopes)
            else { continue }
            switch (DirectoryWalk.type(of: whole, AT_SYMLINK_NOFOLLOW), DirectoryWalk.type(of: whole)) {
            // Its status cannot be read, or its name is not UTF-8.
            case (0, _) where isWanted || isDirectory, (_, 0) where isWanted:
                let isText = !name.contains("\u{FFFD}")
                result.append(.failure(isText ? Inputs.failure(whole) : Inputs.Failure(whole, "the name is not UTF-8")))
            case (S_IFDIR, _): walk(whole, relative + name + "/", depth + 1, scopes, into: &result)
            // It could lead to a cycle.
            case (S_IFLNK, S_IFDIR): Inputs.passOver(whole, "symbolic link to a directory")
            // A pipe that is named is read, such as <(helm template .); reading one in a directory could block forever.
            case (_, S_IFIFO), (_, S_IFSOCK), (_, S_IFCHR), (_, S_IFBLK):
                if isWanted { Inputs.passOver(whole, "not a regular file") }
            default: if isWanted { result.append(.success(Inputs.File(path: whole, isNamed: false))) }
            }
        }
    }

    private func isSkipped(
        _ name: String, _ path: String, _ relative: String, _ isDirectory: Bool, _ scopes: [Scope]
    ) -> Bool {
        guard excluded != nil else { return name.hasPrefix(".") }
        if isDirectory, name.hasPrefix(".") || DirectoryWalk.foreign.contains(name) { return true }
        if isExcluded(path, isDirectory: isDirectory) || isExcluded(relative, isDirectory: isDirectory) { return true }
        return scopes.lazy.reversed().compactMap { $0.ignores(relative, isDirectory: isDirectory) }.first ?? false
    }

    /// Returns the entries of a directory in the order of names; nil if it cannot be read.
    private static func entries(of path: String) -> [(name: String, isDirectory: Bool)]? {
        guard let stream = opendir(path) else { return nil }
        defer { closedir(stream) }
        var entries: [(name: String, isDirectory: Bool)] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let isDirectory =
                Int(entry.pointee.d_type) == DT_DIR
                || Int(entry.pointee.d_type) == DT_UNKNOWN
                    && type(of: "\(path)/\(name)", AT_SYMLINK_NOFOLLOW) == S_IFDIR
            if name != ".", name != ".." { entries.append((name, isDirectory)) }
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// The names in a directory; empty if it cannot be read.
    static func names(in path: String) -> [String] { entries(of: path)?.map(\.name) ?? [] }

    /// The type bits of a file's mode; 0 if its status cannot be read.
    static func type(of path: String, _ flags: Int32 = 0) -> mode_t {
        var status = stat()
        return fstatat(AT_FDCWD, path, &status, flags) == 0 ? status.st_mode & S_IFMT : 0
    }
}
