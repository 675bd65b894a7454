import Glibc
import JSON
import Manifests
import Net
import Report
import Synchronization

/// Renders kustomizations and charts with the programs on `PATH`, without the network and without plugins.
final class Renderer {
    /// A program that renders.
    enum Tool: String {
        case kubectl, kustomize, helm
    }

    private let allowsRemote: Bool
    private let values: [String]
    private let assignments: [String]
    private let namespace: String?
    /// A temporary directory outside of the repository; nil until it is needed.
    private var directory: String?
    /// The time that runs took so far, in nanoseconds.
    private var spent: UInt64 = 0
    /// The number of kustomizations that were built.
    private var count = 0

    private static let limit = Duration.seconds(30)
    /// The time limit of all runs together.
    private static let totalSeconds: UInt64 = 300
    private static let maximumOutput = 64 << 20

    init(_ arguments: Arguments) {
        allowsRemote = arguments.has(.allowRemote)
        values = arguments.all(.values)
        assignments = arguments.all(.set)
        namespace = arguments.last(.namespace)
    }

    deinit {
        if let directory { FileRemoval.remove(directory) }
    }

    /// The program for kustomizations; nil if there is none on `PATH`.
    let kustomize: Tool? = [.kubectl, .kustomize].first { Renderer.isOnPath($0) }
    /// True if Helm is on `PATH`.
    let hasHelm = Renderer.isOnPath(.helm)

    private static func isOnPath(_ tool: Tool) -> Bool {
        (Process.environment["PATH"] ?? "").split(separator: ":").contains { directory in
            let path = "\(directory)/\(tool.rawValue)"
            return access(path, X_OK) == 0 && DirectoryWalk.type(of: path) == S_IFREG
        }
    }

    /// The reason that something is not rendered.
    struct Failure: Error {
        let reason: String
    }

    // MARK: Kustomizations

    /// A run of a program.
    struct Job: Sendable {
        let tool: Tool
        let program: Subprocess
        /// The directory to which the origins in the output are relative, or the chart.
        let place: String
    }

    /// The run that builds the kustomization in a directory, with the origin of each object as an annotation.
    func building(_ kustomization: String) throws(Failure) -> Job {
        guard let kustomize, let root = Inputs.realPath(kustomization) else { throw Failure(reason: "no program") }
        count += 1
        let place = try workDirectory() + "/origins-\(count)"
        // Relative to the root, since kustomize refuses absolute paths.
        let text: Literal = [
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [.string(PathText.relative(root, from: place))], "buildMetadata": ["originAnnotations"],
        ]
        guard mkdir(place, 0o700) == 0 else { throw failure(place) }
        if let failure = FileWriter.write("\(place)/kustomization.yaml", Array(text.json.utf8)) {
            throw Failure(reason: "\(failure)")
        }
        let words = kustomize == .kubectl ? ["kustomize", place] : ["build", place]
        return try job(kustomize, words, place)
    }

    /// Builds a kustomization from copies of its files.
    ///
    /// - Parameters:
    ///   - kustomization: The absolute path of its directory.
    ///   - files: The contents of all files, by absolute path.
    /// - Returns: The output, the directory to which the origins are relative, and the directory with the copies.
    /// - Throws: A ``Failure`` if it cannot be built.
    func build(
        _ kustomization: String, of files: [String: [UInt8]]
    ) throws(Failure) -> (output: [UInt8], origin: String, copy: String) {
        let copy = try workDirectory() + "/copy"
        FileRemoval.remove(copy)
        for (path, bytes) in files {
            var directory = ""
            for part in PathText.directory(of: copy + path).split(separator: "/") {
                directory += "/\(part)"
                if DirectoryWalk.type(of: directory) == 0, mkdir(directory, 0o700) != 0 { throw failure(directory) }
            }
            if let failure = FileWriter.write(copy + path, bytes) { throw Failure(reason: "\(failure)") }
        }
        let job = try building(copy + kustomization)
        return (try run([job])[0].get(), job.place, copy)
    }

    // MARK: Charts

    /// The run that renders the chart in a directory with its default values.
    func templating(_ chart: Chart, in directory: String) throws(Failure) -> Job {
        var words = ["template", chart.releaseName, directory.hasPrefix("/") ? directory : "./\(directory)"]
        if let namespace { words.append("--namespace=\(namespace)") }
        words += values.map { "--values=\($0)" } + assignments.map { "--set=\($0)" }
        return try job(.helm, words, directory)
    }

    // MARK: Running

    private func job(_ tool: Tool, _ words: [String], _ place: String) throws(Failure) -> Job {
        let program = Subprocess(command: tool.rawValue, arguments: words, environment: try environment())
        return Job(tool: tool, program: program, place: place)
    }

    /// The number of runs whose output is kept at a time.
    static let batch = 8
    private static let threads = 4

    /// Runs programs, several at a time, and returns their outputs in order.
    func run(_ jobs: [Job]) -> [Result<[UInt8], Failure>] {
        guard spent < Renderer.totalSeconds * 1_000_000_000 else {
            let reason = "rendering took longer than \(Renderer.totalSeconds) s in total"
            return jobs.map { _ in .failure(Failure(reason: reason)) }
        }
        let start = Process.nanoseconds
        defer { spent += Process.nanoseconds - start }
        let shared = Shared(jobs)
        let threads = (1..<max(1, min(jobs.count, Renderer.threads))).compactMap { _ in try? Thread { shared.work() } }
        shared.work()
        for thread in threads { thread.join() }
        return shared.results()
    }

    /// The state that the threads share: each takes the next job.
    private final class Shared: Sendable {
        private let jobs: [Job]
        private let next = Atomic(0)
        private let done: Mutex<[Result<[UInt8], Failure>?]>

        init(_ jobs: [Job]) {
            self.jobs = jobs
            done = Mutex(Array(repeating: nil, count: jobs.count))
        }

        func work() {
            while case let index = next.add(1, ordering: .relaxed).oldValue, index < jobs.count {
                let result: Result<[UInt8], Failure>
                do throws(Failure) {
                    result = .success(try Renderer.run(jobs[index]))
                } catch {
                    result = .failure(error)
                }
                done.withLock { $0[index] = result }
            }
        }

        func results() -> [Result<[UInt8], Failure>] {
            done.withLock { $0.map { $0 ?? .failure(Failure(reason: "not run")) } }
        }
    }

    private static func run(_ job: Job) throws(Failure) -> [UInt8] {
        let name = job.tool.rawValue
        let result: Subprocess.Result
        do throws(SystemError) {
            result = try job.program.run(within: limit, printingAtMost: maximumOutput)
        } catch {
            switch error.code {
            case ETIMEDOUT: throw Failure(reason: "\(name) took longer than \(limit.components.seconds) s")
            case EFBIG: throw Failure(reason: "\(name) printed more than \(maximumOutput >> 20) MiB")
            default: throw Failure(reason: "\(error)")
            }
        }
        guard result.status == 0 else {
            func lines(_ bytes: [UInt8]) -> [Substring] {
                String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            }
            func isError(_ line: Substring) -> Bool { line.lowercased().hasPrefix("error:") }
            let messages = lines(result.messages)
            let message =
                messages.last(where: isError) ?? messages.last ?? lines(result.output).last(where: isError)
                ?? "no message"
            let text = message.replacing(every: job.place, by: "…")
            throw Failure(reason: "\(name) failed (\(result.status)): \(text.prefix(400))")
        }
        return result.output
    }

    /// The environment of a program: no cluster, no network, no plugins, and no other variables, which files could read.
    private func environment() throws(Failure) -> [String: String] {
        let place = try workDirectory()
        var result = ["PATH": Process.environment["PATH"] ?? "", "TMPDIR": place, "KUBECONFIG": "/dev/null"]
        for name in ["LANG", "LC_ALL"] { result[name] = Process.environment[name] }
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"] {
            result[name] = "\(place)/helm"
        }
        result["GIT_TERMINAL_PROMPT"] = "0"
        guard !allowsRemote else {
            for name in ["HOME", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "no_proxy"] {
                result[name] = Process.environment[name]
            }
            return result
        }
        result["HOME"] = place
        result["GIT_ALLOW_PROTOCOL"] = "file"
        result["GIT_CONFIG_NOSYSTEM"] = "1"
        // Nothing listens on this port.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            result[name] = "http://127.0.0.1:1"
        }
        return result
    }

    private func workDirectory() throws(Failure) -> String {
        if let directory { return directory }
        // mkdtemp(3) replaces the last six characters.
        let place = "\(Process.environment["TMPDIR"] ?? "/tmp")/playbook-"
        var template = Array((place + String(repeating: "X", count: 6)).utf8CString)
        let path = template.withUnsafeMutableBufferPointer { buffer in
            // The buffer ends with a zero byte and outlives the call.
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let path, let real = Inputs.realPath(path) else { throw failure("a temporary directory") }
        directory = real
        Interruption.clean(real)
        return real
    }

    /// The failure of the last system call.
    private func failure(_ path: String) -> Failure { Failure(reason: "\(Inputs.failure(path))") }
}

/// The end of a command by a signal, such as Ctrl-C, while programs that it has started run.
enum Interruption {
    /// Ends the programs and removes a temporary directory when a signal ends this program.
    static func clean(_ directory: String) {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            var action = sigaction()
            sigaction(number, nil, &action)
            // nohup(1) ignores SIGHUP, and this program must go on.
            if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1 { sigaddset(&signals, number) }
        }
        let waited = signals
        guard let thread = try? Thread({ endCommand(on: waited, directory) }) else { return }
        thread.detach()
        // Only the thread above gets them.
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private static func endCommand(on signals: sigset_t, _ directory: String) {
        var (signals, number): (sigset_t, Int32) = (signals, 0)
        guard sigwait(&signals, &number) == 0 else { return }
        Subprocess.endAll {
            FileRemoval.remove(directory)
            signal(number, SIG_DFL)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            // The exit status shows the signal, as without this thread.
            raise(number)
        }
    }
}

/// Removes temporary directories.
enum FileRemoval {
    /// Removes a directory with everything in it; links are removed, not followed.
    static func remove(_ path: String, depth: Int = 0) {
        guard DirectoryWalk.type(of: path, AT_SYMLINK_NOFOLLOW) == S_IFDIR, depth < 64 else {
            unlink(path)
            return
        }
        for name in DirectoryWalk.names(in: path) { remove("\(path)/\(name)", depth: depth + 1) }
        rmdir(path)
    }
}
