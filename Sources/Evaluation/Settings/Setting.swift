import Languages

/// An environment variable: its name, form, default and meaning.
public struct Setting: Sendable {
    /// A section of the configuration reference.
    public enum Topic: String, Sendable, CaseIterable {
        case server = "Server"
        case recording = "Recording"
        case evaluation = "Evaluation"
        case rules = "Rules"
    }

    /// The name, as in `PLAYBOOK_MODE`.
    public let name: String
    /// The section of the configuration reference that lists the setting.
    public let topic: Topic
    /// The form of a value: `duration`, `HOST:PORT`, `enforce|dry-run`.
    public let form: String
    /// The default in the same form; empty if there is none.
    public let defaultText: String
    /// The effect of the setting, for help and documentation.
    public let meaning: String
    /// Stores a value in the settings.
    let apply: @Sendable (_ text: String, _ settings: inout Settings) throws(Misplaced) -> Void

    /// Creates a setting of the server or of all rules; the default is the initial value of the property.
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

extension Misplaced {
    fileprivate var expectation: String {
        at.map { "at character \($0 + 1), expected \(expected)" } ?? "use \(expected)"
    }
}

/// The errors in the environment, one per variable.
public struct SettingsError: Error, CustomStringConvertible {
    /// The errors, in the order of the settings.
    public let complaints: [String]
    /// All errors, one per line.
    public var description: String { complaints.joined(separator: "\n") }
}

extension Settings {
    /// Reads the environment.
    ///
    /// Service links of Kubernetes (`PLAYBOOK_SERVICE_HOST`, `PLAYBOOK_PORT_443_TCP`, …) are ignored: the kubelet sets them for
    /// every Service of the namespace, so a Service named `playbook` would prevent the server from starting.
    ///
    /// - Parameters:
    ///   - environment: Names and values; only names that begin with `PLAYBOOK_` are read.
    ///   - catalogue: The rules, which have their own settings.
    /// - Throws: ``SettingsError`` with every invalid or unknown variable.
    public init(environment: [String: String], catalogue: Catalogue) throws(SettingsError) {
        self.init(catalogue: catalogue)
        var complaints: [String] = []
        let given = environment.filter { $0.key.hasPrefix("PLAYBOOK_") && !Settings.isServiceLink($0.key, $0.value) }
        ignoredServiceLinks = catalogue.settings.map(\.name).filter { environment[$0] != nil && given[$0] == nil }
        for setting in catalogue.settings {
            guard let text = given[setting.name] else { continue }
            // `unknownOperator` and denials name settings as NAME=VALUE.
            guard !text.hasPrefix("\(setting.name)=") else {
                complaints.append("\(setting.name): the value repeats the name; set only what is after \"=\"")
                continue
            }
            do {
                try setting.apply(text, &self)
            } catch {
                complaints.append(
                    "\(setting.name): unsupported value \"\(SecretMask.masked(text))\"; \(error.expectation)")
            }
        }
        let known = Set(catalogue.settings.map(\.name))
        for name in given.keys.sorted() where !known.contains(name) {
            let nearest = nearest(to: name, in: known.sorted())
            complaints.append("unknown setting \(name)\(nearest.map { "; did you mean \($0)?" } ?? "")")
        }
        if !complaints.isEmpty { throw SettingsError(complaints: complaints) }
    }

    /// True if the kubelet set the variable for a Service of the namespace (Kubernetes, "Accessing the Service").
    public static func isServiceLink(_ name: String, _ value: String) -> Bool {
        guard name.hasPrefix("PLAYBOOK_") else { return false }
        if name.hasSuffix("_SERVICE_HOST") || name.firstRange(ofText: "_SERVICE_PORT") != nil { return true }
        // PLAYBOOK_PORT, PLAYBOOK_METRICS_PORT, PLAYBOOK_PORT_443_TCP, PLAYBOOK_PORT_443_TCP_ADDR
        guard let range = name.firstRange(ofText: "_PORT") else { return false }
        let rest = name[range.upperBound...]
        // A setting can have such a name: a service link's value is always a URL, and a setting's value never is.
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
