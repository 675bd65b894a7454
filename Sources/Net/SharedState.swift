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
    /// One for each loop.
    let wakeups: [Wakeup]
    /// For the thread that looks after the server.
    let supervisor: Wakeup
    let report: @Sendable (ServerEvent) -> Void
    private let released = Atomic<UInt8>(Release.keepServing.rawValue)
    private let endedLoops = Atomic<Int>(0)
    private let roomAwaited = Atomic<Bool>(false)

    init(
        configuration: ServerConfiguration, listeners: [BoundListener],
        report: @escaping @Sendable (ServerEvent) -> Void
    ) throws(SystemError) {
        self.configuration = configuration
        self.listeners = listeners
        self.report = report
        status = ServerStatus(loopCount: max(1, configuration.loops))
        supervisor = try Wakeup()
        var wakeups: [Wakeup] = []
        for _ in 0..<max(1, configuration.loops) { try wakeups.append(Wakeup()) }
        self.wakeups = wakeups
    }

    var release: Release { Release(rawValue: released.load(ordering: .acquiring)) ?? .atOnce }

    func letGo(_ release: Release) {
        released.max(release.rawValue, ordering: .acquiringAndReleasing)
        wakeLoops()
    }

    /// Called by each loop as the last thing it does.
    func loopEnded() {
        endedLoops.add(1, ordering: .acquiringAndReleasing)
        supervisor.signal()
    }

    /// Whether no loop is left.
    var hasEnded: Bool { endedLoops.load(ordering: .acquiring) == wakeups.count }

    func wakeLoops() {
        for wakeup in wakeups { wakeup.signal() }
    }

    /// Counts one connection more, unless the server is full.
    func enter(reserve: Int) -> Bool {
        let limit = configuration.maxConnections + reserve
        guard status.openConnections.add(1, ordering: .sequentiallyConsistent).newValue > limit else { return true }
        leave()
        return false
    }

    /// Counts one connection less, and tells whoever waited for that.
    func leave() {
        let left = status.openConnections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if roomAwaited.load(ordering: .sequentiallyConsistent),
            roomAwaited.exchange(false, ordering: .sequentiallyConsistent)
        {
            wakeLoops()
        }
        if left == 0, status.phase >= .closing { supervisor.signal() }
    }

    func hasRoom(reserve: Int) -> Bool {
        status.openConnections.load(ordering: .sequentiallyConsistent) < configuration.maxConnections + reserve
    }

    /// Asks for the loops to be woken when a connection ends.
    func awaitRoom() {
        roomAwaited.store(true, ordering: .sequentiallyConsistent)
    }
}

/// A listener with its socket open.
final class BoundListener: Sendable {
    let id: ListenerID
    let socket: Descriptor
    let address: Address
    let certificates: Certificates?
    let reserve: Int

    var name: String { id.description }

    init(_ listener: Listener, index: Int) throws(SystemError) {
        id = ListenerID(description: listener.name, index: index)
        socket = try Descriptor.listening(on: listener.address, backlog: 1024)
        address = socket.address ?? listener.address
        certificates = listener.certificates
        reserve = listener.reserve
    }
}
