internal import Glibc
internal import HTTP

/// The connections of one thread: waits for events and performs the steps of each connection's state machine.
final class EventLoop {
    let poll: Poll
    let plan: LoopPlan
    private let scratches: [ByteBuffer]
    /// The scratch buffer of the connection being served.
    private(set) var scratch: ByteBuffer
    let shared: SharedState
    let counters: LoopCounters
    let limits: ConnectionLimits
    let responder: Responder
    let wakeup: Wakeup
    private let notifier: LoopNotifier
    var now = Instant.now
    var channels = LoopMembers<Channel>()
    /// The connections that can be closed for new ones.
    var evictions = EvictionOrder()
    var listeners: [ListenerSlot]
    /// The encoded responses to the connection being served.
    var out: [UInt8] = []
    /// The requests of this iteration that are not answered yet.
    var arrivals: [Arrival] = []
    /// The tokens of the connections that wait for memory, by need; the oldest first.
    var memoryWaiters = [[UInt64]](repeating: [], count: MemoryNeed.allCases.count)

    /// The maximum number of bytes of one read: the content of a TLS record.
    static let readSize = 16 * 1024
    static let scratchSize = 128 * 1024
    /// The number of requests that are answered together.
    ///
    /// Reading and decrypting, evaluating, encrypting and sending are each more code than a processor's first cache holds; a step
    /// that is repeated for several requests finds its code there.
    static let batch = 16

    init(index: Int, shared: SharedState, notifier: LoopNotifier, responder: Responder) throws(SystemError) {
        // Pages that are never written take no memory.
        let scratches = (0..<EventLoop.batch).compactMap { _ in ByteBuffer(capacity: EventLoop.scratchSize) }
        guard scratches.count == EventLoop.batch else {
            throw SystemError(call: "malloc", code: ENOMEM, context: "the buffer of an event loop")
        }
        self.scratches = scratches
        scratch = scratches[0]
        self.shared = shared
        plan = shared.plans[index]
        self.responder = responder
        self.notifier = notifier
        counters = shared.status.loops[index]
        limits = ConnectionLimits(shared.configuration)
        poll = try Poll()
        listeners = plan.listeners.map { ListenerSlot(listener: $0) }
        wakeup = shared.wakeups[index]
        poll.add(wakeup.descriptor, .readable, token: Token.wakeup)
        for index in listeners.indices { startAccepting(from: index) }
        out.reserveCapacity(4096)
        arrivals.reserveCapacity(EventLoop.batch)
    }

    /// Serves until the server stops the loop.
    func run() {
        while !isDone() {
            let count = poll.wait(milliseconds: pollTimeout())
            now = .now
            counters.iterations.begin(at: now)
            for index in 0..<count { handle(poll.token(at: index)) }
            serveUnfinished()
            retryMemory()
            answerArrivals()
            expireDeadlines()
            resumeAccepting()
            counters.iterations.end(from: now, to: .now)
        }
        for channel in channels.all {
            channel.sendCloseNotify()
            close(channel)
        }
    }

    private func handle(_ token: UInt64) {
        if token == Token.wakeup {
            wakeup.clear()
            for message in notifier.messages.removeAll() {
                switch message {
                case .resume(let ticket): resume(ticket)
                case .refresh: responder.refresh()
                }
            }
        } else if let index = Token.listener(token) {
            accept(from: index)
        } else if let channel = channels[token] {
            advance(channel)
        }
    }

    /// Selects a scratch buffer without a request; if each has one, these are answered first.
    func selectFreeScratch() {
        if arrivals.count == EventLoop.batch { answerArrivals() }
        scratch = scratches[arrivals.count]
        scratch.reset()
    }

    /// Selects the scratch buffer of a request that was not answered at once.
    func selectScratch(ofArrival index: Int) { scratch = scratches[index] }

    private func serveUnfinished() {
        for token in channels.removeUnfinished() {
            // An event may have advanced it to another phase since.
            guard let channel = channels[token], channel.connection.isReading else { continue }
            advance(channel)
        }
    }

    private func expireDeadlines() {
        while let channel = channels.popExpired(at: now) { expire(channel) }
    }

    /// The time to wait for events, in milliseconds.
    private func pollTimeout() -> Int32 {
        let limit = listeners.reduce(.distantFuture) { min($0, $1.pausedUntil ?? .distantFuture) }
        return channels.pollTimeout(at: now, limit: limit)
    }

    private func isDone() -> Bool {
        switch shared.stopMode {
        case .keepServing: return false
        case .atOnce: return true
        case .whenEmpty where plan.isOwn: return false
        case .whenEmpty:
            // Connections in the backlog are served before the loop ends.
            if channels.count == 0 { for index in listeners.indices { accept(from: index) } }
            return channels.count == 0
        }
    }

    func add(_ socket: consuming Descriptor, listener: BoundListener) {
        let channel = Channel(
            socket, listener: listener,
            connection: Connection(isSecure: listener.certificates != nil, limits: limits, at: now))
        channel.token = channels.add(channel)
        counters.accepted.add()
        if !plan.isOwn { shared.countOpened() }
        updateDeadline(of: channel)
        guard poll.add(channel.socket.number, .readable, token: channel.token) else { return close(channel) }
    }

    func close(_ channel: Channel) {
        guard channels[channel.token] === channel else { return }
        // The last reference to the channel closes its socket, which removes it from epoll.
        channels.remove(channel.token)
        evictions.remove(channel.slot)
        forgetDelivery(to: channel)
        releaseMemory(channel)
        channel.connection.close()
        counters.closed.add()
        if !plan.isOwn { shared.countClosed() }
    }
}
