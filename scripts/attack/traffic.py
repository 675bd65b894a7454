"""Hostile objects: routes, Services and NetworkPolicies."""

from shape import Shape, members, of, text

GATEWAY = "gateway.networking.k8s.io/v1"
TRAEFIK = "traefik.io/v1alpha1"
INGRESS = "networking.k8s.io/v1/Ingress"


def shape(name, kind, spec, *parts, **other):
    return Shape(name, kind, {"spec": spec}, *parts, **other)


def annotated(name, kind, annotations, *parts):
    return Shape(name, kind, {"metadata": {"annotations": annotations}, "spec": {}}, *parts)


def route(name, match, piece):
    """Returns an IngressRoute with one rule of many conditions."""
    return shape(name, TRAEFIK + "/IngressRoute", {"routes": [{"match": match}]}, text(piece))


PATH = '{"path":"/%","backend":{"service":{"name":"s%","port":{"number":80}}}}'
CIDR = '{"ipBlock":{"cidr":"0.0.0.0/0"}}'

INGRESSES = [
    shape("ingress-rules", INGRESS, {"rules": ["@0"]}, of('{"host":"h%"}')),
    shape("ingress-rules-equal", INGRESS, {"rules": ["@0"]}, of('{"host":"h","http":{"paths":[' + PATH.replace("%", "0") + "]}}")),
    shape("ingress-rules-paths", INGRESS, {"rules": ["@0"]}, of('{"host":"h%","http":{"paths":[' + PATH + "]}}")),
    shape("ingress-paths", INGRESS, {"rules": [{"host": "h", "http": {"paths": ["@0"]}}]}, of(PATH)),
    shape(
        "ingress-ports", INGRESS, {"rules": [{"http": {"paths": ["@0"]}}]},
        of('{"backend":{"service":{"name":"s","port":{"name":"p%"}}}}'),
    ),
    shape("ingress-tls", INGRESS, {"tls": ["@0"]}, of('{"hosts":["h%"]}')),
    annotated("ingress-annotations", INGRESS, {"@0": 0}, members('"alb.ingress.kubernetes.io/a%":"b"')),
    annotated("host-names-annotation", INGRESS, {"external-dns.alpha.kubernetes.io/hostname": "@0"}, text("h%,")),
]

ROUTES = [
    shape("ingress-routes", TRAEFIK + "/IngressRoute", {"routes": ["@0"]}, of('{"match":"Host(`admin%`)"}')),
    shape("ingress-routes-admin", TRAEFIK + "/IngressRoute", {"routes": ["@0"]}, of('{"match":"Path(`/admin`)"}')),
    shape("ingress-routes-unreadable", TRAEFIK + "/IngressRoute", {"routes": ["@0"]}, of('{"match":"h%"}')),
    shape("ingress-routes-expressions", TRAEFIK + "/IngressRoute", {"routes": ["@0"]}, of('{"match":"HostRegexp(`a%`)"}')),
    shape("ingress-routes-tcp", TRAEFIK + "/IngressRouteTCP", {"routes": ["@0"]}, of('{"match":"HostSNI(`h%`)"}')),
    shape(
        "route-services", TRAEFIK + "/IngressRoute", {"routes": [{"match": "Host(`h`)", "services": ["@0"]}]}, of('{"name":"s%"}')
    ),
    shape(
        "route-middlewares", TRAEFIK + "/IngressRoute", {"routes": [{"match": "Host(`admin`)", "middlewares": ["@0"]}]},
        of('{"name":"m%"}'),
    ),
    shape("routes-entry-points", TRAEFIK + "/IngressRoute", {"entryPoints": ["@0"], "routes": [{}]}, of('"e%"')),
    route("match-hosts", "@0Host(`h`)", "Host(`h%`)||"),
    route("match-hosts-one", "Host(@0`h`)", "`h%`,"),
    route("match-expressions", "@0Host(`h`)", "HostRegexp(`h%`)||"),
    route("match-paths", "@0Host(`h`)", "Path(`/%`)||"),
    route("match-admin", "@0Path(`/admin`)", "Path(`/a-%`)||"),
    route("match-parentheses", "@0Host(`h`)", "("),
    route("match-negations", "@0Host(`h`)", "!"),
    route("match-unreadable", "@0", "h%"),
    route("match-expression-long", "HostRegexp(`@0$`)", "(a|b%)"),
    route("match-host-long", "Host(`@0`)", "a%."),
]

GATEWAYS = [
    shape("http-host-names", GATEWAY + "/HTTPRoute", {"hostnames": ["@0"]}, of('"h%"')),
    shape("http-rules", GATEWAY + "/HTTPRoute", {"hostnames": ["admin"], "rules": ["@0"]}, of("{}")),
    shape("http-rules-paths", GATEWAY + "/HTTPRoute", {"rules": ["@0"]}, of('{"matches":[{"path":{"value":"/admin"}}]}')),
    shape("http-matches", GATEWAY + "/HTTPRoute", {"rules": [{"matches": ["@0"]}]}, of('{"path":{"value":"/a%"}}')),
    shape(
        "http-filters", GATEWAY + "/HTTPRoute", {"hostnames": ["admin"], "rules": [{"filters": ["@0"]}]},
        of('{"type":"ExtensionRef","extensionRef":{"group":"traefik.io","kind":"Middleware","name":"m%"}}'),
    ),
    shape("http-backends", GATEWAY + "/HTTPRoute", {"rules": [{"backendRefs": ["@0"]}]}, of('{"name":"s%"}')),
    shape("http-parents", GATEWAY + "/HTTPRoute", {"parentRefs": ["@0"], "rules": [{}]}, of('{"name":"g%"}')),
    shape("http-path-long", GATEWAY + "/HTTPRoute", {"rules": [{"matches": [{"path": {"value": "/@0"}}]}]}, text("a%/")),
    shape("grpc-host-names", GATEWAY + "/GRPCRoute", {"hostnames": ["@0"]}, of('"h%"')),
    shape("tls-host-names", "gateway.networking.k8s.io/v1alpha2/TLSRoute", {"hostnames": ["@0"]}, of('"h%"')),
    shape(
        "gateway-listeners", GATEWAY + "/Gateway", {"listeners": ["@0"]}, of('{"name":"l%","hostname":"h%","protocol":"HTTP"}')
    ),
    shape("listener-set", GATEWAY + "/ListenerSet", {"listeners": ["@0"]}, of('{"name":"l%","hostname":"h%","protocol":"HTTP"}')),
    shape(
        "dns-endpoints", "externaldns.k8s.io/v1alpha1/DNSEndpoint", {"endpoints": ["@0"]},
        of('{"dnsName":"h%","recordType":"CNAME"}'),
    ),
    shape(
        "dns-endpoints-apex", "externaldns.k8s.io/v1alpha1/DNSEndpoint", {"endpoints": ["@0"]},
        of('{"dnsName":"production.superinc.com","recordType":"CNAME"}'),
    ),
    shape(
        "dns-properties", "externaldns.k8s.io/v1alpha1/DNSEndpoint",
        {"endpoints": [{"dnsName": "production.superinc.com", "recordType": "CNAME", "providerSpecific": ["@0"]}]},
        of('{"name":"p%"}'),
    ),
]

NETWORK = [
    shape("network-peers", "networking.k8s.io/v1/NetworkPolicy", {"ingress": [{"from": ["@0"]}]}, of(CIDR)),
    shape("network-rules", "networking.k8s.io/v1/NetworkPolicy", {"egress": ["@0"]}, of('{"to":[' + CIDR + "]}")),
    shape(
        "network-exceptions", "networking.k8s.io/v1/NetworkPolicy",
        {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["@0"]}}]}]}, of('"%"'),
    ),
    shape(
        "network-ports", "networking.k8s.io/v1/NetworkPolicy", {"ingress": [{"ports": ["@0"]}]}, of('{"port":1%,"endPort":65535}')
    ),
    shape(
        "network-selector", "networking.k8s.io/v1/NetworkPolicy", {"podSelector": {"matchExpressions": ["@0"]}},
        of('{"key":"k%","operator":"Exists"}'),
    ),
    shape("service-ports", "v1/Service", {"ports": ["@0"]}, of('{"port":%}')),
    shape("service-addresses", "v1/Service", {"externalIPs": ["@0"]}, of('"%"')),
    shape("service-selector", "v1/Service", {"selector": {"@0": 0}}, members('"k%":"v"')),
    annotated(
        "service-annotations", "v1/Service", {"@0": 0}, members('"service.beta.kubernetes.io/aws-load-balancer-%":"v"')
    ),
    shape(
        "target-peers", "elbv2.k8s.aws/v1beta1/TargetGroupBinding", {"networking": {"ingress": [{"from": ["@0"]}]}}, of(CIDR)
    ),
    shape("target-rules", "elbv2.k8s.aws/v1beta1/TargetGroupBinding", {"networking": {"ingress": ["@0"]}}, of('{"from":[' + CIDR + "]}")),
]

SHAPES = INGRESSES + ROUTES + GATEWAYS + NETWORK
