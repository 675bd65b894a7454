internal import Synchronization

/// The phase of a connection that exceeded its time limit.
public enum TimedOutPhase: String, CaseIterable, Sendable {
    /// The TLS handshake was not finished.
    case handshake
    /// No request arrived.
    case idle
    /// A request did not arrive completely, or its response was not ready; the status is 408 or 503.
    case request
    /// The client did not receive its response.
    case write
}

/// The counters of a server since it started, summed over its loops.
public struct Counts: Equatable, Sendable {
    /// Connections accepted from the backlog.
    public var accepted: UInt64 = 0
    /// Closed connections.
    public var closed: UInt64 = 0
    /// Successful TLS handshakes.
    public var handshakes: UInt64 = 0
    /// Failed TLS handshakes, by reason.
    public var handshakeFailures: [HandshakeFailure: UInt64] = [:]
    /// Bytes of requests, after decryption.
    public var bytesReceived: UInt64 = 0
    /// Bytes of responses, before encryption.
    public var bytesSent: UInt64 = 0
    /// Answered requests, including errors.
    public var requests: UInt64 = 0
    /// Requests rejected before they reached the responder, by status.
    public var refusals: [Int: UInt64] = [:]
    /// Connections that exceeded a time limit, by phase.
    public var timeouts: [TimedOutPhase: UInt64] = [:]
    /// Connections that were closed for new ones, by reason.
    public var evictions: [Eviction: UInt64] = [:]
    /// Requests that waited for memory.
    public var memoryWaits: UInt64 = 0
    /// The durations of the loops' iterations.
    public var iterations = LoopIterations()

    /// Open connections.
    public var active: UInt64 { accepted &- closed }
}

/// A number that one thread increases and any thread reads.
///
/// With a single writer, a load and a store have the effect of an atomic addition, without locking the bus.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    func add(_ amount: Int = 1) {
        value.store(value.load(ordering: .relaxed) &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
    }

    var current: UInt64 { value.load(ordering: .relaxed) }
}

/// One loop's counters.
final class LoopCounters: Sendable {
    let accepted = Counter()
    let closed = Counter()
    let handshakes = Counter()
    let bytesReceived = Counter()
    let bytesSent = Counter()
    let requests = Counter()
    let memoryWaits = Counter()
    let iterations = IterationCounters()
    private let handshakeFailures = InlineArray<10, Counter> { _ in Counter() }
    private let timeouts = InlineArray<4, Counter> { _ in Counter() }
    private let evictions = InlineArray<3, Counter> { _ in Counter() }
    private let refusals = InlineArray<16, Counter> { _ in Counter() }

    /// The statuses of rejections; the last counter is for all others.
    private static let statuses = [400, 408, 411, 413, 414, 415, 417, 431, 500, 501, 503, 505]

    func countFailure(_ reason: HandshakeFailure) {
        guard let index = HandshakeFailure.allCases.firstIndex(of: reason) else { return }
        handshakeFailures[index].add()
    }

    func countTimeout(_ phase: TimedOutPhase) {
        guard let index = TimedOutPhase.allCases.firstIndex(of: phase) else { return }
        timeouts[index].add()
    }

    func countEviction(_ reason: Eviction) { evictions[reason.index].add() }

    func countRefusal(_ status: Int) {
        refusals[LoopCounters.statuses.firstIndex(of: status) ?? LoopCounters.statuses.count].add()
    }

    func add(to counts: inout Counts) {
        counts.accepted += accepted.current
        counts.closed += closed.current
        counts.handshakes += handshakes.current
        counts.bytesReceived += bytesReceived.current
        counts.bytesSent += bytesSent.current
        counts.requests += requests.current
        counts.memoryWaits += memoryWaits.current
        iterations.add(to: &counts.iterations)
        for (index, reason) in HandshakeFailure.allCases.enumerated() {
            counts.handshakeFailures[reason, default: 0] += handshakeFailures[index].current
        }
        for (index, phase) in TimedOutPhase.allCases.enumerated() {
            counts.timeouts[phase, default: 0] += timeouts[index].current
        }
        for reason in Eviction.allCases {
            counts.evictions[reason, default: 0] += evictions[reason.index].current
        }
        for (index, status) in (LoopCounters.statuses + [0]).enumerated() where refusals[index].current > 0 {
            counts.refusals[status, default: 0] += refusals[index].current
        }
    }
}
