/// A count, or a share of one (`intstr.IntOrString` where it means that): `1`, `50%`.
public enum IntOrPercent: Sendable, Equatable, CustomStringConvertible {
    /// A count.
    case int(Int)
    /// A share in hundredths.
    case percent(Int)

    /// Reads a string: digits and a percent sign.
    ///
    /// `"1"` is none; the API refuses it too.
    public init?(percent text: String) {
        guard text.utf8.last == UInt8(ascii: "%"), text.utf8.count > 1,
            text.utf8.dropLast().allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }), let value = Int(text.dropLast())
        else { return nil }
        self = .percent(value)
    }

    /// The count out of a total; shares are rounded up, as the disruption controller does.
    public func scaled(of total: Int) -> Int {
        switch self {
        case .int(let count): return count
        case .percent(let share):
            let (product, overflow) = share.multipliedReportingOverflow(by: max(0, total))
            guard !overflow, product <= .max - 99 else { return .max }
            return (product + 99) / 100
        }
    }

    /// Whether it is nothing, of whatever total.
    public var isZero: Bool { self == .int(0) || self == .percent(0) }

    /// Whether it is everything, of whatever total.
    public var isAll: Bool {
        guard case .percent(let share) = self else { return false }
        return share >= 100
    }

    /// `1`, or `50%`.
    public var description: String {
        switch self {
        case .int(let count): "\(count)"
        case .percent(let share): "\(share)%"
        }
    }
}
