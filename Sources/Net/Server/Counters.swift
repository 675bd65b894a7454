internal import Synchronization

/// Why a connection was ended by the clock.
public enum TimedOutPhase: String, CaseIterable, Sendable {
    /// The TLS handshake did not come to its end.
    case handshake
    /// Nothing was asked for too long.
    case idle
    /// A request did not arrive whole; it was answered 408.
    case request
    /// The client did not take its response.
    case write
}

/// What a server has done since it started, added up over its loops.
public struct Counts: Equatable, Sendable {
    /// Connections taken from the backlog.
    public var accepted: UInt64 = 0
    /// Connections that are over.
    public var closed: UInt64 = 0
    /// TLS handshakes that came to their end.
    public var handshakes: UInt64 = 0
    /// Those that did not, by reason.
    public var handshakeFailures: [HandshakeFailure: UInt64] = [:]
    /// Bytes of requests, after decryption.
    public var bytesReceived: UInt64 = 0
    /// Bytes of responses, before encryption.
    public var bytesSent: UInt64 = 0
    /// Requests that were answered, errors included.
    public var requests: UInt64 = 0
    /// Requests that were refused before anyone saw them, by status.
    public var refusals: [Int: UInt64] = [:]
    /// Connections that the clock ended, by what they were about.
    public var timeouts: [TimedOutPhase: UInt64] = [:]
    /// Connections that were closed for new ones, by reason.
    public var evictions: [Eviction: UInt64] = [:]
    /// Requests that waited for memory.
    public var memoryWaits: UInt64 = 0
    /// How long the loops were at work without looking for what else had come.
    public var turns = Turns()

    /// Connections that are open now.
    public var active: UInt64 { accepted &- closed }
}

/// A number that one thread raises and any thread reads.
///
/// With a single writer, a load and a store do what an atomic addition does, without locking the bus.
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
    let turns = TurnCounters()
    private let handshakeFailures = InlineArray<10, Counter> { _ in Counter() }
    private let timeouts = InlineArray<4, Counter> { _ in Counter() }
    private let evictions = InlineArray<3, Counter> { _ in Counter() }
    private let refusals = InlineArray<16, Counter> { _ in Counter() }

    /// The statuses that this side of the handler answers with; the last place is for all others.
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
        turns.add(to: &counts.turns)
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
