import JSON
import Kubernetes

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
