import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let environmentConfig = Rule(
        id: "environment-config",
        title: "Settings are variables, not files",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            A process that is set up by its environment alone (The Twelve-Factor App) runs anywhere, and each setting is changed by \
            itself. A file in a ConfigMap has to be put together by whoever deploys, and reaches the process when it likes to.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope(.withPodSpec),
        clauses: [asVolume, asFile, projected],
        relatedObjects: [.configMap],
        examples: cases,
        check: checkVolumes
    )
}

private let asVolume = Clause("volume", "no volume is a ConfigMap with settings")
private let asFile = Clause("sub-path", "no file of settings in a ConfigMap is mounted by itself (`subPath`)")
private let projected = Clause("projected", "no ConfigMap with settings is a source of a projected volume")

private func checkVolumes(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let mounts = Mounts(in: template)
    let settings = SettingsOfMaps(subject, context)
    for volume in try template.volumes.objects() {
        try findings.step()
        let map = try volume["configMap"]
        if try map.object() != nil {
            try report(map, of: volume, mounts, settings, findings)
            continue
        }
        let sources = try volume["projected"]["sources"]
        guard sources.isPresent else { continue }
        var (count, maps) = (0, 0)
        for source in try sources.objects() {
            try findings.step()
            count += 1
            if try source["configMap"].object() != nil { maps += 1 }
        }
        for source in try sources.objects() where maps > 0 {
            // With its last source the volume goes.
            try report(
                source["configMap"], of: volume, mounts, settings, findings, isSource: true, isAlone: maps == count)
        }
    }
}

/// Reports a ConfigMap that a volume is made of, or that is one of its sources.
private func report(
    _ map: Field, of volume: Field, _ mounts: Mounts, _ settings: SettingsOfMaps, _ findings: FindingCollector,
    isSource: Bool = false, isAlone: Bool = true
) throws(CannotJudge) {
    guard let name = try map["name"].string(), !isOfCluster(name) else { return }
    lazy var mounted = mounts.of(volume)
    let known = try settings.keys(of: name)
    var keys = known ?? []
    if known != nil {
        keys = try mounted.keys(of: keys, items: map["items"])
        guard !keys.isEmpty else { return }
    }
    let shown = keys.prefix(3).joined(separator: ", ") + (keys.count > 3 ? ", …" : "")
    findings.add(
        isSource ? projected : mounted.areFiles ? asFile : asVolume, at: map,
        known == nil
            ? "mounts ConfigMap \(name) as files\(mounted.shownPaths)"
            : "mounts settings (\(shown)) of ConfigMap \(name) as files\(mounted.shownPaths)",
        choice: name, traits: .init(isHint: known == nil)
    ) {
        // What is no name of a variable has to be taken apart first.
        guard known != nil, keys.allSatisfy(isVariable), settings.areAll(keys, of: name) else {
            $0.advice = "write each setting as a key of its own, and read the keys as variables (envFrom: configMapRef)"
            return
        }
        // The volume, or the source alone.
        $0.edits = [.remove(isAlone ? findings.place(of: volume) : $0.place.parent)]
        // Other sources of a projected volume stay where they are.
        if isAlone { $0.edits += mounted.mounts.map { .remove(findings.place(of: $0.field)) } }
        let source: Literal = ["configMapRef": ["name": .string(name)]]
        let containers = mounted.containers.map { mounts.template.containers[$0] }
        $0.edits += containers.map { .set(findings.place(of: $0.envFrom) / "-", source) }
        $0.advice = "the keys of the ConfigMap become variables, and the process reads those"
    }
}

private func isVariable(_ key: String) -> Bool {
    key.utf8.first.map { $0 &- UInt8(ascii: "0") >= 10 } ?? false
        && key.utf8.allSatisfy { CredentialScan.isWord($0) && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") }
}

/// What of the ConfigMaps in a namespace is settings, as far as they are known.
private struct SettingsOfMaps {
    private let subject: Subject
    private let context: Context

    init(_ subject: Subject, _ context: Context) { (self.subject, self.context) = (subject, context) }

    private var related: RelatedObjects { context.relatedObjects }
    private var namespace: String { subject.namespace }

    /// The keys of a ConfigMap that hold settings; nil where it is not known.
    func keys(of name: String) throws(CannotJudge) -> [String]? {
        guard related.knows(.configMap, in: namespace) else { return nil }
        return try related.object(.configMap, named: name, in: namespace)?[.settings]
    }

    /// True if a ConfigMap has no other keys than these.
    func areAll(_ keys: [String], of name: String) -> Bool {
        let object = try? related.object(.configMap, named: name, in: namespace)
        return object?[.others] == false && keys.count == object?[.settings]?.count
    }
}

/// What the cluster itself puts into every namespace and every Pod, so that it trusts the API server.
private func isOfCluster(_ name: String) -> Bool { name == "kube-root-ca.crt" || name == "openshift-service-ca.crt" }

/// The mounts of a template by the names of their volumes, found when the first of them is asked for.
private final class Mounts {
    /// The mounts of one volume.
    struct OfVolume {
        private(set) var mounts: [(field: Field, container: Int)] = []
        private var count = 0
        private var files = 0
        /// Whether only single files of it are mounted.
        var areFiles: Bool { files > 0 && files == count }

        /// A suggested change takes away no more mounts of one volume than this.
        private static let mostMounts = 100

        mutating func add(_ mount: Field, of container: Int) {
            count += 1
            if mount.member("subPath").isPresent || mount.member("subPathExpr").isPresent { files += 1 }
            if mounts.count < OfVolume.mostMounts { mounts.append((mount, container)) }
        }

        /// The numbers of the containers that mount it.
        var containers: [Int] {
            var numbers: [Int] = []
            for mount in mounts where numbers.last != mount.container { numbers.append(mount.container) }
            return numbers
        }

        /// Those of some keys that become files: of all of them, the ones that the volume names, or the single ones that are mounted.
        func keys(of keys: [String], items: Field) throws(CannotJudge) -> [String] {
            var paths: [String: String] = [:]
            for item in try items.objects() {
                if let key = try item["key"].string(), let path = try item["path"].string() { paths[key] = path }
            }
            let named = items.isPresent ? keys.filter { paths[$0] != nil } : keys
            guard areFiles, mounts.count < OfVolume.mostMounts else { return named }
            let parts = mounts.compactMap { $0.field.base["subPath"]?.string }
            return named.filter { key in
                let path = paths[key] ?? key
                return parts.contains { path == $0 || path.hasPrefix($0 + "/") }
            }
        }

        /// Up to three of its paths, as a part of a message.
        var shownPaths: String {
            var paths: [String] = []
            for mount in mounts where paths.count < 3 {
                if let path = mount.field.base["mountPath"]?.string, !paths.contains(path) { paths.append(path) }
            }
            return paths.isEmpty ? "" : " at \(paths.joined(separator: ", "))"
        }
    }

    let template: PodTemplate
    private lazy var byName: [String: OfVolume] = index()

    init(in template: PodTemplate) { self.template = template }

    /// The mounts of a volume; those that are not as the API has them are left out.
    func of(_ volume: Field) -> OfVolume { volume.base["name"]?.string.flatMap { byName[$0] } ?? OfVolume() }

    private func index() -> [String: OfVolume] {
        var byName: [String: OfVolume] = [:]
        for (number, container) in template.containers.enumerated() {
            guard let mounts = try? container.volumeMounts.objects() else { continue }
            for mount in mounts {
                guard let name = mount.base["name"]?.string else { continue }
                byName[name, default: OfVolume()].add(mount, of: number)
            }
        }
        return byName
    }
}

// MARK: Settings

extension RelatedKind {
    /// The names of the keys that hold settings, and nothing of what they hold.
    static let configMap = RelatedKind(.configMap) { (object, fields) throws(CannotJudge) in
        var settings: [String] = []
        var hasOthers = try object.object("binaryData")?.members.contains { _ in true } ?? false
        for entry in try object.object("data")?.uniqueMembers ?? [] {
            if isSetting(entry.key, entry.value) { settings.append(entry.key) } else { hasOthers = true }
        }
        fields[.settings] = settings
        fields[.others] = hasOthers
    }
}

extension RelatedField<[String]> {
    fileprivate static let settings = Self("settings")
}

extension RelatedField<Bool> {
    /// True if there are keys that hold something else.
    fileprivate static let others = Self("others")
}

/// True if an entry of a ConfigMap is a setting, or a file of nothing but settings: no dashboard, script, query or configuration of
/// a server.
private func isSetting(_ key: String, _ value: Value) -> Bool {
    guard value.kind == .string else { return false }
    guard let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) else {
        return value.withContents { text in
            let end = text.count > 0 && text[text.count - 1] == UInt8(ascii: "\n") ? text.count - 1 : text.count
            for at in 0..<end where text[at] == UInt8(ascii: "\n") { return false }
            return true
        }
    }
    switch key[key.utf8.index(after: dot)...].lowercased() {
    case "env", "properties", "ini", "toml": return true
    case "yaml", "yml", "json":
        // Nobody writes more settings than this.
        return value.byteCount <= 64 << 10 && hasScalarsAlone(value.text)
    default: return false
    }
}

/// True if a text in YAML or JSON has objects and scalars alone, as settings have: no lists of objects, no texts of several lines.
private func hasScalarsAlone(_ text: String) -> Bool {
    if trimmed(text).hasPrefix("{") {
        guard let object = try? Literal(parsing: Array(text.utf8)) else { return false }
        return hasScalarsAlone(object)
    }
    var hasKeys = false
    for line in text.split(whereSeparator: \.isNewline) {
        let content = trimmed(line)
        guard let first = content.first, first != "#" else { continue }
        if content == "---" { continue }
        // `{{` is a template, `|` and `>` begin a text.
        let end = content.last
        if first == "{" || first == "[" || end == "|" || end == ">" || content.hasSuffix("|-")
            || content.hasSuffix(">-")
        {
            return false
        }
        if first == "-" {
            let element = trimmed(content.dropFirst())
            if element.isEmpty || element.hasPrefix("{") || element.hasPrefix("-") || isEntry(element) { return false }
            continue
        }
        guard isEntry(content) else { return false }
        hasKeys = true
    }
    return hasKeys
}

/// True if a line is a key and a value, none of which is a list of objects.
private func isEntry(_ line: String) -> Bool {
    let bytes = Array(line.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
    guard colon + 1 == bytes.count || bytes[colon + 1] == UInt8(ascii: " ") else { return false }
    let value = bytes[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
    return !(value.first == UInt8(ascii: "[") && value.contains(UInt8(ascii: "{")))
}

private func hasScalarsAlone(_ literal: Literal) -> Bool {
    switch literal {
    case .object(let members): members.allSatisfy { hasScalarsAlone($0.value) }
    case .array(let elements):
        elements.allSatisfy { if case .object = $0 { false } else if case .array = $0 { false } else { true } }
    default: true
    }
}

private let cases: [Example] = [
    .good("variables", "containers: [{name: app, envFrom: [{configMapRef: {name: web}}]}]"),
    .bad(
        "a ConfigMap as a volume", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "a volume that nothing mounts yet", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web}}]", isHint: true),
    .bad(
        "one file of a ConfigMap", asFile, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web/app.yaml, subPath: app.yaml}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("app.yaml: 'server: {port: 8080}', LOG_LEVEL: info")),
    .bad(
        "beside other sources", projected, at: "volumes[settings].projected.sources[1].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{secret: {name: web}}, {configMap: {name: web}}]}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "the only source", projected, at: "volumes[settings].projected.sources[0].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{configMap: {name: web}}]}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "for an init container and a sidecar", asVolume, at: "volumes[settings].configMap",
        """
        initContainers:
        - {name: migrate, volumeMounts: [{name: settings, mountPath: /etc/web}]}
        - {name: proxy, restartPolicy: Always, volumeMounts: [{name: settings, mountPath: /etc/proxy}]}
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "another ConfigMap than before", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web-2}}]",
        before: "volumes: [{name: settings, configMap: {name: web}}]", isHint: true),
    .good(
        "what the cluster puts into every Pod",
        """
        volumes:
        - name: kube-api-access
          projected:
            sources:
            - {serviceAccountToken: {path: token, expirationSeconds: 3607}}
            - {configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}}
        """),
    .good(
        "other volumes",
        "volumes: [{name: tls, secret: {secretName: web-tls}}, {name: cache, emptyDir: {}}]"),
    .bad(
        "a file of properties among others", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("app.properties: 'a=b', init.sql: 'select 1;'")),
    .bad(
        "settings in JSON", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("appsettings.json: '{\"Logging\": {\"Level\": \"info\"}}'")),
    .good(
        "dashboards, scripts and configuration of servers",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /etc/web}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """,
        relatedObjects: map(
            """
            dashboard.json: '{"panels": [{"title": "Requests"}]}', nginx.conf: 'server { listen 8080; }', \
            prometheus.yml: "scrape_configs:\\n- job_name: web\\n", start.sh: 'exec web', ca.crt: x, script: "#!/bin/sh\\nexec web\\n"
            """)),
    .good(
        "a script of a ConfigMap that has settings too",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /bin/start, subPath: start.sh}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """, relatedObjects: map("start.sh: 'exec web', LOG_LEVEL: info")),
    .good(
        "a script by its item",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /scripts}]}]
        volumes: [{name: files, configMap: {name: web, items: [{key: start.sh, path: start.sh}]}}]
        """, relatedObjects: map("start.sh: 'exec web', LOG_LEVEL: info")),
]

private func map(_ data: String) -> String {
    """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: web, namespace: shop}
    data: {\(data)}
    """
}
