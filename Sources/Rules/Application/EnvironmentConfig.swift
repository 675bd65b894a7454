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
        examples: cases,
        check: checkVolumes
    )
}

private let asVolume = Clause("volume", "no volume is a ConfigMap")
private let asFile = Clause("sub-path", "no file of a ConfigMap is mounted by itself (`subPath`)")
private let projected = Clause("projected", "no ConfigMap is a source of a projected volume")

private func checkVolumes(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let mounts = Mounts(in: template)
    for volume in try template.volumes.objects() {
        try findings.step()
        let map = try volume["configMap"]
        if try map.object() != nil {
            try report(map, of: volume, mounts, findings)
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
            try report(source["configMap"], of: volume, mounts, findings, isSource: true, isAlone: maps == count)
        }
    }
}

/// Reports a ConfigMap that a volume is made of, or that is one of its sources.
private func report(
    _ map: Field, of volume: Field, _ mounts: Mounts, _ findings: FindingCollector, isSource: Bool = false,
    isAlone: Bool = true
) throws(CannotJudge) {
    guard let name = try map["name"].string(), !isOfCluster(name) else { return }
    lazy var mounted = mounts.of(volume)
    findings.add(
        isSource ? projected : mounted.areFiles ? asFile : asVolume, at: map,
        "makes files of ConfigMap \(name)\(mounted.shownPaths)", choice: name
    ) {
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

private let cases: [Example] = [
    .good("variables", "containers: [{name: app, envFrom: [{configMapRef: {name: web}}]}]"),
    .bad(
        "a ConfigMap as a volume", asVolume, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """),
    .bad(
        "a volume that nothing mounts yet", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web}}]"),
    .bad(
        "one file of a ConfigMap", asFile, at: "volumes[settings].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web/app.yaml, subPath: app.yaml}]}]
        volumes: [{name: settings, configMap: {name: web}}]
        """),
    .bad(
        "beside other sources", projected, at: "volumes[settings].projected.sources[1].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{secret: {name: web}}, {configMap: {name: web}}]}}]
        """),
    .bad(
        "the only source", projected, at: "volumes[settings].projected.sources[0].configMap",
        """
        containers: [{name: app, volumeMounts: [{name: settings, mountPath: /etc/web}]}]
        volumes: [{name: settings, projected: {sources: [{configMap: {name: web}}]}}]
        """),
    .bad(
        "for an init container and a sidecar", asVolume, at: "volumes[settings].configMap",
        """
        initContainers:
        - {name: migrate, volumeMounts: [{name: settings, mountPath: /etc/web}]}
        - {name: proxy, restartPolicy: Always, volumeMounts: [{name: settings, mountPath: /etc/proxy}]}
        volumes: [{name: settings, configMap: {name: web}}]
        """),
    .bad(
        "another ConfigMap than before", asVolume, at: "volumes[settings].configMap",
        "volumes: [{name: settings, configMap: {name: web-2}}]",
        before: "volumes: [{name: settings, configMap: {name: web}}]"),
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
]
