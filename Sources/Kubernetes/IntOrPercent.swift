import JSON

/// A count, or a share of one (`intstr.IntOrString` where it means that): `1`, `50%`.
public enum IntOrPercent: Sendable, Equatable, CustomStringConvertible {
    /// A count.
    case int(Int)
    /// A share in hundredths.
    case percent(Int)

    /// Reads a string: digits and a percent sign.
    ///
    /// `"1"` is none; the API refuses it too.
    public init?(percent text: String) { self.init(percent: text.utf8.span) }

    private init?(percent bytes: Span<UInt8>) {
        guard bytes.count > 1, bytes[bytes.count - 1] == UInt8(ascii: "%") else { return nil }
        var share = 0
        for index in 0..<bytes.count - 1 {
            let digit = bytes[index] &- UInt8(ascii: "0")
            let (product, overflow) = share.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            guard digit <= 9, !overflow, !carry else { return nil }
            share = sum
        }
        self = .percent(share)
    }

    /// Reads the number or the share that a value holds.
    init?(_ value: Value) {
        guard value.kind == .string else {
            guard let count = value.int else { return nil }
            self = .int(count)
            return
        }
        // As it is written, nearly always; what has escapes is no share before they are decoded.
        if let share = value.withRawText({ IntOrPercent(percent: $0) }) {
            self = share
        } else {
            self.init(percent: value.text)
        }
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
