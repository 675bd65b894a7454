import JSON

/// An amount of a resource, as Kubernetes writes it (`resource.Quantity`): `512Mi`, `250m`, `1.5`, `2e3`.
///
/// Compared by value and exactly, however large or small: `1Gi` equals `1024Mi`, `0.5` equals `500m`. The API server rounds what
/// is finer than a billionth up and caps what does not fit 64 bits; here nothing is rounded, so that what an author wrote
/// is told apart even there.
public struct Quantity: Sendable {
    /// An amount whose digits fit: `mantissa * 2^shift * 10^exponent`, in two words, which fit into registers.
    struct Number: Sendable, Equatable {
        let mantissa: UInt64
        private let scale: Int64

        init(mantissa: UInt64 = 0, exponent: Int = 0, shift: Int = 0, isNegative: Bool = false) {
            self.mantissa = mantissa
            // A shift is at most 60, and an exponent has a little more than 32 bits.
            scale = Int64(exponent) << 8 | Int64(shift) << 1 | (isNegative ? 1 : 0)
        }

        var exponent: Int { Int(scale >> 8) }
        var shift: Int { Int(scale >> 1 & 127) }
        var isNegative: Bool { scale & 1 == 1 }
    }

    private let parts: Number
    /// The digits, where they do not fit.
    private let digits: [UInt8]?

    private var isNegative: Bool { parts.isNegative }
    private var mantissa: UInt64 { parts.mantissa }
    private var exponent: Int { parts.exponent }
    private var shift: Int { parts.shift }

    /// The amount as numbers alone; nil where its digits do not fit.
    var number: Number? { digits == nil ? parts : nil }

    /// The longest text that is read; nothing that anyone means is longer.
    static let maximumLength = 1000

    /// Reads an amount; nil when it is none, or is longer than 1,000 characters.
    ///
    /// - Parameter text: A sign, digits with at most one point, and a suffix (`n u m k M G T P E`, `Ki` to `Ei`) or an
    ///   exponent (`e3`, `E-3`); no spaces.
    public init?(_ text: String) { self.init(text.utf8.span) }

    /// Reads the amount that a string or a number holds.
    init?(_ value: Value) {
        // As it is written, nearly always; what has escapes is no amount before they are decoded.
        if let quantity = value.withRawText({ Quantity($0) }) {
            self = quantity
        } else {
            self.init(value.text)
        }
    }

    /// An amount of which the numbers are known; where its digits did not fit, it is read again from the value.
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
                // 19 digits fit in any case.
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

    /// Appends a digit to a number that may not fit any more.
    @inline(never)
    private static func appending(_ digit: UInt8, to mantissa: UInt64, _ digits: [UInt8]?) -> (UInt64, [UInt8]?) {
        if let digits { return (mantissa, digits + [digit]) }
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        guard overflow || carry else { return (sum, nil) }
        return (mantissa, String(mantissa).utf8.map { $0 - UInt8(ascii: "0") } + [digit])
    }

    /// The suffix.
    private struct Scale {
        var exponent = 0
        var shift = 0

        /// Reads what follows the digits.
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

        /// The power of ten that is written out: `e3`.
        @inline(never)
        private static func written(_ bytes: Span<UInt8>, from start: Int) -> Int? {
            guard bytes[start] | 0x20 == UInt8(ascii: "e"), bytes.count - start <= 12 else { return nil }
            let digits = (start + 1..<bytes.count).map { bytes[$0] }
            guard let value = Int(String(decoding: digits, as: UTF8.self)), abs(value) <= Int(Int32.max)
            else { return nil }
            return value
        }

        /// The power of ten that a letter stands for.
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

        /// The power of two that a letter before an `i` stands for.
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

    /// Whether it is nothing.
    public var isZero: Bool { mantissa == 0 && (digits?.allSatisfy { $0 == 0 } ?? true) }

    /// Whether it is more than nothing.
    public var isPositive: Bool { !isNegative && !isZero }

    /// Whether it is a whole number.
    public var isWhole: Bool { isZero || normal.exponent >= 0 }

    /// The amount as a floating-point number, which is exact for everyday amounts only.
    public var approximate: Double {
        let sign = isNegative ? "-" : ""
        let normal = normal
        let text = normal.digits.map { String($0) }.joined()
        return Double("\(sign)\(text.isEmpty ? "0" : text)e\(normal.exponent)") ?? 0
    }

    // MARK: Comparison

    /// The amount in its one normal form: decimal digits without zeros at either end, and a power of ten.
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

    /// A text that equal amounts share, however they are written.
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

    /// The amount in units of `10^exponent`, where that is a whole number that fits.
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
    /// Whether the amount is less.
    public static func < (left: Quantity, right: Quantity) -> Bool {
        if left.isZero && right.isZero { return false }
        switch (left.isNegative && !left.isZero, right.isNegative && !right.isZero) {
        case (true, false): return true
        case (false, true): return false
        case (false, false): return left.isSmallerInSize(than: right)
        case (true, true): return right.isSmallerInSize(than: left)
        }
    }

    /// Whether both are the same amount, however written.
    public static func == (left: Quantity, right: Quantity) -> Bool {
        // Written alike, nearly always.
        if left.parts == right.parts, left.digits == nil, right.digits == nil { return true }
        return !(left < right) && !(right < left)
    }

    /// Feeds the amount, not its spelling.
    public func hash(into hasher: inout Hasher) {
        let normal = normal
        hasher.combine(isNegative && !isZero)
        hasher.combine(normal.digits)
        hasher.combine(normal.exponent)
    }
}
