internal import Glibc
internal import Synchronization

/// What the loops of a server are given when they start.
public struct LoopContext: Sendable {
    /// The loop's number, from 0.
    public let index: Int
    /// How far the server is, and what it has done.
    public let status: ServerStatus
    /// The way back to the loop for what its requests wait for.
    public let deliveries: Deliveries
}

/// Answers HTTP requests on its listeners, with one event loop a thread.
///
/// Between a request's last byte and its response's first there is no lock, no other thread and no waiting: a loop reads,
/// asks its responder, and writes. Where a responder leaves the answer for later, that one connection waits for a delivery. The thread that calls `run` only looks after signals, certificates and the end.
public final class Server: Sendable {
    private let shared: SharedState
    private let signals: Signals?
    private let failure = Mutex<SystemError?>(nil)
    /// Looks at the certificate files that were asked for and have not been made.
    private let reloads = Atomic<Int>(0)
    /// What was reported of each listener's certificate last.
    private let problems = Mutex<[Int: (certificate: CertificateDescription, problem: CertificateProblem)]>([:])

    /// Opens the listeners' ports; connections wait in their backlogs until `run`.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and times.
    ///   - listeners: Where to answer.
    ///   - report: Called from any of the server's threads with what an operator should know.
    ///   - responder: Called once on the thread of each loop that listeners share, for what will answer that loop's requests.
    /// - Throws: A ``SystemError`` that names the address that could not be opened.
    public init(
        configuration: ServerConfiguration, listeners: [Listener],
        report: @escaping @Sendable (ServerEvent) -> Void = { _ in },
        responder: @escaping @Sendable (LoopContext) -> Responder
    ) throws(SystemError) {
        // A client that leaves early must end a write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        signals = configuration.handlesSignals ? try Signals() : nil
        var bound: [BoundListener] = []
        for (index, listener) in listeners.enumerated() { try bound.append(BoundListener(listener, index: index)) }
        shared = try SharedState(
            configuration: configuration, listeners: bound,
            plans: LoopPlan.plans(configuration, bound, responder: responder), report: report)
    }

    /// How far the server is, and what it has done.
    public var status: ServerStatus { shared.status }

    /// The addresses of the listeners, in their order, with the ports that they really have.
    public var addresses: [Address] { shared.listeners.map(\.address) }

    /// Begins the end, whose stages are those of ``ServerStatus/Phase``; safe from any thread.
    public func drain() {
        if shared.status.advance(to: .draining) { shared.report(.phase(.draining)) }
        shared.supervisor.signal()
    }

    /// Ends every connection at once; safe from any thread.
    public func stop() {
        shared.status.advance(to: .closing)
        shared.letGo(.atOnce)
        shared.supervisor.signal()
    }

    /// Looks at the certificate files now, as it is done every few seconds anyway.
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

    /// Looks at the certificate files on a thread of its own: a file system that does not answer must not hold up signals.
    private func reloadInBackground() {
        guard reloads.add(1, ordering: .acquiringAndReleasing).oldValue == 0 else { return }
        let thread = try? Thread { [self] in
            var count = reloads.load(ordering: .acquiring)
            repeat {
                reloadCertificates()
                // What was asked for meanwhile may be about files that had been read already.
                count = reloads.subtract(count, ordering: .acquiringAndReleasing).newValue
            } while count > 0
        }
        thread == nil ? reloads.store(0, ordering: .releasing) : thread?.detach()
    }

    /// Reports when clients begin to refuse a certificate, or no longer do: after a change, and as time passes.
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

    /// Serves until `drain`, `stop` or a signal brings the end.
    ///
    /// To be called once.
    ///
    /// - Returns: Whether every loop has ended; one that has not is still at a request.
    /// - Throws: A ``SystemError`` when a loop could not start.
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
        // Probes are answered to the end.
        shared.letGo(.atOnce)
        let deadline = Instant.now + shared.configuration.joinTimeout
        let haveEnded = threads.map { $0.join(by: deadline) }.allSatisfy { $0 }
        // The descriptors live as long as this object; from here on their ports are closed.
        for listener in shared.listeners { shutdown(listener.socket.number, Int32(SHUT_RDWR)) }
        if shared.status.advance(to: .stopped) { shared.report(.phase(.stopped)) }
        if let error = failure.withLock({ $0 }) { throw error }
        return haveEnded
    }

    private func serve(loop index: Int) {
        let plan = shared.plans[index]
        defer { if !plan.isOwn { shared.loopEnded() } }
        do throws(SystemError) {
            let deliveries = Deliveries(waking: shared.wakeups[index])
            let responder = plan.makeResponder(LoopContext(index: index, status: shared.status, deliveries: deliveries))
            try EventLoop(index: index, shared: shared, deliveries: deliveries, responder: responder).run()
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
    /// The end, stage by stage; everything else is the loops' work.
    private func supervise() {
        let configuration = shared.configuration
        let interval = Instant.Span(configuration.certificateInterval)
        var nextReload = Instant.now + interval
        var evictions = EvictionReport(every: configuration.evictionReportInterval)
        var closing = Instant.distantFuture
        var end = Instant.distantFuture
        while shared.release != .atOnce {
            let now = Instant.now
            if status.isDraining, end == .distantFuture {
                closing = now + Instant.Span(configuration.shutdownDelay)
                end = now + Instant.Span(configuration.shutdownTimeout)
            }
            if now >= closing, status.advance(to: .closing) { shared.report(.phase(.closing)) }
            if now >= end { return shared.letGo(.atOnce) }
            if status.phase >= .closing, status.openConnections.load(ordering: .acquiring) == 0 {
                // Each loop looks into the backlog once more before it ends; should one find somebody there, the
                // time-out still holds.
                shared.letGo(.whenEmpty)
            }
            if shared.hasEnded { return }
            if now >= nextReload {
                reloadInBackground()
                if shared.memory.hasCalmedDown() { Residency.returnFreedPages() }
                nextReload = now + interval
                if let report = evictions.next(status.counts.evictions, at: now) {
                    shared.report(.connectionsEvicted(report))
                }
            }
            wait(until: min(nextReload, end, status.phase >= .closing ? end : closing))
        }
    }

    /// Waits for a signal, for another thread, or for the time.
    private func wait(until deadline: Instant) {
        var watched = [pollfd(fd: shared.supervisor.descriptor, events: Int16(POLLIN), revents: 0)]
        if let signals { watched.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)) }
        let nanoseconds = max(0, deadline.nanoseconds - Instant.now.nanoseconds)
        _ = poll(&watched, nfds_t(watched.count), Int32(clamping: nanoseconds / 1_000_000 + 1))
        shared.supervisor.clear()
        while let signal = signals?.next() {
            switch signal {
            case SIGHUP: reloadInBackground()
            // Ctrl-C pressed twice means now; a second SIGTERM is the same wish again.
            case SIGINT where status.isDraining: stop()
            default: drain()
            }
        }
    }
}
