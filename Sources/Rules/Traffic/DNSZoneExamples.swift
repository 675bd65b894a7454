import Evaluation

private func route(_ hosts: String, kind: String = "HTTPRoute", annotations: String = "") -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: \(kind)
    metadata: {name: web, namespace: shop, annotations: {\(annotations)}}
    spec: {parentRefs: [{name: public, sectionName: https}], hostnames: [\(hosts)], rules: [{backendRefs: [{name: web, port: 80}]}]}
    """
}

private func listeners(_ host: String, _ kind: String = "Gateway", _ version: String = "gateway.networking.k8s.io/v1")
    -> String
{
    """
    apiVersion: \(version)
    kind: \(kind)
    metadata: {name: public, namespace: shop}
    spec:
      listeners: [{name: https, protocol: HTTPS, port: 443, hostname: \(host), tls: {certificateRefs: [{name: web}]}}]
    """
}

private func traefik(_ match: String, kind: String = "IngressRoute") -> String {
    """
    apiVersion: traefik.io/v1alpha1
    kind: \(kind)
    metadata: {name: web, namespace: shop}
    spec:
      entryPoints: [websecure]
      tls: {secretName: web}
      routes:
      - match: '\(match)'
        services: [{name: web, port: 80}]
    """
}

private func service(_ annotation: String, _ value: String) -> String {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop, annotations: {external-dns.alpha.kubernetes.io/\(annotation): '\(value)'}}
    spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
    """
}

private func endpoint(_ lines: String) -> String {
    """
    apiVersion: externaldns.k8s.io/v1alpha1
    kind: DNSEndpoint
    metadata: {name: web, namespace: shop}
    spec: {endpoints: [{\(lines)}]}
    """
}

private let ours = ["PLAYBOOK_DNS_ZONES": "staging.superinc.com,superinc.dev"]
private let dns = "metadata.annotations[external-dns.alpha.kubernetes.io/"

let hostExamples: [Example] = [
    .good(
        "host names in the zones", route("shop.staging.superinc.com, SUPERINC.dev., '*.staging.superinc.com'"),
        settings: ours),
    .good("any name if no zones are configured", route("shop.example.org")),
    .good("a route without host names", route(""), settings: ours),
    .good("a listener for the zone", listeners("'*.staging.superinc.com'"), settings: ours),
    .good(
        "a Traefik route for a host in the zones", traefik("Host(`shop.staging.superinc.com`) && PathPrefix(`/`)"),
        settings: ours),
    .good(
        "an expression that ends with a zone", traefik("HostRegexp(`^[a-z]+\\.(eu|us)\\.staging\\.superinc\\.com$`)"),
        settings: ours),
    .good(
        "a Traefik 2 expression", traefik("HostRegexp(`{name:[a-z]+}.staging.superinc.com`)"), settings: ours),
    .good("a negated host", traefik("!Host(`shop.example.org`) && Path(`/x`)"), settings: ours),
    .good("a TCP route for any server name", traefik("HostSNI(`*`)", kind: "IngressRouteTCP"), settings: ours),
    .good("a Service without a host name annotation", service("ttl", "60"), settings: ours),
    .good(
        "a Service with host names in the zones", service("hostname", "shop.staging.superinc.com, shop.superinc.dev"),
        settings: ours),
    .good(
        "an alias at the apex",
        endpoint(
            "dnsName: superinc.dev, recordType: CNAME, targets: [web.example.net], providerSpecific: [{name: alias, value: 'true'}]"
        ), settings: ours),
    .good(
        "a reverse record", endpoint("dnsName: 7.2.0.192.in-addr.arpa, recordType: PTR, targets: [web.superinc.dev]"),
        settings: ours),
    .bad(
        "a host name of another domain", HostClause.zone, at: "spec.hostnames[0]", route("shop.example.org"),
        settings: ours),
    .bad(
        "a domain that only ends with the same text", HostClause.zone, at: "spec.hostnames[1]",
        route("superinc.dev, evilsuperinc.dev"), settings: ours),
    .bad(
        "a host name in another environment's zone", HostClause.zone, at: "spec.hostnames[0]",
        route("shop.superinc.com"),
        settings: ours),
    .bad(
        "a wildcard for a top-level domain", HostClause.zone, at: "spec.hostnames[0]", route("'*.com'"), settings: ours),
    .bad(
        "a GRPCRoute for another domain", HostClause.zone, at: "spec.hostnames[0]",
        route("api.example.org", kind: "GRPCRoute"),
        settings: ours),
    .bad(
        "a TLSRoute for another domain", HostClause.zone, at: "spec.hostnames[0]",
        route("api.example.org", kind: "TLSRoute"),
        settings: ours),
    .bad(
        "a listener for another domain", HostClause.zone, at: "spec.listeners[https].hostname",
        listeners("'*.example.org'"),
        settings: ours),
    .bad(
        "a listener of a ListenerSet for another domain", HostClause.zone, at: "spec.listeners[https].hostname",
        listeners("shop.example.org", "ListenerSet"), settings: ours),
    .bad(
        "a listener of an experimental ListenerSet for another domain", HostClause.zone,
        at: "spec.listeners[https].hostname",
        listeners("shop.example.org", "XListenerSet", "gateway.networking.x-k8s.io/v1alpha1"), settings: ours),
    .bad(
        "a Traefik route for another domain", HostClause.zone, at: "spec.routes[0].match",
        traefik("(Host(`shop.superinc.dev`) || host(`shop.example.org`)) && PathPrefix(`/`)"), settings: ours),
    .bad(
        "a Traefik route for several hosts", HostClause.zone, at: "spec.routes[0].match",
        traefik("Host(`shop.superinc.dev`, \"shop.example.org\")"), settings: ours),
    .bad(
        "a Traefik TCP route by server name", HostClause.zone, at: "spec.routes[0].match",
        traefik("HostSNI(`db.example.org`)", kind: "IngressRouteTCP"), settings: ours),
    .bad(
        "an expression without an end anchor", HostClause.named, at: "spec.routes[0].match",
        traefik("HostRegexp(`^shop\\.superinc\\.dev`)"), settings: ours, isHint: true),
    .bad(
        "an expression with alternatives", HostClause.named, at: "spec.routes[0].match",
        traefik("HostRegexp(`evil|x\\.superinc\\.dev$`)"), settings: ours, isHint: true),
    .bad(
        "an invalid Traefik rule", HostClause.named, at: "spec.routes[0].match", traefik("Host(shop.example.org)"),
        settings: ours, isHint: true),
    .bad(
        "a host name annotation for another domain", HostClause.zone, at: "\(dns)hostname]",
        service("hostname", "shop.superinc.dev,shop.example.org"), settings: ours),
    .bad(
        "an internal host name annotation for another domain", HostClause.zone, at: "\(dns)internal-hostname]",
        service("internal-hostname", "shop.example.org"), settings: ours),
    .bad(
        "a host name annotation on a route", HostClause.zone, at: "\(dns)hostname]",
        route("shop.superinc.dev", annotations: "external-dns.alpha.kubernetes.io/hostname: shop.example.org"),
        settings: ours),
    .bad(
        "a DNS record in another domain", HostClause.zone, at: "spec.endpoints[shop.example.org].dnsName",
        endpoint("dnsName: shop.example.org, recordType: A, targets: [192.0.2.7]"), settings: ours),
    .bad(
        "a CNAME at the apex", HostClause.apex, at: "spec.endpoints[superinc.dev].recordType",
        endpoint("dnsName: superinc.dev, recordType: CNAME, targets: [web.example.net]"), settings: ours),
    .good(
        "cluster-internal names", route("web, web.shop.svc, web.shop.svc.cluster.local"), settings: ours),
    .bad(
        "a name that may be a Service in the route's namespace", HostClause.zone, at: "spec.routes[0].match",
        traefik("Host(`web.shop`)"), settings: ours, isHint: true),
    .bad(
        "a domain that ends with the name of the namespace", HostClause.zone, at: "spec.routes[0].match",
        traefik("Host(`web.example.shop`)"), settings: ours),
    .good(
        "names that the setting allows exactly", route("superinc.com, www.superinc.com"), settings: exact),
    .bad(
        "a name below an exactly allowed name", HostClause.zone, at: "spec.hostnames[0]",
        route("shop.www.superinc.com"), settings: exact),
    .bad(
        "a name if only another name is allowed exactly", HostClause.zone, at: "spec.hostnames[0]",
        route("shop.superinc.com"),
        settings: ["PLAYBOOK_DNS_ZONES": "=superinc.com"]),
    .bad(
        "an expression for names below an exactly allowed name", HostClause.named, at: "spec.routes[0].match",
        traefik("HostRegexp(`^.+\\.superinc\\.com$`)"), settings: ["PLAYBOOK_DNS_ZONES": "=superinc.com"],
        isHint: true),
    .bad(
        "a CNAME at an exactly allowed apex", HostClause.apex, at: "spec.endpoints[superinc.com].recordType",
        endpoint("dnsName: superinc.com, recordType: CNAME, targets: [web.example.net]"), settings: exact),
    .good(
        "a CNAME at an exactly allowed name",
        endpoint("dnsName: www.superinc.com, recordType: CNAME, targets: [web.example.net]"), settings: exact),
    .good(
        "an ACM certificate", certificate("domainName: superinc.dev, subjectAlternativeNames: ['*.superinc.dev']"),
        settings: ours),
    .bad(
        "an ACM certificate for another domain", HostClause.zone, at: "spec.domainName",
        certificate("domainName: shop.example.org"), settings: ours),
    .bad(
        "an alternative name of an ACM certificate in another domain", HostClause.zone,
        at: "spec.subjectAlternativeNames[1]",
        certificate("domainName: superinc.dev, subjectAlternativeNames: [superinc.dev, shop.example.org]"),
        settings: ours),
    .good("a cert-manager Certificate", issued("shop.superinc.dev"), settings: ours),
    .good(
        "a Certificate for a webhook", issued("hook.shop.svc, hook.shop.svc.cluster.local, localhost"), settings: ours),
    .bad(
        "a cert-manager Certificate for another domain", HostClause.zone, at: "spec.dnsNames[1]",
        issued("shop.superinc.dev, shop.example.org"), settings: ours),
    .good("a CloudFront alias", distribution("www.superinc.dev"), settings: ours),
    .bad(
        "a CloudFront alias in another domain", HostClause.zone, at: "spec.distributionConfig.aliases.items[0]",
        distribution("www.example.org"), settings: ours),
    .good("a VirtualService", istioRoute("shop.superinc.dev", "public"), settings: ours),
    .good("a VirtualService inside the mesh", istioRoute("api.example.org", "mesh"), settings: ours),
    .good("a VirtualService for egress", istioRoute("api.example.org", "mesh, egress"), settings: ours),
    .bad(
        "a VirtualService for egress and ingress", HostClause.zone, at: "spec.hosts[0]",
        istioRoute("shop.example.org", "mesh, no-egress, istio-ingress/public"), settings: ours),
    .bad(
        "an Istio Gateway with another selector that contains egress", HostClause.zone, at: "spec.servers[0].hosts[0]",
        istioGateway("shop.example.org", "not-egressgateway"), settings: ours),
    .bad(
        "a VirtualService for another domain", HostClause.zone, at: "spec.hosts[0]",
        istioRoute("shop.example.org", "mesh, shop/public"), settings: ours),
    .good("an Istio Gateway", istioGateway("'*', shop/*.superinc.dev"), settings: ours),
    .good("an Istio egress Gateway", istioGateway("api.example.org", "egressgateway"), settings: ours),
    .bad(
        "an Istio Gateway for another domain", HostClause.zone, at: "spec.servers[0].hosts[0]",
        istioGateway("shop/shop.example.org"), settings: ours),
]

private let exact = ["PLAYBOOK_DNS_ZONES": "production.superinc.com,=superinc.com,=www.superinc.com"]

private func certificate(_ lines: String) -> String {
    """
    apiVersion: acm.services.k8s.aws/v1alpha1
    kind: Certificate
    metadata: {name: web, namespace: shop}
    spec: {\(lines)}
    """
}

private func issued(_ names: String) -> String {
    """
    apiVersion: cert-manager.io/v1
    kind: Certificate
    metadata: {name: web, namespace: shop}
    spec: {dnsNames: [\(names)], secretName: web, issuerRef: {name: letsencrypt}}
    """
}

private func distribution(_ alias: String) -> String {
    """
    apiVersion: cloudfront.services.k8s.aws/v1alpha1
    kind: Distribution
    metadata: {name: web, namespace: shop}
    spec: {distributionConfig: {aliases: {items: [\(alias)]}, webACLID: web}}
    """
}

private func istioRoute(_ hosts: String, _ gateways: String) -> String {
    """
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: web, namespace: shop}
    spec: {hosts: [\(hosts)], gateways: [\(gateways)], http: [{route: [{destination: {host: web}}]}]}
    """
}

private func istioGateway(_ hosts: String, _ selector: String = "ingressgateway") -> String {
    """
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata: {name: public, namespace: shop}
    spec:
      selector: {istio: \(selector)}
      servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [\(hosts)], tls: {mode: SIMPLE, credentialName: web}}]
    """
}
