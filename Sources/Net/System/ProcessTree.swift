internal import Glibc
internal import Synchronization

/// The processes of a program that was started: it marks them with an environment variable, which they inherit.
///
/// A process that starts another session leaves the process group. A process is no longer a descendant after its parent has
/// ended. Both keep the variable.
struct ProcessTree {
    /// The variable and its value: this process and a number.
    let mark: (name: String, value: String)

    private static let name = "_PLAYBOOK_SUBPROCESS"
    private static let count = Atomic(0)

    /// Creates a mark that no other program has.
    init() {
        let number = ProcessTree.count.add(1, ordering: .relaxed).newValue
        mark = (ProcessTree.name, "\(ProcessTree.prefix)\(number);")
    }

    /// Process ids are used again, so a random number is part of the mark.
    private static let prefix = "\(getpid())-\(UInt64.random(in: .min ... .max))-"

    /// Kills the processes of this program.
    func kill() { ProcessTree.killAll(with: "\(mark.name)=\(mark.value)") }

    /// Kills the processes of all programs that this process has started.
    static func killAll() { killAll(with: "\(name)=\(prefix)") }

    /// Kills processes until none is found: one can start another one before it ends.
    private static func killAll(with mark: String) {
        let mark = Array("\0\(mark)".utf8)
        for _ in 0..<maximumRounds {
            let found = processes().filter { process in
                environment(of: process).map { has($0, mark) } ?? false
            }
            guard !found.isEmpty else { return }
            for process in found { Glibc.kill(process, SIGKILL) }
            usleep(1000)
        }
    }

    private static let maximumRounds = 100

    /// The processes of the system, from `/proc` (proc(5)).
    private static func processes() -> [pid_t] {
        guard let stream = opendir("/proc") else { return [] }
        defer { closedir(stream) }
        var result: [pid_t] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let process = pid_t(name), process != getpid() { result.append(process) }
        }
        return result
    }

    /// The variables of a process, each after a zero byte; nil if they cannot be read, or if it has ended.
    private static func environment(of process: pid_t) -> [UInt8]? {
        let number = open("/proc/\(process)/environ", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var result: [UInt8] = [0]
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while result.count < 4 << 20, case .bytes(let count) = chunk.withUnsafeMutableBytes({ file.read(into: $0) }) {
            result += chunk.prefix(count)
        }
        return result.count > 1 ? result : nil
    }

    private static func has(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard text.count >= part.count else { return false }
        // Only the starts of variables are compared.
        return (0...(text.count - part.count)).contains {
            text[$0] == 0 && text[$0..<($0 + part.count)].elementsEqual(part)
        }
    }
}
