import Evaluation
import Kubernetes

private func traefik(
    _ match: String, _ route: String = "", _ more: String = "", tls: Bool = true,
    service: String = "{name: web, port: 80}", group: String = "traefik.io/v1alpha1"
)
    -> String
{
    """
    apiVersion: \(group)
    kind: IngressRoute
    metadata: {name: web, namespace: shop}
    spec:
      entryPoints: [\(tls ? "websecure" : "web")]
      \(tls ? "tls: {secretName: web}" : "")
      \(more)
      routes:
      - match: '\(match)'
        services: [\(service)]
        \(route)
    """
}

private func route(
    _ rule: String, hosts: String = "shop.example.com", _ metadata: String = "",
    parents: String = "{name: public, sectionName: https}"
) -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata: {name: web, namespace: shop\(metadata)}
    spec:
      parentRefs: [\(parents)]
      hostnames: [\(hosts)]
      rules: [{\(rule), backendRefs: [{name: web, port: 80}]}]
    """
}

private func middleware(_ spec: String, _ name: String = "auth", in namespace: String = "shop") -> String {
    """
    apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: \(name), namespace: \(namespace)}
    spec: {\(spec)}
    """
}

private func parent(
    _ route: String, _ name: String = "all", in namespace: String = "shop", more: String = ""
) -> String {
    """
    apiVersion: traefik.io/v1alpha1
    kind: IngressRoute
    metadata: {name: \(name), namespace: \(namespace)}
    spec:
      \(more)
      routes:
      - match: Host(`shop.example.com`)
        \(route)
    """
}

private func filter(_ group: String, _ kind: String) -> String {
    "filters: [{type: ExtensionRef, extensionRef: {group: \(group), kind: \(kind), name: auth}}]"
}

private let admin = "Host(`admin.example.com`)"
private let named = "middlewares: [{name: auth}]"
private let basic = middleware("basicAuth: {secret: admins}")
private let chain = middleware("chain: {middlewares: [{name: headers}, {name: auth}]}", "all")
private let adminPath = "matches: [{path: {type: PathPrefix, value: /admin}}]"

private func gateway(_ controller: String, _ policies: String...) -> String {
    let gateway = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GatewayClass
        metadata: {name: public}
        spec: {controllerName: \(controller)}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: public, namespace: shop}
        spec: {gatewayClassName: public, listeners: [{name: https, protocol: HTTPS, port: 443}]}
        """
    return ([gateway] + policies).joined(separator: "\n---\n")
}

private func policy(_ type: String, _ spec: String, name: String = "admins") -> String {
    let parts = type.split(separator: " ")
    return """
        apiVersion: \(parts[0])
        kind: \(parts[1])
        metadata: {name: \(name), namespace: shop}
        spec: {\(spec)}
        """
}

private let envoy = "gateway.envoyproxy.io/gatewayclass-controller"
private let envoyPolicy = "gateway.envoyproxy.io/v1alpha1 SecurityPolicy"
private let istioPolicy = "security.istio.io/v1 AuthorizationPolicy"
private let toRoute = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}]"
private let toGateway = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public}]"

private let tokens = "jwtRules: [{issuer: 'https://login.example.com'}]"
private let istioGateway = "istio.io/gateway-controller"
/// A Gateway without policies.
private let bare = gateway("traefik.io/gateway-controller")

private func istio(_ spec: String...) -> String {
    gateway(
        istioGateway,
        (spec.map { policy(istioPolicy, "\(toGateway), \($0)") }
            + [policy("security.istio.io/v1 RequestAuthentication", "selector: {matchLabels: {app: blog}}, \(tokens)")])
            .joined(separator: "\n---\n"))
}

let adminExamples: [Example] = [
    .good("a page without an admin word", traefik("Host(`shop.example.com`) && PathPrefix(`/badminton`)")),
    .good("a negated admin path", traefik("Host(`shop.example.com`) && !PathPrefix(`/admin`)")),
    .good("basic authentication", traefik(admin, named), relatedObjects: basic),
    .good(
        "forward authentication", traefik(admin, named),
        relatedObjects: middleware("forwardAuth: {address: 'http://auth/'}")),
    .good("an OIDC plugin", traefik(admin, named), relatedObjects: middleware("plugin: {traefik-oidc-auth: {}}")),
    .good(
        "basic authentication in a chain", traefik(admin, "middlewares: [{name: all}]"),
        relatedObjects: [chain, basic, middleware("headers: {}", "headers")].joined(separator: "\n---\n")),
    .good(
        "basic authentication from another namespace",
        traefik(admin, "middlewares: [{name: auth, namespace: gateway}]"),
        relatedObjects: middleware("basicAuth: {secret: admins}", in: "gateway")),
    .good("an unknown Middleware", traefik(admin, named)),
    .good(
        "a middleware of Traefik's file provider", traefik(admin, "middlewares: [{name: auth@file}]"),
        relatedObjects: basic),
    .good(
        "a route that only redirects to HTTPS", traefik(admin, named, tls: false),
        relatedObjects: middleware("redirectScheme: {scheme: https, permanent: true}")),
    .good(
        "a child route whose parent authenticates", traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"),
        relatedObjects: parent("middlewares: [{name: auth}]") + "\n---\n" + basic),
    .good(
        "a child route whose parent's parent authenticates",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"),
        relatedObjects: [
            parent("", more: "parentRefs: [{name: front, namespace: gateway}]"),
            parent("middlewares: [{name: auth}]", "front", in: "gateway"),
            middleware("basicAuth: {secret: admins}", in: "gateway"),
        ].joined(separator: "\n---\n")),
    .good(
        "a child route whose parent has an unknown middleware",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"),
        relatedObjects: parent("middlewares: [{name: login@file}]")),
    .bad(
        "a child route whose parent does not exist", AdminClause.route, at: "spec.routes[0]",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"), relatedObjects: parent("", "other")),
    .bad(
        "a child route whose parent does not authenticate", AdminClause.route, at: "spec.routes[0]",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"),
        relatedObjects: parent("") + "\n---\n" + basic),
    .bad(
        "a child route with one parent that authenticates and one that does not", AdminClause.route,
        at: "spec.routes[0]",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}, {name: other}]"),
        relatedObjects: [parent("middlewares: [{name: auth}]"), parent("", "other"), basic].joined(separator: "\n---\n")
    ),
    .bad(
        "a child route that names a parent many times", AdminClause.route, at: "spec.routes[0]",
        traefik(
            "PathPrefix(`/admin`)", "",
            "parentRefs: [\(String(repeating: "{name: all}, ", count: 17)){name: other}]"),
        relatedObjects: [parent("middlewares: [{name: auth}]"), parent("", "other"), basic].joined(separator: "\n---\n")
    ),
    .bad(
        "a cycle of parents", AdminClause.route, at: "spec.routes[0]",
        traefik("PathPrefix(`/admin`)", "", "parentRefs: [{name: all}]"),
        relatedObjects: parent("", more: "parentRefs: [{name: all}]")),
    .good(
        "a host without a configured admin word", traefik(admin), settings: ["PLAYBOOK_ADMIN_PATTERNS": "backoffice"]),
    .good(
        "an HTTPRoute with external authentication",
        route(
            "\(adminPath), filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC, grpc: {allowedHeaders: [cookie]}, backendRef: {name: auth, port: 9000}}}]"
        )),
    .good(
        "an HTTPRoute with basic authentication", route("\(adminPath), \(filter("traefik.io", "Middleware"))"),
        relatedObjects: basic),
    .good(
        "an HTTPRoute with another gateway's filter",
        route("\(adminPath), \(filter("gateway.nginx.org", "AuthenticationFilter"))")),
    .good(
        "an HTTPRoute that only redirects",
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: web, namespace: shop}
        spec:
          parentRefs: [{name: public, sectionName: http}]
          hostnames: [admin.example.com]
          rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]}]
        """),
    .bad("an admin host", AdminClause.route, at: "spec.routes[0]", traefik(admin)),
    .bad(
        "an admin path", AdminClause.route, at: "spec.routes[0]",
        traefik("Host(`shop.example.com`) && (Path(`/x`) || PathPrefix(`/wp-admin`))")),
    .bad(
        "an expression for an admin path", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/(root|ADMIN)/.*`)")),
    .bad(
        "Traefik's dashboard", AdminClause.route, at: "spec.routes[0]",
        traefik("Host(`traffic.example.com`)", service: "{name: api@internal, kind: TraefikService}")),
    .bad(
        "a Middleware without authentication", AdminClause.route, at: "spec.routes[0]", traefik(admin, named),
        relatedObjects: middleware("headers: {}")),
    .bad(
        "a Middleware that does not exist", AdminClause.route, at: "spec.routes[0]",
        traefik(admin, "middlewares: [{name: password}]"), relatedObjects: basic),
    .bad(
        "an existing Middleware that the route does not use", AdminClause.route, at: "spec.routes[0]", traefik(admin),
        relatedObjects: basic),
    .bad(
        "a route with TLS and a redirect to HTTPS", AdminClause.route, at: "spec.routes[0]", traefik(admin, named),
        relatedObjects: middleware("redirectScheme: {scheme: https}")),
    .bad(
        "a cycle of chains", AdminClause.route, at: "spec.routes[0]", traefik(admin, "middlewares: [{name: all}]"),
        relatedObjects: middleware("chain: {middlewares: [{name: all}]}", "all")),
    .bad(
        "a configured admin word", AdminClause.route, at: "spec.routes[0]", traefik("Host(`backoffice.example.com`)"),
        settings: ["PLAYBOOK_ADMIN_PATTERNS": "back*"]),
    .bad("an HTTPRoute to /admin", AdminClause.rule, at: "spec.rules[0]", route(adminPath), relatedObjects: bare),
    .bad(
        "an HTTPRoute for an admin host", AdminClause.rule, at: "spec.rules[0]",
        route(
            "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}]",
            hosts: "shop.example.com, ADMIN.shop.example.com"), relatedObjects: bare),
    .bad(
        "an HTTPRoute with a Middleware without authentication", AdminClause.rule, at: "spec.rules[0]",
        route("\(adminPath), \(filter("traefik.io", "Middleware"))"),
        relatedObjects: bare + "\n---\n" + middleware("headers: {}")),
    .good("a word that only starts with admin", route("matches: [{path: {value: /admin-boundaries}}]")),
    .good("a word that only ends with admin", traefik("Host(`shop-admin.example.com`)")),
    .bad(
        "a path below /api", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: PathPrefix, value: /api/v1/admin/users}}]"), relatedObjects: bare, isHint: true),
    .bad(
        "a path below /api and another path", AdminClause.route, at: "spec.routes[0]",
        traefik("PathPrefix(`/api/admin`) || PathPrefix(`/admin`)")),
    .bad(
        "a path with /api not at the start", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: PathPrefix, value: /shop/api/admin}}]"), relatedObjects: bare),
    .bad(
        "a host with api in its name", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: PathPrefix, value: /}}]", hosts: "x.api.admin.example.com"), relatedObjects: bare
    ),
    .bad(
        "a path below /api on an admin host", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: PathPrefix, value: /api/admin}}]", hosts: "admin.example.com"),
        relatedObjects: bare),
    .bad(
        "an expression below /api", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/api/v[0-9]+/(users|admin)`)"), isHint: true),
    .bad(
        "an expression with an alternative to /api", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/(api|shop)/admin`)")),
    .bad(
        "an expression with /api in only one alternative", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/api/users|^/admin`)")),
    .bad(
        "an expression with a class of one letter", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/adm[i]n`)")),
    .bad(
        "an expression with a repeated letter", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`/admi+n`)")),
    .bad(
        "an anchored expression below /api", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/api/admin`)"), isHint: true),
    .bad(
        "an expression with a class of two letters", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/adm[ai]n`)")),
    .bad(
        "an expression with a group in a word", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/(adm)(?:in)`)")),
    .bad(
        "an expression with a wildcard in a word", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/adm.n`)")),
    .bad(
        "an expression with an optional character in a word", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: RegularExpression, value: '/ad.?min'}}]"), relatedObjects: bare),
    .bad(
        "an expression with optional digits in a word", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/ad[0-9]*min`)")),
    .good(
        "an expression with optional characters in another word",
        route("matches: [{path: {type: RegularExpression, value: '/b.*admin[a-z]*/x.*y'}}]")),
    .bad(
        "an expression with a range in a word", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: RegularExpression, value: '/[a-z]dmin(/.*)?'}}]"), relatedObjects: bare),
    .bad(
        "an expression with a class of letters in a word", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`/[[:alpha:]]dmi[^/]$`)")),
    .bad(
        "an expression with a letter by its number", AdminClause.route, at: "spec.routes[0]",
        traefik("PathRegexp(`^/\\x61d\\x{6d}\\151n`)")),
    .bad(
        "an expression that ignores case", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: RegularExpression, value: '(?i)/ADMIN'}}]"), relatedObjects: bare),
    .good(
        "expressions for other words and for all paths",
        traefik(
            "PathRegexp(`^/[a-z]+/[0-9]dmin`) || PathRegexp(`/.*`) || PathRegexp(`/.....`) || PathRegexp(`/xadm.n`)")),
    .good(
        "an expression with groups that form other words", traefik("PathRegexp(`^/(bad)(min|minton)[ab]?/(x|y){2}`)")),
    .bad(
        "a Gateway API path expression", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: RegularExpression, value: '/(root|[aA]dmin)(/.*)?'}}]"), relatedObjects: bare),
    .bad(
        "a percent-encoded path", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: PathPrefix, value: /%61dmin}}]"), relatedObjects: bare),
    .bad(
        "a rewrite to an admin page", AdminClause.rule, at: "spec.rules[0]",
        route(
            "matches: [{path: {type: PathPrefix, value: /office}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /admin}}}]"
        ), relatedObjects: bare),
    .bad(
        "a Middleware that rewrites to an admin page", AdminClause.route, at: "spec.routes[0]",
        traefik("PathPrefix(`/office`)", named), relatedObjects: middleware("replacePath: {path: /wp-admin/}")),
    .bad(
        "a Traefik 2 route", AdminClause.route, at: "spec.routes[0]",
        traefik(admin, group: "traefik.containo.us/v1alpha1")),
    .good(
        "an Envoy Gateway policy for the route", route(adminPath),
        relatedObjects: gateway(envoy, policy(envoyPolicy, "\(toRoute), oidc: {clientID: admins}"))),
    .good(
        "an Envoy Gateway policy for the Gateway", route(adminPath),
        relatedObjects: gateway(envoy, policy(envoyPolicy, "\(toGateway), basicAuth: {users: {name: admins}}"))),
    .bad(
        "an Envoy Gateway policy without authentication", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(envoy, policy(envoyPolicy, "\(toRoute), cors: {allowMethods: [GET]}"))),
    .bad(
        "an Envoy Gateway policy for another route", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: other}], oidc: {clientID: admins}"
            ))),
    .good(
        "an Istio policy for the Gateway", route(adminPath),
        relatedObjects: istio("action: CUSTOM, provider: {name: oauth2}, rules: [{}]")),
    .bad(
        "an Istio policy without rules, which delegates no request", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath), relatedObjects: istio("action: CUSTOM, provider: {name: oauth2}")),
    .good(
        "an Istio policy for the Gateway's pods", route(adminPath),
        relatedObjects: gateway(
            istioGateway,
            policy(
                "security.istio.io/v1 RequestAuthentication",
                "selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: public}}, \(tokens)"))),
    .good(
        "an Istio policy that allows authenticated requests", route(adminPath),
        relatedObjects: istio("rules: [{from: [{source: {requestPrincipals: ['*']}}]}]")),
    .good(
        "an Istio policy that allows requests with a claim", route(adminPath),
        relatedObjects: istio(
            "action: ALLOW, rules: [{when: [{key: 'request.auth.claims[groups]', values: [admins]}]}]")),
    .good(
        "an Istio policy that denies requests without a token", route(adminPath),
        relatedObjects: istio("action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]")),
    .bad(
        "an Istio policy that allows all requests", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio("action: ALLOW, rules: [{}]")),
    .bad(
        "an Istio policy with one of two rules that requires authentication", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: istio(
            "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}, {to: [{operation: {methods: [GET]}}]}]"
        )),
    .bad(
        "an Istio policy with one of two sources that requires authentication", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: istio(
            "rules: [{from: [{source: {requestPrincipals: ['*']}}, {source: {ipBlocks: [0.0.0.0/0]}}]}]")),
    .bad(
        "an Istio policy that allows requests with a header", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio("rules: [{when: [{key: 'request.headers[x]', values: ['*']}]}]")),
    .bad(
        "an Istio policy that denies a path", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio("action: DENY, rules: [{to: [{operation: {paths: [/metrics]}}]}]")),
    .bad(
        "an Istio policy that denies requests without a token from one namespace", AdminClause.rule,
        at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: istio(
            "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*'], namespaces: [blog]}}]}]")),
    .bad(
        "an Istio policy that only audits", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio("action: AUDIT, rules: [{from: [{source: {requestPrincipals: ['*']}}]}]")),
    // Operations of Istio policies.
    .good(
        "an Istio policy that delegates the admin page", route(adminPath),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {paths: [/admin, /admin/*]}}]}]")),
    .bad(
        "an Istio policy that delegates another page", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {paths: [/metrics]}}]}]")),
    .bad(
        "an Istio policy that delegates only pages below the admin page", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {paths: [/admin/*]}}]}]")),
    .bad(
        "an Istio policy that delegates some methods", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {methods: [POST, DELETE]}}]}]")),
    .good(
        "an Istio policy that delegates the method of the route",
        route("matches: [{path: {type: Exact, value: /admin}, method: POST}]"),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {methods: [POST]}}]}]")),
    .bad(
        "an Istio policy that delegates requests from some addresses", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{from: [{source: {notIpBlocks: [10.0.0.0/8]}}]}]")),
    .good(
        "an Istio policy that denies the admin page without a token", route(adminPath),
        relatedObjects: istio(
            "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {paths: ['/admin*']}}]}]"
        )),
    .bad(
        "an Istio policy that denies writes without a token", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio(
            "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {methods: [POST]}}]}]"
        )),
    .good(
        "an Istio policy for an admin host",
        route("matches: [{path: {value: /}}]", hosts: "admin.example.com, shop.example.com"),
        relatedObjects: istio(
            "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {hosts: ['Admin.example.com']}}]}]"
        )),
    .bad(
        "an Istio policy for another host", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {value: /}}]", hosts: "admin.example.com"),
        relatedObjects: istio(
            "action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}], to: [{operation: {hosts: [shop.example.com]}}]}]"
        )),
    .good(
        "an Istio policy that allows other pages without authentication", route(adminPath),
        relatedObjects: istio(
            "rules: [{to: [{operation: {notPaths: [/admin, /admin/*]}}]}, {from: [{source: {requestPrincipals: ['*']}}], to: [{operation: {paths: [/admin*]}}]}]"
        )),
    .bad(
        "two Istio policies, one of which allows the admin page without authentication", AdminClause.rule,
        at: "spec.rules[0]", route(adminPath),
        relatedObjects: istio(
            "rules: [{from: [{source: {requestPrincipals: ['*']}}]}]",
            "rules: [{to: [{operation: {paths: [/admin/help]}}]}]"
        )),
    .bad(
        "an Istio policy for one path, and an expression for paths", AdminClause.rule, at: "spec.rules[0]",
        route("matches: [{path: {type: RegularExpression, value: '/admin(/.*)?'}}]"),
        relatedObjects: istio(
            "action: CUSTOM, provider: {name: oauth2}, rules: [{to: [{operation: {paths: [/admin]}}]}]")),
    // Targets of policies.
    .bad(
        "a policy of Envoy Gateway for a route of Istio", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(istioGateway, policy(envoyPolicy, "\(toRoute), oidc: {clientID: admins}")),
        without: ResourceKinds(.gateway, .gatewayClass, .authorizationPolicy, .requestAuthentication, .securityPolicy)),
    .bad(
        "an Istio policy for a route of Envoy Gateway", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(envoy, policy(istioPolicy, "\(toGateway), action: CUSTOM, rules: [{}]")),
        without: ResourceKinds(.securityPolicy)),
    .bad(
        "an Istio policy that names a route, which Istio does not support", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath),
        relatedObjects: gateway(istioGateway, policy(istioPolicy, "\(toRoute), action: CUSTOM, rules: [{}]")),
        without: ResourceKinds(.requestAuthentication)),
    .bad(
        "an Istio policy for other pods", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath, ", labels: {app: blog}"), relatedObjects: istio("action: AUDIT, rules: [{}]")),
    .good(
        "an Envoy Gateway policy that selects the route", route(adminPath, ", labels: {tier: back}"),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetSelectors: [{group: gateway.networking.k8s.io, kind: HTTPRoute, matchExpressions: [{key: tier, operator: In, values: [back]}]}], oidc: {clientID: admins}"
            ))),
    .bad(
        "an Envoy Gateway policy that selects Gateways", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath, ", labels: {tier: back}"),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetSelectors: [{group: gateway.networking.k8s.io, kind: Gateway, matchLabels: {tier: back}}], oidc: {clientID: admins}"
            ))),
    .good(
        "an Envoy Gateway policy for the listener of the route", route(adminPath),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: https}], basicAuth: {users: {name: admins}}"
            ))),
    .bad(
        "an Envoy Gateway policy for another listener", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: intern}], basicAuth: {users: {name: admins}}"
            ))),
    .bad(
        "an Envoy Gateway policy for another rule of the route", AdminClause.rule, at: "spec.rules[admins]",
        route("name: admins, \(adminPath)"),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web, sectionName: shop}], oidc: {clientID: admins}"
            ))),
    .bad(
        "an Envoy Gateway policy of a listener without authentication, for a route to all listeners",
        AdminClause.rule, at: "spec.rules[0]", route(adminPath, parents: "{name: public}"),
        relatedObjects: gateway(
            envoy, policy(envoyPolicy, "\(toGateway), oidc: {clientID: admins}"),
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, sectionName: https}], cors: {allowMethods: [GET]}",
                name: "cors"))),
    .bad(
        "an Envoy Gateway policy that allows all addresses", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(
            envoy,
            policy(
                envoyPolicy,
                "\(toRoute), authorization: {defaultAction: Deny, rules: [{action: Allow, principal: {clientCIDRs: [0.0.0.0/0]}}]}"
            ))),
    .bad(
        "an admin page that a filter of a backend rewrites to", AdminClause.rule, at: "spec.rules[0]",
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: web, namespace: shop}
        spec:
          parentRefs: [{name: public, sectionName: https}]
          hostnames: [shop.example.com]
          rules:
          - backendRefs:
            - name: web
              port: 80
              filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /admin}}}]
        """, relatedObjects: bare),
    .bad(
        "an Envoy Gateway policy of the route without authentication, which replaces that of the Gateway",
        AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway(
            envoy, policy(envoyPolicy, "\(toGateway), oidc: {clientID: admins}"),
            policy(envoyPolicy, "\(toRoute), cors: {allowMethods: [GET]}", name: "cors"))),
    .good(
        "an Envoy Gateway policy of the route that is merged with that of the Gateway", route(adminPath),
        relatedObjects: gateway(
            envoy, policy(envoyPolicy, "\(toGateway), oidc: {clientID: admins}"),
            policy(
                envoyPolicy, "\(toRoute), mergeType: StrategicMerge, cors: {allowMethods: [GET]}", name: "cors"))),
    .bad(
        "an Envoy Gateway policy of the rule without authentication, which replaces that of the route",
        AdminClause.rule, at: "spec.rules[admins]", route("name: admins, \(adminPath)"),
        relatedObjects: gateway(
            envoy, policy(envoyPolicy, "\(toRoute), oidc: {clientID: admins}"),
            policy(
                envoyPolicy,
                "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web, sectionName: admins}], cors: {allowMethods: [GET]}",
                name: "cors"))),
    .bad(
        "a policy for one of two Gateways", AdminClause.rule, at: "spec.rules[0]",
        route(adminPath, parents: "{name: intern}, {name: public, sectionName: https}"),
        relatedObjects: gateway(envoy, policy(envoyPolicy, "\(toGateway), oidc: {clientID: admins}"))),
    .good("an unknown Gateway", route(adminPath)),
    .good("a Kong plugin", route(adminPath, ", annotations: {konghq.com/plugins: 'limits, oidc'}")),
    .good(
        "a Gateway of an unknown controller", route(adminPath), relatedObjects: gateway("example.com/gateway")),
    .bad(
        "a Traefik Gateway", AdminClause.rule, at: "spec.rules[0]", route(adminPath),
        relatedObjects: gateway("traefik.io/gateway-controller")),
]
