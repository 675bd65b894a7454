internal import Glibc
internal import HTTP

/// One thread's connections: waits for events, lets each connection's state machine decide, carries out what it says.
final class EventLoop {
    let poll: Poll
    let plan: LoopPlan
    private let scratches: [ByteBuffer]
    /// The scratch of the connection at hand.
    private(set) var scratch: ByteBuffer
    let shared: SharedState
    let counters: LoopCounters
    let limits: ConnectionLimits
    let responder: Responder
    let wakeup: Wakeup
    private let deliveries: Deliveries
    var now = Instant.now
    var timers = Timers()
    /// The connections that may be closed for new ones.
    var evictions = EvictionOrder()
    var channels: [Channel?] = []
    var vacantSlots: [Int] = []
    var openCount = 0
    private var generation: UInt32 = 0
    var gates: [Gate]
    /// Responses under way to the connection being served.
    var out: [UInt8] = []
    /// The whole requests that came in this turn and are not answered yet.
    var arrivals: [Arrival] = []
    /// Connections that had their share of a turn, and still have bytes that epoll does not see.
    var unfinished: Set<UInt64> = []
    /// Connections that wait for memory, in the order in which they came.
    var memoryWaiters: [UInt64] = []

    /// How many times a connection may read before the others have their turn.
    static let turns = 16
    /// The least room worth reading into: a TLS record's contents.
    static let piece = 16 * 1024
    static let scratchSize = 128 * 1024
    /// How many requests are answered together.
    ///
    /// Reading and decrypting, judging, encrypting and sending are each more code than a processor's first cache holds: a
    /// step that is taken for one request after another finds its code there.
    static let batch = 16

    init(index: Int, shared: SharedState, deliveries: Deliveries, responder: Responder) throws(SystemError) {
        // Pages of them that are never written to take no memory.
        let scratches = (0..<EventLoop.batch).compactMap { _ in ByteBuffer(capacity: EventLoop.scratchSize) }
        guard scratches.count == EventLoop.batch else {
            throw SystemError(call: "malloc", code: ENOMEM, context: "a loop's scratch")
        }
        self.scratches = scratches
        scratch = scratches[0]
        self.shared = shared
        plan = shared.plans[index]
        self.responder = responder
        self.deliveries = deliveries
        counters = shared.status.loops[index]
        limits = ConnectionLimits(shared.configuration)
        poll = try Poll()
        gates = plan.listeners.map { Gate(listener: $0) }
        wakeup = shared.wakeups[index]
        poll.add(wakeup.descriptor, .readable, token: Token.wakeup)
        for index in gates.indices { open(gate: index) }
        out.reserveCapacity(4096)
        arrivals.reserveCapacity(EventLoop.batch)
    }

    /// Serves until the server lets it go.
    func run() {
        while !isDone() {
            let count = poll.wait(milliseconds: patience())
            now = .now
            counters.turns.begin(at: now)
            for index in 0..<count { handle(poll.token(at: index)) }
            takeUpUnfinished()
            retryMemory()
            answerArrivals()
            expireDeadlines()
            reopenGates()
            counters.turns.end(from: now, to: .now)
        }
        for case let channel? in channels {
            channel.sayGoodbye()
            close(channel)
        }
    }

    private func handle(_ token: UInt64) {
        if token == Token.wakeup {
            wakeup.clear()
            for (ticket, message) in deliveries.take() {
                if let ticket { resume(ticket, with: message) } else { responder.hear(message) }
            }
        } else if let gate = Token.gate(token) {
            accept(through: gate)
        } else if let channel = channel(token) {
            advance(channel)
        }
    }

    /// Takes a scratch that no request lies in.
    func takeScratch() {
        scratch = scratches[arrivals.count]
        scratch.reset()
    }

    /// Goes back to the scratch of a request that waited.
    func takeScratch(of arrival: Int) { scratch = scratches[arrival] }

    private func takeUpUnfinished() {
        guard !unfinished.isEmpty else { return }
        let tokens = unfinished
        unfinished = []
        for token in tokens {
            // An event may have had it go on, and now it waits for something else.
            guard let channel = channel(token), channel.connection.isReading, !channel.awaitsMemory else { continue }
            advance(channel)
        }
    }

    private func expireDeadlines() {
        while let slot = timers.popExpired(at: now) {
            if let channel = channels[slot] { expire(channel) }
        }
    }

    /// How long to wait when nothing happens, in milliseconds.
    private func patience() -> Int32 {
        guard unfinished.isEmpty else { return 0 }
        var next = timers.next
        for gate in gates { if let until = gate.closedUntil { next = min(next ?? until, until) } }
        guard let next else { return -1 }
        let nanoseconds = next.nanoseconds - now.nanoseconds
        // Rounded up, or the loop would wake a moment early and find nothing to do.
        return nanoseconds <= 0 ? 0 : Int32(clamping: nanoseconds / 1_000_000 + 1)
    }

    func channel(_ token: UInt64) -> Channel? {
        let slot = Token.slot(token)
        // A slot may have been given to another connection since the event was queued.
        guard slot < channels.count, let channel = channels[slot], channel.token == token else { return nil }
        return channel
    }

    private func isDone() -> Bool {
        switch shared.release {
        case .keepServing: return false
        case .atOnce: return true
        case .whenEmpty where plan.isOwn: return false
        case .whenEmpty:
            // What reached the backlog was sent to us: it is answered before the door is shut.
            if openCount == 0 { for index in gates.indices { accept(through: index) } }
            return openCount == 0
        }
    }

    func add(_ socket: consuming Descriptor, listener: BoundListener) {
        let slot: Int
        if let vacant = vacantSlots.popLast() {
            slot = vacant
        } else {
            slot = channels.count
            channels.append(nil)
        }
        generation = (generation &+ 1) & 0x7FFF_FFFF
        let token = Token.channel(slot: slot, generation: generation)
        let channel = Channel(
            socket, listener: listener, slot: slot, token: token,
            connection: Connection(isSecure: listener.certificates != nil, limits: limits, at: now))
        channels[slot] = channel
        openCount += 1
        counters.accepted.add()
        if !plan.isOwn { shared.enter() }
        note(channel)
        guard poll.add(channel.socket.number, .readable, token: token) else { return close(channel) }
    }

    func close(_ channel: Channel) {
        guard channels[channel.slot] === channel else { return }
        // The last reference to the channel closes its socket, and that takes it out of epoll.
        timers.remove(channel.slot)
        evictions.remove(channel.slot)
        releaseMemory(channel)
        channels[channel.slot] = nil
        vacantSlots.append(channel.slot)
        openCount -= 1
        counters.closed.add()
        if !plan.isOwn { shared.leave() }
    }
}

/// What an event's 64 bits stand for: the wakeup, a listener, or a connection by its slot and its generation.
enum Token {
    static let wakeup = UInt64.max

    static func gate(index: Int) -> UInt64 { 1 << 63 | UInt64(index) }

    static func gate(_ token: UInt64) -> Int? { token >> 63 == 1 ? Int(token & 0xFFFF) : nil }

    static func channel(slot: Int, generation: UInt32) -> UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    static func slot(_ token: UInt64) -> Int { Int(token & 0xFFFF_FFFF) }
}
