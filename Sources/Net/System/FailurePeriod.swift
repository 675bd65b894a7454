/// A period of repeated failures, which is logged once when it begins and once when it ends.
///
/// It ends with the first success that comes long enough after the last failure; earlier successes do not end it.
public struct FailurePeriod: Sendable {
    private let calm: Duration
    private var lastFailure: Instant?
    private var failures = 0

    /// - Parameter calm: The time without failures after which a success ends the period.
    public init(calm: Duration = .seconds(10)) { self.calm = calm }

    /// Adds a failure.
    ///
    /// - Returns: True if the failure begins the period.
    public mutating func addFailure(at now: Instant) -> Bool {
        defer {
            lastFailure = now
            failures += 1
        }
        return lastFailure == nil
    }

    /// Adds a success.
    ///
    /// - Returns: The number of failures if the success ends the period; otherwise nil.
    public mutating func addSuccess(at now: Instant) -> Int? {
        guard let last = lastFailure, now - last >= calm else { return nil }
        defer { self = FailurePeriod(calm: calm) }
        return failures
    }
}
