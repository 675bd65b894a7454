internal import Synchronization

/// The memory that all requests may hold together: bodies that arrive or wait, and what it takes to answer them.
///
/// It has three parts. The shared part is for everybody; large requests leave a quarter of it to small ones. The two lanes are for
/// one request at a time each, when the shared part is used up: a body that goes on growing, and a body that is evaluated. So
/// there is always a request that gets on, however many others hold a part of what they need.
///
/// Requests of a few KiB need no claim, so nearly all are answered without the lock.
public final class MemoryBudget: Sendable {
    /// A part that is for one request at a time.
    enum Lane: Int {
        /// A body that grows to the largest size.
        case body
        /// The largest evaluation.
        case evaluation
    }

    /// Memory that was claimed for the time of an evaluation.
    struct Evaluation {
        fileprivate let bytes: Int
        fileprivate let lane: Lane?
    }

    private struct State {
        var held = 0
        var taken: [Lane] = []
        var waiting = 0
        /// Whether much has been held since somebody last asked.
        var wasBusy = false
    }

    /// All of it, in bytes.
    public let total: Int
    private let shared: Int
    private let lanes: [Int]
    private let evaluationPerByte: Int
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// How much is held where it is worth the while to give freed pages back afterwards.
    private static let busy = 4 << 20

    /// How large the buffer of a connection may get without a claim.
    static let free = 32 << 10
    /// How large the buffer of a small request is at most.
    static let small = 160 << 10
    /// How large a body may be that is evaluated without a claim.
    static let freeEvaluation = 64 << 10
    /// What the largest body's buffer has beside it: the head, and the beginning of a next request.
    static let overhead = 64 << 10

    /// - Parameters:
    ///   - configuration: The sizes.
    ///   - wake: Called, from any thread, when memory was given back and a request waits for some.
    init(_ configuration: ServerConfiguration, wake: @escaping @Sendable () -> Void) {
        total = configuration.memory
        lanes = [configuration.maxBody + MemoryBudget.overhead, configuration.largestEvaluation]
        shared = max(0, total - lanes.reduce(0, +))
        evaluationPerByte = configuration.evaluationPerByte
        self.wake = wake
    }

    /// The bytes that are held now, those of the lanes in use included.
    public var held: Int { state.withLock { state in state.held + state.taken.reduce(0) { $0 + lanes[$1.rawValue] } } }

    /// Claims memory for something that is done beside requests; false when there is none to spare.
    public func claim(_ bytes: Int) -> Bool { claim(bytes, for: .max, isNext: false) }

    /// Gives back what was claimed.
    public func release(_ bytes: Int) {
        guard bytes > 0 else { return }
        giveBack { $0.held -= bytes }
    }

    /// Claims memory of the shared part.
    ///
    /// - Parameters:
    ///   - bytes: How much.
    ///   - size: How large the request is, as far as that is known: large ones do not overtake those that wait.
    ///   - isNext: Whether the request has waited longest.
    /// - Returns: Whether it was granted.
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

    /// Whether much was held and little is now; true once.
    func hasCalmedDown() -> Bool {
        state.withLock { state in
            guard state.wasBusy, state.taken.isEmpty, state.held < MemoryBudget.busy / 4 else { return false }
            state.wasBusy = false
            return true
        }
    }

    /// Counts memory that is held already.
    func add(_ bytes: Int) { state.withLock { $0.held += bytes } }

    /// Takes a lane; false when somebody else has it.
    func take(_ lane: Lane) -> Bool {
        state.withLock { state in
            guard !state.taken.contains(lane) else { return false }
            state.taken.append(lane)
            state.wasBusy = true
            return true
        }
    }

    /// Gives a lane back.
    func release(_ lane: Lane) { giveBack { $0.taken.removeAll { $0 == lane } } }

    /// Claims what it takes to answer a request with a body of so many bytes; nil when that has to wait.
    func claimEvaluation(of size: Int, isNext: Bool) -> Evaluation? {
        guard size > MemoryBudget.freeEvaluation else { return Evaluation(bytes: 0, lane: nil) }
        let bytes = min(evaluationPerByte * size, lanes[Lane.evaluation.rawValue])
        if claim(bytes, for: size, isNext: isNext) { return Evaluation(bytes: bytes, lane: nil) }
        return take(.evaluation) ? Evaluation(bytes: 0, lane: .evaluation) : nil
    }

    /// Gives back what an evaluation took.
    func release(_ evaluation: Evaluation) {
        if let lane = evaluation.lane { release(lane) } else { release(evaluation.bytes) }
    }

    /// Counts one request more that waits.
    func startWaiting() { state.withLock { $0.waiting += 1 } }

    /// Counts one request less that waits; the next one may be able to go on.
    func stopWaiting() { giveBack { $0.waiting -= 1 } }

    private func giveBack(_ change: (inout State) -> Void) {
        let isAwaited = state.withLock { state in
            change(&state)
            return state.waiting > 0
        }
        if isAwaited { wake() }
    }
}
