/// What a scalar's text means (YAML 1.1, as Kubernetes' reader has it).
enum Scalar {
    /// Why a text is not what its tag says, or cannot be in JSON.
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
                throw Problem(message: "'\(text)' is no boolean")
            }
            return .bool(value)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float":
            guard let number = try number(text) else {
                throw Problem(message: "'\(text)' is no number")
            }
            return .number(number)
        case let tag?: throw Problem(message: "the tag \(tag) is not understood")
        }
    }

    private static func plain(_ text: String) throws(Problem) -> YAMLNode.Content {
        if ["", "~", "null", "Null", "NULL"].contains(text) { return .null }
        if let value = boolean(text) { return .bool(value) }
        if let number = try number(text) { return .number(number) }
        return .string(text)
    }

    /// go-yaml's booleans; `y` and `n` alone are strings there.
    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// The number as JSON writes it, with its digits as they are wherever JSON has the same form.
    private static func number(_ text: String) throws(Problem) -> String? {
        guard let first = text.utf8.first,
            first &- UInt8(ascii: "0") <= 9 || "+-.".utf8.contains(first)
        else { return nil }
        if [".inf", "-.inf", "+.inf", ".nan"].contains(text.lowercased()) {
            throw Problem(message: "\(text) cannot be written in JSON")
        }
        let isNegative = first == UInt8(ascii: "-")
        let digits = (isNegative || first == UInt8(ascii: "+") ? text.dropFirst() : text[...]).filter { $0 != "_" }
        guard let start = digits.utf8.first, start &- UInt8(ascii: "0") <= 9 || start == UInt8(ascii: ".") else {
            return nil
        }
        let sign = isNegative ? "-" : ""
        if let (radix, rest) = radix(of: digits) {
            guard let value = UInt64(rest, radix: radix), rest.utf8.first != UInt8(ascii: "+") else { return nil }
            return sign + String(value)
        }
        return decimal(digits).map { sign + $0 }
    }

    private static func radix(of digits: String) -> (Int, String)? {
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { return (16, String(digits.dropFirst(2))) }
        if digits.hasPrefix("0b") { return (2, String(digits.dropFirst(2))) }
        if digits.hasPrefix("0o") { return (8, String(digits.dropFirst(2))) }
        // YAML 1.1's octal: a leading zero and nothing but octal digits.
        let rest = digits.dropFirst()
        guard digits.hasPrefix("0"), !rest.isEmpty, rest.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") <= 7 }) else {
            return nil
        }
        return (8, String(rest))
    }

    /// Digits, a fraction and an exponent, in JSON's form; nil when it is something else.
    private static func decimal(_ text: String) -> String? {
        var rest = text.utf8[...]
        func digits(_ rest: inout Substring.UTF8View) -> String {
            let taken = rest.prefix { $0 &- UInt8(ascii: "0") <= 9 }
            rest = rest.dropFirst(taken.count)
            return String(decoding: taken, as: UTF8.self)
        }
        let whole = digits(&rest)
        var fraction = ""
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = digits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        var exponent = ""
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                exponent = sign == UInt8(ascii: "-") ? "-" : ""
                rest = rest.dropFirst()
            }
            let power = digits(&rest)
            guard !power.isEmpty else { return nil }
            exponent = "e" + exponent + power
        }
        guard rest.isEmpty else { return nil }
        let leading = whole.drop { $0 == "0" }
        return (leading.isEmpty ? "0" : String(leading)) + (fraction.isEmpty ? "" : "." + fraction) + exponent
    }
}
