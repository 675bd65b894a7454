import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let gatewayAPI = Rule(
        id: "gateway-api",
        title: "Traffic comes in by the Gateway API",
        group: .traffic,
        section: .kubernetesDeployment,
        rationale: """
            An Ingress says little of its own and the rest in annotations of one controller or another. Gateway and HTTPRoute, or \
            Traefik's IngressRoute, say it in fields that can be checked.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(ResourceKinds(.ingress, .legacyIngress)),
        clauses: [ingress],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            let replacement = try Replacement(of: subject.field("spec"))
            findings.add(ingress, at: try subject.field("kind"), "is Ingress: traffic comes in by the Gateway API") {
                $0.relatedObject = replacement.route(for: subject)
                $0.isReplacement = $0.relatedObject != nil
                $0.advice = replacement.advice
            }
        }
    )
}

private let ingress = Clause("ingress", "no Ingress is used")

/// The HTTPRoute to write instead, with the same hosts, paths and Services.
private struct Replacement {
    /// Where each host leads; without a name it is every other one.
    private var hosts: [(name: String, rules: [Literal])] = []
    /// Where all else goes.
    private var rest: [Literal] = []
    /// The names of ports: an HTTPRoute takes numbers alone.
    private var ports: [String] = []
    /// How many hosts and paths there are; an HTTPRoute takes 16 hosts, and as many rules.
    private var count = 0
    private static let mostParts = 16

    /// Whether it is more than one HTTPRoute can say.
    private var isTooLarge: Bool { count > Replacement.mostParts }

    init(of spec: Field) throws(CannotJudge) {
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
        // The old kind calls it differently.
        for key: StaticString in ["defaultBackend", "backend"] where rest.isEmpty {
            if let backend = try backend(spec[key]) { rest.append(["backendRefs": [backend]]) }
        }
    }

    private mutating func rules(of paths: Field) throws(CannotJudge) -> [Literal] {
        var rules: [Literal] = []
        for (index, path) in try paths.objects().enumerated() where !isTooLarge {
            count += index > 0 ? 1 : 0
            guard let backend = try backend(path["backend"]) else { continue }
            let type: Literal = try path["pathType"].equals("Exact") ? "Exact" : "PathPrefix"
            rules.append([
                "matches": [["path": ["type": type, "value": .string(try path["path"].string() ?? "/")]]],
                "backendRefs": [backend],
            ])
        }
        return rules
    }

    /// What a backend of either version of Ingress is for an HTTPRoute.
    private mutating func backend(_ backend: Field) throws(CannotJudge) -> Literal? {
        let service = try backend["service"]
        if let name = try service["name"].string() {
            let port = try service["port"]
            let (number, portName) = (try port["number"].value, try port["name"].value)
            return ["name": .string(name), "port": self.number(of: number ?? portName)]
        }
        guard let name = try backend["serviceName"].string() else { return nil }
        return ["name": .string(name), "port": number(of: try backend["servicePort"].value)]
    }

    private mutating func number(of port: Value?) -> Literal {
        if let port, port.int == nil, !ports.contains(port.text) { ports.append(port.text) }
        return .number(String(port?.int ?? 80))
    }

    /// All hosts of a route lead to the same places: here are those that lead where the first one does.
    ///
    /// Nil where one HTTPRoute cannot say it.
    func route(for subject: Subject) -> Literal? {
        guard !isTooLarge else { return nil }
        let first = hosts.first?.rules ?? []
        let names = hosts.filter { $0.rules == first }.map(\.name)
        var members: [Literal.Member] = [.init("parentRefs", [["name": "gateway"]])]
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

    var advice: String {
        guard !isTooLarge else { return "write an HTTPRoute for each host, with at most 16 rules" }
        var advice = "parentRefs names the cluster's Gateway"
        if !ports.isEmpty { advice += "; port 80 stands for \(list(ports)): write the number" }
        let elsewhere = hosts.filter { $0.rules != hosts.first?.rules }.map { $0.name.isEmpty ? "any other" : $0.name }
        if !elsewhere.isEmpty {
            advice += "; and a route of its own for each host that leads elsewhere: \(list(elsewhere))"
        }
        return advice
    }

    private func list(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
    }
}

private let cases: [Example] = [
    .bad(
        "an Ingress", ingress, at: "kind",
        """
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: web, namespace: shop}
        spec:
          rules:
          - host: shop.example.com
            http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
        """),
    .bad(
        "one of the old kind", ingress, at: "kind",
        """
        apiVersion: extensions/v1beta1
        kind: Ingress
        metadata: {name: web, namespace: shop}
        spec: {rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}]}
        """),
    .bad(
        "one that sends everything to one Service", ingress, at: "kind",
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
