internal import Glibc
internal import Synchronization

/// The context in which a loop creates its responder.
public struct LoopContext: Sendable {
    /// The loop's index, from 0.
    public let index: Int
    /// The phase and counters of the server.
    public let status: ServerStatus
    /// Notifies the loop from other threads.
    public let notifier: LoopNotifier
}

/// Answers HTTP requests on its listeners, with one event loop per thread.
///
/// A loop takes no lock and waits for no other thread between a request's last byte and its response's first: it reads, calls
/// its responder, and writes. If the responder defers the response, only that connection waits for a delivery. The thread that
/// calls `run` handles signals, certificates and shutdown.
public final class Server: Sendable {
    private let shared: SharedState
    private let signals: Signals?
    /// Reloads the data of the responders.
    private let reload: @Sendable () -> Void
    private let failure = Mutex<SystemError?>(nil)
    /// The requested reloads of certificate files that are not done.
    private let reloads = Atomic<Int>(0)
    /// The last reported problem of each listener's certificate, by listener.
    private let problems = Mutex<[Int: (certificate: CertificateDescription, problem: CertificateProblem)]>([:])

    /// Opens the listeners' ports; connections stay in the backlogs until `run`.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and times.
    ///   - listeners: The addresses to answer on.
    ///   - report: Called with each event, from any of the server's threads.
    ///   - reload: Called when certificate files are reloaded, on a thread that may wait for a file system.
    ///   - responder: Creates the responder of a shared loop, on the loop's thread.
    /// - Throws: A ``SystemError`` with the address that could not be opened.
    public init(
        configuration: ServerConfiguration, listeners: [Listener],
        report: @escaping @Sendable (ServerEvent) -> Void = { _ in },
        reload: @escaping @Sendable () -> Void = {},
        responder: @escaping @Sendable (LoopContext) -> Responder
    ) throws(SystemError) {
        // A closed connection must end a write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        self.reload = reload
        signals = configuration.handlesSignals ? try Signals() : nil
        var bound: [BoundListener] = []
        for (index, listener) in listeners.enumerated() { try bound.append(BoundListener(listener, index: index)) }
        shared = try SharedState(
            configuration: configuration, listeners: bound,
            plans: LoopPlan.plans(configuration, bound, responder: responder), report: report)
    }

    /// The phase and counters of the server.
    public var status: ServerStatus { shared.status }

    /// The addresses of the listeners, in their order, with the ports that the system chose.
    public var addresses: [Address] { shared.listeners.map(\.address) }

    /// Starts the shutdown, whose phases are those of ``ServerStatus/Phase``; safe from any thread.
    public func drain() {
        if shared.status.advance(to: .draining) { shared.report(.phase(.draining)) }
        shared.supervisor.signal()
    }

    /// Closes every connection at once; safe from any thread.
    public func stop() {
        shared.status.advance(to: .closing)
        shared.stopLoops(.atOnce)
        shared.supervisor.signal()
    }

    /// Reloads the certificate files now, in addition to every few seconds.
    public func reloadCertificates() {
        for listener in shared.listeners {
            switch listener.certificates?.reload() {
            case nil, .unchanged: continue
            case .replaced(let certificate):
                shared.report(.certificateReplaced(listener: listener.name, certificate))
            case .refused(let error): shared.report(.certificateRefused(listener: listener.name, error))
            }
        }
        inspectCertificates()
    }

    /// Reloads the certificate files on a separate thread: a file system that does not answer must not delay signals.
    private func reloadInBackground() {
        guard reloads.add(1, ordering: .acquiringAndReleasing).oldValue == 0 else { return }
        let thread = try? Thread { [self] in
            var count = reloads.load(ordering: .acquiring)
            repeat {
                reloadCertificates()
                reload()
                // A request that arrived meanwhile may concern files that had been read already.
                count = reloads.subtract(count, ordering: .acquiringAndReleasing).newValue
            } while count > 0
        }
        thread == nil ? reloads.store(0, ordering: .releasing) : thread?.detach()
    }

    /// Reports that clients start or stop rejecting a certificate: after a change, and as time passes.
    private func inspectCertificates() {
        let now = Int64(time(nil))
        for (index, listener) in shared.listeners.enumerated() {
            guard let (certificate, problem) = listener.certificates?.inspection(at: now) else { continue }
            let isNews = problems.withLock { problems in
                let before = problems[index]
                problems[index] = problem.map { (certificate, $0) }
                return problem != before?.problem || problem != nil && certificate != before?.certificate
            }
            if isNews { shared.report(.certificateProblem(listener: listener.name, certificate, problem)) }
        }
    }

    /// Serves until `drain`, `stop` or a signal ends the server; must be called once.
    ///
    /// - Returns: True if every loop has ended; one that has not is still evaluating a request.
    /// - Throws: A ``SystemError`` if a loop could not start.
    @discardableResult
    public func run() throws(SystemError) -> Bool {
        for listener in shared.listeners {
            shared.report(.listening(listener: listener.name, listener.address))
        }
        inspectCertificates()
        var threads: [Thread] = []
        for index in shared.plans.indices {
            do throws(SystemError) {
                try threads.append(Thread { [self] in serve(loop: index) })
            } catch {
                failed(error)
            }
        }
        if shared.status.advance(to: .serving) { shared.report(.phase(.serving)) }
        supervise()
        // Probes are answered until all other loops have ended.
        shared.stopLoops(.atOnce)
        let deadline = Instant.now + shared.configuration.joinTimeout
        let haveEnded = threads.map { $0.join(by: deadline) }.allSatisfy { $0 }
        // The descriptors live as long as this object; their ports are closed here.
        for listener in shared.listeners { shutdown(listener.socket.number, Int32(SHUT_RDWR)) }
        if shared.status.advance(to: .stopped) { shared.report(.phase(.stopped)) }
        if let error = failure.withLock({ $0 }) { throw error }
        return haveEnded
    }

    private func serve(loop index: Int) {
        let plan = shared.plans[index]
        defer { if !plan.isOwn { shared.loopEnded() } }
        do throws(SystemError) {
            let notifier = LoopNotifier(messages: MessageQueue(waking: shared.wakeups[index]))
            let responder = plan.makeResponder(LoopContext(index: index, status: shared.status, notifier: notifier))
            try EventLoop(index: index, shared: shared, notifier: notifier, responder: responder).run()
        } catch {
            failed(error)
        }
    }

    private func failed(_ error: SystemError) {
        failure.withLock { $0 = $0 ?? error }
        stop()
    }
}

extension Server {
    /// Supervises the loops: shutdown, certificates, freed memory and reports of evictions.
    private func supervise() {
        let configuration = shared.configuration
        let interval = Instant.Span(configuration.certificateInterval)
        var nextReload = Instant.now + interval
        var evictions = EvictionReport(every: configuration.evictionReportInterval)
        var closing = Instant.distantFuture
        var end = Instant.distantFuture
        while shared.stopMode != .atOnce {
            let now = Instant.now
            if status.isDraining, end == .distantFuture {
                closing = now + Instant.Span(configuration.shutdownDelay)
                end = now + Instant.Span(configuration.shutdownTimeout)
            }
            if now >= closing, status.advance(to: .closing) { shared.report(.phase(.closing)) }
            if now >= end { return shared.stopLoops(.atOnce) }
            if status.phase >= .closing, status.openConnections.load(ordering: .acquiring) == 0 {
                // Each loop accepts from the backlog once more before it ends; the timeout applies to these connections.
                shared.stopLoops(.whenEmpty)
            }
            if shared.hasEnded { return }
            if now >= nextReload {
                reloadInBackground()
                if shared.memory.shouldReturnPages() { ProcessMemory.returnFreedPages() }
                nextReload = now + interval
                if let report = evictions.next(status.counts.evictions, at: now) {
                    shared.report(.connectionsEvicted(report))
                }
            }
            wait(until: min(nextReload, end, status.phase >= .closing ? end : closing))
        }
    }

    /// Waits for a signal, another thread or a deadline.
    private func wait(until deadline: Instant) {
        var watched = [pollfd(fd: shared.supervisor.descriptor, events: Int16(POLLIN), revents: 0)]
        if let signals { watched.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)) }
        let nanoseconds = max(0, deadline.nanoseconds - Instant.now.nanoseconds)
        _ = poll(&watched, nfds_t(watched.count), Int32(clamping: nanoseconds / 1_000_000 + 1))
        shared.supervisor.clear()
        while let signal = signals?.next() {
            switch signal {
            case SIGHUP: reloadInBackground()
            // A second Ctrl-C stops the server at once; a second SIGTERM does not.
            case SIGINT where status.isDraining: stop()
            default: drain()
            }
        }
    }
}
