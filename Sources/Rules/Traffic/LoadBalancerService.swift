import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let loadBalancerService = Rule(
        id: "load-balancer-service",
        title: "Services and Gateways do not bypass the shared load balancer",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            The shared load balancer is managed with the infrastructure. A Service that creates another one, or opens a port on \
            every node, bypasses its firewall and certificates.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(
            ResourceKinds(
                .service, .gatewayClass, .gateway, .loadBalancerConfiguration, .eksIngressClassParams,
                .globalAccelerator), readsMetadata: true),
        clauses: [type, externalAddress, annotation, automatic],
        relatedObjects: [.gatewayClass],
        examples: cases,
        checks: [
            .init(.service, check: checkService), .init(.gatewayClass, check: checkClass),
            .init(.gateway, check: checkGateway),
            .init(.loadBalancerConfiguration, .eksIngressClassParams, .globalAccelerator, check: checkConfiguration),
        ]
    )
}

private let type = Clause("type", "the Service type is neither LoadBalancer nor NodePort")
private let externalAddress = Clause("external-address", "the Service has no `externalIPs`")
private let annotation = Clause("annotation", "the Service has no annotations for the AWS load balancer controller")
private let automatic = Clause(
    "automatic",
    "no GatewayClass, Gateway or other object makes the AWS load balancer controller create a load balancer")

private func checkService(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    let annotations = try controllerAnnotations(of: subject, findings)
    let isLoadBalancer = try spec["type"].equals("LoadBalancer")
    // One finding about the load balancer; if only metadata changes, each changed annotation has its own.
    if isLoadBalancer, !subject.changesOnlyMetadata { try reportType(spec, annotations, subject, findings) }
    // Those of an old load balancer also count if the type changes.
    if !isLoadBalancer || subject.isOld || subject.changesOnlyMetadata {
        for (_, value) in annotations {
            findings.add(
                annotation, at: Field(value),
                "is \"\(value.text)\"; load balancers are managed by infrastructure as code",
                choice: value.text
            ) { $0.edits = [.remove($0.place)] }
        }
    }
    guard !subject.changesOnlyMetadata else { return }
    if try spec["type"].equals("NodePort") { try reportType(spec, [], subject, findings) }
    try checkAddresses(spec, findings)
}

/// Returns the annotations for the AWS load balancer controller.
private func controllerAnnotations(
    of subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) -> [(key: Value, value: Value)] {
    var found: [(Value, Value)] = []
    guard let annotations = try subject.field("metadata")["annotations"].members() else { return [] }
    for member in annotations {
        try findings.step()
        if member.key.isControllerAnnotation { found.append((member.key, member.value)) }
    }
    return found
}

private func reportType(
    _ spec: Field, _ annotations: [(key: Value, value: Value)], _ subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let place = try spec["type"]
    guard let seen = try place.text() else { return }
    let name = annotations.first.map { " with \($0.key.text.split(separator: "/").last ?? "")" } ?? ""
    let rest = annotations.count - 1
    let others = rest > 0 ? " and \(rest) more annotation\(rest == 1 ? "" : "s")" : ""
    findings.add(
        type, at: place,
        "is \"\(seen.text)\"\(name)\(others); its traffic bypasses the shared ALB",
        choices: [seen.text] + annotations.map { "\($0.key.text)=\($0.value.text)" }
    ) {
        if subject.isChallengeSolver {
            $0.advice =
                "cert-manager creates this Service: set serviceType: ClusterIP in the Issuer's HTTP-01 solver"
            return
        }
        let removed = externalFields(of: spec) + annotations.map { Field($0.value) }
        $0.edits = [.set($0.place, "ClusterIP")] + removed.map { .remove(findings.place(of: $0)) }
        $0.advice = "first route traffic to the Service with an HTTPRoute or a TargetGroupBinding"
    }
}

private func checkAddresses(_ spec: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    let addresses = try spec["externalIPs"]
    for element in try addresses.elements() {
        try findings.step()
        let address = element.base
        findings.add(
            externalAddress, at: addresses, "contains \(address.text); its traffic bypasses the shared ALB",
            choice: address.text
        ) { $0.edits = [.remove($0.place)] }
    }
}

/// The fields that the API server rejects in a Service of type ClusterIP.
private func externalFields(of spec: Field) -> [Field] {
    let keys: [StaticString] = [
        "loadBalancerClass", "allocateLoadBalancerNodePorts", "loadBalancerIP", "loadBalancerSourceRanges",
        "externalTrafficPolicy", "healthCheckNodePort",
    ]
    let ports = spec.member("ports").value?.elements.map { Field($0).member("nodePort") } ?? []
    return (keys.map { spec.member($0) } + ports).filter(\.isPresent)
}

extension Subject {
    /// True if cert-manager created the object for an HTTP-01 challenge.
    var isChallengeSolver: Bool { metadata.labels["acme.cert-manager.io/http01-solver"] == "true" }
}

// MARK: Load balancers that controllers create

private func checkClass(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard !subject.changesOnlyMetadata else { return }
    let controller = try subject.field("spec")["controllerName"]
    guard let name = try controller.text(), name.isLoadBalancerController else { return }
    findings.add(
        automatic, at: controller, "is \"\(name.text)\", which creates a load balancer for each Gateway",
        choice: name.text
    ) { $0.advice = "use the GatewayClass of a gateway that runs in the cluster behind the shared ALB" }
}

private func checkGateway(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard !subject.changesOnlyMetadata else { return }
    let spec = try subject.field("spec")
    let parameters = try spec["infrastructure"]["parametersRef"]
    if try parameters["group"].equals("gateway.k8s.aws") {
        findings.add(
            automatic, at: parameters,
            "is a \(parameters.member("kind").value?.text ?? "setting") of the AWS load balancer controller, which creates a load balancer"
        ) { $0.advice = "use the GatewayClass of a gateway that runs in the cluster behind the shared ALB" }
        return
    }
    let place = try spec["gatewayClassName"]
    guard let name = try place.string(),
        try context.relatedObjects.object(.gatewayClass, named: name, in: "default")?[.makesLoadBalancer] ?? false
    else { return }
    findings.add(
        automatic, at: place,
        "is \"\(name)\", a class of the AWS load balancer controller, which creates a load balancer",
        choice: name
    ) { $0.advice = "use the GatewayClass of a gateway that runs in the cluster behind the shared ALB" }
}

private func checkConfiguration(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard !subject.changesOnlyMetadata else { return }
    findings.add(
        automatic, at: try subject.field("kind"),
        "is \"\(subject.kind.name)\"; load balancers are managed by infrastructure as code"
    ) { $0.advice = "use a TargetGroupBinding to the target group of an existing load balancer" }
}

extension RelatedKind {
    static let gatewayClass = RelatedKind(.gatewayClass) { (object, fields) throws(CannotEvaluate) in
        let controller = try object.object("spec")?["controllerName"]
        fields[.makesLoadBalancer] = controller?.isLoadBalancerController ?? false
        fields[.controller] = controller?.string
    }
}

extension RelatedField<Bool> {
    static let makesLoadBalancer = Self("load-balancer")
}

extension RelatedField<String> {
    static let controller = Self("controller")
}

extension Value {
    /// True if it names a controller that creates an ALB or NLB for each Gateway (aws-load-balancer-controller 2.13 and later).
    fileprivate var isLoadBalancerController: Bool { equals("gateway.k8s.aws/alb") || equals("gateway.k8s.aws/nlb") }

    /// True if an annotation is for the AWS load balancer controller: for a Service's load balancer, or for its pods as targets.
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

private func object(_ type: String, _ lines: String, name: String = "public") -> String {
    let parts = type.split(separator: " ")
    return """
        apiVersion: \(parts[0])
        kind: \(parts[1])
        metadata: {name: \(name)}
        spec: {\(lines)}
        """
}

private func gatewayClass(_ controller: String) -> String {
    object("gateway.networking.k8s.io/v1 GatewayClass", "controllerName: \(controller)")
}

private func gateway(_ lines: String) -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: shop, namespace: shop}
    spec:
      gatewayClassName: public
      listeners: [{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: web}]}}]
      \(lines)
    """
}

private let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme"
private let targets = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"

private let cases: [Example] = [
    .good("a ClusterIP Service", service("")),
    .good("a headless Service", service("clusterIP: None, ")),
    .good("an annotation for another controller", service("", ", annotations: {prometheus.io/scrape: 'true'}")),
    .bad("type LoadBalancer", type, at: "spec.type", service("type: LoadBalancer, ")),
    .bad("type NodePort", type, at: "spec.type", service("type: NodePort, ")),
    .bad(
        "an external IP address", externalAddress, at: "spec.externalIPs", service("externalIPs: [192.0.2.7], ")),
    .bad(
        "a load balancer annotation", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/aws-load-balancer-scheme]",
        service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing}")),
    .bad(
        "an annotation for the load balancer's targets", annotation,
        at: "metadata.annotations[alb.ingress.kubernetes.io/healthcheck-path]",
        service("", ", annotations: {alb.ingress.kubernetes.io/healthcheck-path: /readyz}")),
    .bad(
        "an annotation for source ranges", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]",
        service("", ", annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: 0.0.0.0/0}")),
    .bad(
        "a changed load balancer annotation", annotation,
        at: "metadata.annotations[service.beta.kubernetes.io/aws-load-balancer-scheme]",
        service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing}"),
        before: service("", ", annotations: {service.beta.kubernetes.io/aws-load-balancer-scheme: internal}")),
    .bad(
        "type LoadBalancer with annotations", type, at: "spec.type",
        service("type: LoadBalancer, ", ", annotations: {\(scheme): internet-facing, \(targets): ip}")),
    .bad(
        "a changed annotation of type LoadBalancer", annotation, at: "metadata.annotations[\(scheme)]",
        service("type: LoadBalancer, ", ", annotations: {\(scheme): internet-facing}"),
        before: service("type: LoadBalancer, ", ", annotations: {\(scheme): internal}")),
    .bad(
        "an added annotation of type LoadBalancer, with a changed port", type, at: "spec.type",
        service(
            "type: LoadBalancer, publishNotReadyAddresses: true, ",
            ", annotations: {\(scheme): internet-facing, \(targets): ip}"),
        before: service("type: LoadBalancer, ", ", annotations: {\(targets): ip}")),
    .bad(
        "type LoadBalancer with fields for the load balancer", type, at: "spec.type",
        service("type: LoadBalancer, externalTrafficPolicy: Local, loadBalancerClass: service.k8s.aws/nlb, ")),
    .bad(
        "a Service that cert-manager creates for a challenge", type, at: "spec.type",
        service("type: NodePort, ", ", labels: {acme.cert-manager.io/http01-solver: 'true'}")),
    .good("a GatewayClass of a gateway in the cluster", gatewayClass("traefik.io/gateway-controller")),
    .bad(
        "a GatewayClass that creates an ALB for each Gateway", automatic, at: "spec.controllerName",
        gatewayClass("gateway.k8s.aws/alb")),
    .bad(
        "a GatewayClass that creates an NLB for each Gateway", automatic, at: "spec.controllerName",
        gatewayClass("gateway.k8s.aws/nlb")),
    .good(
        "a Gateway that runs in the cluster", gateway(""),
        relatedObjects: gatewayClass("traefik.io/gateway-controller")),
    .good("a Gateway of an unknown class", gateway("")),
    .bad(
        "a Gateway that creates an ALB", automatic, at: "spec.gatewayClassName", gateway(""),
        relatedObjects: gatewayClass("gateway.k8s.aws/alb")),
    .bad(
        "a Gateway with parameters for the load balancer controller", automatic,
        at: "spec.infrastructure.parametersRef",
        gateway("infrastructure: {parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: web}}")
    ),
    .bad(
        "a LoadBalancerConfiguration", automatic, at: "kind",
        object("gateway.k8s.aws/v1beta1 LoadBalancerConfiguration", "scheme: internet-facing")),
    .bad(
        "EKS Auto Mode's IngressClassParams", automatic, at: "kind",
        object("eks.amazonaws.com/v1 IngressClassParams", "scheme: internet-facing")),
    .bad(
        "a GlobalAccelerator", automatic, at: "kind",
        object("aga.k8s.aws/v1beta1 GlobalAccelerator", "name: web, ipAddressType: IPV4")),
]
