internal import Synchronization

/// The state that the loops of one server share: constant settings and a few atomic numbers.
final class SharedState: Sendable {
    /// The condition on which the loops stop.
    enum StopMode: UInt8 {
        case keepServing
        case whenEmpty
        case atOnce
    }

    let configuration: ServerConfiguration
    let listeners: [BoundListener]
    let status: ServerStatus
    let plans: [LoopPlan]
    let memory: MemoryBudget
    /// The wakeups of the loops.
    let wakeups: [Wakeup]
    /// Wakes the thread that supervises the server.
    let supervisor: Wakeup
    let report: @Sendable (ServerEvent) -> Void
    private let currentStopMode = Atomic<UInt8>(StopMode.keepServing.rawValue)
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

    var stopMode: StopMode { StopMode(rawValue: currentStopMode.load(ordering: .acquiring)) ?? .atOnce }

    /// Changes the stop mode to one that stops loops sooner.
    func stopLoops(_ mode: StopMode) {
        currentStopMode.max(mode.rawValue, ordering: .acquiringAndReleasing)
        for wakeup in wakeups { wakeup.signal() }
    }

    /// Records the end of a shared loop.
    func loopEnded() {
        endedLoops.add(1, ordering: .acquiringAndReleasing)
        supervisor.signal()
    }

    /// True if all shared loops have ended.
    var hasEnded: Bool { endedLoops.load(ordering: .acquiring) == plans.count { !$0.isOwn } }

    /// Counts an opened connection of a shared loop.
    func countOpened() { status.openConnections.add(1, ordering: .sequentiallyConsistent) }

    /// Counts a closed connection of a shared loop.
    func countClosed() {
        let left = status.openConnections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, status.phase >= .closing { supervisor.signal() }
    }
}

/// A listener with an open socket.
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
