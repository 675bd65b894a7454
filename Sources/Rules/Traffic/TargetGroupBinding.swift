import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let targetGroupBinding = Rule(
        id: "target-group-binding",
        title: "A TargetGroupBinding leads to the pods of a Service",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            With targets of type ip the load balancer speaks with pods themselves: no port is open on every node, and a pod that is \
            not ready gets nothing. Only the load balancer has to reach them.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.targetGroupBinding, .eksTargetGroupBinding, .elbv2TargetGroup)),
        clauses: [type, peers, service],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.service],
        examples: cases,
        checks: [
            .init(.targetGroupBinding, .eksTargetGroupBinding) { (subject, context, findings) throws(CannotJudge) in
                let spec = try subject.field("spec")
                let target = try spec["targetType"]
                // Absent it is the target group's own type, which the controller fills in.
                if let seen = try target.text(), !seen.equals("ip") {
                    findings.add(
                        type, at: target, "is \(seen.text), not ip: the way leads over a port of every node", set: "ip",
                        choice: seen.text
                    ) { $0.advice = "the target group has to be made with target type ip, too" }
                }
                try checkPeers(spec["networking"]["ingress"], findings)
                try checkService(spec["serviceRef"], subject, context, findings)
            },
            .init(.elbv2TargetGroup) { (subject, _, findings) throws(CannotJudge) in
                let target = try subject.field("spec")["targetType"]
                // Absent it is instance (ELBv2, CreateTargetGroup); functions and other load balancers are no nodes.
                let seen = try target.text()
                if let seen, !seen.equals("instance") { return }
                findings.add(
                    type, at: target,
                    "is \(seen == nil ? "not set, which is instance" : "instance"): targets are nodes, not pods",
                    set: "ip", choice: seen?.text
                ) { $0.advice = "a target group that exists has to be replaced by a new one" }
            },
        ]
    )
}

private let type = Clause("type", "targets are of type ip")
private let peers = Clause("peers", "nobody but the load balancer is let in (no block shorter than /8)")
private let service = Clause("service", "the Service that it names is there")

private func checkPeers(_ rules: Field, _ findings: FindingCollector) throws(CannotJudge) {
    for rule in try rules.objects() {
        try findings.step()
        for peer in try rule["from"].objects() {
            try findings.step()
            let entry = try peer["ipBlock"]
            guard let cidr = try entry["cidr"].text(), AddressBlock(cidr)?.isEverywhere ?? false else { continue }
            findings.add(peers, at: entry, "lets \(cidr.text) in: everybody", choice: cidr.text) {
                $0.advice = "name the load balancer's security group instead: securityGroup: {groupID: sg-…}"
            }
        }
    }
}

private func checkService(
    _ reference: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let place = try reference["name"]
    guard let name = try place.string() else { return }
    let names = try context.relatedObjects.objects(.service, in: subject.namespace).map(\.name)
    if names.contains(name) { return }
    findings.add(
        service, at: place, "is \(name), and there is no such Service", choice: name,
        traits: .init(awaitsRelatedObject: true, absent: .service)
    ) {
        if let near = nearest(to: name, in: names) {
            $0.edits = [.set($0.place, .string(near))]
        } else {
            $0.advice = "create Service \(name) in namespace \(subject.namespace), or name one that exists"
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
    .good("addresses of pods", binding("targetType: ip")),
    .good("the target group's own type", binding("")),
    .good("a Service that is there", binding("targetType: ip"), relatedObjects: services("web")),
    .good(
        "the load balancer by its group",
        binding(
            "networking: {ingress: [{from: [{securityGroup: {groupID: sg-0a1b2c3d}}], ports: [{protocol: TCP, port: 8080}]}]}"
        )
    ),
    .good(
        "the load balancer's subnets",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/22}}], ports: [{protocol: TCP}]}]}")),
    .bad("ports of nodes", type, at: "spec.targetType", binding("targetType: instance")),
    .bad(
        "everybody", peers, at: "spec.networking.ingress[0].from[0].ipBlock",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{protocol: TCP}]}]}")),
    .bad(
        "everybody who has IPv6", peers, at: "spec.networking.ingress[0].from[1].ipBlock",
        binding(
            "networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/22}}, {ipBlock: {cidr: '::/0'}}], ports: [{protocol: TCP}]}]}"
        )),
    .bad(
        "the shortest block that is everybody", peers, at: "spec.networking.ingress[0].from[0].ipBlock",
        binding("networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/7}}], ports: [{protocol: TCP}]}]}")),
    .bad(
        "a Service that nobody has made", service, at: "spec.serviceRef.name", binding("", service: "checkout"),
        relatedObjects: services("web")),
    .bad(
        "a Service under a wrong name", service, at: "spec.serviceRef.name", binding("", service: "wbe"),
        relatedObjects: services("web")),
    .good("EKS Auto Mode's binding to addresses of pods", binding("targetType: ip", group: "eks.amazonaws.com/v1")),
    .bad(
        "EKS Auto Mode's binding to ports of nodes", type, at: "spec.targetType",
        binding("targetType: instance", group: "eks.amazonaws.com/v1")),
    .bad(
        "EKS Auto Mode's binding to a Service that nobody has made", service, at: "spec.serviceRef.name",
        binding("targetType: ip", service: "checkout", group: "eks.amazonaws.com/v1"), relatedObjects: services("web")),
    .good("a target group of ACK's of addresses", targetGroup(", targetType: ip")),
    .good("a target group of a function", targetGroup(", targetType: lambda")),
    .bad(
        "a target group of ACK's of nodes", type, at: "spec.targetType", targetGroup(", targetType: instance")),
    .bad("a target group of ACK's without a type", type, at: "spec.targetType", targetGroup("")),
]
