import Kubernetes

/// One environment variable: its name, what it looks like, its default and its meaning.
public struct Setting: Sendable {
    /// The part of the documentation that it stands in.
    public enum Topic: String, Sendable, CaseIterable {
        case server = "Server"
        case recording = "Recording"
        case judging = "Judging"
        case rules = "Rules"
    }

    /// The name, as in `PLAYBOOK_MODE`.
    public let name: String
    /// Where it is documented.
    public let topic: Topic
    /// What a value looks like: `duration`, `HOST:PORT`, `enforce|dry-run`.
    public let form: String
    /// The default, as one would write it; empty when unset.
    public let defaultText: String
    /// What it does.
    public let meaning: String
    /// Puts a value in.
    let apply: @Sendable (_ text: String, _ settings: inout Settings) throws(Misplaced) -> Void

    /// A setting of the server, or of all rules; its default is what untouched settings hold.
    init<Value>(
        _ name: String, _ topic: Topic, _ form: SettingForm<Value>,
        _ path: any WritableKeyPath<Settings, Value> & Sendable, _ meaning: String,
        then derive: @escaping @Sendable (inout Settings) -> Void = { _ in }
    ) {
        self.init(
            name: name, topic: topic, form: form.text,
            defaultText: form.written(Settings(catalogue: Catalogue(rules: []))[keyPath: path]), meaning: meaning
        ) { (text, settings) throws(Misplaced) in
            settings[keyPath: path] = try form.read(text, settings.catalogue)
            derive(&settings)
        }
    }

    init(
        name: String, topic: Topic, form: String, defaultText: String, meaning: String,
        apply: @escaping @Sendable (_ text: String, _ settings: inout Settings) throws(Misplaced) -> Void
    ) {
        self.name = name
        self.topic = topic
        self.form = form
        self.defaultText = defaultText
        self.meaning = meaning
        self.apply = apply
    }
}

/// A value that cannot be used, and where: how many characters stand before the place; nil for the whole value.
package struct Misplaced: Error {
    var at: Int?
    package let expected: String

    package init(at: Int? = 0, expected: String) {
        self.at = at
        self.expected = expected
    }

    fileprivate var expectation: String { at.map { "at character \($0 + 1), \(expected)" } ?? expected }
}

/// What is wrong with the environment, one entry a variable.
public struct SettingsError: Error, CustomStringConvertible {
    /// The complaints, in the order of the table.
    public let complaints: [String]
    /// All complaints, a line each.
    public var description: String { complaints.joined(separator: "\n") }
}

extension Settings {
    /// Reads the environment.
    ///
    /// Kubernetes' service links (`PLAYBOOK_SERVICE_HOST`, `PLAYBOOK_PORT_443_TCP`, …) are ignored: the kubelet makes them for
    /// every Service of the namespace, so one called `playbook` would keep the server from starting.
    ///
    /// - Parameters:
    ///   - environment: Names and values; only those that start with `PLAYBOOK_` are looked at.
    ///   - catalogue: The rules, which have settings of their own.
    /// - Throws: ``SettingsError`` with every malformed or unknown variable.
    public init(environment: [String: String], catalogue: Catalogue) throws(SettingsError) {
        self.init(catalogue: catalogue)
        var complaints: [String] = []
        let given = environment.filter { $0.key.hasPrefix("PLAYBOOK_") && !Settings.isServiceLink($0.key, $0.value) }
        ignoredServiceLinks = catalogue.settings.map(\.name).filter { environment[$0] != nil && given[$0] == nil }
        for setting in catalogue.settings {
            guard let text = given[setting.name] else { continue }
            do {
                try setting.apply(text, &self)
            } catch {
                complaints.append("\(setting.name) is '\(text)': \(error.expectation) was expected")
            }
        }
        let known = Set(catalogue.settings.map(\.name))
        for name in given.keys.sorted() where !known.contains(name) {
            let nearest = nearest(to: name, in: known.sorted())
            complaints.append("\(name) is no setting\(nearest.map { "; did you mean \($0)?" } ?? "")")
        }
        if !complaints.isEmpty { throw SettingsError(complaints: complaints) }
    }

    /// Whether the kubelet made the variable for a Service of the namespace (Kubernetes, "Accessing the Service").
    public static func isServiceLink(_ name: String, _ value: String) -> Bool {
        guard name.hasPrefix("PLAYBOOK_") else { return false }
        if name.hasSuffix("_SERVICE_HOST") || name.firstRange(ofText: "_SERVICE_PORT") != nil { return true }
        // PLAYBOOK_PORT, PLAYBOOK_METRICS_PORT, PLAYBOOK_PORT_443_TCP, PLAYBOOK_PORT_443_TCP_ADDR
        guard let range = name.firstRange(ofText: "_PORT") else { return false }
        let rest = name[range.upperBound...]
        // A setting may have this name: the kubelet always writes a URL, and no setting ever is one.
        if rest.isEmpty { return ["tcp://", "udp://", "sctp://"].contains { value.hasPrefix($0) } }
        let parts = rest.split(separator: "_")
        return parts.count >= 2 && parts[0].allSatisfy(\.isNumber) && ["TCP", "UDP", "SCTP"].contains(parts[1])
    }
}

extension String {
    fileprivate func firstRange(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
