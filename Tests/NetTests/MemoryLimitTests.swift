import Foundation
import Net
import Testing

@Suite struct MemoryLimitTests {
    /// Returns the memory limit of a process on a system with the given files.
    private func limit(_ files: [String: String]) throws -> Int? {
        let root = FileManager.default.temporaryDirectory.appending(path: "playbook-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        return MemoryLimit.ofControlGroup(root: root.path)
    }

    @Test func `a container's limit is at the root of the cgroup mount`() throws {
        #expect(try limit(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"]) == 256 << 20)
        #expect(
            try limit([
                "proc/self/cgroup": "3:cpu,cpuacct:/pod\n2:memory:/kubepods/pod1\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
            ]) == 256 << 20)
    }

    @Test func `on a host, the smallest limit on the path of the process's cgroup applies`() throws {
        #expect(
            try limit([
                "proc/self/cgroup": "0::/system.slice/playbook.service\n",
                "sys/fs/cgroup/system.slice/playbook.service/memory.max": "max\n",
                "sys/fs/cgroup/system.slice/memory.max": "1073741824\n", "sys/fs/cgroup/memory.max": "max\n",
            ]) == 1 << 30)
        #expect(
            try limit([
                "proc/self/cgroup": "4:memory:/a/b\n0::/a/b\n",
                "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "134217728\n",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            ]) == 128 << 20)
        #expect(
            try limit(["proc/self/cgroup": "0::/../../pod\n", "sys/fs/cgroup/memory.max": "1048576\n"]) == 1 << 20)
    }

    @Test(
        arguments: [
            [:], ["proc/self/cgroup": ""], ["proc/self/cgroup": "junk\n0::\n"],
            ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"],
            ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": ""],
            [
                "proc/self/cgroup": "2:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            ],
        ] as [[String: String]])
    func `without a limit, the result is nil`(_ files: [String: String]) throws { #expect(try limit(files) == nil) }
}
