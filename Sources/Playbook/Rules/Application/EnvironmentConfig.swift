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
        scope: Scope(.holders),
        clauses: [asVolume, asFile, projected],
        examples: cases,
        check: evaluateVolumes
    )
}

private let asVolume = Clause("volume", "no volume is a ConfigMap")
private let asFile = Clause("sub-path", "no file of a ConfigMap is mounted by itself (`subPath`)")
private let projected = Clause("projected", "no ConfigMap is a source of a projected volume")

private func evaluateVolumes(
    of subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    let mounts = Mounts(in: template)
    for volume in try template.volumes.objects() {
        let volume = volume.base
        try findings.step()
        if let map = try volume.object("configMap") {
            try add(map, of: volume, mounts, findings)
        } else if let sources = try volume.object("projected")?.objects("sources") {
            var count = 0
            var maps = 0
            for source in sources {
                try findings.step()
                count += 1
                if try source.object("configMap") != nil { maps += 1 }
            }
            for source in sources where maps > 0 {
                guard let map = try source.object("configMap") else { continue }
                // With its last source the volume goes.
                try add(map, of: volume, mounts, findings, isSource: true, isAlone: maps == count)
            }
        }
    }
}

/// Reports a ConfigMap that a volume is made of, or that is one of its sources.
private func add(
    _ map: Value, of volume: Value, _ mounts: Mounts, _ findings: FindingCollector, isSource: Bool = false,
    isAlone: Bool = true
) throws(CannotJudge) {
    guard let name = try map.string("name"), !isOfCluster(name) else { return }
    findings.add(at: map, choice: name) { place in
        let mounted = mounts.of(volume)
        let clause = isSource ? projected : mounted.areFiles ? asFile : asVolume
        // The source's place, or the volume's.
        let entry = place.parent
        let whole = isSource && isAlone ? entry.parent.parent.parent : entry
        var edits: [Edit] = [.remove(whole)]
        // Other sources of a projected volume stay where they are.
        if isAlone { edits += mounted.places(in: mounts.template).map { .remove($0) } }
        let source: Literal = ["configMapRef": ["name": .string(name)]]
        edits += mounted.containers(in: mounts.template).map { .set($0 / "envFrom" / "-", source) }
        let mountPaths = mounted.paths
        let paths = mountPaths.isEmpty ? "" : " at \(mountPaths.prefix(3).joined(separator: ", "))"
        return Finding(clause, at: place, "makes files of ConfigMap \(name)\(paths)", edits: edits).with {
            $0.choice = name
            $0.advice = "the keys of the ConfigMap become variables, and the process reads those"
        }
    }
}

/// What the cluster itself puts into every namespace and every Pod, so that it trusts the API server.
private func isOfCluster(_ name: String) -> Bool { name == "kube-root-ca.crt" || name == "openshift-service-ca.crt" }

/// The mounts of a template by the names of their volumes, found when the first of them is asked for.
private final class Mounts {
    /// The mounts of one volume.
    struct OfVolume {
        private var mounts: [(container: Int, index: Int, value: Value)] = []
        private var count = 0
        private var files = 0
        /// Whether only single files of it are mounted.
        var areFiles: Bool { files > 0 && files == count }

        /// A suggested change takes away no more mounts of one volume than this.
        private static let mostMounts = 100

        mutating func add(_ mount: Value, at index: Int, of container: Int) {
            count += 1
            if mount.present("subPath") != nil || mount.present("subPathExpr") != nil { files += 1 }
            if mounts.count < OfVolume.mostMounts { mounts.append((container, index, mount)) }
        }

        func places(in template: PodTemplate) -> [Pointer] {
            mounts.map { template.containers[$0.container].pointer / "volumeMounts" / String($0.index) }
        }

        func containers(in template: PodTemplate) -> [Pointer] {
            var numbers: [Int] = []
            for mount in mounts where numbers.last != mount.container { numbers.append(mount.container) }
            return numbers.map { template.containers[$0].pointer }
        }

        var paths: [String] {
            var paths: [String] = []
            for mount in mounts {
                if let path = mount.value["mountPath"]?.string, !paths.contains(path) { paths.append(path) }
            }
            return paths
        }
    }

    let template: PodTemplate
    private lazy var byName: [String: OfVolume] = index()

    init(in template: PodTemplate) { self.template = template }

    /// The mounts of a volume; those that are not as the API has them are left out.
    func of(_ volume: Value) -> OfVolume { volume["name"]?.string.flatMap { byName[$0] } ?? OfVolume() }

    private func index() -> [String: OfVolume] {
        var byName: [String: OfVolume] = [:]
        for (number, container) in template.containers.enumerated() {
            guard let mounts = try? container.volumeMounts.objects() else { continue }
            for (index, mount) in mounts.enumerated() {
                let mount = mount.base
                guard let name = mount["name"]?.string else { continue }
                byName[name, default: OfVolume()].add(mount, at: index, of: number)
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
        - name: migrate
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
          volumeMounts: [{name: settings, mountPath: /etc/web}]
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
          volumeMounts: [{name: settings, mountPath: /etc/proxy}]
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
