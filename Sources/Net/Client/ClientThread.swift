internal import Synchronization

/// A thread with a loop for calls to other servers, and the state of these calls.
///
/// The state is created on the thread and stays there, so it needs no lock.
public final class ClientThread<State>: Sendable {
    private typealias Job = @Sendable (State) -> Void

    private let jobs: MessageQueue<Job>
    private let offloads: MessageQueue<Offload>
    private let thread: Mutex<Thread?>

    /// Starts the thread.
    ///
    /// - Parameter start: Creates the state, on the thread.
    /// - Throws: A ``SystemError`` if the system has no threads or descriptors left.
    public init(_ start: @escaping @Sendable (ClientLoop) -> State) throws(SystemError) {
        let wakeup = try Wakeup()
        // More waiting jobs than this mean that the loop is stuck, and more memory would not help.
        let jobs = MessageQueue<Job>(waking: wakeup, limit: 10_000)
        let offloads = MessageQueue<Offload>(waking: wakeup)
        self.jobs = jobs
        self.offloads = offloads
        // Created here, so that errors are thrown here; handed over before any other thread uses it.
        let loop = Mutex<ClientLoop?>(try ClientLoop(wakeup: wakeup, offloads: offloads))
        let handover = Handover(loop)
        thread = Mutex(
            try Thread {
                guard let loop = handover.take() else { return }
                loop.runJobs = ClientThread.runner(of: jobs, with: start(loop))
                loop.run()
            })
    }

    deinit {
        close()
        thread.withLock { $0?.detach() }
    }

    /// Returns a closure that runs the waiting jobs; only the closure holds the state.
    private static func runner(of jobs: MessageQueue<Job>, with state: State) -> () -> Void {
        { for job in jobs.removeAll() { job(state) } }
    }

    private func close() {
        jobs.close()
        offloads.close()
    }

    /// Runs a job on the thread; safe from any thread.
    ///
    /// - Parameter job: The job, which receives the state.
    /// - Returns: False if the thread has ended or thousands of jobs are waiting, so the job will not run.
    @discardableResult
    public func perform(_ job: @escaping @Sendable (State) -> Void) -> Bool { jobs.send(job) }

    /// Cancels every call and waits for the thread to end.
    ///
    /// Safe from any thread but this one.
    ///
    /// - Parameter deadline: The time until which to wait.
    /// - Returns: True if the thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool {
        close()
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        return thread?.join(by: deadline) ?? true
    }
}

/// A loop that is handed over to its thread.
private final class Handover: Sendable {
    private let loop: Mutex<ClientLoop?>

    init(_ loop: consuming sending Mutex<ClientLoop?>) {
        self.loop = loop
    }

    func take() -> sending ClientLoop? {
        loop.withLock { $0.take() }
    }
}
