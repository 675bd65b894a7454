import Evaluation

private func object(_ kind: String, _ name: String, _ lines: String) -> String {
    """
    apiVersion: ec2.services.k8s.aws/v1alpha1
    kind: \(kind)
    metadata: {name: \(name), namespace: production}
    spec: {\(lines)}
    """
}

private func vpc(_ name: String) -> String { object("VPC", name, "cidrBlocks: [10.0.0.0/16]") }

private func subnet(
    _ name: String, _ block: String, zone: String = "availabilityZone: eu-west-1a", _ more: String = ""
) -> String {
    object("Subnet", name, "vpcRef: {from: {name: production}}, cidrBlock: \(block), \(zone)\(more)")
}

private func table(_ name: String, _ routes: String) -> String {
    object("RouteTable", name, "vpcRef: {from: {name: production}}, routes: [\(routes)]")
}

private func tables(_ name: String) -> String { ", routeTableRefs: [{from: {name: \(name)}}]" }

private let out = "{destinationCIDRBlock: 0.0.0.0/0, natGatewayRef: {from: {name: a}}}"
private let peer = "{destinationCIDRBlock: 10.1.0.0/16, vpcPeeringConnectionID: pcx-0a1b2c3d}"

private func beside(_ others: String...) -> String { others.joined(separator: "\n---\n") }

let vpcExamples: [Example] = [
    .good("the only VPC", vpc("production"), relatedObjects: vpc("production")),
    .good("a VPC when no VPC is known", vpc("production")),
    .good(
        "a public subnet", subnet("public-a", "10.0.0.0/24"), relatedObjects: beside(subnet("public-b", "10.0.1.0/24"))),
    .good(
        "a private subnet",
        subnet("nodes-a", "10.0.32.0/19", ", tags: [{key: kubernetes.io/role/internal-elb, value: '1'}]")),
    .good("a subnet whose tier is unknown", subnet("misc", "10.0.0.0/28", zone: "ipv6Native: false")),
    .good(
        "three private subnets in three zones",
        subnet("private-c", "10.0.96.0/19", zone: "availabilityZoneID: euw1-az3"),
        relatedObjects: beside(
            subnet("private-a", "10.0.32.0/19", zone: "availabilityZoneID: euw1-az1"),
            subnet("private-b", "10.0.64.0/19", zone: "availabilityZoneID: euw1-az2"))),
    .good(
        "an isolated subnet", subnet("database-a", "10.0.4.0/24", tables("database")),
        relatedObjects: beside(table("database", peer), subnet("database-b", "10.0.5.0/24"))),
    .good(
        "the route table of a private subnet", table("private", out),
        relatedObjects: subnet("private-a", "10.0.32.0/19", tables("private"))),
    .good("the route table of isolated subnets", table("intra", peer)),
    .good(
        "a NAT gateway in a public subnet", object("NATGateway", "a", "subnetRef: {from: {name: public-a}}"),
        relatedObjects: subnet("public-a", "10.0.0.0/24")),
    .good(
        "a NAT gateway in a subnet of another namespace",
        object("NATGateway", "a", "subnetRef: {from: {name: private-a, namespace: network}}"),
        relatedObjects: subnet("private-a", "10.0.32.0/19")),
    .good(
        "a private NAT gateway",
        object("NATGateway", "a", "connectivityType: private, subnetRef: {from: {name: private-a}}"),
        relatedObjects: subnet("private-a", "10.0.32.0/19")),
    .good(
        "a gateway endpoint with a route table",
        object(
            "VPCEndpoint", "s3", "serviceName: com.amazonaws.eu-west-1.s3, routeTableRefs: [{from: {name: private}}]")),
    .good(
        "an interface endpoint",
        object("VPCEndpoint", "ecr", "serviceName: com.amazonaws.eu-west-1.ecr.api, vpcEndpointType: Interface")),
    .bad("a second VPC", VPCClause.one, at: "metadata.name", vpc("other"), relatedObjects: vpc("production")),
    .bad("a large public subnet", VPCClause.size, at: "spec.cidrBlock", subnet("public-a", "10.0.0.0/20")),
    .bad("a small private subnet", VPCClause.size, at: "spec.cidrBlock", subnet("private-a", "10.0.32.0/24")),
    .bad("a large isolated subnet", VPCClause.size, at: "spec.cidrBlock", subnet("elasticache-a", "10.0.32.0/19")),
    .bad(
        "a subnet without a zone", VPCClause.zones, at: "spec.availabilityZone",
        object("Subnet", "public-a", "vpcRef: {from: {name: production}}, cidrBlock: 10.0.0.0/24")),
    .bad(
        "three subnets in two zones", VPCClause.zones, at: "spec.availabilityZone", subnet("public-c", "10.0.2.0/24"),
        relatedObjects: beside(
            subnet("public-a", "10.0.0.0/24"), subnet("public-b", "10.0.1.0/24", zone: "availabilityZone: eu-west-1b"))),
    .bad(
        "an isolated subnet with a default route", VPCClause.isolated, at: "spec.routeTableRefs",
        subnet("database-a", "10.0.4.0/24", tables("private")),
        relatedObjects: beside(table("private", out), subnet("private-a", "10.0.32.0/19"))),
    .bad(
        "the route table of isolated subnets, with a default route", VPCClause.isolated, at: "spec.routes[1]",
        table("intra", "\(peer), \(out)")),
    .bad(
        "a route table that an isolated subnet uses, with a default route", VPCClause.isolated, at: "spec.routes[0]",
        table("all", out),
        relatedObjects: subnet("database-a", "10.0.4.0/24", tables("all"))),
    .bad(
        "a NAT gateway in a private subnet", VPCClause.gateway, at: "spec.subnetRef",
        object("NATGateway", "a", "subnetRef: {from: {name: private-a}}"),
        relatedObjects: subnet("private-a", "10.0.32.0/19")),
    .bad(
        "a gateway endpoint without route tables", VPCClause.endpoint, at: "spec.routeTableRefs",
        object("VPCEndpoint", "s3", "serviceName: com.amazonaws.eu-west-1.s3")),
]
