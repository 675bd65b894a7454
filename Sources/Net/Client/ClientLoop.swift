internal import Glibc

/// What takes part in a loop: something with a descriptor, a deadline, or both.
protocol LoopMember: AnyObject {
    /// Its descriptor has an event.
    func ready()
    /// Its deadline has come.
    func expire()
    /// The loop ends; nobody will call again.
    func abandon()
}

/// One thread's calls to other servers, and what is done with their answers.
///
/// Like a server's event loop, and apart from it: reading a large list must delay no review. It belongs to its thread, and so
/// does everything that is made with it; other threads hand it work through ``ClientThread/perform(_:)``.
public final class ClientLoop {
    let poll: Poll
    /// Where every connection reads into; what lies there is used before the next event.
    let scratch: ByteBuffer
    private let inbox: Inbox
    /// When the events being handled were noticed.
    public private(set) var now = Instant.now
    /// What the thread's work lives on.
    var state: Any?
    private var timers = Timers()
    private var members: [(any LoopMember)?] = []
    private var tokens: [UInt64] = []
    private var vacantSlots: [Int] = []
    private var generation: UInt32 = 0
    /// Members that had their share of an event, and still have bytes that epoll does not see.
    private var unfinished: [UInt64] = []
    /// What waits for work that another thread does.
    private var waiting: [UInt64: (any Sendable) -> Void] = [:]
    private var offloads: UInt64 = 0

    init(inbox: Inbox) throws(SystemError) {
        // A server that leaves early must end a write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        guard let scratch = ByteBuffer(capacity: 128 * 1024) else {
            throw SystemError(call: "malloc", code: ENOMEM, context: "a loop's scratch")
        }
        self.scratch = scratch
        self.inbox = inbox
        poll = try Poll()
        poll.add(inbox.wakeup.descriptor, .readable, token: Token.wakeup)
    }

    /// Works until the thread is stopped.
    func run() {
        while !inbox.isStopped {
            let count = poll.wait(milliseconds: patience())
            now = .now
            for index in 0..<count { handle(poll.token(at: index)) }
            let tokens = unfinished
            unfinished = []
            for token in tokens { member(token)?.ready() }
            while let slot = timers.popExpired(at: now) { members[slot]?.expire() }
        }
        end()
    }

    /// Lets go of everything, so that nothing holds itself.
    ///
    /// Whoever is told of an end may begin something new in its place; that ends as well, a few times over.
    private func end() {
        waiting = [:]
        state = nil
        for _ in 0..<16 where members.contains(where: { $0 != nil }) {
            for member in members { member?.abandon() }
        }
    }

    private func handle(_ token: UInt64) {
        guard token == Token.wakeup else {
            member(token)?.ready()
            return
        }
        inbox.wakeup.clear()
        for job in inbox.takeAll() { job(self) }
    }

    private func member(_ token: UInt64) -> (any LoopMember)? {
        let slot = Token.slot(token)
        // A slot may have been given to another member since the event was queued.
        guard slot < members.count, tokens[slot] == token else { return nil }
        return members[slot]
    }

    /// How long to wait when nothing happens, in milliseconds.
    private func patience() -> Int32 {
        guard unfinished.isEmpty else { return 0 }
        guard let next = timers.next else { return -1 }
        let nanoseconds = next.nanoseconds - Instant.now.nanoseconds
        // Rounded up, or the loop would wake a moment early and find nothing to do.
        return nanoseconds <= 0 ? 0 : Int32(clamping: nanoseconds / 1_000_000 + 1)
    }

    // MARK: Members

    /// Takes a member in; the token stands for it in epoll and below.
    func add(_ member: any LoopMember) -> UInt64 {
        let slot = vacantSlots.popLast() ?? members.count
        if slot == members.count {
            members.append(nil)
            tokens.append(0)
        }
        generation = (generation &+ 1) & 0x7FFF_FFFF
        let token = Token.channel(slot: slot, generation: generation)
        members[slot] = member
        tokens[slot] = token
        return token
    }

    func remove(_ token: UInt64) {
        let slot = Token.slot(token)
        guard member(token) != nil else { return }
        timers.remove(slot)
        members[slot] = nil
        vacantSlots.append(slot)
    }

    func setDeadline(_ token: UInt64, _ deadline: Instant) {
        if member(token) != nil { timers.set(Token.slot(token), to: deadline) }
    }

    /// Calls the member again before the loop waits, since what is left to read lies where epoll does not see it.
    func takeUpAgain(_ token: UInt64) {
        unfinished.append(token)
    }

    // MARK: Work for later, and work elsewhere

    /// Does something later.
    ///
    /// - Parameters:
    ///   - delay: How much later; zero means after what is being done now.
    ///   - action: What to do.
    /// - Returns: A way to take it back.
    @discardableResult
    public func after(_ delay: Duration, _ action: @escaping () -> Void) -> Alarm {
        let alarm = Alarm(loop: self, action)
        alarm.token = add(alarm)
        setDeadline(alarm.token, Instant.now + delay)
        return alarm
    }

    /// Has a thread of its own do what waits for the system: resolving a name, running a program.
    ///
    /// - Parameters:
    ///   - work: What to do there.
    ///   - then: What to do here with its result.
    /// - Throws: A ``SystemError`` when there is no thread for it; `then` is not called then.
    public func offload<Result: Sendable>(
        _ work: @escaping @Sendable () -> Result, then: @escaping (Result) -> Void
    ) throws(SystemError) {
        offloads += 1
        let number = offloads
        let inbox = inbox
        let thread = try Thread {
            let result = work()
            _ = inbox.put { $0.waiting.removeValue(forKey: number)?(result) }
        }
        waiting[number] = { if let result = $0 as? Result { then(result) } }
        thread.detach()
    }

    /// The time of day, in seconds since 1970.
    public var unixTime: Int64 { Int64(time(nil)) }
}

/// Something that a loop does later, unless it is taken back.
public final class Alarm: LoopMember {
    fileprivate var token: UInt64 = 0
    private var action: (() -> Void)?
    private let loop: ClientLoop

    fileprivate init(loop: ClientLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// Takes it back; without effect when it is done.
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

    func abandon() {
        cancel()
    }
}
