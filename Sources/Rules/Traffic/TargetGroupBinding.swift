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
        scope: Scope(ResourceKinds(.targetGroupBinding)),
        clauses: [type, peers, service],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.service],
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
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
        }
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
            $0.relatedObject = missingService(name, in: subject.namespace, port: reference.member("port").value)
        }
    }
}

private func missingService(_ name: String, in namespace: String, port: Value?) -> Literal {
    let entry: Literal =
        if let number = port?.int { ["port": .number(String(number))] } else {
            ["name": .string(port?.string ?? "http"), "port": 80]
        }
    return [
        "apiVersion": "v1", "kind": "Service",
        "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "spec": ["selector": ["app": .string(name)], "ports": [entry]],
    ]
}

private func binding(_ lines: String, service: String = "web") -> String {
    """
    apiVersion: elbv2.k8s.aws/v1beta1
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
]
