/// Longer and longer waits, each at random up to twice its length, so that many clients do not come back at once.
public struct Backoff: Sendable {
    /// The first wait, without what chance adds.
    public var first: Duration
    /// The longest wait, without what chance adds.
    public var longest: Duration
    private var next: Duration

    /// Creates waits that double from the first to the longest; Kubernetes' own clients have these two as well.
    public init(first: Duration = .milliseconds(800), longest: Duration = .seconds(30)) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// The next wait.
    ///
    /// - Parameter chance: From 0 to 1.
    /// - Returns: How long to wait.
    public mutating func wait(_ chance: Double) -> Duration {
        defer { next = min(next * 2, longest) }
        return Backoff.stretched(next, chance)
    }

    /// The next wait, where the server has said how long to stay away: at least that, and longer each time.
    ///
    /// Kubernetes' API server says one second, however long it is overloaded (kubernetes/kubernetes#97991).
    ///
    /// - Parameters:
    ///   - asked: What the server has said.
    ///   - chance: From 0 to 1.
    /// - Returns: How long to wait.
    public mutating func wait(atLeast asked: Duration, _ chance: Double) -> Duration {
        max(Backoff.stretched(asked, chance, by: 0.25), wait(chance))
    }

    /// Begins from the first wait again.
    public mutating func reset() {
        next = first
    }

    /// A wait and as much again at most.
    static func stretched(_ wait: Duration, _ chance: Double, by share: Double = 1) -> Duration {
        wait + wait * (share * max(0, min(1, chance)))
    }
}
