import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let environmentConfig = Rule(
        id: "environment-config",
        title: "Applications read settings from environment variables",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            With environment variables (The Twelve-Factor App), each setting can be changed by itself and takes effect with a \
            rollout. A mounted ConfigMap file is changed as a whole, and running pods see the change at an unpredictable time.
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

private let asVolume = Clause("volume", "no volume mounts a ConfigMap with settings")
private let asFile = Clause("sub-path", "no settings file of a ConfigMap is mounted with `subPath`")
private let projected = Clause("projected", "no ConfigMap with settings is a source of a projected volume")

private func checkVolumes(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    lazy var mounts = Mounts(in: template)
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
        var (count, maps, hasToken) = (0, 0, false)
        for source in try sources.objects() {
            try findings.step()
            count += 1
            if try source["configMap"].object() != nil { maps += 1 }
            if source.member("serviceAccountToken").isPresent { hasToken = true }
        }
        for source in try sources.objects() where maps > 0 {
            // A volume without sources is removed.
            try report(
                source["configMap"], of: volume, mounts, settings, findings, isSource: true, isAlone: maps == count,
                isBesideToken: hasToken)
        }
    }
}

/// Reports a ConfigMap that is a volume or a source of a projected volume.
private func report(
    _ map: Field, of volume: Field, _ mounts: Mounts, _ settings: SettingsOfMaps, _ findings: FindingCollector,
    isSource: Bool = false, isAlone: Bool = true, isBesideToken: Bool = false
) throws(CannotEvaluate) {
    guard let name = try map["name"].string(), !isOfCluster(name) else { return }
    lazy var mounted = mounts.of(volume)
    let known = try settings.keys(of: name)
    var keys = known ?? []
    if known != nil {
        keys = try mounted.keys(of: keys, items: map["items"])
        guard !keys.isEmpty else { return }
    } else {
        // Beside a token, it configures how the token is used.
        guard !isBesideToken, try mayBeSettings(map, mounted) else { return }
    }
    let shown = keys.prefix(3).joined(separator: ", ") + (keys.count > 3 ? ", …" : "")
    findings.add(
        isSource ? projected : mounted.areFiles ? asFile : asVolume, at: map,
        known == nil
            ? "mounts ConfigMap \(name) as files\(mounted.shownPaths)"
            : "mounts settings (\(shown)) of ConfigMap \(name) as files\(mounted.shownPaths)",
        choice: name, traits: .init(isHint: known == nil)
    ) {
        // Keys that are not valid variable names cannot become variables.
        guard known != nil, keys.allSatisfy(isVariable), settings.areAll(keys, of: name) else {
            $0.advice = "use a separate key for each setting, and read the keys as variables (envFrom: configMapRef)"
            return
        }
        // Remove the volume, or only this source.
        $0.edits = [.remove(isAlone ? findings.place(of: volume) : $0.place.parent)]
        // Mounts are kept if the projected volume has other sources.
        if isAlone { $0.edits += mounted.mounts.map { .remove(findings.place(of: $0.field)) } }
        let source: Literal = ["configMapRef": ["name": .string(name)]]
        let containers = mounted.containers.map { mounts.template.containers[$0] }
        $0.edits += containers.map { .set(findings.place(of: $0.envFrom) / "-", source) }
        $0.advice = "the ConfigMap's keys become environment variables, which the application must read"
    }
}

/// Returns false if the names or directories of a ConfigMap's files show that they are not settings; its content is unknown.
private func mayBeSettings(_ map: Field, _ mounted: Mounts.OfVolume) throws(CannotEvaluate) -> Bool {
    if mounted.areOfServer { return false }
    let items = try map["items"].objects().compactMap { $0.base["path"]?.string }
    let names =
        items.isEmpty && mounted.areFiles ? mounted.mounts.compactMap { $0.field.base["subPath"]?.string } : items
    return names.isEmpty || names.contains { SettingsText.isFile(named: $0) }
}

private func isVariable(_ key: String) -> Bool {
    key.utf8.first.map { $0 &- UInt8(ascii: "0") >= 10 } ?? false
        && key.utf8.allSatisfy { NameWords.isInName($0) && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") }
}

/// The settings in the ConfigMaps of a namespace, as far as the ConfigMaps are known.
private struct SettingsOfMaps {
    private let subject: Subject
    private let context: Context

    init(_ subject: Subject, _ context: Context) { (self.subject, self.context) = (subject, context) }

    private var related: RelatedObjects { context.relatedObjects }
    private var namespace: String { subject.namespace }

    /// Returns the keys of a ConfigMap that are settings; nil if the ConfigMap is not known.
    func keys(of name: String) throws(CannotEvaluate) -> [String]? {
        guard related.knows(.configMap, in: namespace) else { return nil }
        return try related.object(.configMap, named: name, in: namespace)?[.settings]
    }

    /// True if a ConfigMap has no other keys than these.
    func areAll(_ keys: [String], of name: String) -> Bool {
        let object = try? related.object(.configMap, named: name, in: namespace)
        return object?[.others] == false && keys.count == object?[.settings]?.count
    }
}

/// True for ConfigMaps with CA certificates that the cluster adds to every namespace.
private func isOfCluster(_ name: String) -> Bool { name == "kube-root-ca.crt" || name == "openshift-service-ca.crt" }

/// The mounts of a template by volume name, indexed on first use.
private final class Mounts {
    /// The mounts of one volume.
    struct OfVolume {
        private(set) var mounts: [(field: Field, container: Int)] = []
        private var count = 0
        private var files = 0
        /// True if only single files of the volume are mounted (`subPath`).
        var areFiles: Bool { files > 0 && files == count }

        /// True if all mounts are in directories of files that are not settings.
        var areOfServer: Bool {
            !mounts.isEmpty
                && mounts.allSatisfy { mount in
                    mount.field.base["mountPath"]?.string.map { SettingsText.isOfServer(path: $0) } ?? false
                }
        }

        /// The largest number of mounts that a suggested change removes.
        private static let mostMounts = 100

        mutating func add(_ mount: Field, of container: Int) {
            count += 1
            if mount.member("subPath").isPresent || mount.member("subPathExpr").isPresent { files += 1 }
            if mounts.count < OfVolume.mostMounts { mounts.append((mount, container)) }
        }

        /// The indices of the containers that mount the volume.
        var containers: [Int] {
            var numbers: [Int] = []
            for mount in mounts where numbers.last != mount.container { numbers.append(mount.container) }
            return numbers
        }

        /// Returns the keys that become files: all of them, those in `items`, or those mounted with `subPath`.
        func keys(of keys: [String], items: Field) throws(CannotEvaluate) -> [String] {
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

        /// Up to three mount paths, as a part of a message.
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

    /// Returns the mounts of a volume without malformed ones.
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
    /// The names of the keys that are settings; values are not kept.
    static let configMap = RelatedKind(.configMap) { (object, fields) throws(CannotEvaluate) in
        var settings: [String] = []
        var hasOthers = try object.object("binaryData")?.members.contains { _ in true } ?? false
        for entry in try object.object("data")?.uniqueMembers ?? [] {
            let isSetting = SettingsText.isOne(entry.key, entry.value)
            if isSetting { settings.append(entry.key) }
            if !isSetting || !SettingsText.isOneLine(entry.value) { hasOthers = true }
        }
        fields[.settings] = settings
        fields[.others] = hasOthers
    }
}

extension RelatedField<[String]> {
    fileprivate static let settings = Self("settings")
}

extension RelatedField<Bool> {
    /// True if the ConfigMap has keys that are not settings.
    fileprivate static let others = Self("others")
}

private let cases: [Example] = [
    .good("environment variables", "containers: [{name: app, envFrom: [{configMapRef: {name: web}}]}]"),
    .bad(
        "a ConfigMap as a volume", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "a ConfigMap volume with unknown content", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web}}]", isHint: true),
    .bad(
        "one settings file mounted with subPath", asFile, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web/app.yaml, subPath: app.yaml}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("app.yaml: 'server: {port: 8080}', LOG_LEVEL: info")),
    .bad(
        "a ConfigMap among other projected sources", projected, at: "volumes[settings].projected.sources[1].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{secret: {name: web}}, {configMap: {name: web}}]}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "a ConfigMap as the only projected source", projected, at: "volumes[settings].projected.sources[0].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{configMap: {name: web}}]}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "a ConfigMap mounted in an init container and a sidecar", asVolume, at: "volumes[settings].configMap",
        """
        initContainers:
        - {name: migrate, volumeMounts: [{name: settings, mountPath: /etc/web}]}
        - {name: proxy, restartPolicy: Always, volumeMounts: [{name: settings, mountPath: /etc/proxy}]}
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("LOG_LEVEL: info")),
    .bad(
        "a volume changed to another ConfigMap", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web-2}}]",
        before: "volumes: [{name: settings, configMap: {name: web}}]", isHint: true),
    .bad(
        "one file with an unknown content", asFile, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web/app.env, subPath: app.env}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, isHint: true),
    .good(
        "an unknown ConfigMap in the directory of a server",
        """
        containers: [{name: app, volumeMounts: [{name: sites, mountPath: /etc/nginx/conf.d}]}]
        volumes: [{name: sites, configMap: {name: web}}]
        """),
    .good(
        "an unknown ConfigMap of which a script is mounted",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /bin/start, subPath: start.sh}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """),
    .good(
        "an unknown ConfigMap of which a certificate is selected with items",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /run/trust}]}]
        volumes: [{name: files, configMap: {name: web, items: [{key: bundle, path: bundle.pem}]}}]
        """),
    .good(
        "an unknown ConfigMap beside a token",
        """
        containers: [{name: app, volumeMounts: [{name: identity, mountPath: /run/identity}]}]
        volumes:
        - name: identity
          projected:
            sources:
            - {serviceAccountToken: {path: token, audience: cloud, expirationSeconds: 3600}}
            - {configMap: {name: identity, items: [{key: config, path: credentials.json}]}}
        """),
    .bad(
        "several settings in a key without an ending", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("config: \"# defaults\\nLOG_LEVEL=info\\n\\nPORT=8080\\n\"")),
    .bad(
        "several settings in YAML, in a key without an ending", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """, relatedObjects: map("settings: \"log-level: info\\nport: 8080\"")),
    .good(
        "other files in keys without an ending",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /etc/web}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """,
        relatedObjects: map(
            """
            Corefile: ".:53 {\\n  errors\\n}\\n", run: "#!/bin/sh\\nPORT=8080\\n", start: "PORT=8080\\nexec web\\n", \
            hosts: "https://a.example.com\\nhttps://b.example.com\\n", cert: "-----BEGIN CERTIFICATE-----\\nMIIB=\\n"
            """)),
    .good(
        "the configuration of an OpenTelemetry Collector",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /conf}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """,
        relatedObjects: map(
            """
            collector.yaml: "receivers:\\n  otlp:\\nexporters:\\n  debug:\\nservice:\\n  pipelines:\\n    traces:\\n      receivers: [otlp]\\n"
            """)),
    .good(
        "the cluster's CA certificate",
        """
        volumes:
        - name: kube-api-access
          projected:
            sources:
            - {serviceAccountToken: {path: token, expirationSeconds: 3607}}
            - {configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}}
        """),
    .good(
        "volumes that are not ConfigMaps",
        "volumes: [{name: tls, secret: {secretName: web-tls}}, {name: cache, emptyDir: {}}]"),
    .bad(
        "a properties file among other files", asVolume, at: "volumes[settings].configMap",
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
        "dashboards, scripts and server configuration",
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
        "a script mounted from a ConfigMap that also has settings",
        """
        containers: [{name: app, volumeMounts: [{name: files, mountPath: /bin/start, subPath: start.sh}]}]
        volumes: [{name: files, configMap: {name: web}}]
        """, relatedObjects: map("start.sh: 'exec web', LOG_LEVEL: info")),
    .good(
        "a script selected with items",
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
