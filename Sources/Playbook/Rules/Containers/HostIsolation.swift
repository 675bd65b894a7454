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
        scope: Scope(.holders),
        clauses: [network, processes, communication, port, files],
        examples: cases,
        check: evaluateHost
    )
}

private let network = Clause("network", "no `hostNetwork`")
private let processes = Clause("processes", "no `hostPID`")
private let communication = Clause("communication", "no `hostIPC`")
private let port = Clause("port", "no container takes a port of the node")
private let files = Clause("files", "no volume is a path of the node")

private func evaluateHost(
    of subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    // With the node's network the API server fills in each host port itself: one finding says it all. The old object had those
    // ports nevertheless: they stay behind where `kubectl apply` takes the network away.
    let hasNetwork = try template.spec.boolean("hostNetwork") == true
    var ports: [Edit] = []
    for container in template.containers {
        for (index, entry) in try container.ports.objects().enumerated() {
            let entry = entry.base
            try findings.step()
            guard let number = try entry.integer("hostPort"), number != 0, let value = entry["hostPort"] else {
                continue
            }
            if hasNetwork, ports.count < mostPorts {
                ports.append(.remove(container.pointer / "ports" / String(index) / "hostPort"))
            }
            if hasNetwork, !subject.isOld { continue }
            findings.add(at: value, choice: String(number)) { place in
                Finding(port, at: place, "is \(number), a port of the node", edits: [.remove(place)]).with {
                    $0.choice = String(number)
                }
            }
        }
    }
    if hasNetwork {
        add("hostNetwork", network, "the pod has the node's network, past security groups and network policies", ports)
    }
    if try template.spec.boolean("hostPID") == true {
        add("hostPID", processes, "the pod sees all processes of the node")
    }
    if try template.spec.boolean("hostIPC") == true {
        add("hostIPC", communication, "the pod shares memory with processes of the node")
    }
    func add(_ key: String, _ clause: Clause, _ meaning: String, _ more: [Edit] = []) {
        let place = template.pointer / key
        findings.add(Finding(clause, at: place, "is true: \(meaning)", edits: [.remove(place)] + more))
    }
    for volume in try template.volumes.objects() {
        let volume = volume.base
        try findings.step()
        guard let path = try volume.object("hostPath") else { continue }
        let seen = try path.string("path") ?? ""
        findings.add(at: path, choice: seen) { place in
            Finding(files, at: place, "is \(seen), a path of the node").with {
                $0.choice = seen
                $0.advice = "use an emptyDir, a PersistentVolumeClaim or a CSI volume instead"
            }
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
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          ports: [{containerPort: 9000, hostPort: 9000}]
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        """),
    .bad(
        "a path of the node", files, at: "volumes[docker].hostPath",
        "volumes: [{name: docker, hostPath: {path: /var/run/docker.sock}}]"),
    .good(
        "an init container and an ephemeral one have no say here",
        """
        initContainers:
        - name: migrate
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        """),
]
