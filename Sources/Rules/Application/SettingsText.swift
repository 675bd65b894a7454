import Evaluation
import JSON
import Languages

/// Settings in ConfigMaps, as opposed to dashboards, scripts, queries, certificates and the configuration of servers.
enum SettingsText {
    /// True if an entry of a ConfigMap is a setting or a settings file.
    static func isOne(_ key: String, _ value: Value) -> Bool {
        guard value.kind == .string else { return false }
        // Larger files are not settings.
        lazy var text = value.byteCount <= 64 << 10 ? value.text : nil
        switch ending(of: key) {
        case nil: return isOneLine(value) || text.map(hasPairsAlone) ?? false
        case "env", "properties", "ini", "toml": return true
        case "yaml", "yml", "json": return text.map(hasScalarsAlone) ?? false
        default: return false
        }
    }

    /// True if a file with this name can contain settings.
    static func isFile(named name: String) -> Bool {
        ending(of: Script.baseName(name)).map(["env", "properties", "ini", "toml", "yaml", "yml", "json"].contains)
            ?? true
    }

    /// True if a path is in a directory of a server's configuration, dashboards, scripts or certificates.
    static func isOfServer(path: String) -> Bool {
        path.utf8.count <= 512 && path.split(separator: "/").contains { directories.contains($0) }
    }

    private static let directories: Set<Substring> = [
        "nginx", "envoy", "haproxy", "httpd", "apache2", "traefik", "coredns", "prometheus", "alertmanager", "grafana",
        "loki",
        "fluent-bit", "fluentd", "otel", "otelcol", "otelcol-contrib", "dashboards", "docker-entrypoint-initdb.d",
        "scripts",
        "certs", "ssl", "pki", "ca-certificates",
    ]

    /// The keys at the top of the configuration of the OpenTelemetry Collector, Traefik, Envoy and Prometheus.
    private static let serverKeys: Set<String> = [
        "receivers", "exporters", "entryPoints", "static_resources", "scrape_configs",
    ]

    private static func ending(of name: String) -> String? {
        name.utf8.lastIndex(of: UInt8(ascii: ".")).map { name[name.utf8.index(after: $0)...].lowercased() }
    }

    /// True if a value is one line, so that it can become a variable.
    static func isOneLine(_ value: Value) -> Bool {
        value.withContents { text in
            let end = text.count > 0 && text[text.count - 1] == UInt8(ascii: "\n") ? text.count - 1 : text.count
            for at in 0..<end where text[at] == UInt8(ascii: "\n") { return false }
            return true
        }
    }

    // MARK: Lines

    /// True if each line is `name=value` or `name: value`, without the lines of a script or a block.
    private static func hasPairsAlone(_ text: String) -> Bool {
        guard !text.hasPrefix("#!") else { return false }
        let lines = text.split(whereSeparator: \.isNewline).lazy.map { trimmed($0) }.filter {
            !$0.isEmpty && !$0.hasPrefix("#")
        }
        return lines.first != nil && lines.allSatisfy(isPair)
    }

    private static func isPair(_ line: String) -> Bool {
        let name = line.utf8.prefix { NameWords.isInName($0) }
        let rest = line.utf8[name.endIndex...]
        guard !name.isEmpty, name.first != UInt8(ascii: "-"), let mark = rest.first else { return false }
        if mark == UInt8(ascii: "=") { return true }
        // `X-Frame-Options: DENY` is a header of HTTP.
        if name.contains(UInt8(ascii: "-")), let first = line.first, first.isUppercase { return false }
        return isEntry(line) && rest.count > 1
            && !["{", "[", "|", ">", "&"].contains { Substring(rest.dropFirst(2)).hasPrefix($0) }
    }

    // MARK: YAML and JSON

    /// True if YAML or JSON has only objects, scalars and lists of scalars, and no multi-line strings.
    private static func hasScalarsAlone(_ text: String) -> Bool {
        if trimmed(text).hasPrefix("{") {
            guard let object = try? Literal(parsing: Array(text.utf8)) else { return false }
            return !object.members.contains { serverKeys.contains($0.key) } && hasScalarsAlone(object)
                && hasScalar(object)
        }
        var hasKeys = false
        for line in text.split(whereSeparator: \.isNewline) {
            let content = trimmed(line)
            guard let first = content.first, first != "#" else { continue }
            if content == "---" { continue }
            // `{{` is a template, `|` and `>` start a multi-line string.
            let end = content.last
            if first == "{" || first == "[" || end == "|" || end == ">" || content.hasSuffix("|-")
                || content.hasSuffix(">-")
            {
                return false
            }
            if first == "-" {
                let element = trimmed(content.dropFirst())
                if element.isEmpty || element.hasPrefix("{") || element.hasPrefix("-") || isEntry(element) {
                    return false
                }
                continue
            }
            guard isEntry(content), !serverKeys.contains(String(line.prefix { $0 != ":" })) else { return false }
            hasKeys = true
        }
        return hasKeys
    }

    /// True if a line is a key with a value that is not a list of objects.
    private static func isEntry(_ line: String) -> Bool {
        let bytes = Array(line.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
        guard colon + 1 == bytes.count || bytes[colon + 1] == UInt8(ascii: " ") else { return false }
        let value = bytes[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
        return !(value.first == UInt8(ascii: "[") && value.contains(UInt8(ascii: "{")))
    }

    private static func hasScalarsAlone(_ literal: Literal) -> Bool {
        switch literal {
        case .object(let members): members.allSatisfy { hasScalarsAlone($0.value) }
        case .array(let elements):
            elements.allSatisfy { if case .object = $0 { false } else if case .array = $0 { false } else { true } }
        default: true
        }
    }

    /// True if an object has a member with a scalar, at any depth.
    private static func hasScalar(_ literal: Literal) -> Bool {
        literal.members.contains { member in
            switch member.value {
            case .object, .array: hasScalar(member.value)
            default: true
            }
        }
    }
}
