import JSON
public import Kubernetes

/// The settings of the rules about traffic, nodes and storage.
public struct TrafficSettings: Sendable {
    /// The value of `PLAYBOOK_DNS_ZONES`.
    public internal(set) var dnsZones: [DomainName] = []
    /// The value of `PLAYBOOK_ADMIN_PATTERNS`.
    public internal(set) var adminPatterns = ["admin", "admin-*", "admin_*", "*admin", "administration", "adminer"]
    /// The value of `PLAYBOOK_TLS_AT`.
    public internal(set) var tlsPlace = TLSPlace.loadBalancer
    /// The value of `PLAYBOOK_TLS_ENTRY_POINTS`.
    public internal(set) var tlsEntryPoints = ["websecure"]
    /// The value of `PLAYBOOK_MAX_PORT_RANGE`.
    public internal(set) var maximumPortRange = 100
}

/// Where connections from outside are decrypted.
public enum TLSPlace: String, Sendable, CaseIterable {
    /// At the load balancer, before the cluster.
    case loadBalancer = "load-balancer"
    /// At the gateway, in the cluster.
    case gateway
}

extension Setting {
    static let trafficRules: [Setting] = [
        .zones(
            "PLAYBOOK_DNS_ZONES", .rules, \.traffic.dnsZones,
            "The DNS zones of this cluster's account, in which every host name lies. Empty: host names are not looked at."
        ),
        .list(
            "PLAYBOOK_ADMIN_PATTERNS", .rules, "words", \.traffic.adminPatterns,
            "What names an admin page: a word of a route's host or path, in small letters. `*` stands for any text."),
        .choice(
            "PLAYBOOK_TLS_AT", .rules, \.traffic.tlsPlace,
            "Where connections from outside are decrypted: `load-balancer` (in ACK's Listeners) or `gateway` (in Gateways and IngressRoutes)."
        ),
        .list(
            "PLAYBOOK_TLS_ENTRY_POINTS", .rules, "names", \.traffic.tlsEntryPoints,
            "Traefik's entry points that speak TLS by Traefik's own configuration, whatever an IngressRoute says."),
        .integer(
            "PLAYBOOK_MAX_PORT_RANGE", .rules, 1...65536, \.traffic.maximumPortRange,
            "The most ports that one entry of a NetworkPolicy opens."),
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let trafficProjections: [ResourceKind: Projection] = [
        .service: { (object) throws(CannotJudge) in
            let selector = try object.object("spec")?.object("selector")
            return selector.map { ["selector": Literal($0)] } ?? [:]
        },
        .networkPolicy: { (object) throws(CannotJudge) in
            guard let selector = try object.object("spec")?.object("podSelector") else { return [:] }
            _ = try LabelSelector(selector)
            return ["selector": Literal(selector)]
        },
        .middleware: { (object) throws(CannotJudge) in try Middlewares.projection(object) },
        .httpRoute: { (object) throws(CannotJudge) in try PlainListeners.routeProjection(object) },
        .gateway: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
        .listenerSet: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
        .experimentalListenerSet: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
    ]
}
