import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let vpcLayout = Rule(
        id: "vpc-layout",
        title: "VPCs have public, private and isolated subnets in three zones",
        group: .cloud,
        section: .vpcArchitecture,
        rationale: """
            Small public subnets hold load balancers and NAT gateways, large private subnets hold nodes, and isolated subnets, \
            without a route to the internet, hold databases. With three zones, most capacity remains if one zone fails.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.ec2VPC, .ec2Subnet, .ec2NATGateway, .ec2RouteTable, .ec2VPCEndpoint)),
        clauses: [
            VPCClause.one, VPCClause.size, VPCClause.zones, VPCClause.isolated, VPCClause.gateway, VPCClause.endpoint,
        ],
        relatedObjects: [.ec2VPC, .ec2Subnet, .ec2RouteTable],
        examples: vpcExamples,
        checks: [
            .init(.ec2VPC, check: checkOtherVPCs), .init(.ec2Subnet, check: checkSubnet),
            .init(.ec2RouteTable, check: checkRoutes), .init(.ec2NATGateway, check: checkGateway),
            .init(.ec2VPCEndpoint, check: checkEndpoint),
        ]
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum VPCClause {
    static let one = Clause("one", "a namespace, which stands for an account, has one VPC")
    static let size = Clause("size", "public and isolated subnets are /24, private subnets are /19")
    static let zones = Clause("zones", "each subnet names its zone, and three subnets of one tier are in three zones")
    static let isolated = Clause("isolated", "isolated subnets (database, elasticache, intra) have no default route")
    static let gateway = Clause("nat-gateway", "a public NAT gateway is in a public subnet")
    static let endpoint = Clause("endpoint", "a gateway endpoint has at least one route table")
}

private func checkOtherVPCs(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard try subject.field("spec").isPresent else { return }
    let others = try context.relatedObjects.objects(.ec2VPC, in: subject.namespace).filter { $0.name != subject.name }
    guard let other = others.first else { return }
    findings.add(
        VPCClause.one, at: try subject.field("metadata")["name"],
        "names a second VPC; this namespace already has VPC \(other.name)"
    ) { $0.advice = "use VPC \(other.name), or create the VPC in another account's namespace" }
}

// MARK: Subnets

private func checkSubnet(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present, let tier = try SubnetTier(of: subject.root) else { return }
    try checkSize(spec, tier, findings)
    try findings.separately(checkZone(spec, tier, subject, context, findings))
    if tier == .isolated { try checkTables(spec, subject, context, findings) }
}

private func checkSize(_ spec: Field, _ tier: SubnetTier, _ findings: FindingCollector) throws(CannotEvaluate) {
    let cidr = try spec["cidrBlock"]
    guard let text = try cidr.string(), let block = AddressBlock(text), block.prefixLength != tier.prefixLength
    else { return }
    findings.add(
        VPCClause.size, at: cidr, "is \"\(text)\"; \(tier.rawValue) subnets must be /\(tier.prefixLength)",
        set: block.resized(to: tier.prefixLength).map { .string($0) }, choice: text
    ) { $0.advice = "replace an existing subnet with a new one" }
}

private func checkZone(
    _ spec: Field, _ tier: SubnetTier, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let place = try spec["availabilityZone"]
    guard let zone = try SubnetTier.zone(of: spec) else {
        findings.add(VPCClause.zones, at: place, "is not set; AWS may place all subnets in one zone") {
            $0.advice = "set a zone, such as eu-west-1a, and a different one for each of the three subnets"
        }
        return
    }
    let vpc = try SubnetTier.vpc(of: spec)
    let others = try context.relatedObjects.objects(.ec2Subnet, in: subject.namespace).filter { other in
        other.name != subject.name && other[.tier] == tier.rawValue && other[.vpc] == vpc
    }
    let zones = Set(others.compactMap { $0[.zone] } + [zone])
    guard others.count >= 2, zones.count < 3 else { return }
    findings.add(
        VPCClause.zones, at: place,
        "is \"\(zone)\"; all \(others.count + 1) \(tier.rawValue) subnets are in \(zones.sorted().joined(separator: ", "))",
        choice: zone
    ) { $0.advice = "choose a third zone" }
}

private func checkTables(
    _ spec: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let tables = try SubnetTier.tables(of: spec)
    if tables.isEmpty { return }
    let open = try context.relatedObjects.objects(.ec2RouteTable, in: subject.namespace).first { table in
        table[.hasDefaultRoute] ?? false && tables.contains { $0.names(table.name, in: subject.namespace) }
    }
    guard let open else { return }
    findings.add(
        VPCClause.isolated, at: try spec["routeTableRefs"],
        "refers to RouteTable \(open.name), which has a default route", choice: open.name
    ) { $0.advice = "use a RouteTable that has only local routes and VPC endpoints" }
}

// MARK: Route tables, NAT gateways and endpoints

private func checkRoutes(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present, try SubnetTier.hasDefaultRoute(spec.base) else { return }
    var isIsolated = try SubnetTier(of: subject.root) == .isolated
    if !isIsolated, let name = subject.name {
        isIsolated = try context.relatedObjects.objects(.ec2Subnet, in: subject.namespace).contains { subnet in
            subnet[.tier] == SubnetTier.isolated.rawValue
                && subnet[.tables]?.contains { ResourceReference(text: $0).names(name, in: subject.namespace) } ?? false
        }
    }
    guard isIsolated else { return }
    try SubnetTier.forEachDefaultRoute(in: spec) { (route, destination) throws(CannotEvaluate) in
        try findings.step()
        findings.add(
            VPCClause.isolated, at: route, "is a default route, but isolated subnets use this RouteTable",
            choice: destination.text
        ) {
            $0.edits = [.remove($0.place)]
            $0.advice = "isolated subnets reach AWS services through VPC endpoints"
        }
    }
}

private func checkGateway(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    if try spec["connectivityType"].equals("private") { return }
    let named = try spec["subnetRef"]
    guard let reference = try ResourceReference(named) else { return }
    let subnet = try context.relatedObjects.objects(.ec2Subnet, in: subject.namespace).first {
        reference.names($0.name, in: subject.namespace)
    }
    guard let subnet, let tier = subnet[.tier], tier != SubnetTier.shared.rawValue else { return }
    findings.add(
        VPCClause.gateway, at: named, "refers to Subnet \(subnet.name), which is \(tier)", choice: subnet.name
    ) { $0.advice = "use a public subnet; private subnets have a default route to the NAT gateway" }
}

private func checkEndpoint(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    guard let spec = try subject.field("spec").present else { return }
    // The default is Gateway (EC2, CreateVpcEndpoint).
    guard try spec["vpcEndpointType"].text()?.equals("Gateway") ?? true else { return }
    let (ids, references) = (try spec["routeTableIDs"], try spec["routeTableRefs"])
    guard try ids.elements().isEmpty, try references.elements().isEmpty else { return }
    findings.add(VPCClause.endpoint, at: references, "is not set; no traffic uses the endpoint") {
        $0.advice = "list the route tables of the private and isolated subnets"
    }
}
