internal import CLinux
internal import Glibc
internal import Synchronization

/// A program that is run for its output; the caller blocks, so it must not run on a loop's thread.
public struct Subprocess: Sendable {
    /// The program: a path, or a name that is looked up in `PATH`.
    public var command: String
    /// The arguments after the program's name.
    public var arguments: [String]
    /// The environment variables.
    public var environment: [String: String]

    /// The exit status and output of a program.
    public struct Result: Sendable {
        /// The exit status; 128 plus the number of the signal that ended the program.
        public let status: Int32
        /// The standard output.
        public let output: [UInt8]
        /// The end of the standard error, at most 4 KiB.
        public let messages: [UInt8]
    }

    /// The programs that run, each the leader of its process group.
    private static let running = Mutex<Set<pid_t>>([])

    /// Ends all programs that ``run(within:printingAtMost:)`` has started, with those that they have started.
    ///
    /// No other program is started until `body` has returned.
    public static func endAll(_ body: () -> Void) {
        running.withLock { running in
            for process in running { kill(-process, SIGKILL) }
            if !running.isEmpty { ProcessTree.killAll() }
            body()
        }
    }

    /// Creates a program.
    public init(command: String, arguments: [String], environment: [String: String]) {
        self.command = command
        self.arguments = arguments
        self.environment = environment
    }

    /// Runs the program with an empty standard input.
    ///
    /// - Parameters:
    ///   - limit: The time after which the program, with those it has started, is killed.
    ///   - maximum: The number of bytes of output beyond which they are killed.
    /// - Returns: The result.
    /// - Throws: A ``SystemError`` if the program cannot be started (`ENOENT`), takes too long (`ETIMEDOUT`) or prints too much
    ///   (`EFBIG`).
    public func run(within limit: Duration, printingAtMost maximum: Int = 1 << 20) throws(SystemError) -> Result {
        let output = try Pipe()
        let messages = try Pipe()
        let tree = ProcessTree()
        let process = try Subprocess.running.withLock { running throws(SystemError) in
            let process = try spawn(output: output.writing.number, messages: messages.writing.number, tree)
            running.insert(process)
            return process
        }
        output.closeWriting()
        messages.closeWriting()
        var collected = Collected(maximum: maximum)
        let end = Instant.now + limit
        var failure = collected.collect(output.reading, messages.reading, until: end)
        var status: Int32 = 0
        // The program can go on after it has closed its output, so its end is polled.
        while failure == nil, !Subprocess.hasEnded(process, &status) {
            if Instant.now >= end { failure = ETIMEDOUT } else { usleep(2000) }
        }
        if let failure {
            // The program is the leader of its process group; what it has started can have left the group.
            kill(-process, SIGKILL)
            tree.kill()
            while !Subprocess.hasEnded(process, &status) { usleep(500) }
            throw SystemError(call: "run", code: failure, context: command)
        }
        // wait(2): the low seven bits are the signal, the second byte is the exit status.
        let signal = status & 0x7F
        return Result(
            status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: collected.output,
            messages: collected.messages)
    }

    /// Returns true if a program has ended; its number is then free, so it is forgotten at the same time.
    private static func hasEnded(_ process: pid_t, _ status: inout Int32) -> Bool {
        running.withLock { running in
            var result: Int32 = 0
            let found = waitpid(process, &result, WNOHANG)
            guard found != 0 else { return false }
            // Without a status, the program has not succeeded.
            status = found == process ? result : 127 << 8
            running.remove(process)
            return true
        }
    }

    /// Starts the program with an empty standard input; its output is read as it is printed.
    ///
    /// - Throws: A ``SystemError`` if the program cannot be started (`ENOENT`).
    public func start() throws(SystemError) -> RunningSubprocess {
        let output = try Pipe()
        let messages = try Pipe()
        let process = try spawn(output: output.writing.number, messages: messages.writing.number, ProcessTree())
        output.closeWriting()
        messages.closeWriting()
        return RunningSubprocess(process, output, messages)
    }

    private func spawn(output: Int32, messages: Int32, _ tree: ProcessTree) throws(SystemError) -> pid_t {
        // If the signal is ignored, which programs inherit, the system discards the status of a program that has ended.
        signal(SIGCHLD, SIG_DFL)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, messages, 2)
        // A server blocks signals and ignores SIGPIPE; the program must not inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        let words = CStrings([command] + arguments)
        let variables = CStrings(environment.map { "\($0.key)=\($0.value)" } + ["\(tree.mark.name)=\(tree.mark.value)"])
        var process: pid_t = 0
        let code = posix_spawnp(&process, command, &actions, &attributes, words.pointers, variables.pointers)
        guard code == 0 else { throw SystemError(call: "run", code: code, context: command) }
        return process
    }
}

/// A program whose output is read while it runs.
///
/// It is ended when this object is released. One thread at a time must use it.
public final class RunningSubprocess: @unchecked Sendable {
    // Unchecked because the readers' lock decides which thread uses it.
    private var process: pid_t?
    private let output: Pipe
    private let messages: Pipe

    fileprivate init(_ process: pid_t, _ output: Pipe, _ messages: Pipe) {
        self.process = process
        self.output = output
        self.messages = messages
    }

    deinit {
        guard let process else { return }
        kill(process, SIGKILL)
        _ = RunningSubprocess.wait(for: process)
    }

    /// The descriptor of the standard output.
    public var descriptor: Int32 { output.reading.number }

    /// Waits for the end of the program, after its output has ended.
    ///
    /// - Returns: The last line of its standard error if it failed; nil if it succeeded.
    public func finish() -> String? {
        guard let process else { return nil }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case .bytes(let count) = chunk.withUnsafeMutableBytes({ messages.reading.read(into: $0) }) {
            text = (text + chunk.prefix(count)).suffix(4096)
        }
        let status = RunningSubprocess.wait(for: process)
        self.process = nil
        guard status != 0 else { return nil }
        let line = String(decoding: text, as: UTF8.self).split(separator: "\n").last.map { String($0) }
        return line ?? "it ended with status \(status >> 8 & 0xFF)"
    }

    private static func wait(for process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}

/// The strings of a null-terminated C array, freed together.
private final class CStrings {
    // Each is created by `strdup` and freed once; the last is null.
    let pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) {
        pointers = strings.map { strdup($0) } + [nil]
    }

    deinit {
        for pointer in pointers { free(pointer) }
    }
}

/// Both ends of a pipe; programs do not inherit them.
private final class Pipe {
    let reading: Descriptor
    private(set) var writing: Descriptor

    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError(last: "pipe2") }
        reading = Descriptor(owning: ends[0])
        writing = Descriptor(owning: ends[1])
    }

    /// Closes the writing end in this process, so that the pipe ends with the program.
    func closeWriting() {
        // Closes the previous descriptor; closing -1 has no effect.
        writing = Descriptor(owning: -1)
    }
}

private struct Collected {
    let maximum: Int
    var output: [UInt8] = []
    var messages: [UInt8] = []

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Reads both until their ends; returns an errno if that takes too long or exceeds the limit.
    mutating func collect(_ first: borrowing Descriptor, _ second: borrowing Descriptor, until end: Instant) -> Int32? {
        var watched = [
            pollfd(fd: first.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: second.number, events: Int16(POLLIN), revents: 0),
        ]
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while watched.contains(where: { $0.fd >= 0 }) {
            let left = end.nanoseconds - Instant.now.nanoseconds
            guard left > 0 else { return ETIMEDOUT }
            _ = poll(&watched, nfds_t(watched.count), Int32(clamping: left / 1_000_000 + 1))
            for index in watched.indices where watched[index].fd >= 0 && watched[index].revents != 0 {
                let transfer = chunk.withUnsafeMutableBytes {
                    index == 0 ? first.read(into: $0) : second.read(into: $0)
                }
                guard case .bytes(let count) = transfer else {
                    // poll(2) ignores negative descriptors.
                    watched[index].fd = -1
                    continue
                }
                if index == 0 {
                    output += chunk.prefix(count)
                    guard output.count <= maximum else { return EFBIG }
                } else {
                    messages = (messages + chunk.prefix(count)).suffix(4096)
                }
            }
        }
        return nil
    }
}
