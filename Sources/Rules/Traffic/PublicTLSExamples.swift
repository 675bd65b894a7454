import Evaluation

private func loadBalancerListener(_ lines: String, loadBalancer: String = "loadBalancerRef: {from: {name: web}}")
    -> String
{
    """
    apiVersion: elbv2.services.k8s.aws/v1alpha1
    kind: Listener
    metadata: {name: web, namespace: shop}
    spec: {\(loadBalancer), \(lines)}
    """
}

private func loadBalancer(_ scheme: String) -> String {
    """
    apiVersion: elbv2.services.k8s.aws/v1alpha1
    kind: LoadBalancer
    metadata: {name: web, namespace: shop}
    spec: {name: web\(scheme)}
    """
}

private func gateway(_ listeners: String, _ kind: String = "Gateway") -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: \(kind)
    metadata: {name: public, namespace: shop}
    spec: {listeners: [\(listeners)]}
    """
}

private func route(_ rules: String, _ parent: String = "name: public", _ name: String = "web") -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata: {name: \(name), namespace: shop}
    spec: {parentRefs: [{\(parent)}], hostnames: [shop.example.com], rules: [{\(rules)}]}
    """
}

private func traefik(_ lines: String, _ route: String = "") -> String {
    """
    apiVersion: traefik.io/v1alpha1
    kind: IngressRoute
    metadata: {name: web, namespace: shop}
    spec:
      \(lines)
      routes:
      - match: Host(`shop.example.com`)
        services: [{name: web, port: 80}]
        \(route)
    """
}

private func middleware(_ spec: String) -> String {
    """
    apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: to-tls, namespace: shop}
    spec: {\(spec)}
    """
}

private let forward = "defaultActions: [{type: forward, targetGroupRef: {from: {name: web}}}]"
private let redirect =
    "defaultActions: [{type: redirect, redirectConfig: {protocol: HTTPS, port: '443', statusCode: HTTP_301}}]"
private let http = "{name: http, protocol: HTTP, port: 80}"
private let https = "{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: web}]}}"
private let toTLS = "filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]"
private let serve = "backendRefs: [{name: web, port: 80}]"
private let atGateway = ["PLAYBOOK_TLS_AT": "gateway"]
private let plain = gateway("\(http), \(https)")
private let redirects = "middlewares: [{name: to-tls}]"

let tlsExamples: [Example] = [
    .good(
        "a listener with TLS",
        loadBalancerListener("port: 443, protocol: HTTPS, sslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06, \(forward)")),
    .good("one that only redirects", loadBalancerListener("port: 80, protocol: HTTP, \(redirect)")),
    .good(
        "one of an internal load balancer", loadBalancerListener("port: 80, protocol: HTTP, \(forward)"),
        relatedObjects: loadBalancer(", scheme: internal")),
    .good("one of a load balancer that is not known", loadBalancerListener("port: 80, protocol: HTTP, \(forward)")),
    .good(
        "what encrypts by itself, or not",
        loadBalancerListener("port: 5432, protocol: TCP, \(forward)"), relatedObjects: loadBalancer("")),
    .good(
        "TLS that ends at the gateway", loadBalancerListener("port: 80, protocol: HTTP, \(forward)"),
        relatedObjects: loadBalancer(""), settings: atGateway),
    .good("a gateway behind a load balancer", plain),
    .good("a Traefik route behind a load balancer", traefik("entryPoints: [web]")),
    .good("a gateway with TLS", gateway(https), settings: atGateway),
    .good(
        "a gateway that also redirects", plain,
        relatedObjects: [
            route(toTLS, "name: public, sectionName: http"), route(serve, "name: public, sectionName: https", "shop"),
        ]
        .joined(separator: "\n---\n"), settings: atGateway),
    .good(
        "a gateway beside other gateways' routes", plain,
        relatedObjects: [route(toTLS), route(serve, "name: internal", "shop")].joined(separator: "\n---\n"),
        settings: atGateway),
    .good(
        "a gateway of the same name elsewhere has the routes", plain,
        relatedObjects: [
            route(toTLS, "name: public, sectionName: http"), route(serve, "name: public, namespace: gateway", "shop"),
        ]
        .joined(separator: "\n---\n"), settings: atGateway),
    .good("a route whose gateway is not known", route(serve), settings: atGateway),
    .good(
        "a route of the listener with TLS", route(serve, "name: public, sectionName: https"), relatedObjects: plain,
        settings: atGateway),
    .good(
        "a route by the port of TLS", route(serve, "name: public, port: 443"), relatedObjects: plain,
        settings: atGateway),
    .good("a route that only redirects", route(toTLS), relatedObjects: plain, settings: atGateway),
    .good(
        "a route for a certificate authority",
        route("matches: [{path: {type: Exact, value: /.well-known/acme-challenge/x}}], \(serve)"),
        relatedObjects: plain,
        settings: atGateway),
    .good(
        "a route for a certificate authority by a prefix",
        route("matches: [{path: {type: PathPrefix, value: /.well-known/acme-challenge}}], \(serve)"),
        relatedObjects: plain, settings: atGateway),
    .good("a Traefik route with TLS", traefik("tls: {}"), settings: atGateway),
    .good("one of an entry point with TLS", traefik("entryPoints: [websecure]"), settings: atGateway),
    .good(
        "one that only redirects", traefik("entryPoints: [web]", redirects),
        relatedObjects: middleware("redirectScheme: {scheme: https}"), settings: atGateway),
    .good("a child of another one", traefik("parentRefs: [{name: all}]"), settings: atGateway),
    .bad(
        "a load balancer in plain text", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: HTTP, \(forward)"), relatedObjects: loadBalancer("")),
    .bad(
        "one by its ARN", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, \(forward)",
            loadBalancer:
                "loadBalancerARN: 'arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/web/0a1b2c3d4e5f6071'"
        )),
    .bad(
        "a redirect to plain text", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 8080, protocol: HTTP, defaultActions: [{type: redirect, redirectConfig: {protocol: HTTP, port: '80'}}]"
        ),
        relatedObjects: loadBalancer("")),
    .bad(
        "port 80 of a network load balancer", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: TCP, \(forward)"), relatedObjects: loadBalancer(", type: network")),
    .bad(
        "port 80 of one that takes UDP, too", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: TCP_UDP, \(forward)"), relatedObjects: loadBalancer(", type: network")
    ),
    .bad(
        "a gateway that serves in plain text", TLSClause.listener, at: "spec.listeners[http].protocol", plain,
        relatedObjects: [route(toTLS, "name: public, sectionName: http"), route(serve, "name: public", "shop")]
            .joined(separator: "\n---\n"), settings: atGateway),
    .bad(
        "a gateway without a redirect yet", TLSClause.listener, at: "spec.listeners[http].protocol", plain,
        relatedObjects: route(serve, "name: public, sectionName: https"), settings: atGateway, isHint: true),
    .bad(
        "a set of listeners that serves in plain text", TLSClause.listener, at: "spec.listeners[http].protocol",
        gateway(http, "ListenerSet"),
        relatedObjects: route(serve, "group: gateway.networking.k8s.io, kind: ListenerSet, name: public"),
        settings: atGateway),
    .bad(
        "a route of every listener", TLSClause.attached, at: "spec.parentRefs[public]", route(serve),
        relatedObjects: plain,
        settings: atGateway),
    .bad(
        "a route that sends some to plain text", TLSClause.attached, at: "spec.parentRefs[public]",
        route("filters: [{type: RequestRedirect, requestRedirect: {port: 8080}}]", "name: public, port: 80"),
        relatedObjects: plain, settings: atGateway),
    .bad(
        "a route by an expression that only begins as a certificate authority's", TLSClause.attached,
        at: "spec.parentRefs[public]",
        route(
            "matches: [{path: {type: RegularExpression, value: '/.well-known/acme-challenge/|.*'}}], \(serve)"),
        relatedObjects: plain, settings: atGateway),
    .bad(
        "a Traefik route in plain text", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [web, websecure]"),
        settings: atGateway),
    .bad(
        "one beside another that may redirect", TLSClause.ingressRoute, at: "spec.tls",
        traefik(
            "entryPoints: [web]",
            "middlewares: [{name: to-tls@file}]\n  - match: Host(`blog.example.com`)\n    services: [{name: web, port: 80}]"
        ),
        settings: atGateway),
    .bad("one of every entry point", TLSClause.ingressRoute, at: "spec.tls", traefik(""), settings: atGateway),
    .bad(
        "one with a Middleware that does not redirect", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [web]", redirects), relatedObjects: middleware("headers: {}"), settings: atGateway),
    .bad(
        "one of an entry point that the team has no TLS at", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [websecure]"),
        settings: ["PLAYBOOK_TLS_AT": "gateway", "PLAYBOOK_TLS_ENTRY_POINTS": "secure"]),
    .bad(
        "a fixed answer", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, defaultActions: [{type: fixed-response, fixedResponseConfig: {statusCode: '404'}}]"
        ),
        relatedObjects: loadBalancer(""), isHint: true),
    .bad(
        "a fixed answer beside a target group", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, defaultActions: [{type: fixed-response, fixedResponseConfig: {statusCode: '404'}}, {type: forward, targetGroupRef: {from: {name: web}}}]"
        ), relatedObjects: loadBalancer("")),
    .good("a gateway that passes TLS on", gateway("{name: tls, protocol: TLS, port: 5432}"), settings: atGateway),
    .good("TCP at the port of HTTPS", gateway("{name: tcp, protocol: TCP, port: 443}"), settings: atGateway),
    .bad(
        "a gateway's listener for TCPRoutes", TLSClause.listener, at: "spec.listeners[db].protocol",
        gateway("{name: db, protocol: TCP, port: 5432}"), settings: atGateway),
]
