/// The state machine that follows all objects of a kind: list, watch, and list again when the watch cannot continue.
///
/// It makes no calls and reads no clock: events go in, steps come out. A watch continues from the last version seen where
/// possible, because listing a large cluster is expensive.
struct ListWatch {
    enum Step: Equatable {
        /// Request a page of the list; nil requests the first page.
        case list(continuation: String?)
        /// Watch from a version, for a number of seconds.
        case watch(version: String, seconds: Int)
    }

    /// A step, and the wait before it.
    struct Next: Equatable {
        var step: Step
        var delay = Duration.zero
        /// The reason that the kind is unavailable; set once.
        var unavailable: String?
    }

    /// The kind of a failure.
    enum Failure: Equatable {
        /// The version or the page has expired (410).
        case expired
        /// The kind does not exist (404) or must not be read (403).
        case refused(String)
        /// The API server asks clients to wait.
        case throttled(Duration)
        /// The API server rejects this request or repeatedly fails on it.
        case rejected
        /// The response cannot be parsed or reports an error.
        case garbled
        /// A transient failure.
        case failed
    }

    private let options: ReflectorOptions
    private var backoff: Backoff
    private var version: String?
    private var page: String?
    private var refusals = 0
    private var rejections = 0
    private var isUnavailable = false
    /// True if a watch has returned events, or lasted, since the last list.
    private var hasWatched = false
    /// True if the previous watch was garbled and nothing has arrived since.
    private var isStuck = false

    init(_ options: ReflectorOptions) {
        self.options = options
        backoff = options.backoff
    }

    /// True if access to the kind is denied for now.
    var isRefused: Bool { isUnavailable }

    func begin() -> Next { Next(step: .list(continuation: nil)) }

    /// Handles a page of the list.
    mutating func listed(_ result: ListPage) -> Next {
        page = result.continuation
        guard page == nil else { return Next(step: .list(continuation: page)) }
        version = result.resourceVersion
        hasWatched = false
        isStuck = false
        return Next(step: step)
    }

    /// Handles the start of the watch.
    mutating func opened() {
        refusals = 0
        rejections = 0
        isUnavailable = false
    }

    /// Handles an event or a bookmark.
    ///
    /// - Returns: True if the watch can continue. If versions decrease, the cluster was restored from a backup, and a watch from
    ///   our version would miss changes (versions are comparable since KEP-5504).
    mutating func progressed(to version: String) -> Bool {
        if let before = self.version.flatMap({ UInt64($0) }), let now = UInt64(version), now < before { return false }
        self.version = version
        hasWatched = true
        isStuck = false
        backoff.reset()
        return true
    }

    /// Handles the normal end of a watch; the API server ends each after a few minutes.
    mutating func ended(after duration: Duration, broughtSomething: Bool) -> Next {
        // A watch that ends at once must not be reopened without a wait.
        guard broughtSomething || duration >= options.shortestWatch else { return later() }
        hasWatched = true
        backoff.reset()
        return Next(step: step)
    }

    /// Handles a failure of the list or the watch.
    mutating func failed(_ failure: Failure) -> Next {
        switch failure {
        case .expired:
            let isFirst = hasWatched && page == nil
            startOver()
            return isFirst ? Next(step: step) : later()
        case .refused(let reason):
            startOver()
            refusals += 1
            // An API server that has just started may deny requests that it allows a moment later.
            guard refusals >= options.refusalsThatCount else { return later() }
            let delay = Backoff.stretched(options.refusedInterval, options.chance(), by: 0.25)
            let news = isUnavailable ? nil : reason
            isUnavailable = true
            return Next(step: step, delay: delay, unavailable: news)
        case .throttled(let duration):
            return Next(step: step, delay: backoff.wait(atLeast: duration, options.chance()))
        case .rejected:
            // The API server answers a version that it cannot reach with a timeout instead of 410.
            rejections += 1
            if rejections > 1 { startOver() }
            return later()
        case .garbled:
            // The first retry continues from the last version; if it fails in the same way, the list starts over.
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
