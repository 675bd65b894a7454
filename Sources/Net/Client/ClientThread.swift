internal import Synchronization

/// What other threads want a loop to do.
///
/// The one lock of the client's side: held to put a job in or to take all out, never while one is done.
final class Inbox: Sendable {
    typealias Job = @Sendable (ClientLoop) -> Void

    let wakeup: Wakeup
    private let jobs = Mutex<[Job]>([])
    private let stopped = Atomic<Bool>(false)

    /// More than this waiting means that the loop is stuck: holding on to more would not help.
    private static let limit = 10_000

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// False when the loop has ended or is stuck.
    func put(_ job: @escaping Job) -> Bool {
        guard !isStopped else { return false }
        let isTaken = jobs.withLock { jobs in
            guard jobs.count < Inbox.limit else { return false }
            jobs.append(job)
            return true
        }
        if isTaken { wakeup.signal() }
        return isTaken
    }

    func takeAll() -> [Job] {
        jobs.withLock { jobs in
            defer { jobs = [] }
            return jobs
        }
    }

    func stop() {
        stopped.store(true, ordering: .releasing)
        wakeup.signal()
    }
}

/// A thread with a loop for calls to other servers, and the state that these calls are about.
///
/// The state is made on the thread and never leaves it, so that it needs no lock.
public final class ClientThread<State>: Sendable {
    private let inbox: Inbox
    private let thread: Mutex<Thread?>

    /// Starts the thread.
    ///
    /// - Parameter start: Called on it for the state.
    /// - Throws: A ``SystemError`` when the system has no thread or no descriptors left.
    public init(_ start: @escaping @Sendable (ClientLoop) -> State) throws(SystemError) {
        let inbox = try Inbox()
        self.inbox = inbox
        // Made here, so that what can fail fails here; handed over before anyone else sees it.
        let loop = Mutex<ClientLoop?>(try ClientLoop(inbox: inbox))
        let handover = Handover(loop)
        thread = Mutex(
            try Thread {
                guard let loop = handover.take() else { return }
                loop.state = start(loop)
                loop.run()
            })
    }

    deinit {
        inbox.stop()
        thread.withLock { $0?.detach() }
    }

    /// Hands the thread something to do; safe from any thread.
    ///
    /// - Parameter job: What to do, with the state.
    /// - Returns: Whether it will be done; not when the thread has ended or has thousands of jobs waiting.
    @discardableResult
    public func perform(_ job: @escaping @Sendable (State) -> Void) -> Bool {
        inbox.put { loop in
            if let state = loop.state as? State { job(state) }
        }
    }

    /// Ends every call and the thread; returns when it has ended.
    ///
    /// Safe from any thread but its own.
    ///
    /// - Parameter deadline: How long to wait at most.
    /// - Returns: Whether the thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool {
        inbox.stop()
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        return thread?.join(by: deadline) ?? true
    }
}

/// A loop on its way to its thread.
private final class Handover: Sendable {
    private let loop: Mutex<ClientLoop?>

    init(_ loop: consuming sending Mutex<ClientLoop?>) {
        self.loop = loop
    }

    func take() -> sending ClientLoop? {
        loop.withLock { $0.take() }
    }
}
