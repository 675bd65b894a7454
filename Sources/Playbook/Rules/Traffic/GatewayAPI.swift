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
            let (route, elsewhere) = try route(for: subject)
            return [
                Finding(ingress, at: "/kind", "is Ingress: traffic comes in by the Gateway API").with {
                    $0.companion = route
                    $0.isReplacement = true
                    $0.advice = "parentRefs names the cluster's Gateway"
                    guard !elsewhere.isEmpty else { return }
                    let hosts = elsewhere.prefix(4).joined(separator: ", ") + (elsewhere.count > 4 ? ", …" : "")
                    $0.advice? += "; and a route of its own for each host that leads elsewhere: \(hosts)"
                }
            ]
        }
    )
}

private let ingress = Clause("ingress", "no Ingress is used")

/// The HTTPRoute to write instead, with the same hosts, paths and Services.
///
/// All hosts of a route lead to the same places: those that lead to others than the first one's need routes of their own.
private func route(for subject: Subject) throws(CannotJudge) -> (route: Literal, elsewhere: [String]) {
    var hosts: [(name: String, rules: [Literal])] = []
    var rest: [Literal] = []
    if let spec = try subject.spec() {
        for rule in try spec.objects("rules") {
            let name = try rule.string("host") ?? ""
            var rules: [Literal] = []
            if let http = try rule.object("http") { rules = try routeRules(http) }
            if let index = hosts.firstIndex(where: { $0.name == name }) {
                hosts[index].rules += rules
            } else {
                hosts.append((name, rules))
            }
        }
        if let backend = try backend(defaultBackend(of: spec)) { rest.append(["backendRefs": [backend]]) }
    }
    let first = hosts.first?.rules ?? []
    let names = hosts.filter { $0.rules == first }.map(\.name)
    var members: [Literal.Member] = [.init("parentRefs", [["name": "gateway"]])]
    // One without a name stands for every host.
    if !names.isEmpty, !names.contains("") { members.append(.init("hostnames", .array(names.map { .string($0) }))) }
    members.append(.init("rules", .array(first + rest)))
    let route: Literal = [
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": ["name": .string(subject.name ?? "web"), "namespace": .string(subject.namespace)],
        "spec": .object(members),
    ]
    return (route, hosts.filter { $0.rules != first }.map { $0.name.isEmpty ? "any other" : $0.name })
}

/// Where all else goes; the old kind calls it differently.
private func defaultBackend(of spec: Value) throws(CannotJudge) -> Value? {
    if let backend = try spec.object("defaultBackend") { return backend }
    return try spec.object("backend")
}

private func routeRules(_ http: Value) throws(CannotJudge) -> [Literal] {
    var rules: [Literal] = []
    for path in try http.objects("paths") {
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
private func backend(_ backend: Value?) throws(CannotJudge) -> Literal? {
    if let service = try backend?.object("service"), let name = try service.string("name") {
        let number = try service.object("port")?.integer("number")
        return ["name": .string(name), "port": .number(String(number ?? 80))]
    }
    guard let name = try backend?.string("serviceName") else { return nil }
    return ["name": .string(name), "port": .number(String(backend?.present("servicePort")?.int ?? 80))]
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
