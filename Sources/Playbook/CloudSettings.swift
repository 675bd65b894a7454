import JSON
public import Kubernetes

/// The settings of the rules about the cloud around the cluster.
public struct CloudSettings: Sendable {
    /// The value of `PLAYBOOK_LOAD_BALANCER_GROUPS`.
    public internal(set) var loadBalancerGroups = ["*load-balancer*", "*alb*", "*nlb*", "lb-*", "*-lb", "*-lb-*"]
    /// The value of `PLAYBOOK_MAX_GROUP_PORTS`.
    public internal(set) var maximumGroupPorts = 100
    /// The value of `PLAYBOOK_IDENTITY_NAMESPACES`.
    public internal(set) var identityNamespaces: [String] = []
    /// The value of `PLAYBOOK_ROOT_ZONES`.
    public internal(set) var rootZones: [DomainName] = []
}

extension Setting {
    static let cloudRules: [Setting] = [
        .list(
            "PLAYBOOK_LOAD_BALANCER_GROUPS", .rules, "names", \.cloud.loadBalancerGroups,
            "The security groups of load balancers, which let everybody in at 80 and 443. `*` stands for any text."),
        .integer(
            "PLAYBOOK_MAX_GROUP_PORTS", .rules, 1...65536, \.cloud.maximumGroupPorts,
            "The most ports that one entry of a security group opens."),
        .list(
            "PLAYBOOK_IDENTITY_NAMESPACES", .rules, "names", \.cloud.identityNamespaces,
            "The namespaces whose IAM users are in the identity account. `*` stands for any text."),
        .zones(
            "PLAYBOOK_ROOT_ZONES", .rules, \.cloud.rootZones,
            "The domains that accounts share; every other account has a zone below one of them. Empty: zones are not looked at."
        ),
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let cloudProjections: [ResourceKind: Projection] = [
        .kmsKey: { _ in [:] },
        .kmsAlias: { (object) throws(CannotJudge) in
            let key = try ResourceReference(object.object("spec")?.object("targetKeyRef"))
            return key.map { ["key": .string($0.text)] } ?? [:]
        },
        // On the internet where nothing else is said.
        .elbv2LoadBalancer: { (object) throws(CannotJudge) in
            ["internal": .bool(try object.object("spec")?.text("scheme")?.equals("internal") ?? false)]
        },
        .ec2VPC: { _ in [:] },
        .ec2Subnet: { (object) throws(CannotJudge) in try SubnetTier.projection(object) },
        .ec2RouteTable: { (object) throws(CannotJudge) in
            let spec = try object.object("spec")
            return [
                "default": .bool(
                    try spec.map { (spec) throws(CannotJudge) in try SubnetTier.hasDefaultRoute(spec) }
                        ?? false)
            ]
        },
    ]
}
