import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let loadBalancerService = Rule(
        id: "load-balancer-service",
        title: "Services stay inside the cluster",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            One load balancer, made with the infrastructure, leads to the gateway. A Service that makes one of its own, or opens a \
            port on every node, is a way round its firewall and its certificates.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.service), readsMetadata: true),
        clauses: [type, externalAddress, annotation],
        examples: cases,
        check: checkService
    )
}

private let type = Clause("type", "the type is neither LoadBalancer nor NodePort")
private let externalAddress = Clause("external-address", "there are no `externalIPs`")
private let annotation = Clause("annotation", "nothing is asked of the load balancer controller")

private func checkService(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    if !subject.changesOnlyMetadata { try checkSpec(subject.field("spec"), findings) }
    guard let annotations = try subject.field("metadata")["annotations"].members() else { return }
    for member in annotations {
        try findings.step()
        guard member.key.isControllerAnnotation else { continue }
        let value = member.value
        findings.add(
            annotation, at: Field(value), "is \(value.text): load balancers are set up by infrastructure as code",
            choice: value.text
        ) { $0.edits = [.remove($0.place)] }
    }
}

private func checkSpec(_ spec: Field, _ findings: FindingCollector) throws(CannotJudge) {
    let place = try spec["type"]
    if let seen = try place.text(), seen.equals("LoadBalancer") || seen.equals("NodePort") {
        findings.add(
            type, at: place, "is \(seen.text): a way into the cluster past the ALB", set: "ClusterIP",
            choice: seen.text
        ) { $0.advice = "and let an HTTPRoute or a TargetGroupBinding lead to it" }
    }
    let addresses = try spec["externalIPs"]
    for element in try addresses.elements() {
        try findings.step()
        let address = element.base
        findings.add(
            externalAddress, at: addresses, "take traffic for \(address.text), past the ALB", choice: address.text
        ) { $0.edits = [.remove($0.place)] }
    }
}

extension Value {
    /// Whether an annotation is for the AWS load balancer controller: about a Service's own load balancer, or about its pods as
    /// the targets of another one.
    fileprivate var isControllerAnnotation: Bool {
        hasPrefix("service.beta.kubernetes.io/aws-load-balancer-") || hasPrefix("alb.ingress.kubernetes.io/")
            || equals("service.beta.kubernetes.io/load-balancer-source-ranges")
    }
}
private func service(_ spec: String, _ metadata: String = "") -> String {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop\(metadata)}
    spec: {\(spec)selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
    """
}

private let cases: [Example] = [
    .good("a Service of the cluster", service("")),
    .good("one without an address", service("clusterIP: None, ")),
    .good("another annotation", service("", ", annotations: {prometheus.io/scrape: 'true'}")),
    .bad("a load balancer of its own", type, at: "spec.type", service("type: LoadBalancer, ")),
    .bad("a port on every node", type, at: "spec.type", service("type: NodePort, ")),
    .bad(
        "an address from outside", externalAddress, at: "spec.externalIPs", service("externalIPs: [192.0.2.7], ")),
    .bad(
        "a wish of the load balancer controller", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/aws-load-balancer-scheme]",
        service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing}")),
    .bad(
        "a wish of its own for the controller's targets", annotation,
        at: "metadata.annotations[alb.ingress.kubernetes.io/healthcheck-path]",
        service("", ", annotations: {alb.ingress.kubernetes.io/healthcheck-path: /readyz}")),
    .bad(
        "whom the controller is to let in", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
        service("", ", annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: 0.0.0.0/0}")),
    .bad(
        "another wish than before", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/aws-load-balancer-scheme]",
        service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing}"),
        before: service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internal}")),
]
