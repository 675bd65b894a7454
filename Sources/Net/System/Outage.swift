/// A time in which something fails again and again, for a log: one line when it begins, one when it ends.
///
/// It ends with the first success that comes long enough after the last failure: what succeeds now and then is not over.
public struct Outage: Sendable {
    private let calm: Duration
    private var lastFailure: Instant?
    private var failures = 0

    /// - Parameter calm: How long nothing must have failed before a success ends it.
    public init(calm: Duration = .seconds(10)) { self.calm = calm }

    /// Takes in a failure.
    ///
    /// - Returns: Whether it is the first one.
    public mutating func failed(at now: Instant) -> Bool {
        defer {
            lastFailure = now
            failures += 1
        }
        return lastFailure == nil
    }

    /// Takes in a success.
    ///
    /// - Returns: How many failures there were, where this is the end; else nil.
    public mutating func succeeded(at now: Instant) -> Int? {
        guard let last = lastFailure, now - last >= calm else { return nil }
        defer { self = Outage(calm: calm) }
        return failures
    }
}
