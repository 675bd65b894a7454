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
        scope: Scope(ResourceKinds(.ingress, .legacyIngress)),
        clauses: [ingress],
        examples: cases,
        check: { (subject, _) throws(CannotJudge) in
            let replacement = try Replacement(of: subject)
            return [
                Finding(ingress, at: "/kind", "is Ingress: traffic comes in by the Gateway API").with {
                    $0.companion = replacement.route(for: subject)
                    $0.isReplacement = $0.companion != nil
                    $0.advice = replacement.advice
                }
            ]
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

    init(of subject: Subject) throws(CannotJudge) {
        guard let spec = try subject.spec() else { return }
        for rule in try spec.objects("rules") where !isTooLarge {
            count += 1
            let name = try rule.string("host") ?? ""
            var rules: [Literal] = []
            if let http = try rule.object("http") { rules = try self.rules(of: http) }
            if let index = hosts.firstIndex(where: { $0.name == name }) {
                hosts[index].rules += rules
            } else {
                hosts.append((name, rules))
            }
        }
        // The old kind calls it differently.
        for key: StaticString in ["defaultBackend", "backend"] where rest.isEmpty {
            if let backend = try backend(spec.object(key)) { rest.append(["backendRefs": [backend]]) }
        }
    }

    private mutating func rules(of http: Value) throws(CannotJudge) -> [Literal] {
        var rules: [Literal] = []
        for (index, path) in try http.objects("paths").enumerated() where !isTooLarge {
            count += index > 0 ? 1 : 0
            guard let backend = try backend(path.object("backend")) else { continue }
            let type = try path.string("pathType") == "Exact" ? "Exact" : "PathPrefix"
            rules.append([
                "matches": [["path": ["type": .string(type), "value": .string(try path.string("path") ?? "/")]]],
                "backendRefs": [backend],
            ])
        }
        return rules
    }

    /// What a backend of either version of Ingress is for an HTTPRoute.
    private mutating func backend(_ backend: Value?) throws(CannotJudge) -> Literal? {
        if let service = try backend?.object("service"), let name = try service.string("name") {
            let port = try service.object("port")
            return ["name": .string(name), "port": number(of: port?.present("number") ?? port?.present("name"))]
        }
        guard let name = try backend?.string("serviceName") else { return nil }
        return ["name": .string(name), "port": number(of: backend?.present("servicePort"))]
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
