/// Exponential backoff with jitter: each wait is lengthened at random to up to twice its length, so that clients do not retry
/// together.
public struct Backoff: Sendable {
    /// The first wait, without jitter.
    public var first: Duration
    /// The longest wait, without jitter.
    public var longest: Duration
    private var next: Duration

    /// Creates waits that double from the first to the longest; the defaults are those of Kubernetes' own clients.
    public init(first: Duration = .milliseconds(800), longest: Duration = .seconds(30)) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// Returns the next wait.
    ///
    /// - Parameter chance: A random number from 0 to 1.
    /// - Returns: The wait.
    public mutating func wait(_ chance: Double) -> Duration {
        defer { next = min(next * 2, longest) }
        return Backoff.stretched(next, chance)
    }

    /// Returns the next wait after a Retry-After: at least that long, and longer each time.
    ///
    /// Kubernetes' API server always sends 1 second, even during a long overload (kubernetes/kubernetes#97991).
    ///
    /// - Parameters:
    ///   - asked: The Retry-After.
    ///   - chance: A random number from 0 to 1.
    /// - Returns: The wait.
    public mutating func wait(atLeast asked: Duration, _ chance: Double) -> Duration {
        max(Backoff.stretched(asked, chance, by: 0.25), wait(chance))
    }

    /// Restarts with the first wait.
    public mutating func reset() {
        next = first
    }

    /// Returns the wait, lengthened at random to up to twice its length.
    static func stretched(_ wait: Duration, _ chance: Double, by share: Double = 1) -> Duration {
        wait + wait * (share * max(0, min(1, chance)))
    }
}
