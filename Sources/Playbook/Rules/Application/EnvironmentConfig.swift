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
        check: configFindings
    )
}

private let asVolume = Clause("volume", "no volume is a ConfigMap")
private let asFile = Clause("sub-path", "no file of a ConfigMap is mounted by itself (`subPath`)")
private let projected = Clause("projected", "no ConfigMap is a source of a projected volume")

private func configFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard let template = try subject.template() else { return [] }
    var findings: [Finding] = []
    var index = -1
    for volume in try template.spec.objects("volumes") {
        index += 1
        let place = template.pointer / "volumes" / String(index)
        if let map = try volume.object("configMap") {
            try check(map, at: place / "configMap", in: volume, at: place, template, &findings)
        } else if let sources = try volume.object("projected")?.objects("sources") {
            try check(sources, of: volume, at: place, template, &findings)
        }
    }
    return findings
}

private func check(
    _ sources: Objects, of volume: Value, at place: Pointer, _ template: PodTemplate, _ findings: inout [Finding]
) throws(CannotJudge) {
    let list = place / "projected" / "sources"
    var maps: [(value: Value, place: Pointer)] = []
    var count = 0
    for source in sources {
        if let map = try source.object("configMap") { maps.append((map, list / String(count))) }
        count += 1
    }
    for map in maps {
        // With its last source the volume goes.
        let whole = maps.count == count ? place : map.place
        try check(map.value, at: map.place / "configMap", in: volume, at: whole, template, &findings, isProjected: true)
    }
}

/// Looks at a ConfigMap that a volume is made of; `whole` is what goes without it.
private func check(
    _ map: Value, at place: Pointer, in volume: Value, at whole: Pointer, _ template: PodTemplate,
    _ findings: inout [Finding], isProjected: Bool = false
) throws(CannotJudge) {
    guard let name = try map.string("name"), !isOfCluster(name) else { return }
    let mounts = try Mounts(of: volume, in: template)
    let clause = isProjected ? projected : mounts.areFiles ? asFile : asVolume
    var edits: [Edit] = [.remove(whole)]
    // Other sources of a projected volume stay where they are.
    if !isProjected || whole.tokens.last != place.parent.tokens.last { edits += mounts.places.map { .remove($0) } }
    let source: Literal = ["configMapRef": ["name": .string(name)]]
    edits += mounts.containers.map { .set($0 / "envFrom" / "-", source) }
    let paths = mounts.paths.isEmpty ? "" : " at \(mounts.paths.prefix(3).joined(separator: ", "))"
    findings.append(
        Finding(clause, at: place, "makes files of ConfigMap \(name)\(paths)", edits: edits).with {
            $0.choice = name
            $0.advice = "the keys of the ConfigMap become variables, and the process reads those"
        })
}

/// What the cluster itself puts into every namespace and every Pod, so that it trusts the API server.
private func isOfCluster(_ name: String) -> Bool { name == "kube-root-ca.crt" || name == "openshift-service-ca.crt" }

/// Where a volume is mounted.
private struct Mounts {
    var places: [Pointer] = []
    var containers: [Pointer] = []
    var paths: [String] = []
    /// Whether only single files of it are mounted.
    var areFiles: Bool { files > 0 && files == places.count }
    private var files = 0

    init(of volume: Value, in template: PodTemplate) throws(CannotJudge) {
        guard let name = try volume.text("name") else { return }
        for container in template.containers {
            var index = -1
            for mount in try container.volumeMounts() {
                index += 1
                guard try mount.text("name")?.isSame(as: name) ?? false else { continue }
                let pointer = container.pointer
                places.append(pointer / "volumeMounts" / String(index))
                if containers.last != pointer { containers.append(pointer) }
                if let path = try mount.string("mountPath"), !paths.contains(path) { paths.append(path) }
                if mount.present("subPath") != nil || mount.present("subPathExpr") != nil { files += 1 }
            }
        }
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
