internal import Glibc

/// A member of a client's loop: an object with a descriptor, a deadline, or both.
protocol LoopMember: AnyObject {
    /// Handles an event of the descriptor.
    func ready()
    /// Handles the deadline.
    func expire()
    /// Ends the member's work with the loop.
    func cancel()
}

/// Work that another thread has finished.
struct Offload: Sendable {
    let number: UInt64
}

/// The event loop of one thread that calls other servers.
///
/// It is separate from the server's event loops: reading a large list must not delay a review. The loop and all objects created
/// with it are used only on its thread; other threads use ``ClientThread/perform(_:)``.
public final class ClientLoop {
    let poll: Poll
    /// The buffer that every connection reads into; its bytes are used before the next event.
    let scratch: ByteBuffer
    private let wakeup: Wakeup
    /// The start of the current iteration.
    public private(set) var now = Instant.now
    /// Runs the jobs of other threads; holds the thread's state.
    var runJobs: (() -> Void)?
    private var members = LoopMembers<any LoopMember>()
    /// The work that other threads have finished.
    private let offloads: MessageQueue<Offload>
    /// The completions of work on other threads, by number.
    private var completions: [UInt64: () -> Void] = [:]
    private var lastOffload: UInt64 = 0

    init(wakeup: Wakeup, offloads: MessageQueue<Offload>) throws(SystemError) {
        // A closed connection must end a write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        guard let scratch = ByteBuffer(capacity: 128 * 1024) else {
            throw SystemError(call: "malloc", code: ENOMEM, context: "the buffer of an event loop")
        }
        self.scratch = scratch
        self.wakeup = wakeup
        self.offloads = offloads
        poll = try Poll()
        poll.add(wakeup.descriptor, .readable, token: Token.wakeup)
    }

    /// Runs until the thread is stopped.
    func run() {
        while !offloads.isClosed {
            let count = poll.wait(milliseconds: members.pollTimeout(at: .now))
            now = .now
            for index in 0..<count { handle(poll.token(at: index)) }
            for token in members.removeUnfinished() { members[token]?.ready() }
            while let member = members.popExpired(at: now) { member.expire() }
        }
        cancelAll()
    }

    /// Releases all closures and members, so that no object keeps itself alive.
    ///
    /// A member's end can create other members; these are cancelled as well, up to 16 times.
    private func cancelAll() {
        completions = [:]
        runJobs = nil
        for _ in 0..<16 where members.count > 0 {
            for member in members.all { member.cancel() }
        }
    }

    private func handle(_ token: UInt64) {
        guard token == Token.wakeup else {
            members[token]?.ready()
            return
        }
        wakeup.clear()
        for offload in offloads.removeAll() { completions.removeValue(forKey: offload.number)?() }
        runJobs?()
    }

    // MARK: Members

    /// Adds a member and returns its token, which epoll and the functions below use.
    func add(_ member: any LoopMember) -> UInt64 { members.add(member) }

    func remove(_ token: UInt64) { members.remove(token) }

    func setDeadline(_ token: UInt64, _ deadline: Instant) { members.setDeadline(token, to: deadline) }

    /// Schedules another call of the member before the loop waits, since epoll does not report the bytes left to read.
    func addUnfinished(_ token: UInt64) { members.addUnfinished(token) }

    // MARK: Delayed work, and work on other threads

    /// Runs an action later.
    ///
    /// - Parameters:
    ///   - delay: The delay; zero runs the action after the current event.
    ///   - action: The action.
    /// - Returns: The alarm, which can be cancelled.
    @discardableResult
    public func after(_ delay: Duration, _ action: @escaping () -> Void) -> Alarm {
        let alarm = Alarm(loop: self, action)
        alarm.token = add(alarm)
        setDeadline(alarm.token, Instant.now + delay)
        return alarm
    }

    /// Runs blocking work, such as name resolution or a program, on a new thread.
    ///
    /// - Parameters:
    ///   - work: The work.
    ///   - then: Called on the loop's thread with the result.
    /// - Throws: A ``SystemError`` if the thread cannot be started; then `then` is not called.
    public func offload<Result: Sendable>(
        _ work: @escaping @Sendable () -> Result, then: @escaping (Result) -> Void
    ) throws(SystemError) {
        lastOffload += 1
        let number = lastOffload
        let promise = Promise<Result>()
        let thread = try Thread { [offloads] in
            promise.fulfil(work())
            offloads.send(Offload(number: number))
        }
        completions[number] = { then(promise.wait()) }
        thread.detach()
    }

    /// The time of day, in seconds since 1970.
    public var unixTime: Int64 { Int64(time(nil)) }
}

/// An action that a loop runs later, unless it is cancelled.
public final class Alarm: LoopMember {
    fileprivate var token: UInt64 = 0
    private var action: (() -> Void)?
    private let loop: ClientLoop

    fileprivate init(loop: ClientLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// Cancels the action; without effect after it has run.
    public func cancel() {
        action = nil
        loop.remove(token)
    }

    func ready() {}

    func expire() {
        let action = action
        cancel()
        action?()
    }
}
