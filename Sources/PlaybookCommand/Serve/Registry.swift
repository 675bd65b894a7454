import Cluster
import Evaluation
import Glibc
import HTTP
import Kubernetes
import Net
import Synchronization
import Webhook

/// The state that all event loops share: counters, health and metrics.
final class Registry: Sendable {
    /// One loop's counters of admission.
    ///
    /// The lock is needed since another loop can answer a scrape; it is rarely contended.
    final class Shared: Sendable {
        let metrics: Mutex<Metrics>

        init(of catalogue: Catalogue) { metrics = Mutex(Metrics(of: catalogue)) }
    }

    private let loops = Mutex<[Shared]>([])
    /// The service accounts of operators that have been logged.
    private let operators = Mutex<Set<String>>([])
    private let log: Log
    private let certificates: Certificates
    /// The manager of the certificate; nil if it comes from files.
    private let keeper: CertificateKeeper?
    private let settings: Settings
    private let start = Process.now
    /// The watched cluster; nil without one.
    let cluster: ClusterWatch?
    /// The writer of recordings; nil if nothing is recorded.
    let recorder: Recorder?
    /// The exemptions file; nil without one.
    let exemptions: ExemptionsFile?

    init(
        _ settings: Settings, _ log: Log, _ certificates: Certificates, _ keeper: CertificateKeeper?,
        _ cluster: ClusterWatch?, _ recorder: Recorder?, _ exemptions: ExemptionsFile?
    ) {
        self.exemptions = exemptions
        self.settings = settings
        self.log = log
        self.certificates = certificates
        self.keeper = keeper
        self.cluster = cluster
        self.recorder = recorder
    }

    /// Returns true once for each service account of an operator, for the first thousand of them.
    func isNew(operatorAccount account: String) -> Bool {
        operators.withLock { $0.count < 1000 && $0.insert(account).inserted }
    }

    /// Returns counters for another loop.
    func join() -> Shared {
        let shared = Shared(of: settings.catalogue)
        loops.withLock { $0.append(shared) }
        return shared
    }

    /// The longest iteration of an event loop; after a longer one the process must be restarted.
    private static let longestIteration = Duration.seconds(10)

    /// The state of the process.
    func health(_ status: ServerStatus) -> Health {
        let stalls = status.stalls(longerThan: Registry.longestIteration)
        let problem = stalls.max().map { longest in
            "stalled event loops: \(stalls.count), the longest for \(longest.components.seconds) s"
        }
        var checks = [
            Health.Check("shutdown", problem: status.isDraining ? "the server is shutting down" : nil),
            Health.Check("certificate", problem: certificateProblem),
        ]
        // Readiness needs the first lists only: cached objects are used while the API server is unavailable.
        if let cluster { checks.append(Health.Check("companions", problem: cluster.problem)) }
        if let exemptions {
            let refusal = exemptions.problem.map { "still using the last valid file; the newest was refused: \($0)" }
            checks.append(Health.Check("exemptions", notice: refusal))
        }
        return Health(liveness: [Health.Check("loops", problem: problem)], readiness: checks)
    }

    private var certificateProblem: String? {
        guard let (certificate, problem) = certificates.inspection(at: Process.now.seconds) else {
            return "no certificate yet" + (keeper?.problem.map { ": \($0)" } ?? "")
        }
        guard let problem else { return nil }
        return problem.text(certificate)
            + (certificates.refusal.map { "; the newer certificate was refused: \($0)" } ?? "")
    }

    /// Returns the responder for probes and scrapes.
    func responder(_ status: ServerStatus) -> Responder {
        let endpoints = HealthEndpoints(health: { self.health(status) }, metrics: { self.exposition(status) })
        return Responder { request, _, _ in endpoints.respond(to: request.head) }
    }

    /// Returns all metrics in Prometheus' text format.
    func exposition(_ status: ServerStatus) -> String {
        var text = Exposition()
        var sum = Metrics(of: settings.catalogue)
        for shared in loops.withLock({ $0 }) { sum += shared.metrics.withLock { $0 } }
        sum.write(to: &text)
        writeNetwork(status.counts, to: &text)
        writeMemory(status, to: &text)
        writeCertificate(to: &text)
        cluster?.write(to: &text)
        recorder?.write(to: &text)
        if let end = settings.ratchetEnd {
            text.family(
                "playbook_ratchet_until_seconds", .gauge,
                "The time from which existing violations are denied, in seconds since 1970.")
            text.sample([], Double(end.seconds))
        }
        if let exemptions {
            text.family(
                "playbook_exemptions_file_refused", .gauge,
                "1 if the newest exemptions file was refused and an earlier one is used, 0 if not.")
            text.sample([], exemptions.problem == nil ? 0 : 1)
        }
        text.family(
            "playbook_log_lines_dropped_total", .counter,
            "Log lines dropped because standard output was not read or failed.")
        text.sample([], Double(log.droppedLines))
        text.family("playbook_build_info", .gauge, "Build information: version, commit and Swift version.")
        text.sample([("version", Version.current), ("commit", Version.commit), ("swift", Version.swift)], 1)
        ProcessMetrics.write(to: &text, start: start.seconds)
        return text.text
    }

    private func writeNetwork(_ counts: Counts, to text: inout Exposition) {
        text.family("playbook_connections", .gauge, "Open connections.")
        text.sample([], Double(counts.active))
        text.family("playbook_connections_accepted_total", .counter, "Accepted connections.")
        text.sample([], Double(counts.accepted))
        text.family("playbook_http_requests_total", .counter, "Answered HTTP requests, including errors.")
        text.sample([], Double(counts.requests))
        text.family(
            "playbook_http_refusals_total", .counter, "HTTP requests refused before evaluation, by status.")
        for (status, count) in counts.refusals.sorted(by: { $0.key < $1.key }) {
            text.sample([("code", String(status))], Double(count))
        }
        text.family("playbook_tls_handshakes_total", .counter, "Completed TLS handshakes.")
        text.sample([], Double(counts.handshakes))
        text.family("playbook_tls_handshake_failures_total", .counter, "Failed TLS handshakes, by reason.")
        for (reason, count) in counts.handshakeFailures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text.sample([("reason", reason.rawValue)], Double(count))
        }
        text.family("playbook_timeouts_total", .counter, "Connections that exceeded a time limit, by phase.")
        for (phase, count) in counts.timeouts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text.sample([("phase", phase.rawValue)], Double(count))
        }
        text.family(
            "playbook_connections_evicted_total", .counter,
            "Connections closed at the connection limit to accept new ones, by phase.")
        for (reason, count) in counts.evictions.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text.sample([("phase", reason.rawValue)], Double(count))
        }
        text.family(
            "playbook_loop_turn_seconds", .histogram,
            "Duration of one iteration of an event loop, without the time that it waits for events.")
        text.histogram(
            LoopIterations.bounds.map { $0 / .seconds(1) }, counts.iterations.counts,
            sum: counts.iterations.total / .seconds(1))
        text.family("playbook_received_bytes_total", .counter, "Bytes of requests, after decryption.")
        text.sample([], Double(counts.bytesReceived))
        text.family("playbook_sent_bytes_total", .counter, "Bytes of responses, before encryption.")
        text.sample([], Double(counts.bytesSent))
    }

    private func writeMemory(_ status: ServerStatus, to text: inout Exposition) {
        text.family("playbook_memory_held_bytes", .gauge, "Memory that reviews use, of PLAYBOOK_MEMORY.")
        text.sample([], Double(status.memory.held))
        text.family("playbook_memory_limit_bytes", .gauge, "Memory that reviews can use: PLAYBOOK_MEMORY.")
        text.sample([], Double(status.memory.total))
        text.family("playbook_memory_waits_total", .counter, "Reviews that waited for memory.")
        text.sample([], Double(status.counts.memoryWaits))
    }

    private func writeCertificate(to text: inout Exposition) {
        text.family(
            "playbook_certificate_expiry_timestamp_seconds", .gauge,
            "Expiry time of the serving certificate, in seconds since 1970.")
        if let certificate = certificates.current { text.sample([], Double(certificate.notAfter)) }
        text.family(
            "playbook_certificate_reloads_total", .counter, "New certificates from files or the Secret, by result.")
        text.sample([("result", "replaced")], Double(certificates.reloads))
        text.sample([("result", "refused")], Double(certificates.refusals))
    }
}

/// The standard process metrics of Prometheus, from `/proc`.
private enum ProcessMetrics {
    static func write(to text: inout Exposition, start: Int64) {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        text.family("process_cpu_seconds_total", .counter, "User and system CPU time spent.")
        text.sample([], seconds(usage.ru_utime) + seconds(usage.ru_stime))
        text.family("process_start_time_seconds", .gauge, "Start time of the process, in seconds since 1970.")
        text.sample([], Double(start))
        if case .success(let bytes) = Inputs.bytes(of: "/proc/self/statm") {
            let pages = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { Double($0) }
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            if pages.count > 1 {
                text.family("process_virtual_memory_bytes", .gauge, "Virtual memory size.")
                text.sample([], pages[0] * size)
                text.family("process_resident_memory_bytes", .gauge, "Resident memory size.")
                text.sample([], pages[1] * size)
            }
        }
        if let stream = opendir("/proc/self/fd") {
            var count = -3.0
            while readdir(stream) != nil { count += 1 }
            closedir(stream)
            text.family("process_open_fds", .gauge, "Open file descriptors.")
            text.sample([], count)
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        text.family("process_max_fds", .gauge, "Largest number of open file descriptors.")
        text.sample([], Double(limit.rlim_cur))
    }
}
