import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let gatewayAPI = Rule(
        id: "gateway-api",
        title: "HTTP routes use the Gateway API instead of Ingress",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            Most of an Ingress's behavior is in controller-specific annotations, which are not validated. Gateway, HTTPRoute and \
            Traefik's IngressRoute use fields that can be checked.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(ResourceKinds(.ingress, .legacyIngress)),
        clauses: [ingress],
        relatedObjects: [.gateway, .gatewayClass],
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let replacement = try Replacement(of: subject.field("spec"))
            findings.add(
                ingress, at: try subject.field("kind"), "is \"Ingress\"; use an HTTPRoute of the Gateway API instead"
            ) {
                if subject.isChallengeSolver {
                    $0.advice = "cert-manager creates this Ingress: use the gatewayHTTPRoute solver in its Issuer"
                    return
                }
                let gateway = Replacement.gateway(in: subject.namespace, context)
                $0.relatedObject = replacement.route(for: subject, by: gateway)
                $0.isReplacement = $0.relatedObject != nil
                $0.advice = replacement.advice(gateway)
            }
        }
    )
}

private let ingress = Clause("ingress", "no Ingress is used")

/// The suggested HTTPRoute, with the same hosts, paths and Services.
private struct Replacement {
    /// The rules of each host; an empty name stands for all other hosts.
    private var hosts: [(name: String, rules: [Literal])] = []
    /// The rules for all other requests.
    private var rest: [Literal] = []
    /// The names of ports, because an HTTPRoute accepts only numbers.
    private var ports: [String] = []
    /// True if a path's backend is not a Service, or its match is controller-specific.
    private var isOpen = false
    /// The number of hosts and paths; an HTTPRoute has at most 16 hosts and 16 rules.
    private var count = 0
    private static let mostParts = 16

    /// True if one HTTPRoute cannot hold all hosts and paths.
    private var isTooLarge: Bool { count > Replacement.mostParts }

    init(of spec: Field) throws(CannotEvaluate) {
        guard spec.isPresent else { return }
        for rule in try spec["rules"].objects() where !isTooLarge {
            count += 1
            let name = try rule["host"].string() ?? ""
            let rules = try rules(of: rule["http"]["paths"])
            if let index = hosts.firstIndex(where: { $0.name == name }) {
                hosts[index].rules += rules
            } else {
                hosts.append((name, rules))
            }
        }
        // The legacy Ingress has another name for it.
        for key: StaticString in ["defaultBackend", "backend"] where rest.isEmpty {
            if let backend = try backend(spec[key]) { rest.append(["backendRefs": [backend]]) }
        }
    }

    private mutating func rules(of paths: Field) throws(CannotEvaluate) -> [Literal] {
        var rules: [Literal] = []
        for (index, path) in try paths.objects().enumerated() where !isTooLarge {
            count += index > 0 ? 1 : 0
            let text = try path["path"].string() ?? "/"
            guard let backend = try backend(path["backend"]), text.hasPrefix("/"), !text.utf8.contains(where: isSyntax)
            else {
                isOpen = true
                continue
            }
            let type: Literal = try path["pathType"].equals("Exact") ? "Exact" : "PathPrefix"
            rules.append([
                "matches": [["path": ["type": type, "value": .string(text)]]],
                "backendRefs": [backend],
            ])
        }
        return rules
    }

    /// True if some controllers read a path with this byte as an expression.
    private func isSyntax(_ byte: UInt8) -> Bool { "()[]*|^$+?\\".utf8.contains(byte) }

    /// Returns the backend reference of an HTTPRoute for a backend of either version of Ingress.
    private mutating func backend(_ backend: Field) throws(CannotEvaluate) -> Literal? {
        let service = try backend["service"]
        let isNew = service.isPresent
        guard let name = try isNew ? service["name"].string() : backend["serviceName"].string() else { return nil }
        let port = try isNew ? service["port"]["number"] : backend["servicePort"]
        if let number = port.value?.int { return ["name": .string(name), "port": .number(String(number))] }
        let portName = try (isNew ? service["port"]["name"] : port).value?.text ?? ""
        if !ports.contains(portName) { ports.append(portName) }
        return nil
    }

    /// The name of a Gateway in the namespace whose controller does not create a load balancer.
    static func gateway(in namespace: String, _ context: Context) -> String? {
        let objects = context.relatedObjects
        return (try? objects.objects(.gateway, in: namespace))?.first { gateway in
            let name = gateway[.gatewayClass] ?? ""
            return (try? objects.object(.gatewayClass, named: name, in: "default"))?[.makesLoadBalancer] == false
        }?.name
    }

    /// Returns the HTTPRoute for the hosts that have the same rules as the first host.
    ///
    /// All hosts of a route have the same rules. Nil if one HTTPRoute cannot express the rules.
    func route(for subject: Subject, by gateway: String?) -> Literal? {
        let first = hosts.first?.rules ?? []
        guard let gateway, !isTooLarge, !isOpen, ports.isEmpty, !(first + rest).isEmpty else { return nil }
        let names = hosts.filter { $0.rules == first }.map(\.name)
        var members: [Literal.Member] = [.init("parentRefs", [["name": .string(gateway)]])]
        if !names.isEmpty, !names.contains("") {
            members.append(.init("hostnames", .array(names.map { .string($0) })))
        }
        members.append(.init("rules", .array(first + rest)))
        return [
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": ["name": .string(subject.name ?? "web"), "namespace": .string(subject.namespace)],
            "spec": .object(members),
        ]
    }

    func advice(_ gateway: String?) -> String? {
        guard !isTooLarge else { return "create one HTTPRoute for each host, with at most 16 rules" }
        var advice: [String] = []
        if gateway == nil || isOpen || !ports.isEmpty || (hosts.first?.rules ?? rest).isEmpty {
            advice.append(
                "create an HTTPRoute with these hosts, paths and Services, and the shared Gateway in parentRefs")
        }
        if !ports.isEmpty { advice.append("use the numbers of the ports \(list(ports))") }
        let elsewhere = hosts.filter { $0.rules != hosts.first?.rules }.map {
            $0.name.isEmpty ? "all other hosts" : $0.name
        }
        if !elsewhere.isEmpty {
            advice.append("create a separate HTTPRoute for each host with other rules: \(list(elsewhere))")
        }
        return advice.isEmpty ? nil : advice.joined(separator: "; ")
    }

    private func list(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
    }
}

private func gateway(_ name: String) -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: GatewayClass
    metadata: {name: traefik}
    spec: {controllerName: traefik.io/gateway-controller}
    ---
    apiVersion: gateway.networking.k8s.io/v1
    kind: GatewayClass
    metadata: {name: alb}
    spec: {controllerName: gateway.k8s.aws/alb}
    ---
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: public, namespace: shop}
    spec: {gatewayClassName: \(name), listeners: [{name: https, protocol: HTTPS, port: 443}]}
    """
}

private func ingress(_ path: String = "path: /, pathType: Prefix", labels: String = "") -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: web, namespace: shop, labels: {\(labels)}}
    spec:
      rules:
      - host: shop.example.com
        http: {paths: [{\(path), backend: {service: {name: web, port: {number: 80}}}}]}
    """
}

private let cases: [Example] = [
    .bad("an Ingress", ingress, at: "kind", ingress()),
    .bad("an Ingress beside a Gateway", ingress, at: "kind", ingress(), relatedObjects: gateway("traefik")),
    .bad(
        "an Ingress beside a Gateway that creates a load balancer", ingress, at: "kind", ingress(),
        relatedObjects: gateway("alb")),
    .bad(
        "a controller-specific path expression", ingress, at: "kind",
        ingress("path: '/api(/|$)(.*)', pathType: ImplementationSpecific"), relatedObjects: gateway("traefik")),
    .bad(
        "an Ingress that cert-manager creates for a challenge", ingress, at: "kind",
        ingress(labels: "acme.cert-manager.io/http01-solver: 'true'"), relatedObjects: gateway("traefik")),
    .bad(
        "an Ingress without backends", ingress, at: "kind",
        """
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: web, namespace: shop}
        spec: {ingressClassName: alb}
        """, relatedObjects: gateway("traefik")),
    .bad(
        "a legacy Ingress", ingress, at: "kind",
        """
        apiVersion: extensions/v1beta1
        kind: Ingress
        metadata: {name: web, namespace: shop}
        spec: {rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}]}
        """),
    .bad(
        "an Ingress with only a default backend", ingress, at: "kind",
        """
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: web, namespace: shop}
        spec: {defaultBackend: {service: {name: web, port: {name: http}}}}
        """),
    .good(
        "an HTTPRoute",
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: web, namespace: shop}
        spec: {parentRefs: [{name: gateway}], rules: [{backendRefs: [{name: web, port: 80}]}]}
        """),
]
