import JSON

/// An integer or a percentage (`intstr.IntOrString` in fields that use it so): `1`, `50%`.
public enum IntOrPercent: Sendable, Equatable, CustomStringConvertible {
    /// An integer.
    case int(Int)
    /// A percentage.
    case percent(Int)

    /// Reads a percentage: digits and a percent sign.
    ///
    /// `"1"` is not valid, as for the API.
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

    /// Reads the integer or percentage of a value.
    init?(_ value: Value) {
        guard value.kind == .string else {
            guard let count = value.int else { return nil }
            self = .int(count)
            return
        }
        // The raw text is usually sufficient; a text with escapes must be decoded first.
        if let share = value.withRawText({ IntOrPercent(percent: $0) }) {
            self = share
        } else {
            self.init(percent: value.text)
        }
    }

    /// Returns the number out of a total; percentages are rounded up, as the disruption controller does.
    public func scaled(of total: Int) -> Int {
        switch self {
        case .int(let count): return count
        case .percent(let share):
            let (product, overflow) = share.multipliedReportingOverflow(by: max(0, total))
            guard !overflow, product <= .max - 99 else { return .max }
            return (product + 99) / 100
        }
    }

    /// True for zero or 0%.
    public var isZero: Bool { self == .int(0) || self == .percent(0) }

    /// True for 100% or more.
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
