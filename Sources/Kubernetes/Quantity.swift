import JSON

/// A quantity of a resource (`resource.Quantity`): `512Mi`, `250m`, `1.5`, `2e3`.
///
/// Values of any size are compared exactly: `1Gi` equals `1024Mi`, `0.5` equals `500m`. The API server rounds up to a billionth
/// and limits values to 64 bits; here nothing is rounded, so that the values as written are compared.
public struct Quantity: Sendable {
    /// A quantity whose digits fit: `mantissa * 2^shift * 10^exponent`, in two words, which fit into registers.
    struct Number: Sendable, Equatable {
        let mantissa: UInt64
        private let scale: Int64

        init(mantissa: UInt64 = 0, exponent: Int = 0, shift: Int = 0, isNegative: Bool = false) {
            self.mantissa = mantissa
            // A shift is at most 60, and an exponent has slightly more than 32 bits.
            scale = Int64(exponent) << 8 | Int64(shift) << 1 | (isNegative ? 1 : 0)
        }

        var exponent: Int { Int(scale >> 8) }
        var shift: Int { Int(scale >> 1 & 127) }
        var isNegative: Bool { scale & 1 == 1 }
    }

    private let parts: Number
    /// The digits; nil if they fit into the mantissa.
    private let digits: [UInt8]?

    private var isNegative: Bool { parts.isNegative }
    private var mantissa: UInt64 { parts.mantissa }
    private var exponent: Int { parts.exponent }
    private var shift: Int { parts.shift }

    /// The numbers of the quantity; nil if its digits do not fit.
    var number: Number? { digits == nil ? parts : nil }

    /// The maximum length of a text.
    static let maximumLength = 1000

    /// Reads a quantity; nil if the text is not valid or longer than 1000 characters.
    ///
    /// - Parameter text: A sign, digits with at most one decimal point, and a suffix (`n u m k M G T P E`, `Ki` to `Ei`) or an
    ///   exponent (`e3`, `E-3`); no spaces.
    public init?(_ text: String) { self.init(text.utf8.span) }

    /// Reads the quantity of a string or a number.
    init?(_ value: Value) {
        // The raw text is usually sufficient; a text with escapes must be decoded first.
        if let quantity = value.withRawText({ Quantity($0) }) {
            self = quantity
        } else {
            self.init(value.text)
        }
    }

    /// Creates a quantity from its numbers; if its digits do not fit, it is read again from the value.
    init(_ number: Number, digitsOf value: Value?) {
        if let value, let quantity = Quantity(value) {
            self = quantity
        } else {
            parts = number
            digits = nil
        }
    }

    private init?(_ bytes: Span<UInt8>) {
        guard bytes.count <= Quantity.maximumLength else { return nil }
        var mantissa: UInt64 = 0
        var digits: [UInt8]?
        var at = 0
        var isNegative = false
        if !bytes.isEmpty, bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
            isNegative = bytes[0] == UInt8(ascii: "-")
            at = 1
        }
        var (count, decimals) = (0, 0)
        var hasPoint = false
        while at < bytes.count {
            let digit = bytes[at] &- UInt8(ascii: "0")
            if digit <= 9 {
                // 19 digits always fit.
                if count < 19 {
                    mantissa = mantissa &* 10 &+ UInt64(digit)
                } else {
                    (mantissa, digits) = Quantity.appending(digit, to: mantissa, digits)
                }
                count &+= 1
                if hasPoint { decimals &+= 1 }
            } else if bytes[at] == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            at += 1
        }
        guard count > 0, let scale = Scale(bytes, from: at) else { return nil }
        parts = Number(
            mantissa: mantissa, exponent: scale.exponent - decimals, shift: scale.shift, isNegative: isNegative)
        self.digits = digits
    }

    /// Appends a digit to a number that might be too large.
    @inline(never)
    private static func appending(_ digit: UInt8, to mantissa: UInt64, _ digits: [UInt8]?) -> (UInt64, [UInt8]?) {
        if let digits { return (mantissa, digits + [digit]) }
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        guard overflow || carry else { return (sum, nil) }
        return (mantissa, String(mantissa).utf8.map { $0 - UInt8(ascii: "0") } + [digit])
    }

    /// The suffix of a quantity.
    private struct Scale {
        var exponent = 0
        var shift = 0

        /// Reads the suffix after the digits.
        @inline(__always)
        init?(_ bytes: Span<UInt8>, from start: Int) {
            switch bytes.count - start {
            case 0: return
            case 1:
                guard let power = Scale.decimal(bytes[start]) else { return nil }
                exponent = power
            case 2 where bytes[start + 1] == UInt8(ascii: "i"):
                guard let power = Scale.binary(bytes[start]) else { return nil }
                shift = power
            default:
                guard let power = Scale.written(bytes, from: start) else { return nil }
                exponent = power
            }
        }

        /// Returns a decimal exponent: `e3`.
        @inline(never)
        private static func written(_ bytes: Span<UInt8>, from start: Int) -> Int? {
            guard bytes[start] | 0x20 == UInt8(ascii: "e"), bytes.count - start <= 12 else { return nil }
            let digits = (start + 1..<bytes.count).map { bytes[$0] }
            guard let value = Int(String(decoding: digits, as: UTF8.self)), abs(value) <= Int(Int32.max)
            else { return nil }
            return value
        }

        /// Returns the power of ten of a letter.
        private static func decimal(_ letter: UInt8) -> Int? {
            switch letter {
            case UInt8(ascii: "n"): -9
            case UInt8(ascii: "u"): -6
            case UInt8(ascii: "m"): -3
            case UInt8(ascii: "k"): 3
            case UInt8(ascii: "M"): 6
            case UInt8(ascii: "G"): 9
            case UInt8(ascii: "T"): 12
            case UInt8(ascii: "P"): 15
            case UInt8(ascii: "E"): 18
            default: nil
            }
        }

        /// Returns the power of two of a letter before an `i`.
        private static func binary(_ letter: UInt8) -> Int? {
            switch letter {
            case UInt8(ascii: "K"): 10
            case UInt8(ascii: "M"): 20
            case UInt8(ascii: "G"): 30
            case UInt8(ascii: "T"): 40
            case UInt8(ascii: "P"): 50
            case UInt8(ascii: "E"): 60
            default: nil
            }
        }
    }

    /// True if the value is zero.
    public var isZero: Bool { mantissa == 0 && (digits?.allSatisfy { $0 == 0 } ?? true) }

    /// True if the value is positive.
    public var isPositive: Bool { !isNegative && !isZero }

    /// True if the value is an integer.
    public var isWhole: Bool { isZero || normal.exponent >= 0 }

    /// The value as a floating-point number, which is exact for common values only.
    public var approximate: Double {
        let sign = isNegative ? "-" : ""
        let normal = normal
        let text = normal.digits.map { String($0) }.joined()
        return Double("\(sign)\(text.isEmpty ? "0" : text)e\(normal.exponent)") ?? 0
    }

    // MARK: Comparison

    /// The normal form: decimal digits without leading and trailing zeros, and a power of ten.
    private var normal: (digits: [UInt8], exponent: Int) {
        var digits = digits ?? String(mantissa).utf8.map { $0 - UInt8(ascii: "0") }
        for _ in 0..<shift / 10 { digits = Quantity.times1024(digits) }
        var exponent = exponent
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        let significant = Array(digits.drop { $0 == 0 })
        return (significant, significant.isEmpty ? 0 : exponent)
    }

    /// A text that is the same for equal quantities.
    package var normalText: String {
        let normal = normal
        let digits = String(decoding: normal.digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
        return "\(isNegative && !normal.digits.isEmpty ? "-" : "")\(digits)e\(normal.exponent)"
    }

    private static func times1024(_ digits: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var carry = 0
        for digit in digits.reversed() {
            carry += Int(digit) * 1024
            result.append(UInt8(carry % 10))
            carry /= 10
        }
        while carry > 0 {
            result.append(UInt8(carry % 10))
            carry /= 10
        }
        return result.reversed()
    }

    /// Returns the value in units of `10^exponent`; nil if it is not an integer or does not fit.
    private func scaled(to exponent: Int) -> UInt128? {
        guard digits == nil, self.exponent >= exponent, self.exponent - exponent <= 38 else { return nil }
        var result = UInt128(mantissa) << UInt128(shift)
        for _ in 0..<self.exponent - exponent {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            result = product
        }
        return result
    }

    private func isSmallerInSize(than other: Quantity) -> Bool {
        let unit = min(exponent, other.exponent)
        if let mine = scaled(to: unit), let theirs = other.scaled(to: unit) { return mine < theirs }
        let (mine, theirs) = (normal, other.normal)
        let (length, otherLength) = (mine.digits.count + mine.exponent, theirs.digits.count + theirs.exponent)
        if mine.digits.isEmpty || theirs.digits.isEmpty { return mine.digits.isEmpty && !theirs.digits.isEmpty }
        guard length == otherLength else { return length < otherLength }
        return mine.digits.lexicographicallyPrecedes(theirs.digits)
    }
}

extension Quantity: Comparable, Hashable {
    /// True if the first value is less than the second.
    public static func < (left: Quantity, right: Quantity) -> Bool {
        if left.isZero && right.isZero { return false }
        switch (left.isNegative && !left.isZero, right.isNegative && !right.isZero) {
        case (true, false): return true
        case (false, true): return false
        case (false, false): return left.isSmallerInSize(than: right)
        case (true, true): return right.isSmallerInSize(than: left)
        }
    }

    /// True if both values are equal, even if written differently.
    public static func == (left: Quantity, right: Quantity) -> Bool {
        // Most equal quantities are written the same.
        if left.parts == right.parts, left.digits == nil, right.digits == nil { return true }
        return !(left < right) && !(right < left)
    }

    /// Hashes the value, not its text.
    public func hash(into hasher: inout Hasher) {
        let normal = normal
        hasher.combine(isNegative && !isZero)
        hasher.combine(normal.digits)
        hasher.combine(normal.exponent)
    }
}
