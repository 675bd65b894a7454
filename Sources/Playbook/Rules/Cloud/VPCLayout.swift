import JSON
import Kubernetes

extension Rule {
    static let vpcLayout = Rule(
        id: "vpc-layout",
        title: "A VPC has public, private and isolated subnets in three zones",
        group: .cloud,
        section: .vpcArchitecture,
        rationale: """
            Small public subnets hold load balancers and NAT gateways, large private ones the nodes, and isolated ones, without a \
            way out, the databases. With three zones the loss of one leaves most of everything.
            """,
        level: .warn,
        scope: Scope(ResourceKinds(.ec2VPC, .ec2Subnet, .ec2NATGateway, .ec2RouteTable, .ec2VPCEndpoint)),
        clauses: [
            VPCClause.one, VPCClause.size, VPCClause.zones, VPCClause.isolated, VPCClause.gateway, VPCClause.endpoint,
        ],
        companions: [.ec2VPC, .ec2Subnet, .ec2RouteTable],
        examples: vpcExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return }
            switch subject.kind {
            case .ec2VPC: findings.add(contentsOf: try otherVPCFindings(subject, context))
            case .ec2Subnet: findings.add(contentsOf: try subnetFindings(spec, subject, context))
            case .ec2RouteTable: try evaluateRoutes(spec, subject, context, findings)
            case .ec2NATGateway: findings.add(contentsOf: try gatewayFindings(spec, subject, context))
            default: findings.add(contentsOf: try endpointFindings(spec))
            }
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum VPCClause {
    static let one = Clause("one", "an account's namespace has one VPC")
    static let size = Clause("size", "public and isolated subnets are /24, private ones /19")
    static let zones = Clause("zones", "each subnet names its zone, and three of a kind lie in three zones")
    static let isolated = Clause("isolated", "isolated subnets (database, elasticache, intra) have no default route")
    static let gateway = Clause("nat-gateway", "a NAT gateway that leads to the internet stands in a public subnet")
    static let endpoint = Clause("endpoint", "a gateway endpoint is in some route table")
}

private func otherVPCFindings(_ subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    let others = try context.companions.objects(.ec2VPC, in: subject.namespace).filter { $0.name != subject.name }
    guard let other = others.first else { return [] }
    return [
        Finding(VPCClause.one, at: "/metadata/name", "is the name of another VPC beside \(other.name)").with {
            $0.advice = "use \(other.name), or another account's namespace: there is one VPC for each"
        }
    ]
}

// MARK: Subnets

private func subnetFindings(
    _ spec: Value, _ subject: Subject, _ context: Context
) throws(CannotJudge) -> [Finding] {
    guard let tier = try SubnetTier(of: subject.object) else { return [] }
    var findings: [Finding] = []
    if let finding = try sizeFinding(spec, tier) { findings.append(finding) }
    do throws(CannotJudge) {
        if let finding = try zoneFinding(spec, tier, subject, context) { findings.append(finding) }
        if tier == .isolated, let finding = try tableFinding(spec, subject, context) { findings.append(finding) }
    } catch {
        // What the subnet says of itself holds whatever else there is.
        if findings.isEmpty { throw error }
    }
    return findings
}

private func sizeFinding(_ spec: Value, _ tier: SubnetTier) throws(CannotJudge) -> Finding? {
    if let text = try spec.string("cidrBlock") {
        guard let block = AddressBlock(text), block.prefixLength != tier.prefixLength else { return nil }
        let place: Pointer = "/spec/cidrBlock"
        let other = block.resized(to: tier.prefixLength)
        return Finding(
            VPCClause.size, at: place, "is \(text): \(tier.rawValue) subnets are /\(tier.prefixLength)",
            edits: other.map { [.set(place, .string($0))] } ?? []
        ).with {
            $0.choice = text
            $0.advice = "a subnet that is there already has to be replaced by a new one"
        }
    }
    guard let length = try spec.integer("ipv4NetmaskLength"), length != tier.prefixLength else { return nil }
    let place: Pointer = "/spec/ipv4NetmaskLength"
    return Finding(
        VPCClause.size, at: place, "is \(length): \(tier.rawValue) subnets are /\(tier.prefixLength)",
        edits: [.set(place, .number(String(tier.prefixLength)))]
    ).with { $0.choice = String(length) }
}

private func zoneFinding(
    _ spec: Value, _ tier: SubnetTier, _ subject: Subject, _ context: Context
) throws(CannotJudge) -> Finding? {
    guard let zone = try SubnetTier.zone(of: spec) else {
        return Finding(
            VPCClause.zones, at: "/spec/availabilityZone", "is unset: AWS chooses, and may choose one zone for all"
        ).with { $0.advice = "name a zone, as in eu-west-1a, and another one for each of the three subnets" }
    }
    let vpc = try SubnetTier.vpc(of: spec)
    let others = try context.companions.objects(.ec2Subnet, in: subject.namespace).filter { other in
        other.name != subject.name && other.fields["tier"]?.text == tier.rawValue && other.fields["vpc"]?.text == vpc
    }
    let zones = Set(others.compactMap { $0.fields["zone"]?.text } + [zone])
    guard others.count >= 2, zones.count < 3 else { return nil }
    return Finding(
        VPCClause.zones, at: "/spec/availabilityZone",
        "is \(zone): all \(others.count + 1) \(tier.rawValue) subnets lie in \(zones.sorted().joined(separator: ", "))"
    ).with {
        $0.choice = zone
        $0.advice = "choose a third zone"
    }
}

private func tableFinding(_ spec: Value, _ subject: Subject, _ context: Context) throws(CannotJudge) -> Finding? {
    let tables = try SubnetTier.tables(of: spec)
    if tables.isEmpty { return nil }
    let open = try context.companions.objects(.ec2RouteTable, in: subject.namespace).first { table in
        table.fields["default"] == true && tables.contains { $0.names(table.name, in: subject.namespace) }
    }
    guard let open else { return nil }
    return Finding(
        VPCClause.isolated, at: "/spec/routeTableRefs", "lead to RouteTable \(open.name), which has a default route"
    ).with {
        $0.choice = open.name
        $0.advice = "name a RouteTable with local routes and VPC endpoints alone"
    }
}

// MARK: Around them

private func evaluateRoutes(
    _ spec: Value, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard try SubnetTier.hasDefaultRoute(spec) else { return }
    var isIsolated = try SubnetTier(of: subject.object) == .isolated
    if !isIsolated, let name = subject.name {
        isIsolated = try context.companions.objects(.ec2Subnet, in: subject.namespace).contains { subnet in
            subnet.fields["tier"]?.text == SubnetTier.isolated.rawValue
                && subnet.fields["tables"]?.elements.contains {
                    ResourceReference(text: $0.text ?? "").names(name, in: subject.namespace)
                } ?? false
        }
    }
    guard isIsolated else { return }
    try SubnetTier.forEachDefaultRoute(in: spec) { (route, destination) throws(CannotJudge) in
        try findings.step()
        findings.add(at: route, choice: destination.text) { place in
            Finding(VPCClause.isolated, at: place, "leads isolated subnets out", edits: [.remove(place)]).with {
                $0.choice = destination.text
                $0.advice = "what they need of AWS comes through VPC endpoints"
            }
        }
    }
}

private func gatewayFindings(
    _ spec: Value, _ subject: Subject, _ context: Context
) throws(CannotJudge) -> [Finding] {
    if try spec.text("connectivityType")?.equals("private") ?? false { return [] }
    guard let reference = try ResourceReference(spec.object("subnetRef")) else { return [] }
    let subnet = try context.companions.objects(.ec2Subnet, in: subject.namespace).first {
        reference.names($0.name, in: subject.namespace)
    }
    guard let subnet, let tier = subnet.fields["tier"]?.text, tier != SubnetTier.shared.rawValue else { return [] }
    return [
        Finding(VPCClause.gateway, at: "/spec/subnetRef", "is Subnet \(subnet.name), which is \(tier)").with {
            $0.choice = subnet.name
            $0.advice = "name a public subnet; private ones have a default route to the NAT gateway"
        }
    ]
}

private func endpointFindings(_ spec: Value) throws(CannotJudge) -> [Finding] {
    // Absent it is Gateway (EC2, CreateVpcEndpoint).
    guard try spec.text("vpcEndpointType")?.equals("Gateway") ?? true else { return [] }
    for list: StaticString in ["routeTableIDs", "routeTableRefs"] {
        if let tables = try spec.array(list), tables.elements.contains(where: { _ in true }) { return [] }
    }
    return [
        Finding(VPCClause.endpoint, at: "/spec/routeTableRefs", "are unset: nothing goes through the endpoint").with {
            $0.advice = "name the route tables of the private and isolated subnets"
        }
    ]
}
