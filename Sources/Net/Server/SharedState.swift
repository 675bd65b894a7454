internal import Synchronization

/// What the loops of one server share: settings that do not change, and a few atomic numbers.
final class SharedState: Sendable {
    /// Whether the loops may end.
    enum Release: UInt8 {
        case keepServing
        case whenEmpty
        case atOnce
    }

    let configuration: ServerConfiguration
    let listeners: [BoundListener]
    let status: ServerStatus
    let plans: [LoopPlan]
    let memory: MemoryBudget
    /// One for each loop.
    let wakeups: [Wakeup]
    /// For the thread that looks after the server.
    let supervisor: Wakeup
    let report: @Sendable (ServerEvent) -> Void
    private let released = Atomic<UInt8>(Release.keepServing.rawValue)
    private let endedLoops = Atomic<Int>(0)

    init(
        configuration: ServerConfiguration, listeners: [BoundListener], plans: [LoopPlan],
        report: @escaping @Sendable (ServerEvent) -> Void
    ) throws(SystemError) {
        self.configuration = configuration
        self.listeners = listeners
        self.plans = plans
        self.report = report
        supervisor = try Wakeup()
        var wakeups: [Wakeup] = []
        for _ in plans { try wakeups.append(Wakeup()) }
        self.wakeups = wakeups
        memory = MemoryBudget(configuration) { [wakeups] in for wakeup in wakeups { wakeup.signal() } }
        status = ServerStatus(loopCount: plans.count, memory: memory)
    }

    var release: Release { Release(rawValue: released.load(ordering: .acquiring)) ?? .atOnce }

    func letGo(_ release: Release) {
        released.max(release.rawValue, ordering: .acquiringAndReleasing)
        wakeLoops()
    }

    /// Called by each shared loop as the last thing it does.
    func loopEnded() {
        endedLoops.add(1, ordering: .acquiringAndReleasing)
        supervisor.signal()
    }

    /// Whether no shared loop is left.
    var hasEnded: Bool { endedLoops.load(ordering: .acquiring) == plans.count { !$0.isOwn } }

    private func wakeLoops() {
        for wakeup in wakeups { wakeup.signal() }
    }

    /// Counts one connection of a shared loop more.
    func enter() { status.openConnections.add(1, ordering: .sequentiallyConsistent) }

    /// Counts one connection of a shared loop less.
    func leave() {
        let left = status.openConnections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, status.phase >= .closing { supervisor.signal() }
    }
}

/// A listener with its socket open.
final class BoundListener: Sendable {
    let id: ListenerID
    let socket: Descriptor
    let address: Address
    let certificates: Certificates?
    let ownResponder: (@Sendable (LoopContext) -> Responder)?

    var name: String { id.description }

    init(_ listener: Listener, index: Int) throws(SystemError) {
        id = ListenerID(description: listener.name, index: index)
        socket = try Descriptor.listening(on: listener.address, backlog: 4096)
        address = socket.address ?? listener.address
        certificates = listener.certificates
        ownResponder = listener.ownResponder
    }
}
