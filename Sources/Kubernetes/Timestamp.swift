/// A time in whole seconds (RFC 3339).
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64

    /// Creates a time.
    public init(seconds: Int64) { self.seconds = seconds }

    /// Reads `2026-11-23T10:00:00Z`; fractions of a second are dropped, offsets are applied.
    public init?(_ text: String) {
        var reader = Reader(rest: text.utf8[...])
        guard let day = reader.day(), reader.takes("Tt"), let hour = reader.number(2, 0...23), reader.takes(":"),
            let minute = reader.number(2, 0...59), reader.takes(":"), let second = reader.number(2, 0...60)
        else { return nil }
        if reader.takes(".") {
            guard reader.skipDigits() else { return nil }
        }
        guard let offset = reader.offset(), reader.rest.isEmpty else { return nil }
        // A leap second is the first second of the next minute.
        seconds = day * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
    }

    /// Reads a time, or a date as its first second in UTC.
    public init?(startOf text: String) {
        if let day = Timestamp.day(text) {
            self.init(seconds: day * 86_400)
        } else {
            self.init(text)
        }
    }

    /// Reads a time, or a date as its last second in UTC: "until 2027-01-31" includes that day.
    public init?(endOf text: String) {
        if let day = Timestamp.day(text) {
            self.init(seconds: day * 86_400 + 86_399)
        } else {
            self.init(text)
        }
    }

    private static func day(_ text: String) -> Int64? {
        var reader = Reader(rest: text.utf8[...])
        guard let day = reader.day(), reader.rest.isEmpty else { return nil }
        return day
    }

    /// True if one time is before another.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    /// The time in UTC; only the date for the last second of a day, as in `exempt-until`.
    public var description: String {
        let (day, second) = (seconds.flooredDivision(by: 86_400), seconds.flooredRemainder(by: 86_400))
        let date = Timestamp.civil(day)
        let text = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        if second == 86_399 { return text }
        return "\(text)T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))Z"
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    // MARK: Calendar

    /// Returns the days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March).
    fileprivate static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredDivision(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Returns the date of a day since 1970-01-01, by the same algorithms.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private struct Reader {
        var rest: Substring.UTF8View

        mutating func takes(_ bytes: String) -> Bool {
            guard let first = rest.first, bytes.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }

        mutating func number(_ width: Int, _ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix(width)
            guard digits.count == width, digits.allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }) else { return nil }
            let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            rest = rest.dropFirst(width)
            return range.contains(value) ? value : nil
        }

        mutating func skipDigits() -> Bool {
            let before = rest.count
            rest = rest.drop { $0 &- UInt8(ascii: "0") <= 9 }
            return rest.count < before
        }

        mutating func day() -> Int64? {
            guard let year = number(4, 0...9999), takes("-"), let month = number(2, 1...12), takes("-"),
                let day = number(2, 1...31)
            else { return nil }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            guard day <= lengths[month - 1] else { return nil }
            return Timestamp.days(year: Int64(year), month: Int64(month), day: Int64(day))
        }

        /// Reads the offset from UTC, in seconds.
        mutating func offset() -> Int? {
            if takes("Zz") { return 0 }
            let isEast = rest.first == UInt8(ascii: "+")
            guard takes("+-"), let hour = number(2, 0...23), takes(":"), let minute = number(2, 0...59) else {
                return nil
            }
            return (isEast ? 1 : -1) * (hour * 3600 + minute * 60)
        }
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    fileprivate func flooredRemainder(by divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
