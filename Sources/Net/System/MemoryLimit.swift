/// The memory limit of the process.
public enum MemoryLimit {
    /// Returns the lowest limit of the process's control groups; nil if there is none.
    ///
    /// Both versions of control groups are read (cgroups(7)): at the path of the process and of each group above it, as seen from
    /// the host, and at the root of the mount, as seen from a container.
    ///
    /// - Parameter root: The directory that holds `proc` and `sys`.
    /// - Returns: The limit in bytes.
    public static func ofControlGroup(root: String = "") -> Int? {
        let groups = text("\(root)/proc/self/cgroup") ?? "0::/\n0:memory:/"
        var limits: [Int] = []
        for line in groups.split(separator: "\n") {
            // `4:cpu,memory:/path`; the second version has no number and no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for file in files(controllers: fields[1], isSecond: fields[0] == "0") {
                for path in ancestors(of: fields[2]) {
                    if let limit = text("\(root)/sys/fs/cgroup\(file.mount)\(path)/\(file.name)").flatMap(limit) {
                        limits.append(limit)
                    }
                }
            }
        }
        return limits.min()
    }

    private static func files(controllers: Substring, isSecond: Bool) -> [(mount: String, name: String)] {
        if controllers.split(separator: ",").contains("memory") { return [("/memory", "memory.limit_in_bytes")] }
        // When mounted beside version 1, version 2 has a separate mount without the memory controller.
        return isSecond && controllers.isEmpty ? [("", "memory.max")] : []
    }

    /// A path and all its parents; the root is empty.
    private static func ancestors(of path: Substring) -> [String] {
        var names = path.split(separator: "/").filter { $0 != ".." }
        var paths: [String] = []
        while true {
            paths.append(names.map { "/\($0)" }.joined())
            if names.popLast() == nil { return paths }
        }
    }

    /// Parses a limit; without a limit, version 1 writes the largest number of whole pages.
    private static func limit(_ text: String) -> Int? {
        let digits = text.prefix { $0.isNumber }
        return Int(digits).flatMap { $0 > 0 && $0 < 1 << 60 ? $0 : nil }
    }

    private static func text(_ path: String) -> String? {
        (try? readFile(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
