/// Resolves a scalar's text to a value (YAML 1.1, as in Kubernetes).
enum Scalar {
    /// The reason that a text does not match its tag or has no JSON form.
    struct Problem: Error {
        let message: String
    }

    static func content(
        of text: String, tag: String?, isPlain: Bool
    ) throws(Problem) -> YAMLNode.Content {
        switch tag {
        case "tag:yaml.org,2002:str", "!": return .string(text)
        case nil where !isPlain: return .string(text)
        case nil: return try plain(text)
        case "tag:yaml.org,2002:null": return .null
        case "tag:yaml.org,2002:bool":
            guard let value = boolean(text) else {
                throw Problem(message: "\"\(text)\" is not a boolean")
            }
            return .bool(value)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float":
            guard let number = try number(text) else {
                throw Problem(message: "\"\(text)\" is not a number")
            }
            guard number.isWhole || tag != "tag:yaml.org,2002:int" else {
                throw Problem(message: "\"\(text)\" is not an integer")
            }
            return .number(number.text)
        case "tag:yaml.org,2002:binary":
            guard let bytes = Base64Text.decoded(text) else {
                throw Problem(message: "!!binary is not followed by base64")
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        // Kubernetes reads a time as text, with or without a tag.
        case "tag:yaml.org,2002:timestamp":
            guard let first = text.utf8.first, first &- UInt8(ascii: "0") <= 9 else {
                throw Problem(message: "\"\(text)\" is not a timestamp")
            }
            return .string(text)
        case let tag?: throw Problem(message: "unsupported tag \(tag)")
        }
    }

    private static func plain(_ text: String) throws(Problem) -> YAMLNode.Content {
        if ["", "~", "null", "Null", "NULL"].contains(text) { return .null }
        if let value = boolean(text) { return .bool(value) }
        if let number = try number(text) { return .number(number.text) }
        return .string(text)
    }

    /// The booleans of go-yaml 2, which Kubernetes uses.
    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "y", "Y", "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
        case "n", "N", "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// The number as JSON, and true if it is an integer.
    ///
    /// Kubernetes writes a number that is not a 64-bit integer as the shortest text of the same double: `1000.0` becomes `1000`.
    private static func number(_ text: String) throws(Problem) -> (text: String, isWhole: Bool)? {
        guard let first = text.utf8.first,
            first &- UInt8(ascii: "0") <= 9 || "+-.".utf8.contains(first)
        else { return nil }
        let unsigned = first == UInt8(ascii: "-") || first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        if [".inf", ".Inf", ".INF"].contains(unsigned) || [".nan", ".NaN", ".NAN"].contains(text) {
            throw Problem(message: "\(text) cannot be written in JSON")
        }
        let isNegative = first == UInt8(ascii: "-")
        let digits = unsigned.filter { $0 != "_" }
        guard let start = digits.utf8.first, start &- UInt8(ascii: "0") <= 9 || start == UInt8(ascii: ".") else {
            return nil
        }
        let sign = isNegative ? "-" : ""
        if let (radix, rest) = radix(of: digits) {
            guard let value = UInt64(rest, radix: radix), rest.utf8.first != UInt8(ascii: "+") else { return nil }
            return integer(sign, value)
        }
        if digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }), let value = UInt64(digits) {
            return integer(sign, value)
        }
        guard isDecimal(digits), let value = Double(digits.last == "." ? digits + "0" : digits), value.isFinite else {
            return nil
        }
        return ((value == 0 ? "" : sign) + shortest(value), false)
    }

    private static func integer(_ sign: String, _ value: UInt64) -> (text: String, isWhole: Bool) {
        let most = UInt64(Int64.max) + (sign.isEmpty ? 0 : 1)
        let text = value <= most ? String(value) : shortest(Double(value))
        return ((value == 0 ? "" : sign) + text, true)
    }

    private static func radix(of digits: String) -> (Int, String)? {
        for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] where digits.prefix(2).lowercased() == prefix {
            return (radix, String(digits.dropFirst(2)))
        }
        // YAML 1.1's octal numbers: a leading zero and octal digits.
        let rest = digits.dropFirst()
        guard digits.hasPrefix("0"), !rest.isEmpty, rest.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") <= 7 }) else {
            return nil
        }
        return (8, String(rest))
    }

    /// True if a text is digits with a fraction or an exponent, and nothing else.
    private static func isDecimal(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func skipDigits() -> Bool {
            let count = rest.prefix { $0 &- UInt8(ascii: "0") <= 9 }.count
            rest = rest.dropFirst(count)
            return count > 0
        }
        let hasWhole = skipDigits()
        var hasFraction = false
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            hasFraction = skipDigits()
        }
        guard hasWhole || hasFraction else { return false }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard skipDigits() else { return false }
        }
        return rest.isEmpty
    }

    /// A double without its sign in Go's JSON form: with an exponent only below 1e-6 and from 1e21 on.
    private static func shortest(_ value: Double) -> String {
        // Swift's digits are the shortest too, but can have another form.
        let parts = "\(value.magnitude)".split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        var point = mantissa[0].utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = mantissa.joined()
        while digits.hasPrefix("0"), digits.utf8.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0"), digits.utf8.count > 1 { digits.removeLast() }
        guard digits != "0" else { return "0" }
        if point <= -6 || point > 21 {
            let fraction = digits.dropFirst()
            let exponent = point - 1
            return
                "\(digits.prefix(1))\(fraction.isEmpty ? "" : "." + fraction)e\(exponent < 0 ? "-" : "+")\(abs(exponent))"
        }
        if point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
        let count = digits.utf8.count
        if count <= point { return digits + String(repeating: "0", count: point - count) }
        return "\(digits.prefix(point)).\(digits.dropFirst(point))"
    }
}

/// Base64 as in Go's standard encoding: line breaks are skipped, padding is required.
private enum Base64Text {
    static func decoded(_ text: String) -> [UInt8]? {
        let characters = text.utf8.filter { $0 != 0x0A && $0 != 0x0D }
        guard characters.count % 4 == 0 else { return nil }
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var (bytes, bits, count): ([UInt8], UInt32, Int) = ([], 0, 0)
        for character in characters.dropLast(padding) {
            guard let value = value(of: character) else { return nil }
            (bits, count) = (bits << 6 | value, count + 6)
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
