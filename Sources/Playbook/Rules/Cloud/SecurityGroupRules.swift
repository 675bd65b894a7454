import JSON
import Kubernetes

extension Rule {
    static let securityGroupRules = Rule(
        id: "security-group-rules",
        title: "Security groups let in only whom they must",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            A group that lets everybody in, or opens every port, protects nothing: whatever listens behind it by accident is on \
            the internet. Only a load balancer speaks with everybody, on its two ports.
            """,
        level: .deny,
        scope: Scope(ResourceKinds(.ec2SecurityGroup)),
        clauses: [GroupClause.open, GroupClause.range],
        settings: ["PLAYBOOK_LOAD_BALANCER_GROUPS", "PLAYBOOK_MAX_GROUP_PORTS"],
        examples: groupExamples,
        check: { (subject, context) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            var findings: [Finding] = []
            for (index, entry) in try spec.objects("ingressRules").enumerated() {
                let ports = try Ports(entry)
                try addOpenRanges(of: entry, at: index, ports, subject, context, to: &findings)
                if let ports, ports.count > context.settings.cloud.maximumGroupPorts {
                    findings.append(rangeFinding(ports, at: index))
                }
            }
            return findings
        }
    )
}

/// What the rule checks; its examples stand below.
private enum GroupClause {
    static let open = Clause(
        "open", "nothing is let in from everywhere (a block shorter than /8), but 80 and 443 by a load balancer's group"
    )
    static let range = Clause("range", "no wide range of ports is let in")
}

/// The ports that an entry opens; what speaks of types and codes (ICMP) has none.
private struct Ports {
    let first: Int
    let last: Int

    init?(_ entry: Value) throws(CannotJudge) {
        guard let text = try entry.text("ipProtocol") else { return nil }
        // EC2: `-1` is every protocol and port, whatever ports are written beside it.
        if text.equals("-1") {
            (first, last) = (0, 65535)
            return
        }
        guard text.equals("tcp") || text.equals("udp") || text.equals("6") || text.equals("17") else { return nil }
        first = try entry.integer("fromPort") ?? 0
        last = try entry.integer("toPort") ?? 65535
    }

    /// How many; a number that is no port cannot make it overflow.
    var count: Int { min(last, 65535) - max(first, 0) + 1 }

    /// Whether it is one of the two ports that everybody may speak to at a load balancer.
    var isWeb: Bool { first == last && (first == 80 || first == 443) }

    var text: String { first == last ? "port \(first)" : "ports \(first)-\(last)" }
}

private func addOpenRanges(
    of entry: Value, at index: Int, _ ports: Ports?, _ subject: Subject, _ context: Context,
    to findings: inout [Finding]
) throws(CannotJudge) {
    for (position, range) in try entry.objects("ipRanges").enumerated() {
        guard let block = try range.text("cidrIP"), block.isEverywhere else { continue }
        try add(block, "ipRanges", position)
    }
    for (position, range) in try entry.objects("ipv6Ranges").enumerated() {
        guard let block = try range.text("cidrIPv6"), block.isEverywhere else { continue }
        try add(block, "ipv6Ranges", position)
    }

    func add(_ block: Value, _ list: String, _ position: Int) throws(CannotJudge) {
        if ports?.isWeb ?? false, try isLoadBalancers(subject, context) { return }
        let place: Pointer = "/spec/ingressRules" / String(index) / list / String(position)
        let seen = "lets \(block.text) in to \(ports?.text ?? "every port")"
        findings.append(
            Finding(GroupClause.open, at: place, seen, edits: [.remove(place)]).with {
                $0.choice = seen
                $0.advice = "name the security group or the addresses that may connect (userIDGroupPairs, ipRanges)"
            })
    }
}

/// Whether the group is a load balancer's, by its name.
private func isLoadBalancers(_ subject: Subject, _ context: Context) throws(CannotJudge) -> Bool {
    let names = [try subject.spec()?.string("name"), subject.name].compactMap(\.self)
    return context.settings.cloud.loadBalancerGroups.contains { pattern in
        let glob = Glob(pattern)
        return names.contains { glob.matches($0.lowercased()) }
    }
}

private func rangeFinding(_ ports: Ports, at index: Int) -> Finding {
    let place: Pointer = "/spec/ingressRules" / String(index)
    return Finding(GroupClause.range, at: place, "opens \(ports.text)").with {
        $0.choice = ports.text
        $0.excess = Double(ports.count)
        $0.advice = "one entry for each port that something listens on"
    }
}

extension Value {
    /// Whether a block of addresses takes in so many that it names nobody: two halves of everything are everything too.
    fileprivate var isEverywhere: Bool {
        withRawText { bytes in
            guard let slash = bytes.indices.last(where: { bytes[$0] == UInt8(ascii: "/") }) else { return false }
            let digits = (slash + 1)..<bytes.count
            return digits.count == 1 && (48...55).contains(bytes[slash + 1])
                || digits.count == 2 && bytes[slash + 1] == 48 && (48...55).contains(bytes[slash + 2])
        }
    }
}

private func securityGroup(_ entry: String, name: String = "web") -> String {
    """
    apiVersion: ec2.services.k8s.aws/v1alpha1
    kind: SecurityGroup
    metadata: {name: \(name), namespace: shop}
    spec:
      name: \(name)
      description: what the shop's pods let in
      ingressRules:
      - \(entry)
    """
}

private let groupExamples: [Example] = [
    .good(
        "one port, from one other group",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 5432, toPort: 5432, userIDGroupPairs: [{groupID: sg-0a1b2c3d4e5f60718}]}")),
    .good(
        "a load balancer's group",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}], ipv6Ranges: [{cidrIPv6: '::/0'}]}",
            name: "shop-alb")),
    .good(
        "a hundred ports, from a private network",
        securityGroup("{ipProtocol: tcp, fromPort: 9000, toPort: 9099, ipRanges: [{cidrIP: 10.0.0.0/8}]}")),
    .good(
        "what has types instead of ports",
        securityGroup("{ipProtocol: icmp, fromPort: -1, toPort: -1, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "everybody", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 0.0.0.0/0}]}")),
    .bad(
        "everybody who has IPv6", GroupClause.open, at: "spec.ingressRules[0].ipv6Ranges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipv6Ranges: [{cidrIPv6: '::/0'}]}")),
    .bad(
        "half of everybody", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 128.0.0.0/1}]}")),
    .bad(
        "a load balancer's group at another port", GroupClause.open, at: "spec.ingressRules[0].ipRanges[0]",
        securityGroup(
            "{ipProtocol: tcp, fromPort: 22, toPort: 22, ipRanges: [{cidrIP: 0.0.0.0/0}]}", name: "shop-alb")),
    .bad(
        "every port", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: tcp, fromPort: 1, toPort: 65535, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
    .bad(
        "every protocol", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: '-1', userIDGroupPairs: [{groupID: sg-0a1b2c3d4e5f60718}]}")),
    .bad(
        "one port more than may be", GroupClause.range, at: "spec.ingressRules[0]",
        securityGroup("{ipProtocol: udp, fromPort: 9000, toPort: 9100, ipRanges: [{cidrIP: 10.0.0.0/16}]}")),
]
