internal import Synchronization

/// The memory limit of all requests together: bodies that arrive or wait, and evaluations.
///
/// It has three parts. The shared part is for all requests; large ones leave a quarter of it to small ones. If it is used up,
/// each of the two lanes is for one request at a time: a body that grows, and a body that is evaluated. So one request can always
/// continue, regardless of the memory that others hold.
///
/// Requests of a few KiB need no claim, so nearly all are answered without the lock.
public final class MemoryBudget: Sendable {
    /// A part for one request at a time.
    enum Lane: Int {
        /// A body that grows to the largest size.
        case body
        /// The largest evaluation.
        case evaluation
    }

    /// Memory that is claimed during an evaluation.
    struct Evaluation {
        fileprivate let bytes: Int
        fileprivate let lane: Lane?
    }

    private struct State {
        var held = 0
        var taken: [Lane] = []
        var waiting = 0
        /// True if much memory has been held since pages were last returned.
        var wasBusy = false
    }

    /// The whole budget, in bytes.
    public let total: Int
    private let shared: Int
    private let lanes: [Int]
    private let evaluationPerByte: Int
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// The held memory after which freed pages are returned to the system, in bytes.
    private static let busy = 4 << 20

    /// The largest buffer of a connection without a claim, in bytes.
    static let free = 32 << 10
    /// The largest buffer of a small request, in bytes.
    static let small = 160 << 10
    /// The largest body that is evaluated without a claim, in bytes.
    static let freeEvaluation = 64 << 10
    /// The room in the largest body's buffer for the head and the beginning of a next request, in bytes.
    static let overhead = 64 << 10

    /// - Parameters:
    ///   - configuration: The sizes.
    ///   - wake: Called from any thread when memory is released and a request waits for some.
    init(_ configuration: ServerConfiguration, wake: @escaping @Sendable () -> Void) {
        total = configuration.memory
        lanes = [configuration.maxBody + MemoryBudget.overhead, configuration.largestEvaluation]
        shared = max(0, total - lanes.reduce(0, +))
        evaluationPerByte = configuration.evaluationPerByte
        self.wake = wake
    }

    /// The bytes that are held now, including the lanes in use.
    public var held: Int { state.withLock { state in state.held + state.taken.reduce(0) { $0 + lanes[$1.rawValue] } } }

    /// Claims memory for work other than requests; returns false if none is available.
    public func claim(_ bytes: Int) -> Bool { claim(bytes, for: .max, isNext: false) }

    /// Releases claimed memory.
    public func release(_ bytes: Int) {
        guard bytes > 0 else { return }
        release { $0.held -= bytes }
    }

    /// Claims memory of the shared part.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to claim.
    ///   - size: The known size of the request in bytes; large requests do not overtake those that wait.
    ///   - isNext: True if the request has waited longest.
    /// - Returns: True if the memory was granted.
    func claim(_ bytes: Int, for size: Int, isNext: Bool) -> Bool {
        state.withLock { state in
            let isSmall = size <= MemoryBudget.small
            guard isSmall || isNext || state.waiting == 0,
                state.held + bytes <= (isSmall ? shared : shared - shared / 4)
            else { return false }
            state.held += bytes
            state.wasBusy = state.wasBusy || state.held >= MemoryBudget.busy
            return true
        }
    }

    /// Returns true once if much memory was held and little is now.
    func shouldReturnPages() -> Bool {
        state.withLock { state in
            guard state.wasBusy, state.taken.isEmpty, state.held < MemoryBudget.busy / 4 else { return false }
            state.wasBusy = false
            return true
        }
    }

    /// Adds memory that is held already.
    func add(_ bytes: Int) { state.withLock { $0.held += bytes } }

    /// Acquires a lane; returns false if another request has it.
    func acquire(_ lane: Lane) -> Bool {
        state.withLock { state in
            guard !state.taken.contains(lane) else { return false }
            state.taken.append(lane)
            state.wasBusy = true
            return true
        }
    }

    /// Releases a lane.
    func release(_ lane: Lane) { release { $0.taken.removeAll { $0 == lane } } }

    /// Claims memory to evaluate a body of this size; nil if the request must wait.
    func claimEvaluation(of size: Int, isNext: Bool) -> Evaluation? {
        guard size > MemoryBudget.freeEvaluation else { return Evaluation(bytes: 0, lane: nil) }
        let bytes = min(evaluationPerByte * size, lanes[Lane.evaluation.rawValue])
        if claim(bytes, for: size, isNext: isNext) { return Evaluation(bytes: bytes, lane: nil) }
        return acquire(.evaluation) ? Evaluation(bytes: 0, lane: .evaluation) : nil
    }

    /// Releases the memory of an evaluation.
    func release(_ evaluation: Evaluation) {
        if let lane = evaluation.lane { release(lane) } else { release(evaluation.bytes) }
    }

    /// Counts a request that starts waiting.
    func startWaiting() { state.withLock { $0.waiting += 1 } }

    /// Counts a request that no longer waits; the next one may be able to continue.
    func stopWaiting() { release { $0.waiting -= 1 } }

    private func release(_ change: (inout State) -> Void) {
        let isAwaited = state.withLock { state in
            change(&state)
            return state.waiting > 0
        }
        if isAwaited { wake() }
    }
}
