import Kubernetes
package import Languages

/// The form of a variable's value: how it is read, written and described.
public struct SettingForm<Value: Sendable>: Sendable {
    /// The description of the form: `duration`, `HOST:PORT`, `enforce|dry-run`.
    let text: String
    let written: @Sendable (Value) -> String
    let read: @Sendable (_ text: String, _ catalogue: Catalogue) throws(Misplaced) -> Value

    /// Creates a form whose errors are about the whole value.
    private init(
        _ text: String, expected: String, written: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) -> Value?
    ) {
        self.text = text
        self.written = written
        self.read = { (text, _) throws(Misplaced) in
            guard let value = read(text) else { throw Misplaced(at: nil, expected: expected) }
            return value
        }
    }

    /// Returns a form whose errors have a position in the value.
    package static func parsed(
        _ text: String, written: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) throws(Misplaced) -> Value
    ) -> SettingForm {
        SettingForm(text: text, written: written) { (text, _) throws(Misplaced) in try read(text) }
    }

    private init(
        text: String, written: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String, Catalogue) throws(Misplaced) -> Value
    ) {
        self.text = text
        self.written = written
        self.read = read
    }

    /// Returns a form for a list, with the form of its entries.
    package static func parsedList<Element: CustomStringConvertible & Sendable>(
        _ form: String, read: @escaping @Sendable (String) throws(Misplaced) -> Element
    ) -> SettingForm where Value == [Element] {
        parsed("\(form), separated by commas", written: { $0.map(\.description).joined(separator: ",") }) {
            (text) throws(Misplaced) in try elements(of: text, read)
        }
    }

    package static func choice() -> SettingForm where Value: RawRepresentable<String> & CaseIterable {
        let words = Value.allCases.map(\.rawValue)
        return SettingForm(
            words.joined(separator: "|"),
            expected: words.dropLast().joined(separator: ", ") + " or " + (words.last ?? ""),
            written: { $0.rawValue }, read: { Value(rawValue: $0) })
    }
}

extension SettingForm<String> {
    static func text(_ form: String) -> SettingForm {
        SettingForm(form, expected: "a value that is not empty", written: { $0 }, read: { $0.isEmpty ? nil : $0 })
    }

    /// A domain of annotations or labels.
    static var domain: SettingForm {
        SettingForm("domain", expected: "a domain such as example.com", written: { $0 }) { text in
            let labels = text.split(separator: ".", omittingEmptySubsequences: false)
            let isValid =
                text.utf8.count <= 200 && labels.count > 1
                && labels.allSatisfy { label in
                    !label.isEmpty && label.first != "-" && label.last != "-"
                        && label.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...122).contains($0) }
                }
            return isValid ? text : nil
        }
    }

    static func optionalText(_ form: String) -> SettingForm {
        SettingForm(form, expected: "any text", written: { $0 }, read: { $0 })
    }
}

extension SettingForm<[String]> {
    package static func list(_ form: String) -> SettingForm {
        SettingForm(
            "\(form), separated by commas", expected: "a list separated by commas",
            written: { $0.joined(separator: ",") }, read: { commaSeparated($0) })
    }

    /// Returns a form for a list that adds to its default; an entry with a leading hyphen removes a default.
    static func additions(_ form: String, to defaults: [String]) -> SettingForm {
        parsed("\(form), separated by commas", written: { $0.joined(separator: ",") }) { (text) throws(Misplaced) in
            var list = defaults
            _ = try elements(of: text) { (entry) throws(Misplaced) in
                if !entry.hasPrefix("-") {
                    if !list.contains(entry) { list.append(entry) }
                } else if defaults.contains(String(entry.dropFirst())) {
                    list.removeAll { $0 == entry.dropFirst() }
                } else {
                    let near = nearest(to: String(entry.dropFirst()), in: defaults)
                    let advice = near.map { "did you mean \"\($0)\"?" } ?? "`playbook config` lists them"
                    throw Misplaced(at: 1, expected: "an entry of the default; \(advice)")
                }
            }
            return list
        }
    }

    /// A list of URL paths.
    package static var paths: SettingForm {
        parsedList("paths") { (text) throws(Misplaced) in
            guard text.hasPrefix("/") else { throw Misplaced(expected: "a path such as /livez") }
            return text
        }
    }
}

extension SettingForm<Int> {
    package static func integer(_ range: ClosedRange<Int>) -> SettingForm {
        SettingForm(
            "number", expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            written: { String($0) }, read: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } })
    }

    static var size: SettingForm {
        SettingForm("size", expected: "a size such as 512Ki, 8Mi or 1Gi", written: writtenSize, read: readSize)
    }
}

extension SettingForm {
    /// Returns the form for a value that can be unset.
    package static func optional<Wrapped>(_ form: SettingForm<Wrapped>) -> SettingForm where Value == Wrapped? {
        SettingForm(text: form.text, written: { $0.map(form.written) ?? "" }) { (text, catalogue) throws(Misplaced) in
            try form.read(text, catalogue)
        }
    }
}

extension SettingForm<Duration> {
    package static var duration: SettingForm {
        SettingForm(
            "duration", expected: "a duration such as 500ms, 10s, 5m or 1h", written: writtenDuration,
            read: readDuration)
    }
}

extension SettingForm<Timestamp> {
    static var time: SettingForm {
        SettingForm(
            "RFC 3339 date or time",
            expected: "a date such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z", written: { _ in "" },
            read: { Timestamp(startOf: $0) })
    }
}

extension SettingForm<Bool> {
    static var flag: SettingForm {
        SettingForm(
            "on|off", expected: "on or off", written: { $0 ? "on" : "off" }, read: { ["on": true, "off": false][$0] })
    }
}

extension SettingForm<Sample> {
    static var sample: SettingForm {
        SettingForm(
            "1/N|fraction", expected: "a share such as 1/20 or 0.05", written: { $0.text },
            read: { Sample(parsing: $0) })
    }
}

extension SettingForm<Fixes> {
    static var fixes: SettingForm {
        SettingForm(text: "additive|all|none|rules, separated by commas", written: { _ in "additive" }) {
            (text, catalogue) throws(Misplaced) in
            switch text {
            case "additive": return .additive
            case "all": return .all
            case "none": return Fixes.none
            default:
                let ids = commaSeparated(text)
                guard !ids.isEmpty, ids.allSatisfy({ catalogue[$0]?.fix != nil }) else {
                    throw Misplaced(at: nil, expected: "additive, all, none, or a list of rules that have a fix")
                }
                return .rules(ids)
            }
        }
    }
}

extension SettingForm<[StandingExemption]> {
    static var exemptions: SettingForm {
        SettingForm(text: "exemptions, separated by semicolons", written: { _ in "" }) {
            (text, catalogue) throws(Misplaced) in
            try elements(of: text, separatedBy: ";") { (entry) throws(Misplaced) in
                guard let exemption = StandingExemption(parsing: entry, catalogue) else {
                    throw Misplaced(
                        expected:
                            "an entry such as \"replicas@shop/Deployment/legacy-*: one license until 2027-01-31\"")
                }
                return exemption
            }
        }
    }
}

/// Reads the entries of a list.
package func elements<Element>(
    of text: String, separatedBy separator: Character = ",", _ read: (String) throws(Misplaced) -> Element
) throws(Misplaced) -> [Element] {
    var elements: [Element] = []
    var start = 0
    for entry in text.split(separator: separator, omittingEmptySubsequences: false) {
        let word = trimmed(entry)
        if !word.isEmpty {
            do throws(Misplaced) {
                elements.append(try read(word))
            } catch {
                let spaces = entry.prefix { $0.isWhitespace }.count
                throw Misplaced(at: start + spaces + (error.at ?? 0), expected: error.expected)
            }
        }
        start += entry.count + 1
    }
    return elements
}

/// Returns the entries of a comma-separated list, trimmed.
package func commaSeparated(_ text: String) -> [String] {
    text.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
}

/// Returns a text without leading and trailing white space.
package func trimmed(_ text: some StringProtocol) -> String {
    var rest = text[...]
    while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
}

private let sizes: [(suffix: String, bytes: Int)] = [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)]

private func readSize(_ text: String) -> Int? {
    for (suffix, bytes) in sizes where text.hasSuffix(suffix) {
        guard let number = Int(text.dropLast(2)), number > 0, number <= (2 << 30) / bytes else { return nil }
        return number * bytes
    }
    return Int(text).flatMap { $0 > 0 && $0 <= 2 << 30 ? $0 : nil }
}

func writtenSize(_ size: Int) -> String {
    for (suffix, bytes) in sizes where size % bytes == 0 { return "\(size / bytes)\(suffix)" }
    return String(size)
}

private let units: [(suffix: String, milliseconds: Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]

private func readDuration(_ text: String) -> Duration? {
    for (suffix, milliseconds) in units where text.hasSuffix(suffix) {
        guard let number = Int64(text.dropLast(suffix.count)), number >= 0, number < 1_000_000_000 else { continue }
        return .milliseconds(number * milliseconds)
    }
    return nil
}

private func writtenDuration(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    for (suffix, unit) in units.reversed() where milliseconds % unit == 0 && milliseconds >= unit {
        return "\(milliseconds / unit)\(suffix)"
    }
    return "0s"
}
