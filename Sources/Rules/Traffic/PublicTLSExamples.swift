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
    .good("a listener that only redirects", loadBalancerListener("port: 80, protocol: HTTP, \(redirect)")),
    .good(
        "a listener of an internal load balancer", loadBalancerListener("port: 80, protocol: HTTP, \(forward)"),
        relatedObjects: loadBalancer(", scheme: internal")),
    .good("a listener of an unknown load balancer", loadBalancerListener("port: 80, protocol: HTTP, \(forward)")),
    .good(
        "a TCP listener on another port",
        loadBalancerListener("port: 5432, protocol: TCP, \(forward)"), relatedObjects: loadBalancer("")),
    .good(
        "an HTTP listener if TLS ends at the gateway", loadBalancerListener("port: 80, protocol: HTTP, \(forward)"),
        relatedObjects: loadBalancer(""), settings: atGateway),
    .good("a Gateway behind a load balancer", plain),
    .good("a Traefik route behind a load balancer", traefik("entryPoints: [web]")),
    .good("a Gateway with TLS", gateway(https), settings: atGateway),
    .good(
        "a Gateway with an HTTP listener that redirects", plain,
        relatedObjects: [
            route(toTLS, "name: public, sectionName: http"), route(serve, "name: public, sectionName: https", "shop"),
        ]
        .joined(separator: "\n---\n"), settings: atGateway),
    .good(
        "routes of another Gateway", plain,
        relatedObjects: [route(toTLS), route(serve, "name: internal", "shop")].joined(separator: "\n---\n"),
        settings: atGateway),
    .good(
        "routes of a Gateway with the same name in another namespace", plain,
        relatedObjects: [
            route(toTLS, "name: public, sectionName: http"), route(serve, "name: public, namespace: gateway", "shop"),
        ]
        .joined(separator: "\n---\n"), settings: atGateway),
    .good("a route of an unknown Gateway", route(serve), settings: atGateway),
    .good(
        "a route of the TLS listener", route(serve, "name: public, sectionName: https"), relatedObjects: plain,
        settings: atGateway),
    .good(
        "a route of the TLS listener's port", route(serve, "name: public, port: 443"), relatedObjects: plain,
        settings: atGateway),
    .good("a route that only redirects", route(toTLS), relatedObjects: plain, settings: atGateway),
    .good(
        "a route for an ACME challenge",
        route("matches: [{path: {type: Exact, value: /.well-known/acme-challenge/x}}], \(serve)"),
        relatedObjects: plain,
        settings: atGateway),
    .good(
        "a route for ACME challenges by path prefix",
        route("matches: [{path: {type: PathPrefix, value: /.well-known/acme-challenge}}], \(serve)"),
        relatedObjects: plain, settings: atGateway),
    .good("a Traefik route with TLS", traefik("tls: {}"), settings: atGateway),
    .good("a Traefik route of an entry point with TLS", traefik("entryPoints: [websecure]"), settings: atGateway),
    .good(
        "a Traefik route that only redirects", traefik("entryPoints: [web]", redirects),
        relatedObjects: middleware("redirectScheme: {scheme: https}"), settings: atGateway),
    .good("a child of another Traefik route", traefik("parentRefs: [{name: all}]"), settings: atGateway),
    .bad(
        "an HTTP listener of a public load balancer", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: HTTP, \(forward)"), relatedObjects: loadBalancer("")),
    .bad(
        "an HTTP listener of a load balancer by ARN", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, \(forward)",
            loadBalancer:
                "loadBalancerARN: 'arn:aws:elasticloadbalancing:eu-west-1:222222222222:loadbalancer/app/web/0a1b2c3d4e5f6071'"
        )),
    .bad(
        "a redirect to HTTP", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 8080, protocol: HTTP, defaultActions: [{type: redirect, redirectConfig: {protocol: HTTP, port: '80'}}]"
        ),
        relatedObjects: loadBalancer("")),
    .bad(
        "TCP on port 80 of a Network Load Balancer", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: TCP, \(forward)"), relatedObjects: loadBalancer(", type: network")),
    .bad(
        "TCP and UDP on port 80 of a Network Load Balancer", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener("port: 80, protocol: TCP_UDP, \(forward)"), relatedObjects: loadBalancer(", type: network")
    ),
    .bad(
        "a Gateway with a route on its HTTP listener", TLSClause.listener, at: "spec.listeners[http].protocol", plain,
        relatedObjects: [route(toTLS, "name: public, sectionName: http"), route(serve, "name: public", "shop")]
            .joined(separator: "\n---\n"), settings: atGateway),
    .bad(
        "a Gateway without a redirect", TLSClause.listener, at: "spec.listeners[http].protocol", plain,
        relatedObjects: route(serve, "name: public, sectionName: https"), settings: atGateway, isHint: true),
    .bad(
        "a ListenerSet with a route on its HTTP listener", TLSClause.listener, at: "spec.listeners[http].protocol",
        gateway(http, "ListenerSet"),
        relatedObjects: route(serve, "group: gateway.networking.k8s.io, kind: ListenerSet, name: public"),
        settings: atGateway),
    .bad(
        "a route attached to every listener", TLSClause.attached, at: "spec.parentRefs[public]", route(serve),
        relatedObjects: plain,
        settings: atGateway),
    .bad(
        "a route that redirects without HTTPS", TLSClause.attached, at: "spec.parentRefs[public]",
        route("filters: [{type: RequestRedirect, requestRedirect: {port: 8080}}]", "name: public, port: 80"),
        relatedObjects: plain, settings: atGateway),
    .bad(
        "a route by an expression that matches more than ACME challenges", TLSClause.attached,
        at: "spec.parentRefs[public]",
        route(
            "matches: [{path: {type: RegularExpression, value: '/.well-known/acme-challenge/|.*'}}], \(serve)"),
        relatedObjects: plain, settings: atGateway),
    .bad(
        "a Traefik route without TLS on one entry point", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [web, websecure]"),
        settings: atGateway),
    .bad(
        "a route without TLS beside one with an unknown Middleware", TLSClause.ingressRoute, at: "spec.tls",
        traefik(
            "entryPoints: [web]",
            "middlewares: [{name: to-tls@file}]\n  - match: Host(`blog.example.com`)\n    services: [{name: web, port: 80}]"
        ),
        settings: atGateway),
    .bad(
        "a Traefik route on every entry point", TLSClause.ingressRoute, at: "spec.tls", traefik(""), settings: atGateway
    ),
    .bad(
        "a Traefik route with a Middleware that does not redirect", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [web]", redirects), relatedObjects: middleware("headers: {}"), settings: atGateway),
    .bad(
        "a Traefik route of an entry point that is not in the setting", TLSClause.ingressRoute, at: "spec.tls",
        traefik("entryPoints: [websecure]"),
        settings: ["PLAYBOOK_TLS_AT": "gateway", "PLAYBOOK_TLS_ENTRY_POINTS": "secure"]),
    .bad(
        "a fixed response", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, defaultActions: [{type: fixed-response, fixedResponseConfig: {statusCode: '404'}}]"
        ),
        relatedObjects: loadBalancer(""), isHint: true),
    .bad(
        "a fixed response and a target group", TLSClause.loadBalancer, at: "spec.protocol",
        loadBalancerListener(
            "port: 80, protocol: HTTP, defaultActions: [{type: fixed-response, fixedResponseConfig: {statusCode: '404'}}, {type: forward, targetGroupRef: {from: {name: web}}}]"
        ), relatedObjects: loadBalancer("")),
    .good("a Gateway with a TLS listener", gateway("{name: tls, protocol: TLS, port: 5432}"), settings: atGateway),
    .bad(
        "a TCP listener on port 80", TLSClause.listener, at: "spec.listeners[tcp].protocol",
        gateway("{name: tcp, protocol: TCP, port: 80}"), settings: atGateway),
    .good("TCP on port 443", gateway("{name: tcp, protocol: TCP, port: 443}"), settings: atGateway),
    .bad(
        "a TCP listener on another port of a Gateway", TLSClause.listener, at: "spec.listeners[db].protocol",
        gateway("{name: db, protocol: TCP, port: 5432}"), settings: atGateway),
]
