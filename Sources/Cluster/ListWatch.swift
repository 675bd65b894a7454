/// What to do next to know all objects of a kind: list, watch, and list again when the watch cannot go on.
///
/// It calls nothing and reads no clock: what happened goes in, what to do comes out. Where a watch can go on from the last
/// version that was seen, it does, since a list of a large cluster is work for everybody.
struct ListWatch {
    enum Step: Equatable {
        /// Ask for a page of the list, the first one with nil.
        case list(continuation: String?)
        /// Watch from a version on, for so many seconds.
        case watch(version: String, seconds: Int)
    }

    /// A step, and how long to wait before it.
    struct Next: Equatable {
        var step: Step
        var delay = Duration.zero
        /// Why the kind cannot be known; said once.
        var unavailable: String?
    }

    /// What went wrong.
    enum Failure: Equatable {
        /// The version or the page is too old (410).
        case expired
        /// The kind does not exist (404), or is not for us (403).
        case refused(String)
        /// The API server wants to be left alone for a while.
        case throttled(Duration)
        /// The API server says no to this very request, or always breaks over it.
        case rejected
        /// What came cannot be read, or says that it is broken.
        case garbled
        /// Anything that may pass.
        case failed
    }

    private let options: ReflectorOptions
    private var backoff: Backoff
    private var version: String?
    private var page: String?
    private var refusals = 0
    private var rejections = 0
    private var isUnavailable = false
    /// Whether a watch brought anything, or lasted, since the last list.
    private var hasWatched = false
    /// Whether the watch before this one was garbled, and nothing has come since.
    private var isStuck = false

    init(_ options: ReflectorOptions) {
        self.options = options
        backoff = options.backoff
    }

    /// Whether objects of this kind are refused to us for now.
    var isRefused: Bool { isUnavailable }

    func begin() -> Next { Next(step: .list(continuation: nil)) }

    /// A page of the list has come.
    mutating func listed(_ result: ListPage) -> Next {
        page = result.continuation
        guard page == nil else { return Next(step: .list(continuation: page)) }
        version = result.resourceVersion
        hasWatched = false
        isStuck = false
        return Next(step: step)
    }

    /// The API server lets us watch.
    mutating func opened() {
        refusals = 0
        rejections = 0
        isUnavailable = false
    }

    /// An event or a bookmark has come.
    ///
    /// - Returns: Whether the watch may go on. Versions that go back mean another past, such as that of a restored backup, of
    ///   which a watch from our version shows nothing (Kubernetes has them comparable since KEP-5504).
    mutating func progressed(to version: String) -> Bool {
        if let before = self.version.flatMap({ UInt64($0) }), let now = UInt64(version), now < before { return false }
        self.version = version
        hasWatched = true
        isStuck = false
        backoff.reset()
        return true
    }

    /// The watch has ended as it should: the API server does so every few minutes.
    mutating func ended(after duration: Duration, broughtSomething: Bool) -> Next {
        // One that ends at once, again and again, must not be opened as fast as it ends.
        guard broughtSomething || duration >= options.shortestWatch else { return later() }
        hasWatched = true
        backoff.reset()
        return Next(step: step)
    }

    /// The list or the watch has failed.
    mutating func failed(_ failure: Failure) -> Next {
        switch failure {
        case .expired:
            let isFirst = hasWatched && page == nil
            startOver()
            return isFirst ? Next(step: step) : later()
        case .refused(let reason):
            startOver()
            refusals += 1
            // An API server that has just started refuses what it will allow a moment later.
            guard refusals >= options.refusalsThatCount else { return later() }
            let delay = Backoff.stretched(options.refusedInterval, options.chance(), by: 0.25)
            let news = isUnavailable ? nil : reason
            isUnavailable = true
            return Next(step: step, delay: delay, unavailable: news)
        case .throttled(let duration):
            return Next(step: step, delay: backoff.wait(atLeast: duration, options.chance()))
        case .rejected:
            // A version that the server cannot reach is answered with a time-out, not with 410.
            rejections += 1
            if rejections > 1 { startOver() }
            return later()
        case .garbled:
            // Once it is tried from the last version again; what comes back the same has to be gone around.
            if isStuck { startOver() }
            isStuck = version != nil
            return later()
        case .failed: return later()
        }
    }

    private mutating func startOver() {
        version = nil
        page = nil
    }

    private var step: Step {
        guard let version, page == nil else { return .list(continuation: page) }
        let range = options.watchSeconds
        let extra = Double(range.upperBound - range.lowerBound) * max(0, min(1, options.chance()))
        return .watch(version: version, seconds: range.lowerBound + Int(extra))
    }

    private mutating func later() -> Next { Next(step: step, delay: backoff.wait(options.chance())) }
}
