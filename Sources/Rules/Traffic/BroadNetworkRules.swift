import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let broadNetworkRules = Rule(
        id: "broad-network-rules",
        title: "Network policies name whom and what they let through",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            A policy that lets everybody through, or every port, is no policy: what it was written for passes, and so does all else.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.networkPolicy, .applicationNetworkPolicy, .clusterNetworkPolicy)),
        clauses: [everywhere, range],
        settings: [RuleSettings.maximumPortRange],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let spec = try subject.field("spec")
            let most = context[RuleSettings.maximumPortRange]
            for direction in [Direction.ingress, .egress] {
                for rule in try spec[direction.field].objects() {
                    try findings.step()
                    if subject.kind == .clusterNetworkPolicy {
                        // What denies or passes traffic on to other policies may speak of everybody.
                        guard try rule["action"].equals("Accept") else { continue }
                        try checkNetworks(of: rule, direction, findings)
                        try checkPortRanges(of: rule, most, findings)
                        continue
                    }
                    if try rule[direction.peers].elements().isEmpty, try rule["ports"].elements().isEmpty {
                        findings.add(
                            everywhere, at: rule, "is empty: it allows everything \(direction.peers) everywhere"
                        ) {
                            $0.advice = direction.advice
                        }
                    }
                    try checkPeers(of: rule, direction, findings)
                    try checkPorts(of: rule, most, findings)
                }
            }
        }
    )
}

extension RuleSettings {
    static let maximumPortRange = RuleSetting(
        "PLAYBOOK_MAX_PORT_RANGE", .integer(1...65536), default: 100,
        "The most ports that one entry of a NetworkPolicy opens.")
}

private let everywhere = Clause(
    "everywhere",
    "no address block takes in everybody (a block shorter than /8) without an exception, and no rule is empty")
private let range = Clause("range", "no range of ports is wider than `PLAYBOOK_MAX_PORT_RANGE`")

private enum Direction {
    case ingress, egress

    var field: StaticString { self == .ingress ? "ingress" : "egress" }
    var peers: StaticString { self == .ingress ? "from" : "to" }
    var advice: String {
        self == .ingress
            ? "name who may connect: a podSelector, a namespaceSelector, or the addresses of the VPC"
            : "name the addresses that the pods need"
    }
}

private func checkPeers(
    of rule: Field, _ direction: Direction, _ findings: FindingCollector
) throws(CannotJudge) {
    for peer in try rule[direction.peers].objects() {
        try findings.step()
        let entry = try peer["ipBlock"]
        guard let cidr = try entry["cidr"].text(), let block = AddressBlock(cidr), block.isEverywhere,
            try entry["except"].elements().isEmpty
        else { continue }
        let seen = direction == .ingress ? "lets \(cidr.text) in" : "lets pods reach \(cidr.text)"
        findings.add(everywhere, at: entry, "\(seen): everybody", choice: cidr.text) {
            switch direction {
            case .egress where block.prefixLength == 0:
                $0.edits = [.set($0.place / "except", block.isIPv6 ? privateIPv6 : privateIPv4)]
                $0.advice = "or name the addresses that the pods need"
            default: $0.advice = direction.advice
            }
        }
    }
}

/// What is inside, and the nodes' metadata service: who needs the internet needs none of it.
private let privateIPv4: Literal = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"]
private let privateIPv6: Literal = ["fc00::/7"]

/// The address blocks of a ClusterNetworkPolicy.
private func checkNetworks(
    of rule: Field, _ direction: Direction, _ findings: FindingCollector
) throws(CannotJudge) {
    for peer in try rule[direction.peers].objects() {
        try findings.step()
        for network in try peer["networks"].strings() {
            try findings.step()
            guard AddressBlock(network.base)?.isEverywhere ?? false else { continue }
            let cidr = network.base
            findings.add(everywhere, at: network, "is \(cidr.text): everybody", choice: cidr.text) {
                $0.advice = direction.advice
            }
        }
    }
}

/// The ranges of ports of a ClusterNetworkPolicy.
private func checkPortRanges(of rule: Field, _ most: Int, _ findings: FindingCollector) throws(CannotJudge) {
    for entry in try rule["ports"].objects() {
        try findings.step()
        let ports = try entry["portRange"]
        guard let first = try ports["start"].integer(), let last = try ports["end"].integer() else { continue }
        addRange(first, last, at: ports, most, findings)
    }
}

private func checkPorts(of rule: Field, _ most: Int, _ findings: FindingCollector) throws(CannotJudge) {
    for entry in try rule["ports"].objects() {
        try findings.step()
        guard let last = try entry["endPort"].integer(), let first = try entry["port"].value?.int else { continue }
        addRange(first, last, at: entry, most, findings)
    }
}

private func addRange(_ first: Int, _ last: Int, at entry: Field, _ most: Int, _ findings: FindingCollector) {
    // The API takes ports from 1 to 65535 alone; a number that is none must not overflow here.
    let count = max(min(last, 65535), 0) - min(max(first, 0), 65535) + 1
    guard count > most else { return }
    // Where it begins is the choice, how many they are the number.
    findings.add(
        range, at: entry, "opens \(count) ports, \(first) to \(last)", choice: String(first), excess: Double(count)
    ) { $0.advice = "write an entry for each port that is needed, with at most \(most) in a range" }
}

private func policy(
    _ lines: String, _ version: String = "networking.k8s.io/v1", _ kind: String = "NetworkPolicy"
) -> String {
    """
    apiVersion: \(version)
    kind: \(kind)
    metadata: {name: web, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: web}}
      \(lines)
    """
}

private func applicationPolicy(_ lines: String) -> String {
    policy(lines, "networking.k8s.aws/v1alpha1", "ApplicationNetworkPolicy")
}

private func clusterPolicy(_ lines: String) -> String {
    """
    apiVersion: networking.k8s.aws/v1alpha1
    kind: ClusterNetworkPolicy
    metadata: {name: web}
    spec: {tier: Admin, priority: 10, subject: {namespaces: {}}, \(lines)}
    """
}

private let cases: [Example] = [
    .good(
        "one port, from the namespace",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 8080, protocol: TCP}]}]")),
    .good(
        "the internet but for what is inside",
        policy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}}]}]")),
    .good("a private network", policy("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}]")),
    .good(
        "as many ports as may be",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9099}]}]")),
    .good("a port by its name", policy("ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]")),
    .good("nothing at all", policy("policyTypes: [Ingress, Egress]")),
    .bad(
        "everybody, in", everywhere, at: "spec.ingress[0].from[0].ipBlock",
        policy("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]")),
    .bad(
        "everybody, out", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]")),
    .bad(
        "everybody who has IPv6", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: '::/0', except: []}}]}]")),
    .bad(
        "half of everybody", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: 128.0.0.0/1}}]}]")),
    .bad(
        "the shortest block that is everybody", everywhere, at: "spec.ingress[0].from[0].ipBlock",
        policy("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/7}}]}]")),
    .bad(
        "one port more than may be", range, at: "spec.ingress[0].ports[0]",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9100}]}]")),
    .bad(
        "every port", range, at: "spec.egress[0].ports[0]",
        policy("egress: [{to: [{podSelector: {}}], ports: [{port: 1, endPort: 65535, protocol: UDP}]}]")),
    .bad(
        "three ports where two may be", range, at: "spec.ingress[0].ports[0]",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 80, endPort: 82}]}]"),
        settings: ["PLAYBOOK_MAX_PORT_RANGE": "2"]),
    .bad("everything, in", everywhere, at: "spec.ingress[0]", policy("ingress: [{}]")),
    .bad("everything, out", everywhere, at: "spec.egress[0]", policy("egress: [{to: [], ports: []}]")),
    .good("nothing, in and out", policy("ingress: []")),
    .good("a port for everybody in the cluster's reach", policy("ingress: [{ports: [{port: 8080}]}]")),
    .good(
        "an application policy for a domain",
        applicationPolicy("egress: [{to: [{domainNames: [api.example.com]}], ports: [{port: 443}]}]")),
    .bad(
        "an application policy for everybody", everywhere, at: "spec.egress[0].to[0].ipBlock",
        applicationPolicy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]")),
    .bad("an empty application policy", everywhere, at: "spec.ingress[0]", applicationPolicy("ingress: [{}]")),
    .good(
        "a cluster policy that denies everybody",
        clusterPolicy("egress: [{name: none, action: Deny, to: [{networks: [0.0.0.0/0]}]}]")),
    .bad(
        "a cluster policy that accepts everybody", everywhere, at: "spec.egress[all].to[0].networks[1]",
        clusterPolicy("egress: [{name: all, action: Accept, to: [{networks: [10.0.0.0/8, '::/0']}]}]")),
    .bad(
        "a cluster policy that accepts every port", range, at: "spec.ingress[all].ports[0].portRange",
        clusterPolicy(
            "ingress: [{name: all, action: Accept, from: [{namespaces: {}}], ports: [{portRange: {protocol: TCP, start: 1, end: 65535}}]}]"
        )),
]
