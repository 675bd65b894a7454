import Glibc
import Manifests
import Report

/// Finds the files of directories, recursively and in the order of names.
struct DirectoryWalk {
    /// True for the names of files that are wanted.
    private let isWanted: @Sendable (String) -> Bool
    /// True if files with other names are reported.
    private var reportsOthers = false
    /// The patterns of `--exclude`; nil if neither they nor ignore files count.
    private let excluded: IgnorePatterns?

    private init(_ excluded: IgnorePatterns?, _ isWanted: @escaping @Sendable (String) -> Bool) {
        self.isWanted = isWanted
        self.excluded = excluded
    }

    /// Finds files whose names have one of these ends.
    private init(_ endings: [String], _ excluded: IgnorePatterns?) {
        self.init(excluded) { name in endings.contains { name.hasSuffix($0) } }
    }

    /// Finds files of AdmissionReviews; hidden files are skipped.
    static let reviews = DirectoryWalk(reviewEndings, nil)

    /// The ends of the names of files with AdmissionReviews.
    static let reviewEndings = [".json", ".jsonl", ".ndjson"]

    /// Finds files of audit logs, also rotated ones such as `audit.log.2.gz`, and files without an extension, as log services
    /// store them; hidden files are skipped, and others are reported.
    static let auditLogs = {
        let extensions: Set<Substring> = ["log", "gz", "json", "jsonl", "ndjson", "txt", "csv"]
        var walk = DirectoryWalk(nil) { name in
            let parts = name.split(separator: ".")
            guard parts.count > 1 else { return true }
            // Only a number or a date can follow, such as in `audit.log.2` and `audit.log-20261123`.
            return parts.dropFirst().last { !$0.allSatisfy { $0.isNumber || "-TZ".contains($0) } }.map {
                extensions.contains($0.prefix { $0 != "-" })
            } ?? false
        }
        walk.reportsOthers = true
        return walk
    }()

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
    private static let maximumNotes = 10
    /// A few seconds; a large repository needs a hundredth of it.
    private static let maximumSteps = 500_000_000

    /// Returns true if `--exclude` names a path.
    func isExcluded(_ path: String) -> Bool {
        var steps = 0
        return isExcluded(path, isDirectory: false, &steps)
    }

    private func isExcluded(_ path: String, isDirectory: Bool, _ steps: inout Int) -> Bool {
        excluded?.ignores(PathText.normalized(path), isDirectory: isDirectory, steps: &steps) ?? false
    }

    /// The files that are found, and the work so far.
    private struct Found {
        var files: [Result<Inputs.File, Inputs.Failure>] = []
        /// The steps of comparing paths with patterns.
        var steps = 0
        /// The number of files whose names are not wanted.
        var others = 0

        var isFull: Bool { files.count > maximumFiles || steps > maximumSteps }

        mutating func fail(_ failure: Inputs.Failure) { files.append(.failure(failure)) }
    }

    /// Returns the files of a directory.
    func files(in directory: String) -> [Result<Inputs.File, Inputs.Failure>] {
        let shown = excluded == nil ? directory : PathText.normalized(directory)
        var found = Found()
        walk(shown, "", 0, excluded == nil ? [] : Scope.above(directory), into: &found)
        if found.steps > DirectoryWalk.maximumSteps {
            found.fail(
                Inputs.Failure(
                    shown, "not read completely: too many files for the patterns of its ignore files; name a part of it"
                ))
        }
        if found.others > DirectoryWalk.maximumNotes {
            Inputs.skip(shown, "\(found.others - DirectoryWalk.maximumNotes) more files like these")
        }
        let most = DirectoryWalk.maximumFiles
        guard found.files.count > most else { return found.files }
        return found.files.prefix(most) + [.failure(Inputs.Failure(shown, "more than \(most) files"))]
    }

    /// The patterns of an ignore file, with the path from its directory.
    private struct Scope {
        let patterns: IgnorePatterns
        /// The path from the ignore file's directory to the directory that is walked.
        var added = ""
        /// The number of characters from the directory that is walked to that of the ignore file.
        var dropped = 0

        func ignores(_ path: String, isDirectory: Bool, _ steps: inout Int) -> Bool? {
            patterns.ignores(added + path.dropFirst(dropped), isDirectory: isDirectory, steps: &steps)
        }

        /// Reads an ignore file; nil if there is none or it cannot be read, which is reported.
        static func read(_ path: String, added: String = "", dropped: Int = 0) -> Scope? {
            guard DirectoryWalk.type(of: path) == S_IFREG else { return nil }
            do throws(Inputs.Failure) {
                let bytes = try Inputs.bytes(of: path, atMost: 4 << 20).get()
                let patterns = IgnorePatterns(String(decoding: bytes, as: UTF8.self))
                if patterns.unused > 0 {
                    let most =
                        "\(IgnorePatterns.maximumPatterns) patterns of at most \(IgnorePatterns.maximumLength) bytes"
                    let unused = patterns.unused == 1 ? "1 pattern is" : "\(patterns.unused) patterns are"
                    Console.note("playbook: \(path): \(unused) not used; a file can have \(most)")
                }
                return Scope(patterns: patterns, added: added, dropped: dropped)
            } catch {
                Inputs.skip(path, error.reason)
                return nil
            }
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
        into found: inout Found
    ) {
        guard depth < DirectoryWalk.maximumDepth else {
            return found.fail(
                Inputs.Failure(path, "directories are nested more than \(DirectoryWalk.maximumDepth) levels deep"))
        }
        guard let entries = DirectoryWalk.entries(of: path) else { return found.fail(Inputs.failure(path)) }
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
            guard !found.isFull else { return }
            let whole = whole(name)
            let isWanted = isWanted(name)
            if !isWanted, !isDirectory, reportsOthers, !name.hasPrefix(".") {
                found.others += 1
                if found.others <= DirectoryWalk.maximumNotes {
                    Inputs.skip(whole, "not the name of an audit log")
                }
            }
            guard isWanted || isDirectory || DirectoryWalk.type(of: whole, AT_SYMLINK_NOFOLLOW) == S_IFLNK,
                !isSkipped(name, whole, relative + name, isDirectory, scopes, &found.steps)
            else { continue }
            switch (DirectoryWalk.type(of: whole, AT_SYMLINK_NOFOLLOW), DirectoryWalk.type(of: whole)) {
            // Its status cannot be read, or its name is not UTF-8.
            case (0, _) where isWanted || isDirectory, (_, 0) where isWanted:
                let isText = !name.contains("\u{FFFD}")
                found.fail(isText ? Inputs.failure(whole) : Inputs.Failure(whole, "the name is not UTF-8"))
            case (S_IFDIR, _): walk(whole, relative + name + "/", depth + 1, scopes, into: &found)
            // It could lead to a cycle.
            case (S_IFLNK, S_IFDIR): Inputs.skip(whole, "symbolic link to a directory")
            // A pipe that is named is read, such as <(helm template .); reading one in a directory could block forever.
            case (_, S_IFIFO), (_, S_IFSOCK), (_, S_IFCHR), (_, S_IFBLK):
                if isWanted { Inputs.skip(whole, "not a regular file") }
            default: if isWanted { found.files.append(.success(Inputs.File(path: whole, isNamed: false))) }
            }
        }
    }

    private func isSkipped(
        _ name: String, _ path: String, _ relative: String, _ isDirectory: Bool, _ scopes: [Scope], _ steps: inout Int
    ) -> Bool {
        guard excluded != nil else { return name.hasPrefix(".") }
        if isDirectory, name.hasPrefix(".") || DirectoryWalk.foreign.contains(name) { return true }
        if isExcluded(path, isDirectory: isDirectory, &steps) || isExcluded(relative, isDirectory: isDirectory, &steps)
        {
            return true
        }
        for scope in scopes.reversed() {
            if let decision = scope.ignores(relative, isDirectory: isDirectory, &steps) { return decision }
        }
        return false
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
