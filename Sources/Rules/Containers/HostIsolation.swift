import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let hostIsolation = Rule(
        id: "host-isolation",
        title: "Pods do not use host namespaces, ports or paths",
        group: .containers,
        section: .containerization,
        rationale: """
            Host namespaces, ports and paths bypass security groups, network policies and the isolation between tenants. A \
            compromised pod can then take over its node.
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

private let network = Clause("network", "`hostNetwork` is not true")
private let processes = Clause("processes", "`hostPID` is not true")
private let communication = Clause("communication", "`hostIPC` is not true")
private let port = Clause("port", "no container sets a `hostPort`")
private let files = Clause("files", "no volume is a `hostPath`")
private let handler = Clause(
    "handler", "no probe or lifecycle handler sets `host`, because the kubelet sends the request from the node")
private let volume = Clause(
    "volume", "no PersistentVolume uses a path of a node (`hostPath`, `local`), unless a provisioner creates it")

private let agentAdvice = "a node agent belongs in a namespace of PLAYBOOK_AGENT_NAMESPACES"

private func checkHost(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    // With hostNetwork the API server sets each hostPort, so one finding is enough. On the old object they are reported too,
    // because they remain when `kubectl apply` removes hostNetwork.
    let hostNetwork = template.hostNetwork
    let hasNetwork = try hostNetwork.boolean() == true
    var ports: [Field] = []
    for container in template.containers {
        for entry in try container.ports.objects() {
            try findings.step()
            let hostPort = try entry["hostPort"]
            guard let number = try hostPort.integer(), number != 0 else { continue }
            if hasNetwork, ports.count < mostPorts { ports.append(hostPort) }
            if hasNetwork, !subject.isOld { continue }
            findings.add(port, at: hostPort, "is \(number), which opens this port on the node", choice: String(number))
            {
                $0.edits = [.remove($0.place)]
            }
        }
        try checkHandlers(container, findings)
    }
    if hasNetwork {
        report(network, hostNetwork, "the pod bypasses security groups and network policies", ports)
    }
    let hostPID = template.hostPID
    if try hostPID.boolean() == true { report(processes, hostPID, "the pod can see all processes of the node") }
    let hostIPC = template.hostIPC
    if try hostIPC.boolean() == true {
        report(communication, hostIPC, "the pod shares memory with processes of the node")
    }
    func report(_ clause: Clause, _ flag: Field, _ meaning: String, _ ports: [Field] = []) {
        findings.add(clause, at: flag, "is true; \(meaning)") {
            $0.edits = [.remove($0.place)] + ports.map { .remove(findings.place(of: $0)) }
            if subject.kind == .daemonSet { $0.advice = agentAdvice }
        }
    }
    for volume in try template.volumes.objects() {
        try findings.step()
        let path = try volume["hostPath"]
        guard path.isPresent else { continue }
        let seen = try path["path"].string() ?? ""
        findings.add(files, at: path, "mounts the host path \(seen)", choice: seen) {
            $0.advice =
                subject.kind == .daemonSet
                ? "\(agentAdvice); other pods use a CSI volume or emptyDir"
                : "use an emptyDir, a PersistentVolumeClaim or a CSI volume instead"
        }
    }
}

/// Reports handlers with which the kubelet calls a host other than the pod (Pod Security Standards since 1.34).
private func checkHandlers(_ container: Container, _ findings: FindingCollector) throws(CannotEvaluate) {
    for purpose in Probe.Purpose.allCases { try check(container.probeField(purpose)) }
    let lifecycle = container.lifecycle
    if lifecycle.isPresent {
        try check(lifecycle["postStart"])
        try check(lifecycle["preStop"])
    }
    func check(_ handlers: Field) throws(CannotEvaluate) {
        guard let value = handlers.value else { return }
        for key in ["httpGet", "tcpSocket"] as [StaticString] {
            guard let request = value[key], !request.isNull else { continue }
            let host = try Field(request)["host"]
            guard let seen = try host.filledText() else { continue }
            findings.add(
                handler, at: host, "is \"\(seen.text)\"; the kubelet sends the request from the node", choice: seen.text
            ) {
                $0.edits = [.remove($0.place)]
                if "\(key)" == "httpGet" { $0.advice = "set a virtual host as the Host header in httpHeaders" }
            }
        }
    }
}

private func checkVolume(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    // A provisioner follows its StorageClass. An audit does not know the requester, and reads the provisioner's annotation.
    if subject.review.user.serviceAccount != nil, Requester(of: subject.review, context) != .deployer { return }
    if context.source == .cluster, subject.metadata.annotation("pv.kubernetes.io/provisioned-by") != nil { return }
    let spec = try subject.field("spec")
    for source in ["hostPath", "local"] as [StaticString] {
        let path = try spec[source]
        guard path.isPresent else { continue }
        let seen = try path["path"].string() ?? ""
        findings.add(volume, at: path, "uses the path \"\(seen)\" of a node", choice: seen) {
            $0.advice = "use a CSI driver, such as ebs.csi.aws.com or efs.csi.aws.com, through a PersistentVolumeClaim"
        }
    }
}

/// The largest number of host ports that the suggested change removes together with hostNetwork.
private let mostPorts = 100

private let cases: [Example] = [
    .good("no host namespaces", "{hostNetwork: false, hostPID: false, hostIPC: false}"),
    .good(
        "container ports and volumes that do not use the host",
        """
        containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 0}]}]
        volumes: [{name: work, emptyDir: {}}, {name: data, persistentVolumeClaim: {claimName: data}}]
        """),
    .bad("the host network", network, at: "hostNetwork", "hostNetwork: true"),
    .bad(
        "the host network, with host ports set by the API server", network, at: "hostNetwork",
        """
        hostNetwork: true
        containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]
        """),
    .bad("the host PID namespace", processes, at: "hostPID", "hostPID: true"),
    .bad("the host IPC namespace", communication, at: "hostIPC", "hostIPC: true"),
    .bad(
        "a host port", port, at: "containers[app].ports[http].hostPort",
        "containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]"),
    .bad(
        "a host port of a sidecar", port, at: "initContainers[proxy].ports[9000].hostPort",
        "initContainers: [{name: proxy, restartPolicy: Always, ports: [{containerPort: 9000, hostPort: 9000}]}]"),
    .bad(
        "a host path", files, at: "volumes[docker].hostPath",
        "volumes: [{name: docker, hostPath: {path: /var/run/docker.sock}}]"),
    .bad(
        "a probe of another host", handler, at: "containers[app].livenessProbe.httpGet.host",
        "containers: [{name: app, livenessProbe: {httpGet: {host: 169.254.169.254}}}]"),
    .bad(
        "a probe of a port on the node", handler, at: "initContainers[proxy].startupProbe.tcpSocket.host",
        """
        initContainers:
        - {name: proxy, restartPolicy: Always, startupProbe: {tcpSocket: {host: 127.0.0.1, port: 10250}}}
        """),
    .bad(
        "a postStart request to another host", handler, at: "containers[app].lifecycle.postStart.httpGet.host",
        "containers: [{name: app, lifecycle: {postStart: {httpGet: {host: metadata, path: /, port: 80}}}}]"),
    .good(
        "a probe with a Host header",
        """
        containers:
        - name: app
          livenessProbe: {httpGet: {host: '', httpHeaders: [{name: Host, value: web.example.com}]}}
        """),
    .bad("a PersistentVolume with a host path", volume, at: "spec.hostPath", persistent("hostPath: {path: /data}")),
    .bad(
        "a PersistentVolume with a local path", volume, at: "spec.local", persistent("local: {path: /mnt/disks/1}")),
    .bad(
        "a PersistentVolume with a host path, applied by Argo CD", volume, at: "spec.hostPath",
        persistent("hostPath: {path: /data}"),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .good(
        "a local PersistentVolume created by a provisioner", persistent("local: {path: /mnt/disks/1}"),
        request: .by("system:serviceaccount:kube-system:local-static-provisioner")),
    .good(
        "a PersistentVolume of a CSI driver",
        persistent("csi: {driver: efs.csi.aws.com, volumeHandle: fs-0123456789abcdef0}")),
    .good(
        "an init container",
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
