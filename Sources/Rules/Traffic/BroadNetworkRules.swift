import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let broadNetworkRules = Rule(
        id: "broad-network-rules",
        title: "Network policies do not allow all addresses or wide port ranges",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            A policy that allows all addresses or all ports does not protect the pods: it also allows unintended traffic.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.networkPolicy, .applicationNetworkPolicy, .clusterNetworkPolicy)),
        clauses: [everywhere, range],
        settings: [RuleSettings.maximumPortRange],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let spec = try subject.field("spec")
            let most = context[RuleSettings.maximumPortRange]
            for direction in [Direction.ingress, .egress] {
                for rule in try spec[direction.field].objects() {
                    try findings.step()
                    if subject.kind == .clusterNetworkPolicy {
                        // Rules that deny traffic or pass it to other policies can match everything.
                        guard try rule["action"].equals("Accept") else { continue }
                        try checkNetworks(of: rule, direction, findings)
                        try checkPortRanges(of: rule, most, findings)
                        continue
                    }
                    if try rule[direction.peers].elements().isEmpty, try rule["ports"].elements().isEmpty {
                        findings.add(
                            everywhere, at: rule, "is empty; it allows all traffic \(direction.peers) all addresses"
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
        "The most ports that one entry of a network policy can open.")
}

private let everywhere = Clause(
    "everywhere",
    "each address block has a prefix of at least /8 or lists exceptions, and no rule is empty")
private let range = Clause("range", "no port range is wider than `PLAYBOOK_MAX_PORT_RANGE`")

private enum Direction {
    case ingress, egress

    var field: StaticString { self == .ingress ? "ingress" : "egress" }
    var peers: StaticString { self == .ingress ? "from" : "to" }
    var advice: String {
        self == .ingress
            ? "allow only the clients that need access: a podSelector, a namespaceSelector or the addresses of the VPC"
            : "allow only the addresses that the pods need"
    }
}

private func checkPeers(
    of rule: Field, _ direction: Direction, _ findings: FindingCollector
) throws(CannotEvaluate) {
    for peer in try rule[direction.peers].objects() {
        try findings.step()
        let entry = try peer["ipBlock"]
        guard let cidr = try entry["cidr"].text(), let block = AddressBlock(cidr), block.isEverywhere,
            try entry["except"].elements().isEmpty
        else { continue }
        let seen = direction == .ingress ? "allows traffic from \(cidr.text)" : "allows traffic to \(cidr.text)"
        findings.add(everywhere, at: entry, "\(seen), which is too broad", choice: cidr.text) {
            switch direction {
            case .egress where block.prefixLength == 0:
                $0.edits = [.set($0.place / "except", block.isIPv6 ? privateIPv6 : privateIPv4)]
                $0.advice = "or allow only the addresses that the pods need"
            default: $0.advice = direction.advice
            }
        }
    }
}

/// Private addresses and the nodes' metadata service, which traffic to the internet does not need.
private let privateIPv4: Literal = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"]
private let privateIPv6: Literal = ["fc00::/7"]

/// The address blocks of a ClusterNetworkPolicy.
private func checkNetworks(
    of rule: Field, _ direction: Direction, _ findings: FindingCollector
) throws(CannotEvaluate) {
    for peer in try rule[direction.peers].objects() {
        try findings.step()
        for network in try peer["networks"].strings() {
            try findings.step()
            guard AddressBlock(network.base)?.isEverywhere ?? false else { continue }
            let cidr = network.base
            findings.add(everywhere, at: network, "is \"\(cidr.text)\", which is too broad", choice: cidr.text) {
                $0.advice = direction.advice
            }
        }
    }
}

/// The ranges of ports of a ClusterNetworkPolicy.
private func checkPortRanges(of rule: Field, _ most: Int, _ findings: FindingCollector) throws(CannotEvaluate) {
    for entry in try rule["ports"].objects() {
        try findings.step()
        let ports = try entry["portRange"]
        guard let first = try ports["start"].integer(), let last = try ports["end"].integer() else { continue }
        addRange(first, last, at: ports, most, findings)
    }
}

private func checkPorts(of rule: Field, _ most: Int, _ findings: FindingCollector) throws(CannotEvaluate) {
    for entry in try rule["ports"].objects() {
        try findings.step()
        guard let last = try entry["endPort"].integer(), let first = try entry["port"].value?.int else { continue }
        addRange(first, last, at: entry, most, findings)
    }
}

private func addRange(_ first: Int, _ last: Int, at entry: Field, _ most: Int, _ findings: FindingCollector) {
    // Ports are 1 to 65535; other numbers must not overflow here.
    let count = max(min(last, 65535), 0) - min(max(first, 0), 65535) + 1
    guard count > most else { return }
    // The choice is the first port; the excess is the number of ports.
    findings.add(
        range, at: entry, "opens \(count) ports (\(first) to \(last)); at most \(most) are allowed",
        choice: String(first), excess: Double(count)
    ) { $0.advice = "use one entry for each port that is needed, or ranges of at most \(most) ports" }
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
        "one port from pods in the namespace",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 8080, protocol: TCP}]}]")),
    .good(
        "the internet except private addresses",
        policy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}}]}]")),
    .good("a private network", policy("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 5432}]}]")),
    .good(
        "a port range at the limit",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9099}]}]")),
    .good("a named port", policy("ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]")),
    .good("a policy without rules", policy("policyTypes: [Ingress, Egress]")),
    .bad(
        "traffic from every IPv4 address", everywhere, at: "spec.ingress[0].from[0].ipBlock",
        policy("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]")),
    .bad(
        "traffic to every IPv4 address", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]")),
    .bad(
        "traffic to every IPv6 address", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: '::/0', except: []}}]}]")),
    .bad(
        "traffic to half of all addresses", everywhere, at: "spec.egress[0].to[0].ipBlock",
        policy("egress: [{to: [{ipBlock: {cidr: 128.0.0.0/1}}]}]")),
    .bad(
        "traffic from a /7 block", everywhere, at: "spec.ingress[0].from[0].ipBlock",
        policy("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/7}}]}]")),
    .bad(
        "a port range above the limit", range, at: "spec.ingress[0].ports[0]",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9100}]}]")),
    .bad(
        "all ports", range, at: "spec.egress[0].ports[0]",
        policy("egress: [{to: [{podSelector: {}}], ports: [{port: 1, endPort: 65535, protocol: UDP}]}]")),
    .bad(
        "a port range above the configured limit", range, at: "spec.ingress[0].ports[0]",
        policy("ingress: [{from: [{podSelector: {}}], ports: [{port: 80, endPort: 82}]}]"),
        settings: ["PLAYBOOK_MAX_PORT_RANGE": "2"]),
    .bad("an empty ingress rule", everywhere, at: "spec.ingress[0]", policy("ingress: [{}]")),
    .bad("an egress rule with empty lists", everywhere, at: "spec.egress[0]", policy("egress: [{to: [], ports: []}]")),
    .good("no ingress rules", policy("ingress: []")),
    .good("a port without peers", policy("ingress: [{ports: [{port: 8080}]}]")),
    .good(
        "an ApplicationNetworkPolicy for a domain",
        applicationPolicy("egress: [{to: [{domainNames: [api.example.com]}], ports: [{port: 443}]}]")),
    .bad(
        "an ApplicationNetworkPolicy for every address", everywhere, at: "spec.egress[0].to[0].ipBlock",
        applicationPolicy("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]")),
    .bad(
        "an ApplicationNetworkPolicy with an empty rule", everywhere, at: "spec.ingress[0]",
        applicationPolicy("ingress: [{}]")),
    .good(
        "a ClusterNetworkPolicy that denies every address",
        clusterPolicy("egress: [{name: none, action: Deny, to: [{networks: [0.0.0.0/0]}]}]")),
    .bad(
        "a ClusterNetworkPolicy that accepts every address", everywhere, at: "spec.egress[all].to[0].networks[1]",
        clusterPolicy("egress: [{name: all, action: Accept, to: [{networks: [10.0.0.0/8, '::/0']}]}]")),
    .bad(
        "a ClusterNetworkPolicy that accepts all ports", range, at: "spec.ingress[all].ports[0].portRange",
        clusterPolicy(
            "ingress: [{name: all, action: Accept, from: [{namespaces: {}}], ports: [{portRange: {protocol: TCP, start: 1, end: 65535}}]}]"
        )),
]
