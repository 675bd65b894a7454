import Kubernetes

// The forms that a variable's value may have. Each default is what an untouched `Settings` holds, so that it stands once.
extension Setting {
    typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    private static func setting<Value>(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<Value>, _ meaning: String, expected: String,
        written: (Value) -> String, read: @escaping @Sendable (String) -> Value?
    ) -> Setting {
        Setting(
            name: name, topic: topic, form: form, defaultText: written(Settings()[keyPath: path]), meaning: meaning
        ) { (text, settings) throws(Malformed) in
            guard let value = read(text) else { throw Malformed(expected: expected) }
            settings[keyPath: path] = value
        }
    }

    /// A form that says where in the value it is broken.
    static func parsed<Value>(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<Value>, _ meaning: String,
        written: (Value) -> String, read: @escaping @Sendable (String) throws(Misplaced) -> Value
    ) -> Setting {
        Setting(
            name: name, topic: topic, form: form, defaultText: written(Settings()[keyPath: path]), meaning: meaning
        ) { (text, settings) throws(Malformed) in
            do throws(Misplaced) {
                settings[keyPath: path] = try read(text)
            } catch {
                throw Malformed(expected: "at character \(error.at + 1), \(error.expected)")
            }
        }
    }

    /// A list whose entries have a form of their own.
    static func parsedList<Element: CustomStringConvertible & Sendable>(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<[Element]>, _ meaning: String,
        read: @escaping @Sendable (String) throws(Misplaced) -> Element
    ) -> Setting {
        parsed(
            name, topic, "\(form), separated by commas", path, meaning,
            written: { $0.map(\.description).joined(separator: ",") }
        ) { (text) throws(Misplaced) in try elements(of: text, read) }
    }

    /// Reads each entry of a list.
    static func elements<Element>(
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
                    throw Misplaced(at: start + spaces + error.at, expected: error.expected)
                }
            }
            start += entry.count + 1
        }
        return elements
    }

    static func text(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<String>, _ meaning: String
    ) -> Setting {
        setting(
            name, topic, form, path, meaning, expected: "some text", written: { $0 }, read: { $0.isEmpty ? nil : $0 })
    }

    static func optionalText(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<String>, _ meaning: String
    ) -> Setting {
        setting(name, topic, form, path, meaning, expected: "some text", written: { $0 }, read: { $0 })
    }

    static func list(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<[String]>, _ meaning: String
    ) -> Setting {
        setting(
            name, topic, "\(form), separated by commas", path, meaning, expected: "a list separated by commas",
            written: { $0.joined(separator: ",") }, read: { commaSeparated($0) })
    }

    /// A list that adds to its default; an entry after a hyphen is taken out of it.
    static func additions(
        _ name: String, _ topic: Topic, _ form: String, _ path: Path<[String]>, _ meaning: String
    ) -> Setting {
        parsed(
            name, topic, "\(form), separated by commas", path,
            meaning + " A value adds to the default; `-NAME` takes an entry out of it.",
            written: { $0.joined(separator: ",") }
        ) { (text) throws(Misplaced) in
            let defaults = Settings()[keyPath: path]
            var list = defaults
            _ = try elements(of: text) { (entry) throws(Misplaced) in
                if !entry.hasPrefix("-") {
                    if !list.contains(entry) { list.append(entry) }
                } else if defaults.contains(String(entry.dropFirst())) {
                    list.removeAll { $0 == entry.dropFirst() }
                } else {
                    throw Misplaced(at: 1, expected: "one of the defaults (\(defaults.joined(separator: ", ")))")
                }
            }
            return list
        }
    }

    /// Names of zones, as DNS has them.
    static func zones(_ name: String, _ topic: Topic, _ path: Path<[DomainName]>, _ meaning: String) -> Setting {
        parsedList(name, topic, "domains", path, meaning) { (text) throws(Misplaced) in
            let zone = DomainName(text)
            guard zone.isValid, zone.labels[0] != "*" else { throw Misplaced(expected: "a domain such as example.com") }
            return zone
        }
    }

    /// Paths of URLs.
    static func paths(_ name: String, _ topic: Topic, _ path: Path<[String]>, _ meaning: String) -> Setting {
        parsedList(name, topic, "paths", path, meaning) { (text) throws(Misplaced) in
            guard text.hasPrefix("/") else { throw Misplaced(expected: "a path such as /livez") }
            return text
        }
    }

    static func integer(
        _ name: String, _ topic: Topic, _ range: ClosedRange<Int>, _ path: Path<Int>, _ meaning: String
    ) -> Setting {
        setting(
            name, topic, "number", path, meaning,
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)", written: { String($0) },
            read: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } })
    }

    static func optionalInteger(
        _ name: String, _ topic: Topic, _ range: ClosedRange<Int>, _ path: Path<Int?>, _ meaning: String
    ) -> Setting {
        setting(
            name, topic, "number", path, meaning,
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            written: { $0.map(String.init) ?? "" },
            read: { text in Int(text).flatMap { range.contains($0) ? .some(.some($0)) : nil } })
    }

    static func size(_ name: String, _ topic: Topic, _ path: Path<Int>, _ meaning: String) -> Setting {
        setting(
            name, topic, "size", path, meaning, expected: "a size such as 512Ki, 8Mi or 1Gi", written: writtenSize,
            read: readSize)
    }

    static func optionalSize(_ name: String, _ topic: Topic, _ path: Path<Int?>, _ meaning: String) -> Setting {
        setting(
            name, topic, "size", path, meaning, expected: "a size such as 512Ki, 8Mi or 1Gi",
            written: { $0.map(writtenSize) ?? "" }, read: { text in readSize(text).map { .some($0) } })
    }

    static func duration(_ name: String, _ topic: Topic, _ path: Path<Duration>, _ meaning: String) -> Setting {
        setting(
            name, topic, "duration", path, meaning, expected: "a duration such as 500ms, 10s, 5m or 1h",
            written: writtenDuration, read: readDuration)
    }

    static func time(_ name: String, _ topic: Topic, _ path: Path<Timestamp?>, _ meaning: String) -> Setting {
        setting(
            name, topic, "RFC 3339 date or time", path, meaning,
            expected: "a date such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z", written: { _ in "" },
            read: { text in Timestamp(startOf: text).map { .some($0) } })
    }

    static func flag(_ name: String, _ topic: Topic, _ path: Path<Bool>, _ meaning: String) -> Setting {
        setting(
            name, topic, "on|off", path, meaning, expected: "on or off", written: { $0 ? "on" : "off" },
            read: { ["on": true, "off": false][$0] })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ topic: Topic, _ path: Path<Choice>, _ meaning: String
    ) -> Setting {
        let words = Choice.allCases.map(\.rawValue)
        return setting(
            name, topic, words.joined(separator: "|"), path, meaning,
            expected: words.dropLast().joined(separator: ", ") + " or " + (words.last ?? ""),
            written: { $0.rawValue }, read: { Choice(rawValue: $0) })
    }

    static func sample(_ name: String, _ topic: Topic, _ path: Path<Sample>, _ meaning: String) -> Setting {
        setting(
            name, topic, "1/N|fraction", path, meaning, expected: "a share such as 1/20 or 0.05", written: { $0.text },
            read: { Sample(parsing: $0) })
    }

    static func fixes(_ name: String, _ topic: Topic, _ path: Path<Fixes>, _ meaning: String) -> Setting {
        setting(
            name, topic, "additive|all|none|rules, separated by commas", path, meaning,
            expected: "additive, all, none, or a list of rules that have a fix", written: { _ in "additive" }
        ) { text in
            switch text {
            case "additive": return .additive
            case "all": return .all
            case "none": return Fixes.none
            default:
                let ids = commaSeparated(text)
                let fixable = Set(Catalogue.rules.filter { $0.fix != nil }.map(\.id))
                return !ids.isEmpty && fixable.isSuperset(of: ids) ? .rules(ids) : nil
            }
        }
    }

    static func exemptions(
        _ name: String, _ topic: Topic, _ path: Path<[StandingExemption]>, _ meaning: String
    ) -> Setting {
        parsed(name, topic, "exemptions, separated by semicolons", path, meaning, written: { _ in "" }) {
            (text) throws(Misplaced) in
            try elements(of: text, separatedBy: ";") { (entry) throws(Misplaced) in
                guard let exemption = StandingExemption(parsing: entry) else {
                    throw Misplaced(
                        expected: "an entry such as 'replicas@shop/Deployment/legacy-*: one licence until 2027-01-31'")
                }
                return exemption
            }
        }
    }
}

/// The entries of a list that is separated by commas, spaces around them taken off.
func commaSeparated(_ text: String) -> [String] {
    text.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
}

/// A text without the spaces around it.
func trimmed(_ text: some StringProtocol) -> String {
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
