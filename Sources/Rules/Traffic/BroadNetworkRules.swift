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
        scope: Scope(ResourceKinds(.networkPolicy)),
        clauses: [everywhere, range],
        settings: [RuleSettings.maximumPortRange],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let spec = try subject.field("spec")
            for direction in [Direction.ingress, .egress] {
                for rule in try spec[direction.field].objects() {
                    try findings.step()
                    try checkPeers(of: rule, direction, findings)
                    try checkPorts(of: rule, context[RuleSettings.maximumPortRange], findings)
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
    "everywhere", "no address block takes in everybody (a block shorter than /8) without an exception")
private let range = Clause("range", "no range of ports is wider than `PLAYBOOK_MAX_PORT_RANGE`")

private enum Direction {
    case ingress, egress

    var field: StaticString { self == .ingress ? "ingress" : "egress" }
    var peers: StaticString { self == .ingress ? "from" : "to" }
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
            case .ingress:
                $0.advice = "name who may connect: a podSelector, a namespaceSelector, or the addresses of the VPC"
            case .egress where block.prefixLength == 0:
                $0.edits = [.set($0.place / "except", block.isIPv6 ? privateIPv6 : privateIPv4)]
                $0.advice = "or name the addresses that the pods need"
            case .egress: $0.advice = "name the addresses that the pods need"
            }
        }
    }
}

/// What is inside, and the nodes' metadata service: who needs the internet needs none of it.
private let privateIPv4: Literal = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"]
private let privateIPv6: Literal = ["fc00::/7"]

private func checkPorts(of rule: Field, _ most: Int, _ findings: FindingCollector) throws(CannotJudge) {
    for entry in try rule["ports"].objects() {
        try findings.step()
        guard let last = try entry["endPort"].integer(), let first = try entry["port"].value?.int else { continue }
        // The API takes ports from 1 to 65535 alone; a number that is none must not overflow here.
        let count = min(last, 65535) - max(first, 0) + 1
        guard count > most else { continue }
        // Where it begins is the choice, how many they are the number.
        findings.add(
            range, at: entry, "opens \(count) ports, \(first) to \(last)", choice: String(first),
            excess: Double(count)
        ) { $0.advice = "write an entry for each port that is needed, with at most \(most) in a range" }
    }
}

private func policy(_ lines: String) -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: web, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: web}}
      \(lines)
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
]
