import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let targetGroupBinding = Rule(
        id: "target-group-binding",
        title: "TargetGroupBindings send traffic to the pods of a Service",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            With target type ip, the load balancer sends traffic to ready pods directly, and no port is open on every node. \
            Other clients that can reach the pods bypass the load balancer.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.targetGroupBinding, .eksTargetGroupBinding, .elbv2TargetGroup)),
        clauses: [type, peers, service],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.service],
        examples: cases,
        checks: [
            .init(.targetGroupBinding, .eksTargetGroupBinding) { (subject, context, findings) throws(CannotEvaluate) in
                let spec = try subject.field("spec")
                let target = try spec["targetType"]
                // The default is the target group's type, which the controller fills in.
                if let seen = try target.text(), !seen.equals("ip") {
                    findings.add(
                        type, at: target,
                        "is \"\(seen.text)\", which sends traffic through a port on every node; use \"ip\"",
                        set: "ip",
                        choice: seen.text
                    ) { $0.advice = "the target group must also be created with target type ip" }
                }
                try checkPeers(spec["networking"]["ingress"], findings)
                try checkService(spec["serviceRef"], subject, context, findings)
            },
            .init(.elbv2TargetGroup) { (subject, _, findings) throws(CannotEvaluate) in
                let target = try subject.field("spec")["targetType"]
                // The default is instance (ELBv2, CreateTargetGroup). Targets of other types are not nodes.
                let seen = try target.text()
                if let seen, !seen.equals("instance") { return }
                findings.add(
                    type, at: target,
                    "is \(seen == nil ? "not set (defaults to \"instance\")" : "\"instance\""); targets are nodes instead of pods",
                    set: "ip", choice: seen?.text
                ) { $0.advice = "replace an existing target group with a new one" }
            },
        ]
    )
}

private let type = Clause("type", "the target type is ip")
private let peers = Clause(
    "peers",
    "the networking rules do not allow traffic from everywhere (an address block with a prefix shorter than /8)")
private let service = Clause("service", "the Service of the binding exists")

private func checkPeers(_ rules: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    for rule in try rules.objects() {
        try findings.step()
        for peer in try rule["from"].objects() {
            try findings.step()
            let entry = try peer["ipBlock"]
            guard let cidr = try entry["cidr"].text(), AddressBlock(cidr)?.isEverywhere ?? false else { continue }
            findings.add(
                peers, at: entry, "allows traffic from \(cidr.text); allow only the load balancer", choice: cidr.text
            ) {
                $0.advice = "use the load balancer's security group: securityGroup: {groupID: sg-…}"
            }
        }
    }
}

private func checkService(
    _ reference: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let place = try reference["name"]
    guard let name = try place.string() else { return }
    let names = try context.relatedObjects.objects(.service, in: subject.namespace).map(\.name)
    if names.contains(name) { return }
    findings.add(
        service, at: place, "is \"\(name)\"; this Service does not exist", choice: name,
        traits: .init(awaitsRelatedObject: true, absent: .service)
    ) {
        if let near = nearest(to: name, in: names) {
            $0.edits = [.set($0.place, .string(near))]
        } else {
            $0.advice = "create Service \(name) in namespace \(subject.namespace), or use an existing Service"
        }
    }
}

private func binding(_ lines: String, service: String = "web", group: String = "elbv2.k8s.aws/v1beta1") -> String {
    """
    apiVersion: \(group)
    kind: TargetGroupBinding
    metadata: {name: web, namespace: shop}
    spec:
      targetGroupARN: arn:aws:elasticloadbalancing:eu-west-1:222222222222:targetgroup/web/0a1b2c3d4e5f6071
      serviceRef: {name: \(service), port: 80}
      \(lines)
    """
}

private func services(_ name: String) -> String {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: \(name), namespace: shop}
    spec: {selector: {app: web}, ports: [{port: 80}]}
    """
}

private func targetGroup(_ lines: String) -> String {
    """
    apiVersion: elbv2.services.k8s.aws/v1alpha1
    kind: TargetGroup
    metadata: {name: web, namespace: shop}
    spec: {name: web, port: 8080, protocol: HTTP, vpcID: vpc-0a1b2c3d\(lines)}
    """
}

private let cases: [Example] = [
    .good("target type ip", binding("targetType: ip")),
    .good("the target group's type by default", binding("")),
    .good("an existing Service", binding("targetType: ip"), relatedObjects: services("web")),
    .good(
        "the load balancer's security group",
        binding(
            "networking: {ingress: [{from: [{securityGroup: {groupID: sg-0a1b2c3d}}], ports: [{protocol: TCP, port: 8080}]}]}"
        )
    ),
    .good(
        "the load balancer's subnets",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/22}}], ports: [{protocol: TCP}]}]}")),
    .bad("target type instance", type, at: "spec.targetType", binding("targetType: instance")),
    .bad(
        "traffic from every IPv4 address", peers, at: "spec.networking.ingress[0].from[0].ipBlock",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{protocol: TCP}]}]}")),
    .bad(
        "traffic from every IPv6 address", peers, at: "spec.networking.ingress[0].from[1].ipBlock",
        binding(
            "networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/22}}, {ipBlock: {cidr: '::/0'}}], ports: [{protocol: TCP}]}]}"
        )),
    .bad(
        "traffic from a /7 block", peers, at: "spec.networking.ingress[0].from[0].ipBlock",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/7}}], ports: [{protocol: TCP}]}]}")),
    .bad(
        "a Service that does not exist", service, at: "spec.serviceRef.name", binding("", service: "checkout"),
        relatedObjects: services("web")),
    .bad(
        "a misspelled Service name", service, at: "spec.serviceRef.name", binding("", service: "wbe"),
        relatedObjects: services("web")),
    .good("an EKS Auto Mode binding with target type ip", binding("targetType: ip", group: "eks.amazonaws.com/v1")),
    .bad(
        "an EKS Auto Mode binding with target type instance", type, at: "spec.targetType",
        binding("targetType: instance", group: "eks.amazonaws.com/v1")),
    .bad(
        "an EKS Auto Mode binding to a Service that does not exist", service, at: "spec.serviceRef.name",
        binding("targetType: ip", service: "checkout", group: "eks.amazonaws.com/v1"), relatedObjects: services("web")),
    .good("an ACK TargetGroup with target type ip", targetGroup(", targetType: ip")),
    .good("an ACK TargetGroup with target type lambda", targetGroup(", targetType: lambda")),
    .bad(
        "an ACK TargetGroup with target type instance", type, at: "spec.targetType",
        targetGroup(", targetType: instance")),
    .bad("an ACK TargetGroup without a target type", type, at: "spec.targetType", targetGroup("")),
]
