import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let hostIsolation = Rule(
        id: "host-isolation",
        title: "Pods keep off their node",
        group: .containers,
        section: .containerization,
        rationale: """
            The node's network, processes, ports and files step round security groups, network policies and the walls between \
            tenants: what runs there may be anyone on that node.
            """,
        level: .deny,
        concern: .security,
        scope: Scope([.withPodSpec, ResourceKinds(.persistentVolume)]),
        clauses: [network, processes, communication, port, files, handler, volume],
        holdsForOperators: true,
        allowsAgents: true,
        examples: cases,
        checks: [.init(.withPodSpec, checkHost), .init(ResourceKinds(.persistentVolume), checkVolume)]
    )
}

private let network = Clause("network", "no `hostNetwork`")
private let processes = Clause("processes", "no `hostPID`")
private let communication = Clause("communication", "no `hostIPC`")
private let port = Clause("port", "no container takes a port of the node")
private let files = Clause("files", "no volume is a path of the node")
private let handler = Clause(
    "handler", "no probe or lifecycle handler names a host: the kubelet sends it from the node")
private let volume = Clause(
    "volume", "no PersistentVolume that a person makes is a path of a node (`hostPath`, `local`)")

private func checkHost(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    // With the node's network the API server fills in each host port itself: one finding says it all. The old object had those
    // ports nevertheless: they stay behind where `kubectl apply` takes the network away.
    let hostNetwork = try template.field["hostNetwork"]
    let hasNetwork = try hostNetwork.boolean() == true
    var ports: [Field] = []
    for container in template.containers {
        for entry in try container.ports.objects() {
            try findings.step()
            let hostPort = try entry["hostPort"]
            guard let number = try hostPort.integer(), number != 0 else { continue }
            if hasNetwork, ports.count < mostPorts { ports.append(hostPort) }
            if hasNetwork, !subject.isOld { continue }
            findings.add(port, at: hostPort, "is \(number), a port of the node", choice: String(number)) {
                $0.edits = [.remove($0.place)]
            }
        }
        try checkHandlers(container, findings)
    }
    if hasNetwork {
        report(network, hostNetwork, "the pod has the node's network, past security groups and network policies", ports)
    }
    let hostPID = try template.field["hostPID"]
    if try hostPID.boolean() == true { report(processes, hostPID, "the pod sees all processes of the node") }
    let hostIPC = try template.field["hostIPC"]
    if try hostIPC.boolean() == true {
        report(communication, hostIPC, "the pod shares memory with processes of the node")
    }
    func report(_ clause: Clause, _ flag: Field, _ meaning: String, _ ports: [Field] = []) {
        findings.add(clause, at: flag, "is true: \(meaning)") {
            $0.edits = [.remove($0.place)] + ports.map { .remove(findings.place(of: $0)) }
        }
    }
    for volume in try template.volumes.objects() {
        try findings.step()
        let path = try volume["hostPath"]
        guard path.isPresent else { continue }
        let seen = try path["path"].string() ?? ""
        findings.add(files, at: path, "is \(seen), a path of the node", choice: seen) {
            $0.advice = "use an emptyDir, a PersistentVolumeClaim or a CSI volume instead"
        }
    }
}

/// Looks for handlers by which the kubelet calls another host than the pod (Pod Security Standards since 1.34).
private func checkHandlers(_ container: Container, _ findings: FindingCollector) throws(CannotJudge) {
    let probes: [StaticString] = ["livenessProbe", "readinessProbe", "startupProbe"]
    for probe in probes where container.value[probe] != nil { try check(container.field[probe]) }
    let lifecycle = container.lifecycle
    if lifecycle.isPresent {
        try check(lifecycle["postStart"])
        try check(lifecycle["preStop"])
    }
    func check(_ handlers: Field) throws(CannotJudge) {
        for key in ["httpGet", "tcpSocket"] as [StaticString] where handlers.value?[key] != nil {
            let host = try handlers[key]["host"]
            guard let seen = try host.filledText() else { continue }
            findings.add(
                handler, at: host, "is \"\(seen.text)\": the kubelet calls it from the node", choice: seen.text
            ) {
                $0.edits = [.remove($0.place)]
                if "\(key)" == "httpGet" { $0.advice = "a virtual host goes into httpHeaders, as Host" }
            }
        }
    }
}

private func checkVolume(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    // What a provisioner makes is its StorageClass's doing; an audit does not know who made it.
    if subject.review.user.serviceAccount != nil, Requester(of: subject.review, context) != .deployer { return }
    if context.source == .cluster, subject.metadata.annotation("pv.kubernetes.io/provisioned-by") != nil { return }
    let spec = try subject.field("spec")
    for source in ["hostPath", "local"] as [StaticString] {
        let path = try spec[source]
        guard path.isPresent else { continue }
        let seen = try path["path"].string() ?? ""
        findings.add(volume, at: path, "is \"\(seen)\", a path of the node", choice: seen) {
            $0.advice = "use a CSI driver, such as ebs.csi.aws.com or efs.csi.aws.com, through a PersistentVolumeClaim"
        }
    }
}

/// How many host ports the suggested change takes away together with the node's network.
private let mostPorts = 100

private let cases: [Example] = [
    .good("none of it", "{hostNetwork: false, hostPID: false, hostIPC: false}"),
    .good(
        "ports of its own, and volumes that are not the node's",
        """
        containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 0}]}]
        volumes: [{name: work, emptyDir: {}}, {name: data, persistentVolumeClaim: {claimName: data}}]
        """),
    .bad("the node's network", network, at: "hostNetwork", "hostNetwork: true"),
    .bad(
        "the node's network, whose ports the API server fills in", network, at: "hostNetwork",
        """
        hostNetwork: true
        containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]
        """),
    .bad("the node's processes", processes, at: "hostPID", "hostPID: true"),
    .bad("the node's shared memory", communication, at: "hostIPC", "hostIPC: true"),
    .bad(
        "a port of the node", port, at: "containers[app].ports[http].hostPort",
        "containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]"),
    .bad(
        "a sidecar's port of the node", port, at: "initContainers[proxy].ports[9000].hostPort",
        "initContainers: [{name: proxy, restartPolicy: Always, ports: [{containerPort: 9000, hostPort: 9000}]}]"),
    .bad(
        "a path of the node", files, at: "volumes[docker].hostPath",
        "volumes: [{name: docker, hostPath: {path: /var/run/docker.sock}}]"),
    .bad(
        "a probe of another host", handler, at: "containers[app].livenessProbe.httpGet.host",
        "containers: [{name: app, livenessProbe: {httpGet: {host: 169.254.169.254}}}]"),
    .bad(
        "a probe of a port of the node", handler, at: "initContainers[proxy].startupProbe.tcpSocket.host",
        """
        initContainers:
        - {name: proxy, restartPolicy: Always, startupProbe: {tcpSocket: {host: 127.0.0.1, port: 10250}}}
        """),
    .bad(
        "a request to another host at the start", handler, at: "containers[app].lifecycle.postStart.httpGet.host",
        "containers: [{name: app, lifecycle: {postStart: {httpGet: {host: metadata, path: /, port: 80}}}}]"),
    .good(
        "a probe that names the virtual host in a header",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {host: '', httpHeaders: [{name: Host, value: web.example.com}]}}
        """),
    .bad("a PersistentVolume of a node's path", volume, at: "spec.hostPath", persistent("hostPath: {path: /data}")),
    .bad(
        "a PersistentVolume of a node's disk", volume, at: "spec.local", persistent("local: {path: /mnt/disks/1}")),
    .bad(
        "a PersistentVolume that Argo CD applies", volume, at: "spec.hostPath",
        persistent("hostPath: {path: /data}"),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .good(
        "a PersistentVolume that a provisioner makes", persistent("local: {path: /mnt/disks/1}"),
        request: .by("system:serviceaccount:kube-system:local-static-provisioner")),
    .good(
        "a PersistentVolume of a CSI driver",
        persistent("csi: {driver: efs.csi.aws.com, volumeHandle: fs-0123456789abcdef0}")),
    .good(
        "an init container and an ephemeral one have no say here",
        "initContainers: [{name: migrate}]"),
]

private func persistent(_ source: String) -> String {
    """
    apiVersion: v1
    kind: PersistentVolume
    metadata: {name: data}
    spec: {capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce], \(source)}
    """
}
