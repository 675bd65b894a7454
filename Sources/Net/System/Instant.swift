internal import Glibc

/// A point on the monotonic clock, in whole nanoseconds.
///
/// The loop compares deadlines on every request: 64 bits take one instruction, `Duration` has 128.
public struct Instant: Comparable, Hashable, Sendable {
    var nanoseconds: Int64

    /// An instant later than all others.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// The current instant.
    public static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// Nanoseconds since the machine started, for an atomic.
    public var uptimeNanoseconds: Int64 { nanoseconds }

    /// True if the first instant is earlier.
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Adds a span; the result is at most the distant future.
    static func + (instant: Instant, span: Span) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// Adds a duration; the result is at most the distant future.
    public static func + (instant: Instant, duration: Duration) -> Instant { instant + Span(duration) }

    /// The time between two instants.
    public static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue)
    }

    /// A length of time in the same unit.
    struct Span: Comparable {
        var nanoseconds: Int64

        static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }

        init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

        /// The duration, rounded down to nanoseconds and clamped to 64 bits.
        init(_ duration: Duration) {
            let (seconds, attoseconds) = duration.components
            let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            guard !overflow else {
                nanoseconds = seconds < 0 ? .min : .max
                return
            }
            let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
            nanoseconds = carried ? (seconds < 0 ? .min : .max) : sum
        }
    }
}
