import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let securityGroupRules = Rule(
        id: "security-group-rules",
        title: "Security groups do not allow traffic from everywhere or to wide port ranges",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            A group that is open to every address or port exposes every process that listens behind it. Only load balancers need \
            to be public, on ports 80 and 443.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.ec2SecurityGroup)),
        clauses: [GroupClause.open, GroupClause.range],
        settings: [RuleSettings.loadBalancerGroups, RuleSettings.maximumGroupPorts],
        examples: groupExamples,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let spec = try subject.field("spec")
            let isLoadBalancers = try isLoadBalancers(spec, subject, context)
            for entry in try spec["ingressRules"].objects() {
                try findings.step()
                let ports = try Ports(entry)
                let isOpenToAll = isLoadBalancers && ports?.isWeb == true
                try checkRanges(of: entry, ports, mayBeOpen: isOpenToAll, findings)
                if let ports, ports.count > context[RuleSettings.maximumGroupPorts] {
                    try addRange(ports, of: entry, findings)
                }
            }
        }
    )
}

extension RuleSettings {
    static let loadBalancerGroups = RuleSetting(
        "PLAYBOOK_LOAD_BALANCER_GROUPS", .list("names"),
        default: ["alb", "nlb", "elb", "lb", "load-balancer", "loadbalancer"],
        "The security groups of load balancers, which are allowed to open ports 80 and 443 to everyone: whole words of their names, or whole names in which `*` matches any text."
    )

    static let maximumGroupPorts = RuleSetting(
        "PLAYBOOK_MAX_GROUP_PORTS", .integer(1...65536), default: 100,
        "The most ports that one entry of a security group can open.")
}

/// The rule's clauses.
private enum GroupClause {
    static let open = Clause(
        "open",
        "no traffic is allowed from everywhere (an address block with a prefix shorter than /8), except to ports 80 and 443 of load balancers"
    )
    static let range = Clause("range", "no entry opens more ports than `PLAYBOOK_MAX_GROUP_PORTS`")
}

/// The ports that an entry opens; protocols with types and codes (ICMP) have none.
private struct Ports {
    let first: Int
    let last: Int

    init?(_ entry: Field) throws(CannotEvaluate) {
        let name = try protocolName(of: entry)
        // EC2: `-1` is every protocol and port, even if the entry has ports.
        if name == "-1" {
            (first, last) = (0, 65535)
            return
        }
        guard name == "tcp" || name == "udp" else { return nil }
        // `-1` is every port. Numbers are limited so that the count cannot overflow.
        let (start, end) = (try entry["fromPort"].integer() ?? -1, try entry["toPort"].integer() ?? -1)
        first = max(start, 0)
        last = end < 0 ? 65535 : min(end, 65535)
    }

    /// The number of ports.
    var count: Int { last - first + 1 }

    /// True if it is port 80 or 443, which load balancers can open to everyone.
    var isWeb: Bool { first == last && (first == 80 || first == 443) }

    var text: String { first == last ? "port \(first)" : "ports \(first)-\(last)" }
}

/// The protocol of an entry, with one name for each protocol.
private func protocolName(of entry: Field) throws(CannotEvaluate) -> String {
    switch try entry["ipProtocol"].string()?.lowercased() ?? "" {
    case "6": "tcp"
    case "17": "udp"
    case "all": "-1"
    case let name: name
    }
}

private func checkRanges(
    of entry: Field, _ ports: Ports?, mayBeOpen: Bool, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let name = try protocolName(of: entry)
    for (list, key) in [("ipRanges", "cidrIP"), ("ipv6Ranges", "cidrIPv6")] as [(StaticString, StaticString)] {
        for range in try entry[list].objects() {
            try findings.step()
            guard let block = try range[key].text(), !mayBeOpen, AddressBlock(block)?.isEverywhere ?? false else {
                continue
            }
            func opened() -> String {
                ports?.text ?? entry.member("ipProtocol").value.map { "protocol \($0.text)" } ?? "every port"
            }
            // As with wide ranges, the choice includes the first port, and the excess is the number of ports.
            findings.add(
                GroupClause.open, at: range, "allows traffic from \(block.text) to \(opened())",
                choice: "\(name) \(block.text) \(ports.map { String($0.first) } ?? "")",
                excess: ports.map { Double($0.count) } ?? .infinity
            ) {
                $0.edits = [.remove($0.place)]
                $0.advice = "allow only the security groups or addresses that connect (userIDGroupPairs, ipRanges)"
            }
        }
    }
}

/// Returns true if the group's name marks it as a load balancer's.
private func isLoadBalancers(_ spec: Field, _ subject: Subject, _ context: Context) throws(CannotEvaluate) -> Bool {
    let names = [try spec["name"].string(), subject.name].compactMap(\.self)
    // Words end at characters that are not letters or digits, as in `shop-alb` and `alb.shop`.
    let words = names.map { "-" + String($0.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "-" }) + "-" }
    return context[RuleSettings.loadBalancerGroups].contains { pattern in
        let isName = pattern.utf8.contains(UInt8(ascii: "*"))
        let glob = Glob(isName ? pattern : "*-\(pattern)-*")
        return isName ? names.contains { glob.matches($0.lowercased()) } : words.contains { glob.matches($0) }
    }
}

private func addRange(_ ports: Ports, of entry: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    // The choice is the peers, the protocol and the first port; the excess is the number of ports.
    let names = [try protocolName(of: entry)] + (try peers(of: entry, findings)).sorted() + [String(ports.first)]
    // Wide ranges between groups are common: EKS allows all traffic within a cluster's security group.
    let (blocks, longBlocks) = (try entry["ipRanges"].elements(), try entry["ipv6Ranges"].elements())
    let (lists, groups) = (try entry["prefixListIDs"].elements(), try entry["userIDGroupPairs"].elements())
    let isBetweenGroups = blocks.isEmpty && longBlocks.isEmpty && lists.isEmpty && !groups.isEmpty
    findings.add(
        GroupClause.range, at: entry,
        "opens \(ports.count) ports (\(ports.first) to \(ports.last)), more than PLAYBOOK_MAX_GROUP_PORTS allows",
        choice: names.joined(separator: " "),
        excess: Double(ports.count), traits: .init(isHint: isBetweenGroups)
    ) { $0.advice = "use one entry for each port that is needed" }
}

/// The peers of an entry: address blocks, prefix lists, and groups by id, name or ACK object.
private func peers(of entry: Field, _ findings: FindingCollector) throws(CannotEvaluate) -> [String] {
    var peers: [String] = []
    let lists: [(StaticString, StaticString)] = [
        ("ipRanges", "cidrIP"), ("ipv6Ranges", "cidrIPv6"), ("prefixListIDs", "prefixListID"),
    ]
    for (list, key) in lists {
        for peer in try entry[list].objects() {
            try findings.step()
            peers.append(try peer[key].string() ?? "")
        }
    }
    for pair in try entry["userIDGroupPairs"].objects() {
        try findings.step()
        let object = try pair["groupRef"]["from"]
        let names = [
            try pair["userID"].string(), try pair["groupID"].string(), try pair["groupName"].string(),
            try object["namespace"].string(), try object["name"].string(),
        ]
        peers.append(names.compactMap(\.self).joined(separator: "/"))
    }
    return peers
}

private func securityGroup(_ entry: String, name: String = "web") -> String {
    """
    apiVersion: ec2.services.k8s.aws/v1alpha1
    kind: SecurityGroup
    metadata: {name: \(name), namespace: shop}
    spec:
      name: \(name)
      description: traffic to the shop's pods
      ingressRules:
      - \(entry)
    """
}

private let groupExamples: [Example] = [
    .good(
        "one port from another group",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 5432, toPort: 5432, userIDGroupPairs: [{groupID: sg-0a1b2c3d4e5f60718}]}")),
    .good(
        "port 443 of a load balancer's group",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}], ipv6Ranges: [{cidrIPv6: '::/0'}]}",
            name: "shop-alb")),
    .good(
        "100 ports from a private network",
        securityGroup("{ipProtocol: tcp, fromPort: 9000, toPort: 9099, ipRanges: [{cidrIP: 10.0.0.0/8}]}")),
    .good(
        "ICMP from a private network",
        securityGroup("{ipProtocol: icmp, fromPort: -1, toPort: -1, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "a port open to every IPv4 address", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}]}")),
    .bad(
        "a port open to every IPv6 address", GroupClause.open, at: "spec.ingressRules[0].ipv6Ranges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipv6Ranges: [{cidrIPv6: '::/0'}]}")),
    .bad(
        "a port open to every IPv4 address, written as IPv6", GroupClause.open,
        at: "spec.ingressRules[0].ipv6Ranges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipv6Ranges: [{cidrIPv6: '::ffff:0.0.0.0/96'}]}")),
    .bad(
        "ICMP open to every address", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: icmp, fromPort: 8, toPort: -1, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "shop-alb")),
    .bad(
        "a port open to half of all addresses", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 128.0.0.0/1}]}")),
    .bad(
        "a port open to a /7 block", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 10.0.0.0/7}]}")),
    .bad(
        "another port of a load balancer's group", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 22, toPort: 22, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "shop-alb")),
    .bad(
        "all ports as -1", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: TCP, fromPort: -1, toPort: -1, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "all ports", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 1, toPort: 65535, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "all protocols", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: '-1', ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "all protocols from another group", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: '-1', userIDGroupPairs: [{groupID: sg-0a1b2c3d4e5f60718}]}"), isHint: true),
    .bad(
        "all protocols from another group and from addresses", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup(
            "{ipProtocol: '-1', userIDGroupPairs: [{groupID: sg-0a1b2c3d4e5f60718}], ipRanges: [{cidrIP: 10.0.0.0/16}]}"
        )),
    .bad(
        "a name that only starts like a load balancer's", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "albatross")),
    .good(
        "a load balancer's group by a configured name",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "shop-edge-1"),
        settings: ["PLAYBOOK_LOAD_BALANCER_GROUPS": "*-edge-*"]),
    .good(
        "a load balancer's group by two words",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 80, toPort: 80, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "shop.load-balancer")
    ),
    .bad(
        "one port more than allowed", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: udp, fromPort: 9000, toPort: 9100, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
]
