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
        scope: Scope(.withPodSpec),
        clauses: [network, processes, communication, port, files],
        holdsForOperators: true,
        allowsAgents: true,
        examples: cases,
        check: checkHost
    )
}

private let network = Clause("network", "no `hostNetwork`")
private let processes = Clause("processes", "no `hostPID`")
private let communication = Clause("communication", "no `hostIPC`")
private let port = Clause("port", "no container takes a port of the node")
private let files = Clause("files", "no volume is a path of the node")

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
    .good(
        "an init container and an ephemeral one have no say here",
        "initContainers: [{name: migrate}]"),
]
